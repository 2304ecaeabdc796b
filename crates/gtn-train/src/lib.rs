//! Runs GTN experiments: reads the data, trains the autoencoder, encodes the images, pairs latents with normal vectors, trains ĥ
//! on the pairs, draws samples and measures them.
//!
//! Each stage writes its artifact atomically, with the fingerprint of its inputs. A stage is skipped if its artifact exists and
//! has the same inputs. A stage that trains saves its state regularly. So an interrupted run resumes when it is started again,
//! and ends with exactly the weights of an uninterrupted one.
//!
//! Nothing here prints. A run reports to an [`Observer`](gtn_run::Observer), which may also ask it to stop.
//!
//! ```no_run
//! use gtn_models::{DeviceName, Generator, Streams, purpose};
//! use gtn_run::observer::NoopObserver;
//! use gtn_run::{Provenance, RunFolder, config::Overrides};
//!
//! let config = gtn_train::presets::resolve("mnist", &Overrides { quick: true, ..Overrides::default() })?;
//! let run = RunFolder::at("runs/example");
//! let job = gtn_train::Job {
//!     config,
//!     data_dir: "datasets".into(),
//!     labels: None,
//!     cache_dir: "cache".into(),
//!     provenance: Provenance::default(),
//!     force: false,
//!     autoencoder: None,
//!     inception: gtn_train::InceptionFiles::default(),
//!     device: DeviceName::Auto,
//! };
//! gtn_train::reproduce(&job, &run, &mut NoopObserver)?;
//!
//! let generator = Generator::load(run.root())?;
//! let digits = generator.sample(10, &mut Streams::new(1).stream(purpose::SAMPLE, 0))?; // (10, 1, 28, 28) in [-1, 1]
//! # Ok::<(), gtn_train::Error>(())
//! ```

mod baselines;
mod context;
mod datasets;
mod divided_rows;
mod error;
mod handoff;
mod held_out;
mod inception;
mod job;
mod memory;
mod own_data;
mod pairing;
mod pipeline;
pub mod presets;
mod real_pairs;
mod results;
mod reused_autoencoder;
mod stages;
pub mod sweep;
pub mod training;
mod training_states;
mod vae_baseline;

pub use baselines::{BaselineSamples, FittedBaselines};
pub use datasets::options as own_image_options;
pub use error::Error;
pub use held_out::{
    HeldOut, HeldOutImages, RunLatents, fit_baselines, read_held_out, read_held_out_latents, read_latents,
};
pub use inception::{InceptionFiles, inception_weights_sha256};
pub use job::Job;
pub use memory::least_training_values;
pub use own_data::{configure_images, configure_latents};
pub use pipeline::{extend, reproduce, reproduce_on};
pub use real_pairs::{RealPairs, draw_pairs, draw_pairs_between};
pub use reused_autoencoder::reuse_autoencoder;
pub use training_states::remove_training_states;

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Compiles and runs the program of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
