//! Trains ĥ on the pairs: y to x_y by mean squared error.

use std::path::Path;

use gtn_models::{
    Autoencoder, Mlp, Mode, NamedArrays, Normalizer, Parameters, Tensor, array2_of, array4_of, mean_squared_error,
    tensor_of,
};
use gtn_run::config::Data;
use gtn_run::{Artifact, Config, Fingerprint, Provenance, RunFolder, Stage};
use ndarray::{Array2, Array4, Axis};

use crate::Result;
use crate::generator::{H, mlp_shape, read_autoencoder};
use crate::pipeline::Context;
use crate::stages::{fingerprint, label};
use crate::targets::{CENTER, SCALE, Targets};
use crate::trainer::{Problem, Schedule, Side, train};

/// Normal vectors of a snapshot of points.
pub(crate) const SHOWN: usize = 5_000;

/// Normal vectors of a snapshot of images, and images of each grid: of photographs as many as the paper judges.
pub(crate) fn shown_images(config: &Config) -> usize {
    match config.data {
        Data::Celeba(_) | Data::Hap(_) => 200,
        _ => 100,
    }
}

/// The normal vectors that snapshots and shown points are made of, the same throughout a run.
pub(crate) fn shown_source(config: &Config, context: &Context<'_>) -> Array2<f32> {
    let shown = if config.data.are_images() { shown_images(config) } else { SHOWN };
    context.streams.normal("shown", 0, shown, config.dim)
}

/// Pairs on the device.
struct Pairs {
    source: Tensor,
    target: Tensor,
}

struct Regression<'a> {
    h: &'a Mlp,
    train: Pairs,
    validation: Pairs,
    snapshots: Snapshots<'a>,
    /// What makes images of the snapshots, if somebody looks at them.
    autoencoder: Option<Autoencoder>,
}

/// What ĥ makes of the same normal vectors is kept after some epochs.
struct Snapshots<'a> {
    when: Kept,
    source: Tensor,
    normalizer: &'a Normalizer,
    made_from: &'a Fingerprint,
}

impl Problem for Regression<'_> {
    /// Rows of the pairs, which lie on the device.
    type Batch = Vec<u32>;

    fn gather(&self, _side: Side, samples: &[usize]) -> Vec<u32> {
        samples.iter().map(|&sample| sample as u32).collect()
    }

    fn loss(&self, side: Side, batch: Vec<u32>) -> Result<Tensor> {
        let (pairs, mode) = match side {
            Side::Training => (&self.train, Mode::Train),
            Side::Validation => (&self.validation, Mode::Evaluate),
        };
        let rows = Tensor::new(batch, self.h.parameters().device()).map_err(gtn_models::Error::from)?;
        let pick = |tensor: &Tensor| tensor.index_select(&rows, 0).map_err(gtn_models::Error::from);
        let output = self.h.forward(&pick(&pairs.source)?, mode)?;
        Ok(mean_squared_error(&output, &pick(&pairs.target)?)?)
    }

    fn network(&self) -> &'static str {
        H
    }

    fn stage(&self) -> Stage {
        Stage::Fit
    }

    fn parameters(&self) -> &Parameters {
        self.h.parameters()
    }

    fn training_samples(&self) -> usize {
        self.train.source.dims()[0]
    }

    fn validation_samples(&self) -> usize {
        self.validation.source.dims()[0]
    }

    fn epochs_of<'p>(&self, provenance: &'p mut Provenance) -> &'p mut Option<usize> {
        &mut provenance.h_epochs
    }

    fn after_epoch(&self, epoch: usize, improved: bool, run: &RunFolder) -> Result<()> {
        let kept = match self.snapshots.when {
            Kept::NowAndThen => is_kept(epoch),
            Kept::WhenImproved => improved,
        };
        if kept { self.snapshots.write(self.h, &run.snapshot(epoch)) } else { Ok(()) }
    }

    fn pictures(&self) -> Result<Option<Array4<f32>>> {
        let Some(autoencoder) = &self.autoencoder else { return Ok(None) };
        let latents = self.snapshots.generated(self.h)?;
        let latents = tensor_of(latents.view(), autoencoder.parameters().device())?;
        Ok(Some(array4_of(&autoencoder.decoder().forward(&latents)?)?))
    }

    fn lacks(&self, epochs: usize, run: &RunFolder) -> Result<Option<String>> {
        let Snapshots { when: Kept::NowAndThen, made_from, .. } = &self.snapshots else {
            // Training ĥ for images takes hours; a figure is not worth as much.
            return Ok(None);
        };
        for path in (1..=epochs).filter(|&epoch| is_kept(epoch)).map(|epoch| run.snapshot(epoch)) {
            let reason = match Artifact::read_if_made_from(&path, made_from) {
                Ok(Some(_)) => continue,
                Ok(None) => format!("{} is not there", path.display()),
                Err(gtn_run::Error::Damaged { path, reason }) => format!("{} is damaged: {reason}", path.display()),
                Err(error) => return Err(error.into()),
            };
            return Ok(Some(reason));
        }
        Ok(None)
    }

    fn rewind(&self, epochs: usize, run: &RunFolder) -> Result<()> {
        for (_, path) in run.snapshots().into_iter().filter(|(epoch, _)| *epoch > epochs) {
            std::fs::remove_file(&path).map_err(gtn_run::Error::io("remove", &path))?;
        }
        Ok(())
    }
}

