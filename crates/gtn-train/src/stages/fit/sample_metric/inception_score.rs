//! The Inception Score of generated images: the paper's rule for CelebA and hands.

use std::cell::OnceCell;
use std::ops::Range;

use gtn_models::{Autoencoder, Coordinates, Device, H, purpose};
use gtn_run::config::InceptionScoreSettings;
use gtn_run::{RunFolder, Stage};
use ndarray::s;

use super::metric::SampleMetric;
use crate::Result;
use crate::context::Context;
use crate::handoff::Targets;
use crate::inception::{InceptionFiles, InceptionScorer};
use crate::stages::fit::fixed_source::FixedSource;

/// The Inception Score of images that ĥ and the decoder generate.
pub(super) struct InceptionScoreOfImages<'a> {
    settings: InceptionScoreSettings,
    files: InceptionFiles,
    run: RunFolder,
    device: Device,
    source: FixedSource<'a>,
    /// Loaded for the first epoch, so that a run whose training is over needs no weights.
    networks: OnceCell<(InceptionScorer, Autoencoder)>,
}

impl<'a> InceptionScoreOfImages<'a> {
    pub(super) fn new(
        settings: &InceptionScoreSettings,
        (coordinates, targets): (Option<&'a Coordinates>, &'a Targets),
        context: &Context<'_>,
    ) -> Result<Self> {
        let source = context.streams.normal(purpose::INCEPTION_SCORE, 0, settings.images, targets.train.ncols());
        let mut components = context.streams.stream(purpose::INCEPTION_SCORE_COMPONENT, 0);
        let space = (coordinates, &targets.normalizer);
        let source = FixedSource::new(source, space, &mut components, &context.device)?;
        Ok(Self {
            settings: settings.clone(),
            files: context.inception.clone(),
            run: context.run.clone(),
            device: context.device.clone(),
            source,
            networks: OnceCell::new(),
        })
    }

    fn networks(&self) -> Result<&(InceptionScorer, Autoencoder)> {
        if let Some(networks) = self.networks.get() {
            return Ok(networks);
        }
        let scorer = InceptionScorer::load(&self.settings, &self.files, &self.device)?;
        let autoencoder = Autoencoder::load_best(self.run.root(), &self.device)?;
        Ok(self.networks.get_or_init(|| (scorer, autoencoder)))
    }
}

impl SampleMetric for InceptionScoreOfImages<'_> {
    fn measure(&self, h: &H, stop: &dyn Fn() -> bool) -> Result<f64> {
        let (scorer, autoencoder) = self.networks()?;
        let latents = self.source.generate(h)?;
        let images = |range: Range<usize>| Ok(autoencoder.decode(latents.slice(s![range, ..]))?);
        scorer.score(latents.nrows(), &images, (Stage::Fit, stop))
    }
}
