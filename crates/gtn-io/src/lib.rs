//! File helpers that the crates of Generative Topological Networks (GTN) share. This crate knows no run, no model and no data
//! set.
//!
//! Use it to write a file so that it is complete or does not exist ([`atomic`]), to store named tensors with metadata and a
//! checksum ([`TensorFile`]), to exchange arrays with NumPy ([`arrays`]; in parts: [`ArrayFile`]) and mean and covariance with
//! pytorch-fid ([`feature_statistics`]), and to refuse an unknown name with the nearest known one ([`UnknownName`]).
//!
//! ```
//! use gtn_io::{TensorFile, UnknownName, arrays};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("latents.safetensors");
//! let mut file = TensorFile::default();
//! file.insert("train", ndarray::array![[0.5_f32, -1.0]]);
//! file.write(&path)?;
//!
//! let read = TensorFile::read(&path)?;
//! assert_eq!(read.checksum(), file.checksum());
//! assert_eq!(read.tensor::<f32>("train").map(|tensor| tensor.shape()), Some(&[1, 2][..]));
//! // NumPy's files and those of safetensors are read alike.
//! assert_eq!(arrays::read_matrix(&path)?, ndarray::array![[0.5, -1.0]]);
//!
//! let unknown = UnknownName::new("split", "trian", ["train", "validation"]);
//! let message = "unknown split `trian` (did you mean `train`?); expected one of `train`, `validation`";
//! assert_eq!(unknown.to_string(), message);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod array_file;
pub mod arrays;
pub mod atomic;
mod cache_dir;
mod error;
pub mod feature_statistics;
mod hex;
mod labels;
mod names;
mod npy;
mod shape;
mod suggest;
mod tensor_file;

pub use array_file::ArrayFile;
pub use cache_dir::cache_dir;
pub use error::{Error, Result, is_user_error};
pub use hex::hex;
pub use labels::read_labels;
#[doc(hidden)]
pub use serde;
pub use suggest::{UnknownName, suggest};
pub use tensor_file::{Tensor, TensorElement, TensorFile};

/// Compiles and runs the program of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