impl Snapshots<'_> {
    fn generated(&self, h: &Mlp) -> Result<Array2<f32>> {
        Ok(self.normalizer.restore(array2_of(&h.forward(&self.source, Mode::Evaluate)?)?))
    }

    fn write(&self, h: &Mlp, path: &Path) -> Result<()> {
        let mut artifact = Artifact::new(self.made_from.clone());
        artifact.insert_f32("generated", self.generated(h)?.into_dyn());
        Ok(artifact.write(path)?)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// After epochs 1, 2, 5, 10 and so on: points, whose figures need them all.
    NowAndThen,
    /// After each epoch that improved the validation loss: images (Figure 5).
    WhenImproved,
}

/// Epochs 1, 2, 5, 10, 20, 50 and so on.
fn is_kept(epoch: usize) -> bool {
    let mut epoch = epoch;
    while epoch > 0 && epoch.is_multiple_of(10) {
        epoch /= 10;
    }
    matches!(epoch, 1 | 2 | 5)
}

pub(crate) fn run(config: &Config, targets: &Targets, pairs: &label::Pairs, context: &mut Context<'_>) -> Result<()> {
    let h = Mlp::new(&mlp_shape(config), &context.streams, &context.device)?;
    let settings = (config.seed, &config.h, config.time_budget);
    let made_from = fingerprint("fit", &settings, &[&targets.checksum, &pairs.checksum]);
    let side = |pairs: &label::Side, rows: &Array2<f32>| -> Result<Pairs> {
        let target = targets.normalizer.normalize(rows.select(Axis(0), &pairs.matching).view());
        Ok(Pairs {
            source: tensor_of(pairs.source.view(), &context.device)?,
            target: tensor_of(target.view(), &context.device)?,
        })
    };
    let when = if config.data.are_images() { Kept::WhenImproved } else { Kept::NowAndThen };
    let source = tensor_of(shown_source(config, context).view(), &context.device)?;
    let snapshots = Snapshots { when, source, normalizer: &targets.normalizer, made_from: &made_from };
    let looked_at = config.data.are_images() && context.observer.wants_pictures();
    let autoencoder = looked_at.then(|| read_autoencoder(context.run, config, &context.device)).transpose()?;
    let problem = Regression {
        h: &h,
        train: side(&pairs.train, &targets.train)?,
        validation: side(&pairs.validation, &targets.validation)?,
        snapshots,
        autoencoder,
    };
    let extras = NamedArrays::from([
        (CENTER.to_owned(), targets.normalizer.center().clone().into_dyn()),
        (SCALE.to_owned(), targets.normalizer.scale().clone().into_dyn()),
    ]);
    let schedule = Schedule { training: &config.h.training, budget: config.training_budgets().1 };
    train(&problem, &schedule, &made_from, &extras, context)
}

#[cfg(test)]
mod tests {
    #[test]
    fn snapshots_are_spread_over_the_epochs() {
        let kept: Vec<usize> = (0..1001).filter(|&epoch| super::is_kept(epoch)).collect();
        assert_eq!(kept, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]);
    }
}
