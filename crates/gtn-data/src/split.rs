//! Which images train and which validate.

use rand::Rng;
use rand::seq::SliceRandom;

/// Indices of the images that train and of those that validate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Indices of the training set.
    pub train: Vec<usize>,
    /// Indices of the validation set.
    pub validation: Vec<usize>,
}

/// Splits `0..len` at random: the share `train_share` (rounded to the nearest whole number) trains, the others validate.
#[must_use]
pub fn shuffled(len: usize, train_share: f64, rng: impl Rng) -> Split {
    let mut train = permutation(len, rng);
    let count = (len as f64 * train_share).round() as usize;
    let validation = train.split_off(count.min(len));
    Split { train, validation }
}

/// The numbers `0..len` in random order.
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
        fn every_index_is_on_one_side_and_the_seed_decides(len in 0_usize..500, share in 0.0..1.0, seed: u64) {
            let split = shuffled(len, share, ChaCha8Rng::seed_from_u64(seed));
            prop_assert_eq!(&split, &shuffled(len, share, ChaCha8Rng::seed_from_u64(seed)));
            prop_assert_eq!(split.train.len(), (len as f64 * share).round() as usize);
            let mut all = [split.train, split.validation].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..len).collect::<Vec<_>>());
        }
    }
}
