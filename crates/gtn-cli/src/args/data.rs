//! `gtn data`.

use clap::{Args, Subcommand, ValueEnum};

use super::folders::DataDir;

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Check that a data set, or the weights of Inception, are present and complete.
    Check(DataCheck),
    /// Download the missing files of a data set or the weights of Inception, or show where to get them.
    Fetch(DataFetch),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtn data fetch mnist
  gtn data fetch mnist --data-dir ~/datasets --mirror https://example.org/mnist/
  gtn data fetch inception
  cargo xtask fetch mnist --from hub
  cargo xtask fetch celeba --from hub

Existing complete files are kept. The files of MNIST are verified by size and SHA-256, and an \
interrupted download resumes. CelebA can be downloaded only from the Hugging Face Hub, and \
11K Hands not at all; for these, the command shows where to get the files and under which terms. \
HTTPS_PROXY and HTTP_PROXY are supported.

Inception's weights, for FID, KID and the Inception Score, are the files of pytorch-fid (Apache \
License 2.0, converted from Google's TensorFlow model) and torchvision (BSD 3-Clause), about \
200 MB. Both are verified by the first eight digits of their SHA-256, which are in their names.

--from hub needs a build with the feature `hub`, which `cargo xtask fetch` provides. From \
ylecun/mnist it creates the four original files and verifies them; from flwrlabs/celeba (1.4 GB, \
and as much temporary space) the archive and both lists. An interrupted download from the hub \
restarts. It fails if no data arrives for two minutes. HF_ENDPOINT sets another hub, HF_TOKEN a \
token (not required). HF_HUB_DISABLE_TELEMETRY=1 disables the telemetry of the hub's library.")]
pub(crate) struct DataFetch {
    /// Data set, or `inception`.
    #[arg(value_enum)]
    pub(crate) name: DataName,
    #[command(flatten)]
    pub(crate) data: DataDir,
    /// Download from this mirror instead of the known ones: a URL to which the name of each file is appended. May be repeated.
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Vec<String>,
    /// Where to download from.
    #[arg(long, value_enum, default_value_t = Source::Mirrors)]
    pub(crate) from: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The original files, from mirrors.
    Mirrors,
    /// The Hugging Face Hub, converted to the original files.
    Hub,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtn data check mnist --data-dir datasets
  gtn data check inception
  gtn data check celeba")]
pub(crate) struct DataCheck {
    /// Data set, or `inception`.
    #[arg(value_enum)]
    pub(crate) name: DataName,
    #[command(flatten)]
    pub(crate) data: DataDir,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DataName {
    /// Handwritten digits, 28×28.
    Mnist,
    /// Images of faces (CelebA), scaled to 64×64.
    Celeba,
    /// Images of hands (11K Hands), scaled to 64×64.
    Hap,
    /// The weights of InceptionV3 for FID, KID and the Inception Score.
    Inception,
}
