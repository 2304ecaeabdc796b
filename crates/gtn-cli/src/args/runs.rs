//! `gtn reproduce`, and what is done with the runs it makes: `report`, `runs`; `gtn config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CacheDir, Choices, DataDir, OnDevice};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtn reproduce swiss-roll
  gtn reproduce swiss-roll --source-dim 2
  gtn reproduce uniform --protocol repo --seed 2 --out runs/mine
  gtn reproduce mnist --quick
  gtn reproduce mnist --limit 2000 --epochs autoencoder=2,h=5
  gtn reproduce celeba --dim 100 --time-budget 4h --data-dir ~/datasets
  gtn config show uniform > mine.toml; gtn reproduce mine.toml

Ctrl-C saves the state and stops; the same command goes on from there.")]
pub(crate) struct Reproduce {
    #[command(flatten)]
    pub(crate) choices: Choices,
    /// Folder of the run [default: runs/EXPERIMENT-dDIM-seedSEED...].
    #[arg(long, value_name = "RUN")]
    pub(crate) out: Option<PathBuf>,
    /// Start anew in a folder that holds a run of another configuration or of other data. A run of the same is gone on
    /// with all the same; delete its folder to do it again.
    #[arg(long)]
    pub(crate) force: bool,
    /// Write no TensorBoard events. Without this, losses, figures of merit and grids of images go to RUN/tensorboard while
    /// the run is at work; `tensorboard --logdir runs` shows those of all runs.
    #[arg(long)]
    pub(crate) no_tensorboard: bool,
    #[command(flatten)]
    pub(crate) data: DataDir,
    #[command(flatten)]
    pub(crate) cache: CacheDir,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  gtn report runs/swiss-roll-d1-seed1 --open")]
pub(crate) struct Report {
    /// Folder of the run.
    pub(crate) run: PathBuf,
    /// Open it in the browser.
    #[arg(long)]
    pub(crate) open: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  gtn runs")]
pub(crate) struct Runs {
    /// The folder that holds the runs.
    #[arg(default_value = "runs")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write all settings of an experiment as TOML to stdout; `gtn reproduce FILE.toml` reads them back.
    Show(Choices),
}
