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

/// One Gaussian, and a mixture of ten with full covariances, fitted to the training latents of a run.
#[derive(Debug, Clone)]
pub struct FittedBaselines {
    gaussian: Gaussian,
    mixture: GaussianMixture,
    streams: Streams,
}

impl FittedBaselines {
    /// `None` if there are too few real latents to measure samples, and to fit baselines to. A handful of images is not enough.
    pub(crate) fn fit(targets: &Targets, streams: Streams) -> Result<Option<Self>> {
        let n = targets.validation.nrows().min(MAX_LATENTS);
        if n <= 2 * K_DENSITY || targets.train.nrows() < n {
            return Ok(None);
        }
        let train = targets.train.view();
        let params = GaussianMixtureParams::new(COMPONENTS.min(train.nrows()));
        let gaussian = Gaussian::fit(train)?;
        let mixture = GaussianMixture::fit(train, params, &mut streams.stream(purpose::MIXTURE, 0))?;
        Ok(Some(Self { gaussian, mixture, streams }))
    }

    /// Draws `n` latents of each baseline. They are those that the run itself draws, and a smaller number would be their first
    /// rows.
    #[must_use]
    pub fn sample(&self, n: usize) -> BaselineSamples {
        BaselineSamples {
            gaussian: self.gaussian.sample(n, &mut self.streams.stream(purpose::GAUSSIAN, 0)),
            mixture: self.mixture.sample(n, &mut self.streams.stream(purpose::MIXTURE_SAMPLE, 0)),
        }
    }
}

/// Latents of each baseline, shape (n, d).
#[derive(Debug, Clone)]
pub struct BaselineSamples {
    /// Of the single Gaussian.
    pub gaussian: Array2<f32>,
    /// Of the mixture.
    pub mixture: Array2<f32>,
}

/// 10,000 latents of each baseline, which is fitted on first use.
pub(crate) struct Baselines<'a> {
    targets: &'a Targets,
    streams: Streams,
    samples: OnceCell<Option<BaselineSamples>>,
}

impl<'a> Baselines<'a> {
    pub(crate) fn new(targets: &'a Targets, streams: Streams) -> Self {
        Self { targets, streams, samples: OnceCell::new() }
    }

    /// Samples of the baselines; `None` if there are too few real latents to measure samples, and to fit baselines to.
    pub(crate) fn samples(&self) -> Result<Option<&BaselineSamples>> {
        if let Some(samples) = self.samples.get() {
            return Ok(samples.as_ref());
        }
        let fitted = FittedBaselines::fit(self.targets, self.streams)?;
        Ok(self.samples.get_or_init(|| fitted.map(|fitted| fitted.sample(MAX_LATENTS))).as_ref())
    }
}
