//! What a run measures with Inception networks, whose weights are not part of this program.

use serde::{Deserialize, Serialize};

use super::{Config, Overrides, Protocol, Selection};
use crate::{Error, Result};

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
/// ([`Config::with_available_inception`]).
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

impl Config {
    /// The settings of the Inception Score that decides which epoch of ĥ is the best, if it does.
    #[must_use]
    pub fn deciding_score(&self) -> Option<&InceptionScoreSettings> {
        let decides = self.h.training.select == Selection::InceptionScore;
        self.inception.as_ref()?.score.as_ref().filter(|_| decides)
    }

    /// The configuration without measurements whose weights do not exist.
    #[must_use]
    pub fn with_available_inception(mut self) -> Self {
        let settings = self.inception.take().unwrap_or_default();
        let score = settings.score.filter(|score| score.weights.is_some());
        let fid = settings.fid.filter(|fid| fid.weights.is_some());
        if score.is_some() || fid.is_some() {
            self.inception = Some(InceptionSettings { score, fid });
        }
        self
    }

    /// Sets the weights that exist. If they exist, the Inception Score decides which epoch of ĥ is the
    /// best, as in the paper, unless the caller wants another rule.
    pub(super) fn resolve_inception(&mut self, overrides: &Overrides) -> Result<()> {
        let wanted = &overrides.inception;
        let settings = self.inception.take().unwrap_or_default();
        let score = settings.score.map(|score| {
            let weights = wanted.score_weights.clone().or(score.weights);
            InceptionScoreSettings { weights, ..score }
        });
        let fid = settings.fid.map(|fid| FidSettings {
            dims: wanted.fid_dims.unwrap_or(fid.dims),
            images: wanted.fid_images.or(fid.images),
            weights: wanted.fid_weights.clone().or(fid.weights),
        });
        let training = &mut self.h.training;
        if score.is_some() && wanted.score_weights.is_some() && self.protocol != Protocol::Flow {
            training.select = Selection::InceptionScore;
        }
        training.select = overrides.select.unwrap_or(training.select);
        let has_weights = score.as_ref().is_some_and(|score| score.weights.is_some());
        if training.select == Selection::InceptionScore && !has_weights {
            let reason = if score.is_some() {
                "needs the weights of torchvision's Inception network; download them with `gtn data fetch inception`, pass \
                 --is-weights FILE, or choose validation-loss"
                    .to_owned()
            } else {
                format!("needs color images and [inception.score], which `{}` does not have; choose validation-loss", self.experiment)
            };
            let (key, value) = ("h.training.select".to_owned(), training.select.to_string());
            return Err(Error::Setting { key, value, reason });
        }
        if score.is_some() || fid.is_some() {
            self.inception = Some(InceptionSettings { score, fid });
        }
        Ok(())
    }
}
