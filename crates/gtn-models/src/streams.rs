use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use sha2::{Digest, Sha256};

/// Random streams keyed by (seed, purpose, index).
///
/// Everything random (the weights of one layer, the shuffle of one epoch, one sample of normal vectors) is drawn from its own
/// ChaCha8 stream, so that what is drawn for one purpose never depends on what was drawn for another. The purposes of this
/// workspace are listed in [`purpose`](crate::purpose).
///
/// ```
/// use gtn_models::Streams;
/// use rand::Rng;
///
/// let streams = Streams::new(7);
/// let first: u64 = streams.stream("shuffle", 0).random();
/// assert_eq!(first, streams.stream("shuffle", 0).random::<u64>());
/// assert_ne!(first, streams.stream("shuffle", 1).random::<u64>());
/// assert_ne!(first, streams.stream("sample", 0).random::<u64>());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// A generator at the start of the stream for this purpose and index.
    #[must_use]
    pub fn stream(&self, purpose: &str, index: u64) -> ChaCha8Rng {
        let mut hasher = Sha256::new();
        hasher.update(b"gtn random stream 1\0");
        hasher.update(self.seed.to_le_bytes());
        hasher.update(index.to_le_bytes());
        hasher.update(purpose.as_bytes());
        ChaCha8Rng::from_seed(hasher.finalize().into())
    }

    /// Standard normal values from the stream for this purpose and index, shape (`rows`, `columns`).
    #[must_use]
    pub fn normal(&self, purpose: &str, index: u64, rows: usize, columns: usize) -> Array2<f32> {
        standard_normal(&mut self.stream(purpose, index), rows, columns)
    }
}

/// Standard normal values, row by row.
pub(crate) fn standard_normal(rng: &mut (impl Rng + ?Sized), rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_simple_fn((rows, columns), || StandardNormal.sample(rng))
}
