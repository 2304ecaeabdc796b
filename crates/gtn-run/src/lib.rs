//! What a GTN run *is*: the configuration of an experiment, the folder it fills, and how its files are written.
//!
//! A run is a folder. Its stages hand their results on as *artifacts*: safetensors files that carry the fingerprint of what
//! they were made from and a checksum of what they hold, and that are written whole or not at all. Resuming a run is
//! running it again: a stage whose artifact is there, whole, and made from the same inputs is not done again.
//!
//! ```
//! use std::collections::BTreeMap;
//! use gtn_run::{Artifact, Fingerprint};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("latents.safetensors");
//! let made_from = Fingerprint::of("encode", &["images", "weights"]);
//!
//! let mut artifact = Artifact::new(made_from.clone());
//! artifact.insert_f32("train", ndarray::array![[0.5_f32, -1.0]].into_dyn());
//! artifact.write(&path)?;
//!
//! let read = Artifact::read(&path)?;
//! assert!(read.is_made_from(&made_from));
//! assert_eq!(read.f32("train")?.shape(), [1, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod artifact;
pub mod atomic;
pub mod config;
mod error;
mod fingerprint;
pub mod folder;
pub mod measures;
pub mod observer;
pub mod records;

pub use artifact::Artifact;
pub use config::Config;
pub use error::Error;
pub use fingerprint::Fingerprint;
pub use folder::{Provenance, RunFolder, RunRecord};
pub use observer::{Fan, Observer, Pictures, Stage, Step};
pub use records::{EpochRecord, MetricRecord, MetricsLog, Record, StageRecord};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
