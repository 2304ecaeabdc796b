//! The weights of Inception networks: where they are, and whether they are those of the configuration.

use std::path::{Path, PathBuf};

use crate::{Error, Result};
use gtn_models::{Device, InceptionOutput, InceptionV3, InceptionVariant};

/// The files of the weights of Inception networks, if they exist. A run reads them only if its configuration names their checksum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InceptionFiles {
    /// The weights of torchvision, for the Inception Score.
    pub score: Option<PathBuf>,
    /// The weights of pytorch-fid.
    pub fid: Option<PathBuf>,
}

/// The network of a file of weights with this SHA-256.
pub(super) fn load(
    file: Option<&Path>,
    sha256: &str,
    (variant, output): (InceptionVariant, InceptionOutput),
    device: &Device,
) -> Result<InceptionV3> {
    let option = match variant {
        InceptionVariant::Fid => "--fid-weights",
        InceptionVariant::Torchvision => "--is-weights",
    };
    let sha256 = sha256.to_owned();
    let Some(path) = file else { return Err(Error::MissingInception { sha256, option }) };
    let network = InceptionV3::load(path, variant, device)?;
    let found = network.weights_sha256().unwrap_or_default().to_owned();
    if found != sha256 {
        return Err(Error::OtherInception { path: path.to_path_buf(), found, sha256, option });
    }
    check_output(&network, path, output)?;
    Ok(network)
}

/// Reads the weights of an Inception network, and returns their SHA-256. A configuration names them by it.
///
/// # Errors
///
/// [`Error::Models`] if the file does not contain such weights; [`Error::PartialInception`] if it lacks some that the output needs.
pub fn inception_weights_sha256(path: &Path, variant: InceptionVariant, output: InceptionOutput) -> Result<String> {
    let network = InceptionV3::load(path, variant, &Device::Cpu)?;
    check_output(&network, path, output)?;
    Ok(network.weights_sha256().unwrap_or_default().to_owned())
}

fn check_output(network: &InceptionV3, path: &Path, output: InceptionOutput) -> Result<()> {
    let Some(lack) = network.lack(output) else { return Ok(()) };
    let advice = if output == InceptionOutput::Logits { "" } else { ", or fewer --inception-dims" };
    Err(Error::PartialInception { path: path.to_path_buf(), lack, advice })
}
