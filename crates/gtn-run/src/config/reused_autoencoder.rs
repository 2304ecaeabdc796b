//! An autoencoder that another run trained.

use serde::{Deserialize, Serialize};

/// The trained autoencoder of another run, which a run takes instead of training its own. Where that run is stored is not a part
/// of the configuration, so that a folder may be moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReusedAutoencoder {
    /// SHA-256 of its best weights; followed by `+` and that of its last weights if these are used.
    pub weights: String,
    /// SHA-256 of the weights of its decoder, if that was trained alone afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder: Option<String>,
    /// The seed of the split that it was trained on. The run has the same split, so that no image that the autoencoder was trained
    /// on is used for validation.
    pub split_seed: u64,
}
