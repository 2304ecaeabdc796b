//! `gtn data`.

use clap::{Args, Subcommand, ValueEnum};

use super::DataDir;

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Say what is there of a data set and whether it is whole.
    Check(DataCheck),
    /// Download what is missing of a data set, or say where to get it.
    Fetch(DataFetch),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtn data fetch mnist
  gtn data fetch mnist --data-dir ~/datasets --mirror https://example.org/mnist/
  cargo xtask fetch mnist --from hub
  cargo xtask fetch celeba --from hub

HTTPS_PROXY and HTTP_PROXY are honored. Files that are there and whole are left alone. MNIST's
files are checked by size and SHA-256, and an interrupted download goes on. Of
photographs, celeba and hap, nothing is known to download but from the hub: without --from hub,
it says where to get them, and under which terms.

--from hub needs a gtn with the feature `hub`, which `cargo xtask fetch` builds. Of ylecun/mnist
it makes the four files, if they then are the original's; of flwrlabs/celeba (1.4 GB, and as
much again in the folder for temporary files) the archive and both lists. It starts anew after
an interruption, and gives up when nothing comes for two minutes. HF_ENDPOINT names another hub,
HF_TOKEN a token (none is needed), and HF_HUB_DISABLE_TELEMETRY=1 keeps the hub's library from
reporting how fast it was.")]
pub(crate) struct DataFetch {
    /// The data set.
    #[arg(value_enum)]
    pub(crate) name: DataName,
    #[command(flatten)]
    pub(crate) data: DataDir,
    /// Take the files from here, and not from the mirrors that are known; may be given several times.
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Vec<String>,
    /// Which copy to take.
    #[arg(long, value_enum, default_value_t = Source::Mirrors)]
    pub(crate) from: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The original files, from the mirrors.
    Mirrors,
    /// The Hugging Face Hub's, made into the same files.
    Hub,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtn data check mnist --data-dir datasets
  gtn data check celeba")]
pub(crate) struct DataCheck {
    /// The data set.
    #[arg(value_enum)]
    pub(crate) name: DataName,
    #[command(flatten)]
    pub(crate) data: DataDir,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DataName {
    /// Handwritten digits, 28×28.
    Mnist,
    /// Photographs of faces, 64×64 as they are learned.
    Celeba,
    /// Photographs of hands (11K Hands), 64×64 as they are learned.
    Hap,
}
