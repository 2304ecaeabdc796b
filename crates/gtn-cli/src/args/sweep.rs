//! `gtn sweep`.

use std::path::PathBuf;

use clap::Args;
use gtn_run::config::{Components, PairingMethod};
use gtn_run::sweep::{Grid, Ranking};

use super::choices::{ExperimentChoices, PAIRINGS};
use super::execution::Execution;
use super::named_values::by_name;

#[derive(Debug, Args)]
#[command(
    after_help = "Each combination is a run in a folder of its own below DIR, as `gtn reproduce` creates it, so that `gtn report`, \
`gtn sample`, `gtn compare` and others take it. Nothing is trained twice: runs share the autoencoder, \
the latents and the pairs (with the network of a flow) that do not depend on what varies. \
DIR/sweep.html and DIR/sweep.json have the table, and are updated after each run.

With --halving and n combinations, all of them run for a fraction of the epochs of ĥ, the better half \
of them for twice as many, and so on until one is left for --epochs: a fraction of about \
(1 + log2(n) / 2) / n of all epochs, instead of all of them. Until then, runs are compared by what decides which epoch is \
the best, usually the validation loss, and only with runs on the same pairs. No epoch is repeated.

A run whose training diverges is marked, and the others continue; to try it again, delete its folder. \
Ctrl-C saves the state and stops; the same command resumes from there.

Examples:
  gtn sweep uniform --widths 6,12,24 --learning-rates 1e-2,1e-3
  gtn sweep celeba --widths 500,1000,1200 --depths 10,25 --learning-rates 1e-3,1e-4,5e-5 --epochs 40
  gtn sweep celeba --autoencoder runs/celeba-d100-seed1 --pairings greedy,flow --components 1,10
  gtn sweep mnist --quick --autoencoder-learning-rates 1e-3,1e-4 --widths 25,50,100 --by energy-distance
  gtn sweep hap --widths 500,1000,2000,3000 --depths 10,25 --halving --out runs/hap-sizes"
)]
pub(crate) struct Sweep {
    #[command(flatten)]
    pub(crate) common: ExperimentChoices,
    /// Units of a hidden layer of ĥ.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    widths: Vec<usize>,
    /// Hidden layers of ĥ, or blocks of a residual ĥ. BatchNorm follows all of them if it does in the experiment.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    depths: Vec<usize>,
    /// Learning rates of ĥ.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    learning_rates: Vec<f64>,
    /// Learning rates of the autoencoder.
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with = "autoencoder")]
    autoencoder_learning_rates: Vec<f64>,
    /// How normal vectors and data are paired.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = by_name::<PairingMethod>(PAIRINGS))]
    pairings: Vec<PairingMethod>,
    /// Components of the source (Appendix C): numbers, `auto` or `labels`.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    components: Vec<Components>,
    /// Compare runs by this metric, as in `sliced-wasserstein`, `energy-distance`, `frechet`, `inception-score` or `validation-loss`
    /// [default: the Inception Score if all runs have it, otherwise the sliced Wasserstein-2 distance: of latents or points, or of
    /// pixels if the autoencoders differ].
    #[arg(long, value_name = "METRIC")]
    pub(crate) by: Option<Ranking>,
    /// Complete only the best combination: leave out the worse half after a fraction of the epochs, and again after twice as many,
    /// and so on.
    #[arg(long, conflicts_with = "time_budget")]
    pub(crate) halving: bool,
    /// Folder of the sweep [default: runs/sweep-EXPERIMENT-dDIM-seedSEED...].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) execution: Execution,
}

impl Sweep {
    /// The values of each setting.
    pub(crate) fn grid(&self) -> Grid {
        Grid {
            autoencoder_learning_rates: self.autoencoder_learning_rates.clone(),
            pairings: self.pairings.clone(),
            components: self.components.clone(),
            widths: self.widths.clone(),
            depths: self.depths.clone(),
            learning_rates: self.learning_rates.clone(),
        }
    }
}
