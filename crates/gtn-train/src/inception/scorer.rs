//! The Inception Score of images.

use std::ops::Range;

use gtn_metrics::inception_score;
use gtn_models::{Device, InceptionOutput, InceptionV3, InceptionVariant};
use gtn_run::Stage;
use gtn_run::config::InceptionScoreSettings;
use ndarray::{Array2, Array4, Axis, concatenate};

use super::weights::{InceptionFiles, load};
use crate::{Error, Result};

/// Images between two questions whether to stop. A multiple of those that pass through the network together.
const IMAGES_AT_ONCE: usize = 20;

/// The network that the Inception Score is computed with.
pub(crate) struct InceptionScorer {
    network: InceptionV3,
    splits: usize,
    normalize_twice: bool,
}

impl InceptionScorer {
    pub(crate) fn load(settings: &InceptionScoreSettings, files: &InceptionFiles, device: &Device) -> Result<Self> {
        let &InceptionScoreSettings { splits, normalize_twice, .. } = settings;
        let sha256 = settings.weights.as_deref().unwrap_or_default();
        let wanted = (InceptionVariant::Torchvision, InceptionOutput::Logits);
        let network = load(files.score.as_deref(), sha256, wanted, device)?;
        Ok(Self { network, splits, normalize_twice })
    }

    /// The score of `n` images, at least as many as there are splits. `images` returns those of a range.
    pub(crate) fn score(
        &self,
        n: usize,
        images: &dyn Fn(Range<usize>) -> Result<Array4<f32>>,
        (stage, stop): (Stage, &dyn Fn() -> bool),
    ) -> Result<f64> {
        let mut logits: Vec<Array2<f32>> = Vec::new();
        for start in (0..n).step_by(IMAGES_AT_ONCE) {
            if stop() {
                return Err(Error::Stopped { stage });
            }
            let mut images = images(start..n.min(start + IMAGES_AT_ONCE))?;
            if self.normalize_twice {
                images.mapv_inplace(|x| 2.0 * x - 1.0);
            }
            logits.extend(self.network.forward(images.view(), &[InceptionOutput::Logits])?);
        }
        let views: Vec<_> = logits.iter().map(|part| part.view()).collect();
        let logits = concatenate(Axis(0), &views).expect("all parts have as many classes");
        Ok(inception_score(logits.view(), self.splits)?.mean)
    }
}
