//! Simpler generators of the same latents, which every metric of ĥ is compared with.

use std::cell::OnceCell;

use gtn_metrics::{Gaussian, GaussianMixture, GaussianMixtureParams};
use gtn_models::{Streams, purpose};
use gtn_run::Stage;
use gtn_run::metric_constants::MIN_MEASURED;
use ndarray::Array2;

use crate::context::Context;
use crate::handoff::Targets;
use crate::{Error, Result};

/// Numbers of components of the mixture, of which the best is chosen.
const COMPONENT_COUNTS: [usize; 5] = [1, 3, 10, 30, 100];
/// Number of latents that each baseline draws, and maximum number of those that are measured.
pub(crate) const MAX_LATENTS: usize = 10_000;

/// What the baselines depend on, beside the training latents and the seed.
pub(crate) fn settings() -> String {
    format!("the best mixture of {COMPONENT_COUNTS:?} components")
}

/// One Gaussian, and a mixture with full covariances and the best number of components, fitted to the training latents of a run.
#[derive(Debug, Clone)]
pub struct FittedBaselines {
    gaussian: Gaussian,
    mixture: GaussianMixture,
    streams: Streams,
}

impl FittedBaselines {
    /// `None` if there are too few real latents to measure samples, and to fit baselines to. A handful of images is not enough.
    ///
    /// The number of components is chosen on a tenth of the training latents, so that it does not depend on the held-out latents
    /// that metrics compare with. If `stop` returns true, the result is [`gtn_metrics::Error::Stopped`].
    pub(crate) fn fit(targets: &Targets, streams: Streams, stop: &dyn Fn() -> bool) -> Result<Option<Self>> {
        let n = targets.validation.nrows().min(MAX_LATENTS);
        if n < MIN_MEASURED || targets.train.nrows() < n {
            return Ok(None);
        }
        let train = targets.train.view();
        let gaussian = Gaussian::fit(train)?;
        let params = GaussianMixtureParams::new(COMPONENT_COUNTS[0]);
        let rng = &mut streams.stream(purpose::MIXTURE_CHOICE, 0);
        let mixture = GaussianMixture::fit_best(train, &COMPONENT_COUNTS, params, rng, stop)?.mixture;
        Ok(Some(Self { gaussian, mixture, streams }))
    }

    /// The number of components of the mixture.
    #[must_use]
    pub fn mixture_components(&self) -> usize {
        self.mixture.weights().len()
    }

    /// Draws `n` latents of each baseline. They are those that the run itself draws, and a smaller number would be their first
    /// rows.
    #[must_use]
    pub fn sample(&self, n: usize) -> BaselineSamples {
        BaselineSamples {
            gaussian: self.gaussian.sample(n, &mut self.streams.stream(purpose::GAUSSIAN, 0)),
            mixture: self.mixture.sample(n, &mut self.streams.stream(purpose::MIXTURE_SAMPLE, 0)),
            mixture_components: self.mixture_components(),
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
    /// The number of components of the mixture.
    pub mixture_components: usize,
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
    pub(crate) fn samples(&self, stage: Stage, context: &Context<'_>) -> Result<Option<&BaselineSamples>> {
        if let Some(samples) = self.samples.get() {
            return Ok(samples.as_ref());
        }
        let fitted = FittedBaselines::fit(self.targets, self.streams, &|| context.observer.stop_requested());
        let fitted = fitted.map_err(|error| match error {
            Error::Metrics(gtn_metrics::Error::Stopped) => Error::Stopped { stage },
            other => other,
        })?;
        Ok(self.samples.get_or_init(|| fitted.map(|fitted| fitted.sample(MAX_LATENTS))).as_ref())
    }
}
