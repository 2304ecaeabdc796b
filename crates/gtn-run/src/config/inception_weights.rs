//! Which measurements of a configuration the weights of Inception networks allow.

use super::{Config, FidSettings, InceptionOverrides, InceptionScoreSettings, InceptionSettings, Protocol, Selection};
use crate::{Error, Result};

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

    /// The configuration with the weights that exist. If those of the Inception Score do, it decides which epoch of ĥ is the best, as in
    /// the paper, unless `select` is another rule.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the score is to decide without weights, or if a setting is invalid.
    pub fn with_inception(mut self, wanted: &InceptionOverrides, select: Option<Selection>) -> Result<Self> {
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
        training.select = select.unwrap_or(training.select);
        let has_weights = score.as_ref().is_some_and(|score| score.weights.is_some());
        if training.select == Selection::InceptionScore && !has_weights {
            let reason = if score.is_some() {
                "needs the weights of torchvision's Inception network; download them with `gtn data fetch inception`, pass \
                 --is-weights FILE, or choose validation-loss"
                    .to_owned()
            } else {
                format!(
                    "needs color images and [inception.score], which `{}` does not have; choose validation-loss",
                    self.experiment
                )
            };
            let (key, value) = ("h.training.select".to_owned(), training.select.to_string());
            return Err(Error::Setting { key, value, reason });
        }
        if score.is_some() || fid.is_some() {
            self.inception = Some(InceptionSettings { score, fid });
        }
        self.check()?;
        Ok(self)
    }
}
