//! What a run measures with Inception networks.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use gtn_models::InceptionOutput;

use super::named_values::by_name;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Inception networks (celeba and hap; the weights come from `gtn data fetch inception`)")]
pub(crate) struct InceptionOptions {
    /// Images of each kind for FID: a number, `all` training images, or `none` to leave it out [default: all, if the weights exist].
    #[arg(long, value_name = "N|all|none")]
    pub(crate) fid_samples: Option<FidSamples>,
    #[command(flatten)]
    pub(crate) networks: InceptionNetworks,
}

/// Which networks, and which of their layers.
#[derive(Debug, Clone, Args)]
pub(crate) struct InceptionNetworks {
    /// Number of Inception features of FID and KID, which selects the layer. Only values for the same number can be compared
    /// [default: 2048].
    #[arg(long, value_name = "DIMS", value_parser = by_name::<InceptionOutput>(LAYERS))]
    pub(crate) inception_dims: Option<InceptionOutput>,
    /// Weights of FID's Inception network: pytorch-fid's .pth, or the same tensors as .safetensors, complete or with the first
    /// layers only [default: those in the folder inception of --data-dir].
    #[arg(long, value_name = "FILE")]
    pub(crate) fid_weights: Option<PathBuf>,
    /// Weights of torchvision's Inception network, for the Inception Score [default: those in the folder inception of
    /// --data-dir].
    #[arg(long, value_name = "FILE")]
    pub(crate) is_weights: Option<PathBuf>,
}

/// How many images of each kind FID compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FidSamples {
    All,
    None,
    Count(usize),
}

impl fmt::Display for FidSamples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FidSamples::All => f.write_str("all"),
            FidSamples::None => f.write_str("none"),
            FidSamples::Count(count) => count.fmt(f),
        }
    }
}

impl FromStr for FidSamples {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(FidSamples::All),
            "none" => Ok(FidSamples::None),
            number => match number.parse() {
                Ok(count) if count >= 2 => Ok(FidSamples::Count(count)),
                _ => Err("must be a number of at least 2, `all` or `none`".to_owned()),
            },
        }
    }
}

const LAYERS: [(&str, &str); 4] = [
    (InceptionOutput::Features64.name(), "after the first max pooling"),
    (InceptionOutput::Features192.name(), "after the second max pooling"),
    (InceptionOutput::Features768.name(), "before the auxiliary classifier"),
    (InceptionOutput::Features2048.name(), "before the classifier"),
];
