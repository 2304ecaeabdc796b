//! Simpler generators of the same latents, which every figure of ĥ is to be seen beside.

use std::cell::OnceCell;

use gtn_metrics::{Em, Gaussian, GaussianMixture};
use gtn_models::Streams;
use ndarray::Array2;

use crate::Result;
use crate::targets::Targets;

/// Their names.
pub(crate) const GAUSSIAN: &str = "gaussian";
pub(crate) const MIXTURE: &str = "mixture";
/// Components of the mixture: as many as there are digits.
pub(crate) const COMPONENTS: usize = 10;
/// Latents that each draws.
const DRAWN: usize = 10_000;

/// One normal law and a mixture of ten, of full covariance, fitted to the training latents when they are first asked for.
pub(crate) struct Baselines<'a> {
    targets: &'a Targets,
    streams: Streams,
    drawn: OnceCell<Drawn>,
}

/// Latents that they made, 10,000 each; the first ones of more would be the same.
pub(crate) struct Drawn {
    pub(crate) gaussian: Array2<f32>,
    pub(crate) mixture: Array2<f32>,
}

impl<'a> Baselines<'a> {
    pub(crate) fn new(targets: &'a Targets, streams: Streams) -> Self {
        Self { targets, streams, drawn: OnceCell::new() }
    }

    pub(crate) fn drawn(&self) -> Result<&Drawn> {
        if let Some(drawn) = self.drawn.get() {
            return Ok(drawn);
        }
        let drawn = self.draw()?;
        Ok(self.drawn.get_or_init(|| drawn))
    }

    fn draw(&self) -> Result<Drawn> {
        let train = self.targets.train.view();
        let stream = |purpose: &str| self.streams.stream(purpose, 0);
        let em = Em::new(COMPONENTS.min(train.nrows()));
        Ok(Drawn {
            gaussian: Gaussian::fit(train)?.sample(DRAWN, stream(GAUSSIAN)),
            mixture: GaussianMixture::fit(train, em, stream(MIXTURE))?.sample(DRAWN, stream("mixture/sample")),
        })
    }
}
