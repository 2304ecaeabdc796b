//! A run of a GTN experiment: its configuration, the folder that it fills, and the files in it.
//!
//! A run is a folder. Its stages pass their results on as *artifacts*: safetensors files that carry the fingerprint of their
//! inputs and a checksum of their content, and that are written atomically. Resuming a run means running it again: a stage is
//! skipped if its artifact exists, is complete, and was computed from the same inputs.
//!
//! ```
//! use gtn_run::schema::latents;
//! use gtn_run::{Artifact, Fingerprint};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("latents.safetensors");
//! let inputs = Fingerprint::new("encode", &["checksum of the images", "checksum of the weights"]);
//!
//! let mut artifact = Artifact::new(inputs.clone());
//! artifact.insert(&latents::TRAIN, ndarray::array![[0.5_f32, -1.0]]);
//! artifact.write(&path)?;
//!
//! let read = Artifact::read(&path)?;
//! assert!(read.has_inputs(&inputs));
//! assert_eq!(read.tensor(&latents::TRAIN)?.shape(), [1, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Names that cross crates as text (keys of artifacts, metrics, statistics) are types of the [`schema`]. A run reports to an
//! [`Observer`], which may also ask it to stop.

pub mod artifact;
pub mod checkpoint;
pub mod config;
pub mod data_notes;
mod error;
mod fingerprint;
pub mod folder;
mod format;
pub mod metric_constants;
mod model_card;
mod model_file;
pub mod observer;
mod progress;
pub mod records;
pub mod schema;
mod stage;
pub mod sweep;

pub use artifact::Artifact;
pub use config::Config;
pub use error::{Error, Result};
pub use fingerprint::Fingerprint;
pub use folder::{Provenance, RunFolder, RunRecord};
pub use format::FORMAT;
pub use model_card::{
    AutoencoderCard, CoordinatesCard, FlowCard, HCard, ImportedFile, MlpCard, ModelCard, Origin, ResidualCard,
};
pub use observer::{EpochImages, Observer, StageProgress, Tee};
pub use progress::RunProgress;
pub use records::{EpochRecord, MetricRecord, MetricsLog, Record, StageRecord, Statistics};
pub use stage::{Network, Stage};

/// Compiles and runs the program of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
