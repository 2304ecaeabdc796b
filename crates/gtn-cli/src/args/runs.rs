//! `gtn reproduce`, `gtn report`, `gtn compare`, `gtn runs` and `gtn config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::choices::Choices;
use super::execution::Execution;

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  gtn reproduce swiss-roll
  gtn reproduce swiss-roll --source-dim 2
  gtn reproduce uniform --protocol repo --seed 2 --out runs/mine
  gtn reproduce mnist --quick
  gtn reproduce mnist --protocol flow
  gtn reproduce mnist --limit 2000 --epochs autoencoder=2,h=5
  gtn reproduce celeba --dim 100 --time-budget 4h --data-dir ~/datasets
  gtn reproduce mnist --seed 2 --autoencoder runs/mnist-d5-seed1
  gtn config show uniform > mine.toml; gtn reproduce mine.toml
  gtn reproduce table2 --dims 25,100 --sets celeba --time-budget 30m

Ctrl-C saves the state and stops; the same command resumes from there.")]
pub(crate) struct Reproduce {
    #[command(flatten)]
    pub(crate) choices: Choices,
    /// Dimensions of table2 [default: 10,25,50,100].
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) dims: Vec<usize>,
    /// Experiments of table2 [default: celeba,hap].
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) sets: Vec<String>,
    /// Run folder [default: runs/EXPERIMENT-dDIM-seedSEED...]; for table2 the folder of its runs and its page [default: runs].
    #[arg(long, value_name = "RUN")]
    pub(crate) out: Option<PathBuf>,
    /// Overwrite a different run. An identical run resumes; delete its folder to restart.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) execution: Execution,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  gtn report runs/swiss-roll-d1-seed1 --open")]
pub(crate) struct Report {
    /// Run folder.
    pub(crate) run: PathBuf,
    /// Open the report in the browser.
    #[arg(long)]
    pub(crate) open: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtn compare runs/mnist-d5-seed1 runs/mnist-d5-seed2
  gtn compare runs/mnist-d5-* --out compare.html

The table on stdout has the metrics of each run, the mean over runs that differ only in their seed, \
noise floors and baselines. The best of the runs that can be compared has an asterisk.")]
pub(crate) struct Compare {
    /// Run folders, at least two.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// Also write samples, settings that differ, metrics, times and losses to this HTML file.
    #[arg(long, value_name = "FILE.html")]
    pub(crate) out: Option<PathBuf>,
    /// Overwrite an existing file.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
    /// Print one JSON object per run instead of the table, and one per group of runs that differ only in their seed.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtn runs
  gtn runs --json | jq -r '.name'

Runs of one experiment stand together, with the metric that decides (FID if it was measured, otherwise the sliced Wasserstein \
distance), its noise floor, and the best validation loss of ĥ. Distances of latents can be compared between runs with the same \
autoencoder; `gtn compare` says what differs.")]
pub(crate) struct Runs {
    /// Folder that contains the runs.
    #[arg(default_value = "runs")]
    pub(crate) folder: PathBuf,
    /// Print one JSON object per run, with all of its metrics.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print all settings of an experiment as TOML; `gtn reproduce FILE.toml` reads them.
    Show(Choices),
}
