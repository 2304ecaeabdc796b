//! What a GTN run *does*: reads the data, trains the autoencoder, encodes, pairs by Algorithm 1, trains ĥ on the pairs, and
//! samples.
//!
//! Each stage writes its artifact whole or not at all, with the fingerprint of what it was made from; a stage whose artifact
//! is there and made from the same inputs is not done again. A stage that trains saves its state as it goes. So a run that was
//! stopped goes on when it is started again, and ends with the very weights of an undisturbed one.
//!
//! Nothing here prints: an [`Observer`](gtn_run::Observer) is told, and may ask the run to stop.
//!
//! ```no_run
//! use gtn_models::{Device, DeviceName};
//! use gtn_run::observer::Unobserved;
//! use gtn_run::{Provenance, RunFolder, config::Overrides};
//!
//! let config = gtn_train::presets::resolve("mnist", &Overrides { quick: true, ..Overrides::default() })?;
//! let run = RunFolder::at("runs/example");
//! let job = gtn_train::Job { config, data_dir: "datasets".into(), cache_dir: "cache".into(), provenance: Provenance::default(), force: false, device: DeviceName::Auto };
//! gtn_train::reproduce(&job, &run, &mut Unobserved)?;
//!
//! let generator = gtn_train::load_generator(&run, &Device::Cpu)?;
//! let latents = generator.sample_latents(10, &gtn_models::Streams::new(1))?;
//! let digits = generator.decode(latents.view())?; // (10, 1, 28, 28) in [-1, 1]
//! # Ok::<(), gtn_train::Error>(())
//! ```

mod baselines;
pub mod bench;
mod checkpoint;
mod error;
mod generator;
mod losses;
mod pipeline;
pub mod presets;
mod real;
mod resident;
mod stages;
mod targets;
mod trainer;

pub use error::Error;
pub use generator::{load_autoencoder, load_generator};
pub use pipeline::{Job, reproduce};
pub use real::{RealPairs, draw_pairs, draw_pairs_between};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
