//! Dot products of one unit row with many.

use pulp::{Simd, WithSimd};

use crate::instructions::arch;
use crate::{UnitRows, parallel};

/// Target rows of a task.
pub(super) const CHUNK: usize = 2048;

/// The score of each target row that may be taken, and −∞ for the others.
pub(super) fn scores(unit: &[f32], targets: UnitRows<'_>, may_take: impl Fn(usize) -> bool + Sync) -> Vec<f32> {
    let mut scores = vec![f32::NEG_INFINITY; targets.len()];
    let mut chunks: Vec<&mut [f32]> = scores.chunks_mut(CHUNK).collect();
    parallel::for_each(&mut chunks, |chunk, scores| {
        let rows = (chunk * CHUNK..).zip(scores.iter_mut()).filter(|&(target, _)| may_take(target));
        arch().dispatch(Dots { unit, rows: rows.map(|(target, score)| (targets.row(target), score)) });
    });
    scores
}

struct Dots<'u, I> {
    unit: &'u [f32],
    rows: I,
}

impl<'r, 's, I: Iterator<Item = (&'r [f32], &'s mut f32)>> WithSimd for Dots<'_, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (row, score) in self.rows {
            *score = dot(self.unit, row);
        }
    }
}

/// A dot product in `f32`; [`float32_error`](crate::dense::float32_error) bounds its error.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [0.0; 16];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..16 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
