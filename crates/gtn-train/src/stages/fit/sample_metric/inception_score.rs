//! The Inception Score of generated images: the paper's rule for CelebA and hands.

use std::cell::OnceCell;
use std::ops::Range;

use gtn_models::{Autoencoder, Coordinates, H, purpose, to_array4, to_tensor};
use gtn_run::Stage;
use gtn_run::config::InceptionScoreSettings;
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
    /// Loaded for the first epoch, so that a run whose training is over needs no weights.
    scorer: OnceCell<InceptionScorer>,
    source: FixedSource<'a>,
    autoencoder: Autoencoder,
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
        let autoencoder = Autoencoder::load_best(context.run.root(), &context.device)?;
        let (settings, files) = (settings.clone(), context.inception.clone());
        Ok(Self { settings, files, scorer: OnceCell::new(), source, autoencoder })
    }
}

impl SampleMetric for InceptionScoreOfImages<'_> {
    fn measure(&self, h: &H, stop: &dyn Fn() -> bool) -> Result<f64> {
        let device = self.autoencoder.parameters().device();
        if self.scorer.get().is_none() {
            let scorer = InceptionScorer::load(&self.settings, &self.files, device)?;
            self.scorer.get_or_init(|| scorer);
        }
        let latents = self.source.generate(h)?;
        let decoder = self.autoencoder.decoder();
        let images = |range: Range<usize>| {
            let latents = to_tensor(latents.slice(s![range, ..]), device)?;
            Ok(to_array4(&decoder.forward(&latents)?)?)
        };
        let scorer = self.scorer.get().expect("the scorer was loaded");
        scorer.score(latents.nrows(), &images, (Stage::Fit, stop))
    }
}
