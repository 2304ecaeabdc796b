//! What a run measures with Inception networks, whose weights are not part of this program.

use serde::{Deserialize, Serialize};

/// The Inception Score of generated images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InceptionScoreSettings {
    /// Generated images.
    pub images: usize,
    /// Splits, over which the score is averaged.
    pub splits: usize,
    /// Whether images in [−1, 1] are normalized once more, as 2x − 1: what the authors' code does with hands.
    pub normalize_twice: bool,
    /// SHA-256 of the file of weights. Without it, nothing is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
}

impl Default for InceptionScoreSettings {
    /// The paper's 200 images and 10 splits.
    fn default() -> Self {
        Self { images: 200, splits: 10, normalize_twice: false, weights: None }
    }
}

/// The Fréchet Inception Distance of generated images from training images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FidSettings {
    /// Features, which select the layer: 64, 192, 768 or 2048.
    pub dims: usize,
    /// Images of each kind; without it, all training images and as many generated ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<usize>,
    /// SHA-256 of the file of weights. Without it, nothing is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
}

impl FidSettings {
    /// The numbers of features that the network has.
    pub const DIMS: [usize; 4] = [64, 192, 768, 2048];
}

impl Default for FidSettings {
    fn default() -> Self {
        Self { dims: 2048, images: None, weights: None }
    }
}

/// What a run measures with Inception networks. The configuration of a run has only the parts whose weights exist
/// ([`Config::with_available_inception`](super::Config::with_available_inception)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InceptionSettings {
    /// The Inception Score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<InceptionScoreSettings>,
    /// FID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fid: Option<FidSettings>,
}

/// Which weights of Inception networks exist, and what the caller wants to measure with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InceptionOverrides {
    /// SHA-256 of the weights for the Inception Score.
    pub score_weights: Option<String>,
    /// SHA-256 of the weights for FID.
    pub fid_weights: Option<String>,
    /// Features of FID.
    pub fid_dims: Option<usize>,
    /// Images of each kind for FID.
    pub fid_images: Option<usize>,
}
