//! Simpler generators of the same latents, which every metric of ĥ is compared with.

use std::cell::OnceCell;

use gtn_metrics::{Gaussian, GaussianMixture, GaussianMixtureParams};
use gtn_models::{Streams, purpose};
use ndarray::Array2;

use crate::Result;
use crate::handoff::Targets;

/// Components of the mixture: as many as there are digits.
pub(crate) const COMPONENTS: usize = 10;
/// Number of latents that each baseline draws, and maximum number of those that are measured.
pub(crate) const MAX_LATENTS: usize = 10_000;
/// Nearest neighbors of density and coverage, as in their paper.
pub(crate) const K_DENSITY: usize = 5;

/// One Gaussian, and a mixture of ten with full covariances, fitted to the training latents on first use.
pub(crate) struct Baselines<'a> {
    targets: &'a Targets,
    streams: Streams,
    samples: OnceCell<BaselineSamples>,
}

/// 10,000 latents of each baseline. A smaller number of samples would be their first rows.
pub(crate) struct BaselineSamples {
    pub(crate) gaussian: Array2<f32>,
    pub(crate) mixture: Array2<f32>,
}

impl<'a> Baselines<'a> {
    pub(crate) fn new(targets: &'a Targets, streams: Streams) -> Self {
        Self { targets, streams, samples: OnceCell::new() }
    }

    /// Whether there are enough real latents to measure samples, and to fit baselines to. A handful of images is not enough.
    fn are_measurable(&self) -> bool {
        let n = self.targets.validation.nrows().min(MAX_LATENTS);
        n > 2 * K_DENSITY && self.targets.train.nrows() >= n
    }

    /// Samples of the baselines; `None` if there are too few real latents to measure samples, and to fit baselines to.
    pub(crate) fn samples(&self) -> Result<Option<&BaselineSamples>> {
        if !self.are_measurable() {
            return Ok(None);
        }
        if let Some(samples) = self.samples.get() {
            return Ok(Some(samples));
        }
        let samples = self.draw()?;
        Ok(Some(self.samples.get_or_init(|| samples)))
    }

    fn draw(&self) -> Result<BaselineSamples> {
        let train = self.targets.train.view();
        let stream = |purpose: &str| self.streams.stream(purpose, 0);
        let params = GaussianMixtureParams::new(COMPONENTS.min(train.nrows()));
        let gaussian = Gaussian::fit(train)?;
        let mixture = GaussianMixture::fit(train, params, &mut stream(purpose::MIXTURE))?;
        Ok(BaselineSamples {
            gaussian: gaussian.sample(MAX_LATENTS, &mut stream(purpose::GAUSSIAN)),
            mixture: mixture.sample(MAX_LATENTS, &mut stream(purpose::MIXTURE_SAMPLE)),
        })
    }
}
