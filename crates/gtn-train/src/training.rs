//! Training of networks: Adam on a mean squared error, validation after each epoch, early stopping.
//!
//! [`Trainer`] is the loop. It knows neither files nor stages: it asks its [`Callbacks`] whether to stop, and tells them when
//! weights are worth keeping. A run saves them as checkpoints; [`BestWeights`] keeps them in memory:
//!
//! ```
//! use gtn_models::{Device, H, MlpShape, Streams};
//! use gtn_run::config::Training;
//! use gtn_train::training::{BestWeights, EarlyStopping, Regression, Trainer};
//!
//! let streams = Streams::new(1);
//! let shape = MlpShape { input: 1, hidden_layers: 2, width: 16, output: 1, negative_slope: 0.5, batch_norm_layers: 2 };
//! let h = H::new(&shape.into(), &streams, &Device::Cpu)?;
//! // Pairs (y, x_y), here with x_y = 3y + 1.
//! let y = [("train", 512), ("validation", 128)].map(|(name, n)| streams.normal(name, 0, n, 1));
//! let x = y.each_ref().map(|y| y.mapv(|y| 3.0 * y + 1.0));
//! let task = Regression::new(&h, [(y[0].view(), x[0].view()), (y[1].view(), x[1].view())])?;
//!
//! let settings = Training::new(20, 5, 64, 1e-2); // epochs, patience, batch size, learning rate
//! let mut best = BestWeights::default();
//! let mut trainer = Trainer::new(&task, &settings, EarlyStopping::new(&settings), streams)?;
//! trainer.run(&mut best)?;
//! best.restore(h.parameters())?;
//! assert!(trainer.early_stopping().best().unwrap().loss < 0.1);
//! # Ok::<(), gtn_train::Error>(())
//! ```

mod batches;
mod callbacks;
mod checkpoint_policy;
mod checkpoints;
mod decoding;
mod device_images;
mod early_stopping;
mod flow_matching;
mod image_batches;
mod in_run;
mod learning_rate;
mod losses;
mod optimization;
mod reconstruction;
mod regression;
mod task;
mod together;
mod trainer;
mod variational;

pub use callbacks::{BestWeights, Callbacks, Position};
pub use decoding::Decoding;
pub use early_stopping::{Decision, EarlyStopping};
pub use flow_matching::{FlowMatching, FlowTargets};
pub(crate) use in_run::{EpochOutputs, InRun, Reconstructed};
pub use reconstruction::Reconstruction;
pub use regression::Regression;
pub use task::{BatchId, TrainingTask};
pub use trainer::Trainer;
pub use variational::VariationalReconstruction;
