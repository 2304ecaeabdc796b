//! Moving averages of weights, in place.

use candle_core::{CpuStorage, InplaceOp2, Layout};
use rayon::prelude::*;

use super::simd::{MIN_PARALLEL_LEN, vectorized};
use super::weight::slice;

/// Moves the values of the first tensor toward those of the second one by this fraction of their difference.
pub(crate) struct MoveTowards(pub(crate) f32);

impl InplaceOp2 for MoveTowards {
    fn name(&self) -> &'static str {
        "moving average"
    }

    fn cpu_fwd(
        &self,
        averages: &mut CpuStorage,
        layout: &Layout,
        values: &CpuStorage,
        values_layout: &Layout,
    ) -> candle_core::Result<()> {
        let values = slice(values, values_layout)?;
        let (CpuStorage::F32(averages), Some((start, end))) = (averages, layout.contiguous_offsets()) else {
            candle_core::bail!("an average needs a contiguous f32 tensor");
        };
        let averages = &mut averages[start..end];
        if averages.len() != values.len() {
            candle_core::bail!("an average of {} values got {} new values", averages.len(), values.len());
        }
        // Fewer values than that are a single chunk.
        let chunks = averages.par_chunks_mut(MIN_PARALLEL_LEN).zip(values.par_chunks(MIN_PARALLEL_LEN));
        chunks.for_each(|(averages, values)| {
            vectorized(|| {
                averages.iter_mut().zip(values).for_each(|(average, value)| *average += self.0 * (value - *average));
            });
        });
        Ok(())
    }
}
