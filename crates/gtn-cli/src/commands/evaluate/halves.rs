//! The two halves of the real samples, and as many generated ones.

use gtn_data::split::permutation;
use gtn_models::{Streams, purpose};

/// Indices of samples, the same number of each, in random order.
pub(super) struct Halves {
    /// Of real samples, which all others are compared with.
    pub(super) first: Vec<usize>,
    /// Of other real samples, for the noise floor.
    pub(super) second: Vec<usize>,
    /// Of generated samples.
    pub(super) generated: Vec<usize>,
}

impl Halves {
    /// Draws them from so many samples; `None` if there are none to draw. If there are fewer generated samples than half of the
    /// real ones, so many are drawn of each.
    pub(super) fn draw(real: usize, generated: usize, streams: &Streams) -> Option<Self> {
        let rows = (real / 2).min(generated);
        if rows == 0 {
            return None;
        }
        let order = permutation(real, streams.stream(purpose::EVALUATE_SPLIT, 0));
        let mut drawn = permutation(generated, streams.stream(purpose::EVALUATE_GENERATED, 0));
        drawn.truncate(rows);
        Some(Self { first: order[..rows].to_vec(), second: order[rows..2 * rows].to_vec(), generated: drawn })
    }

    /// The number of samples in each part.
    pub(super) fn len(&self) -> usize {
        self.first.len()
    }
}
