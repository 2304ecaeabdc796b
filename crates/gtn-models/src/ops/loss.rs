//! Mean squared error, with one pass over the values forward and one backward.

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};
use rayon::prelude::*;

use super::simd::{MIN_PARALLEL_LEN, min_chunks, vectorized};
use super::weight::{read, slice};

/// Mean squared error of an output and a target of the same shape. The target has no gradient.
pub(crate) struct MeanSquaredError;

/// Values per partial sum. It is independent of the number of threads, and so are the results.
const CHUNK: usize = 4096;
const LANES: usize = 16;

/// Sum of the squared differences.
fn squared_error(output: &[f32], target: &[f32]) -> f64 {
    let mut sums = [0.0_f32; LANES];
    vectorized(|| {
        let (outputs, last_output) = output.as_chunks::<LANES>();
        let (targets, last_target) = target.as_chunks::<LANES>();
        for (output, target) in outputs.iter().zip(targets) {
            for lane in 0..LANES {
                let difference = output[lane] - target[lane];
                sums[lane] += difference * difference;
            }
        }
        for ((sum, output), target) in sums.iter_mut().zip(last_output).zip(last_target) {
            *sum += (output - target) * (output - target);
        }
    });
    sums.iter().map(|sum| f64::from(*sum)).sum()
}

impl CustomOp2 for MeanSquaredError {
    fn name(&self) -> &'static str {
        "mean squared error"
    }

    fn cpu_fwd(
        &self,
        output: &CpuStorage,
        output_layout: &Layout,
        target: &CpuStorage,
        target_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        if output_layout.dims() != target_layout.dims() {
            let (output, target) = (output_layout.dims(), target_layout.dims());
            candle_core::bail!("the output has shape {output:?}, but the target has shape {target:?}");
        }
        let (output, target) = (slice(output, output_layout)?, slice(target, target_layout)?);
        let pairs = output.par_chunks(CHUNK).zip(target.par_chunks(CHUNK)).with_min_len(min_chunks(output.len()));
        let parts: Vec<f64> = pairs.map(|(output, target)| squared_error(output, target)).collect();
        let mean = parts.iter().sum::<f64>() / output.len() as f64;
        Ok((CpuStorage::F32(vec![mean as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        output: &Tensor,
        target: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let factor = 2.0 * gradient.to_scalar::<f32>()? / output.elem_count() as f32;
        let (outputs, targets) = (read(output)?, read(target)?);
        let mut d = vec![0.0_f32; outputs.len()];
        let work = |((d, output), target): ((&mut [f32], &[f32]), &[f32])| {
            vectorized(|| {
                let pairs = output.iter().zip(target);
                d.iter_mut().zip(pairs).for_each(|(d, (output, target))| *d = factor * (output - target));
            });
        };
        // Fewer values than that are a single chunk.
        let parts = d.par_chunks_mut(MIN_PARALLEL_LEN).zip(outputs.par_chunks(MIN_PARALLEL_LEN));
        parts.zip(targets.par_chunks(MIN_PARALLEL_LEN)).for_each(work);
        drop((outputs, targets));
        Ok((Some(Tensor::from_vec(d, output.shape(), output.device())?), None))
    }
}
