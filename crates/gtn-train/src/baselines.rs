//! Simpler generators of the same latents, which every metric of ĥ is compared with.

use std::cell::OnceCell;

use gtn_metrics::{Gaussian, GaussianMixture, GaussianMixtureParams};
use gtn_models::{Streams, purpose};
use ndarray::Array2;

use crate::Result;
use crate::targets::Targets;

/// Components of the mixture: as many as there are digits.
pub(crate) const COMPONENTS: usize = 10;
/// Number of latents that each baseline draws.
const SAMPLES: usize = 10_000;

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

    pub(crate) fn samples(&self) -> Result<&BaselineSamples> {
        if let Some(samples) = self.samples.get() {
            return Ok(samples);
        }
        let samples = self.draw()?;
        Ok(self.samples.get_or_init(|| samples))
    }

    fn draw(&self) -> Result<BaselineSamples> {
        let train = self.targets.train.view();
        let stream = |purpose: &str| self.streams.stream(purpose, 0);
        let params = GaussianMixtureParams::new(COMPONENTS.min(train.nrows()));
        let gaussian = Gaussian::fit(train)?;
        let mixture = GaussianMixture::fit(train, params, &mut stream(purpose::MIXTURE))?;
        Ok(BaselineSamples {
            gaussian: gaussian.sample(SAMPLES, &mut stream(purpose::GAUSSIAN)),
            mixture: mixture.sample(SAMPLES, &mut stream(purpose::MIXTURE_SAMPLE)),
        })
    }
}
