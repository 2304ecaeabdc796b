//! How runs are executed: what `gtn reproduce` and `gtn sweep` share.

use std::path::PathBuf;

use clap::Args;
use gtn_run::{Config, Provenance};
use gtn_train::{InceptionFiles, Job};

use super::device::OnDevice;
use super::folders::{CacheDir, DataDir};
use super::inception::InceptionOptions;

/// Where a run takes its data, its autoencoder and its device from, and what it measures and writes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Execution {
    /// Take the trained autoencoder of RUN, a run on the same images or its weights, instead of training one: then pairings and
    /// seeds compare at the cost of ĥ alone. The split of the data is that of RUN, too.
    #[arg(long, value_name = "RUN")]
    pub(crate) autoencoder: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) inception: InceptionOptions,
    /// Do not write TensorBoard events. By default, losses, metrics and image grids go to RUN/tensorboard during the run;
    /// `tensorboard --logdir runs` shows all runs.
    #[arg(long)]
    pub(crate) no_tensorboard: bool,
    /// Keep what only resuming needs after the run has ended: the last weights of each network, and the moments of Adam.
    #[arg(long)]
    pub(crate) keep_checkpoints: bool,
    #[command(flatten)]
    pub(crate) data: DataDir,
    #[command(flatten)]
    cache: CacheDir,
    #[command(flatten)]
    on: OnDevice,
}

impl Execution {
    /// A run with these options.
    pub(crate) fn job(&self, config: Config, provenance: Provenance, inception: InceptionFiles) -> Job {
        Job {
            config,
            data_dir: self.data.data_dir.clone(),
            labels: None,
            cache_dir: self.cache.path(),
            provenance,
            force: false,
            autoencoder: self.autoencoder.clone(),
            inception,
            device: self.on.name(),
        }
    }
}
