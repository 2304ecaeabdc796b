//! The data sets of GTN experiments, and arrays on disk.
//!
//! Files are checked before they are trusted: a header that claims more than its file holds, a truncated or swapped file, or
//! one of the wrong kind is an [`Error`] that names the file and what is wrong with it.
//!
//! ```
//! use gtn_data::{Images, split};
//! use rand::SeedableRng;
//!
//! let images = Images::from_pixels(ndarray::Array4::from_elem((10, 1, 28, 28), 255))?;
//! let split = split::shuffled(images.len(), 0.8, rand_chacha::ChaCha8Rng::seed_from_u64(1));
//! assert_eq!((split.train.len(), split.validation.len()), (8, 2));
//!
//! let batch = images.batch(&split.train[..4]); // f32, (n, C, H, W), in [-1, 1]
//! assert_eq!(batch.dim(), (4, 1, 28, 28));
//! assert_eq!(batch[[0, 0, 0, 0]], 1.0);
//! # Ok::<(), gtn_data::Error>(())
//! ```

pub mod arrays;
pub mod celeba;
mod digest;
mod error;
pub mod fetch;
pub mod hap;
#[cfg(feature = "hub")]
mod hub;
pub mod idx;
mod images;
mod mapped;
pub mod mnist;
pub mod photos;
pub mod pictures;
pub mod split;
pub mod synthetic;
mod tables;
mod whole;

pub use error::Error;
pub use images::Images;

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The folder a path lies in.
fn folder_of(path: &std::path::Path) -> &std::path::Path {
    match path.parent() {
        Some(parent) if parent != std::path::Path::new("") => parent,
        _ => std::path::Path::new("."),
    }
}
