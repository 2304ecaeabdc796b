//! An experiment by name or file, and what may be decided about it.

use clap::{Args, ValueEnum};
use gtn_run::config::{Epochs, Protocol};

/// An experiment, and what is decided about it.
#[derive(Debug, Args)]
pub(crate) struct Choices {
    /// The experiment: swiss-roll, uniform, mnist, celeba or hap; or a .toml file with settings of your own (see `gtn config show`).
    pub(crate) experiment: String,
    /// Dimension of the normal vectors and of what ĥ makes of them: latents of images, 1 to 4096; for the swiss roll 1
    /// (angles) or 2 (points of the plane) [default: the experiment's].
    #[arg(long, value_name = "N", visible_alias = "source-dim")]
    pub(crate) dim: Option<usize>,
    /// Whose description to follow where they differ: the paper's or the authors' code's [default: paper].
    #[arg(long, value_enum)]
    pub(crate) protocol: Option<ProtocolName>,
    /// Key of all randomness: the same seed gives the same weights and samples [default: 1].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Shorten the training (mnist: 3 epochs of the autoencoder and 30 of ĥ; celeba and hap: 2 and 3; the others: 10); all
    /// data and pairs are still used.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Take at most N images or points, at least 10, validation included.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Train for at most so many epochs: `20`, or each network its own, as in `autoencoder=3,h=20`.
    #[arg(long, value_name = "N|NETWORK=N,...")]
    pub(crate) epochs: Option<Epochs>,
    /// End training in time, as in `90s`, `10m` or `1h 30m`: each network stops at the end of an epoch, the autoencoder after
    /// 40% of it and ĥ after 50%, or 90% without an autoencoder (shared with the run from one dimension where there is one).
    /// --epochs with the epochs that a network reached repeats its training.
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) time_budget: Option<u64>,
}

/// Whole seconds of a time such as `1h 30m`.
fn seconds(text: &str) -> Result<u64, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time.as_secs() == 0 || time.subsec_nanos() != 0 => {
            Err("must be whole seconds, at least one second".to_owned())
        }
        Ok(time) => Ok(time.as_secs()),
        Err(error) => Err(format!("{error}; give a time such as 90s, 10m or \"1h 30m\"")),
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ProtocolName {
    Paper,
    Repo,
}

impl From<ProtocolName> for Protocol {
    fn from(name: ProtocolName) -> Self {
        match name {
            ProtocolName::Paper => Protocol::Paper,
            ProtocolName::Repo => Protocol::Repo,
        }
    }
}
