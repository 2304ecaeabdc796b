//! Loads the data for experiments with Generative Topological Networks (GTN): MNIST, CelebA, 11K Hands, your own image
//! files, and synthetic points.
//!
//! Use it to read a data set as [`Images`] or as an `ndarray` array, to split it into training and validation indices,
//! to check which files of a data set are present, and to download missing ones.
//!
//! Here, ten images are split 8 to 2, and four of them are read as a batch:
//!
//! ```
//! use gtn_data::{Images, split};
//! use rand::SeedableRng;
//!
//! let images = Images::from_pixels(ndarray::Array4::from_elem((10, 1, 28, 28), 255))?;
//! let split = split::random_split(images.len(), 0.8, rand_chacha::ChaCha8Rng::seed_from_u64(1));
//! assert_eq!((split.train.len(), split.validation.len()), (8, 2));
//!
//! let batch = images.batch(&split.train[..4]); // f32, (n, C, H, W), in [-1, 1]
//! assert_eq!(batch.dim(), (4, 1, 28, 28));
//! assert_eq!(batch[[0, 0, 0, 0]], 1.0);
//! # Ok::<(), gtn_data::Error>(())
//! ```
//!
//! Each source of data has a module:
//!
//! | module | data |
//! |---|---|
//! | [`mnist`] | MNIST from IDX files; downloads it |
//! | [`celeba`], [`hap`] | CelebA and 11K Hands from JPEG files; [`image_set`] is what they share |
//! | [`ImageCollection`], [`image_files`] | PNG files, JPEG files and image arrays of your own, in parts or at once |
//! | [`own_images`] | images of your own of any size and format, from a folder or an archive |
//! | [`inception`] | the weights of InceptionV3, with which metrics compare images; downloads them |
//! | [`synthetic`] | the swiss roll, the uniform square and two squares |
//!
//! Files are validated before they are used. A truncated file, a swapped file, a file of the wrong kind, or a header
//! that claims more than the file holds is an [`Error`] that names the file and the problem.

pub mod celeba;
mod error;
mod extension;
pub mod fetch;
pub mod hap;
#[cfg(feature = "hub")]
pub mod hub;
pub mod idx;
mod image_collection;
mod image_decoder;
mod image_file_list;
pub mod image_files;
pub mod image_set;
mod images;
pub mod inception;
mod leftovers;
mod mmap;
pub mod mnist;
pub mod own_images;
pub mod split;
pub mod synthetic;
mod text_table;

pub use error::{Error, Result};
pub use image_collection::{ImageCollection, ImageHasher};
pub use images::Images;

/// Compiles and runs the program of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
