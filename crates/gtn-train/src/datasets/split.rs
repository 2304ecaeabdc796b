//! Sizes of splits.

use gtn_data::split::{SplitIndices, permutation, random_split};
use gtn_models::{Streams, purpose};

use crate::{Error, Result};

/// Indices of the test images that are used: all of them, or the same fraction that `limit` is of `total` images.
pub(super) fn limited_test_set(len: usize, limit: Option<usize>, total: usize, streams: &Streams) -> Vec<usize> {
    let Some(limit) = limit.filter(|&limit| limit < total) else { return (0..len).collect() };
    let fraction = limit as f64 / total as f64;
    let mut drawn = permutation(len, streams.stream(purpose::LIMIT_TEST, 0));
    drawn.truncate(((len as f64 * fraction).round() as usize).max(1));
    drawn
}

/// A random split of `len` images, or of `limit` of them, which are drawn at random.
pub(super) fn split_at_random(
    len: usize,
    train_fraction: f64,
    limit: Option<usize>,
    streams: &Streams,
) -> SplitIndices {
    let Some(limit) = limit.filter(|&limit| limit < len) else {
        return random_split(len, train_fraction, streams.stream(purpose::SPLIT, 0));
    };
    let drawn = permutation(len, streams.stream(purpose::LIMIT, 0));
    let within = random_split(limit, train_fraction, streams.stream(purpose::SPLIT, 0));
    let select = |indices: Vec<usize>| indices.into_iter().map(|index| drawn[index]).collect();
    SplitIndices { train: select(within.train), validation: select(within.validation) }
}

/// Refuses splits that are too small to train on, or to measure the loss on.
pub(crate) fn check_sizes(training: usize, validation: usize) -> Result<()> {
    if training < 2 || validation == 0 {
        return Err(Error::TooFewSamples { training, validation });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_applies_to_the_same_fraction_of_the_test_set() {
        let streams = Streams::new(1);
        assert_eq!(limited_test_set(4, None, 60, &streams), [0, 1, 2, 3]);
        assert_eq!(limited_test_set(4, Some(60), 60, &streams), [0, 1, 2, 3]);
        let mut half = limited_test_set(1000, Some(30), 60, &streams);
        assert_eq!(half, limited_test_set(1000, Some(30), 60, &streams));
        half.sort_unstable();
        half.dedup();
        assert!(half.len() == 500 && half[499] > 500, "{half:?}");
        assert_eq!(limited_test_set(10_000, Some(10), 60_000, &streams).len(), 2);
        assert_eq!(limited_test_set(10, Some(1), 60_000, &streams).len(), 1);
    }
}
