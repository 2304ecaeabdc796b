//! An experiment by name or file, with overrides of its settings.

use clap::Args;
use gtn_run::config::{Components, Epochs, Overrides, PairingMethod, Protocol, Selection, TrainedBaseline};

use super::named_values::by_name;

/// An experiment, with overrides of the settings that concern all of its stages.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExperimentChoices {
    /// Experiment: swiss-roll, uniform, disjoint-uniform, mnist, celeba or hap; or a .toml file with your own settings (see `gtn config
    /// show`); or table2, with `gtn reproduce`: the paper's table of celeba and hap for four dimensions.
    pub(crate) experiment: String,
    /// Dimension of the normal vectors and of the output of ĥ: the latent dimension of images, 1 to 4096; for the swiss roll 1
    /// (angles) or 2 (points) [default: that of the experiment].
    #[arg(long, value_name = "N", visible_alias = "source-dim")]
    pub(crate) dim: Option<usize>,
    /// Follow the paper, or the authors' code (repo) where they differ, or this project's own method (flow) [default: paper].
    #[arg(long, value_parser = by_name::<Protocol>(PROTOCOLS))]
    pub(crate) protocol: Option<Protocol>,
    /// Random seed; the same seed gives the same weights and samples [default: 1].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Train for fewer epochs (mnist: 3 for the autoencoder and 30 for ĥ; celeba and hap: 2 and 3; others: 10), on all data.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Use at most N images or points, including validation (N ≥ 10).
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// The largest fraction of image files that may be unreadable (celeba, hap). They are named and left out [default: 0.05].
    #[arg(long, value_name = "FRACTION")]
    pub(crate) max_unreadable: Option<f64>,
    /// Stop at an unreadable image file; the same as `--max-unreadable 0`.
    #[arg(long, conflicts_with = "max_unreadable")]
    pub(crate) strict: bool,
    /// Maximum number of epochs: `20`, or for each network, as in `autoencoder=3,h=20` (and `flow=10`, `decoder=5`).
    #[arg(long, value_name = "N|NETWORK=N,...")]
    pub(crate) epochs: Option<Epochs>,
    /// Time budget for the run, as in `90s`, `10m` or `1h 30m`. Training of each network stops at the end of an epoch: the autoencoder after
    /// 40% of the budget and ĥ after 50%, or ĥ after 90% without an autoencoder (shared with a reference run, or with the flow that
    /// pairs come from). To repeat the
    /// run exactly, pass the number of epochs that each network reached with --epochs.
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) time_budget: Option<u64>,
    /// What chooses the best epoch of ĥ, and when training stops early [default: inception-score for celeba and hap if the weights of
    /// its network exist, as in the paper; otherwise validation-loss].
    #[arg(long, value_name = "RULE", value_parser = by_name::<Selection>(SELECTIONS))]
    pub(crate) select: Option<Selection>,
}

/// An experiment, with overrides of its settings.
#[derive(Debug, Clone, Args)]
pub(crate) struct Choices {
    #[command(flatten)]
    pub(crate) common: ExperimentChoices,
    /// How normal vectors and data are paired [default: that of the protocol].
    #[arg(long, value_parser = by_name::<PairingMethod>(PAIRINGS))]
    pub(crate) pairing: Option<PairingMethod>,
    /// Components of the source (Appendix C): a number, `auto` (as many as a mixture of Gaussians needs), or `labels` (one for
    /// each class of the data) [default: auto for pairs from a flow, otherwise 1].
    #[arg(long, value_name = "N|auto|labels")]
    pub(crate) components: Option<Components>,
    /// Units of a hidden layer of ĥ [default: that of the experiment].
    #[arg(long, value_name = "N")]
    pub(crate) width: Option<usize>,
    /// Hidden layers of ĥ, or blocks of a residual ĥ. BatchNorm follows all of them if it does in the experiment [default: that of
    /// the experiment].
    #[arg(long, value_name = "N")]
    pub(crate) depth: Option<usize>,
    /// Learning rate of ĥ [default: that of the experiment].
    #[arg(long, value_name = "RATE")]
    pub(crate) learning_rate: Option<f64>,
    /// Learning rate of the autoencoder [default: that of the experiment].
    #[arg(long, value_name = "RATE")]
    pub(crate) autoencoder_learning_rate: Option<f64>,
    /// Baselines to train beside the Gaussian and the mixture of Gaussians, for images; their training is not a part of the time
    /// budget.
    #[arg(long, value_name = "LIST", value_parser = by_name::<TrainedBaseline>(BASELINES), value_delimiter = ',')]
    pub(crate) baselines: Vec<TrainedBaseline>,
}

impl ExperimentChoices {
    /// The overrides of the preset.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            protocol: self.protocol,
            quick: self.quick,
            dim: self.dim,
            seed: self.seed,
            limit: self.limit,
            max_unreadable: if self.strict { Some(0.0) } else { self.max_unreadable },
            epochs: self.epochs.unwrap_or_default(),
            time_budget: self.time_budget,
            select: self.select,
            ..Overrides::default()
        }
    }
}

impl Choices {
    /// The overrides of the preset.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            pairing: self.pairing,
            components: self.components,
            width: self.width,
            depth: self.depth,
            learning_rate: self.learning_rate,
            autoencoder_learning_rate: self.autoencoder_learning_rate,
            baselines: self.baselines.clone(),
            ..self.common.overrides()
        }
    }
}

/// Parses a time such as `1h 30m` to whole seconds.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time.as_secs() == 0 || time.subsec_nanos() != 0 => {
            Err("must be a whole number of seconds, at least 1".to_owned())
        }
        Ok(time) => Ok(time.as_secs()),
        Err(error) => Err(format!("{error}; write a time such as 90s, 10m or \"1h 30m\"")),
    }
}

const BASELINES: [(&str, &str); 1] = [(
    TrainedBaseline::Vae.name(),
    "a variational autoencoder with the layers, the latent dimension and the training of the autoencoder",
)];

const SELECTIONS: [(&str, &str); 4] = [
    (Selection::ValidationLoss.name(), "the loss on validation pairs"),
    (Selection::SlicedWasserstein.name(), "the sliced Wasserstein-2 distance of samples from validation data"),
    (Selection::EnergyDistance.name(), "the energy distance of samples from validation data"),
    (Selection::InceptionScore.name(), "the Inception Score of generated color images"),
];

const PROTOCOLS: [(&str, &str); 3] = [
    (Protocol::Paper.name(), "the text of the paper"),
    (Protocol::Repo.name(), "the authors' published code"),
    (Protocol::Flow.name(), "pairs from a learned flow, and a residual ĥ"),
];

pub(super) const PAIRINGS: [(&str, &str); 3] = [
    (PairingMethod::Greedy.name(), "Algorithm 1: greedy matching by cosine similarity"),
    (PairingMethod::Sorted.name(), "sort both sides (Figure 2); for dimension 1"),
    (PairingMethod::Flow.name(), "follow the flow of a learned velocity field"),
];
