//! Random splits into training and validation indices.

use rand::Rng;
use rand::seq::SliceRandom;

/// Indices of the training and validation samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitIndices {
    /// Indices of the training set.
    pub train: Vec<usize>,
    /// Indices of the validation set.
    pub validation: Vec<usize>,
}

/// Splits `0..len` at random: the fraction `train_fraction`, rounded to the nearest integer, goes to training, the rest
/// to validation.
#[must_use]
pub fn random_split(len: usize, train_fraction: f64, rng: impl Rng) -> SplitIndices {
    let mut train = permutation(len, rng);
    let count = (len as f64 * train_fraction).round() as usize;
    let validation = train.split_off(count.min(len));
    SplitIndices { train, validation }
}

/// A random permutation of `0..len`.
#[must_use]
pub fn permutation(len: usize, mut rng: impl Rng) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..len).collect();
    indices.shuffle(&mut rng);
    indices
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    proptest! {
        #[test]
        fn every_index_is_in_one_split_and_the_seed_decides(len in 0_usize..500, fraction in 0.0..1.0, seed: u64) {
            let split = random_split(len, fraction, ChaCha8Rng::seed_from_u64(seed));
            prop_assert_eq!(&split, &random_split(len, fraction, ChaCha8Rng::seed_from_u64(seed)));
            prop_assert_eq!(split.train.len(), (len as f64 * fraction).round() as usize);
            let mut all = [split.train, split.validation].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..len).collect::<Vec<_>>());
        }
    }
}
