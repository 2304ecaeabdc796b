//! Trains ĥ on the pairs: y to x_y by mean squared error.

use std::path::Path;

use gtn_models::{
    Autoencoder, Mlp, MlpShape, Mode, Normalizer, Parameters, Tensor, mean_squared_error, purpose, to_array2,
    to_array4, to_tensor,
};
use gtn_run::config::Data;
use gtn_run::schema::{Split, snapshot};
use gtn_run::{Artifact, Config, Fingerprint, Network, Provenance, RunFolder, Stage};
use ndarray::{Array2, Array4, Axis};

use crate::Result;
use crate::pipeline::Context;
use crate::stages::fingerprint;
use crate::stages::label::{Pairs, SplitPairs};
use crate::targets::Targets;
use crate::trainer::{Schedule, TrainingTask, train};

/// Normal vectors of a snapshot of points.
pub(crate) const SNAPSHOT_POINTS: usize = 5_000;

/// Normal vectors of a snapshot of images, and images of each grid: for CelebA and 11K Hands as many as the paper judges.
pub(crate) fn snapshot_images(config: &Config) -> usize {
    match config.data {
        Data::Celeba(_) | Data::Hap(_) => 200,
        _ => 100,
    }
}

/// The normal vectors of snapshots and of the points in the report, the same throughout a run.
pub(crate) fn snapshot_source(config: &Config, context: &Context<'_>) -> Array2<f32> {
    let rows = if config.data.are_images() { snapshot_images(config) } else { SNAPSHOT_POINTS };
    context.streams.normal(purpose::SHOWN, 0, rows, config.dim)
}

/// Pairs on the device.
struct DevicePairs {
    source: Tensor,
    target: Tensor,
}

struct Regression<'a> {
    h: &'a Mlp,
    train: DevicePairs,
    validation: DevicePairs,
    snapshots: Snapshots<'a>,
    /// The decoder of the snapshots, if an observer wants images.
    autoencoder: Option<Autoencoder>,
}

/// What ĥ generates from fixed normal vectors, kept after some epochs.
struct Snapshots<'a> {
    policy: SnapshotPolicy,
    source: Tensor,
    normalizer: &'a Normalizer,
    input_fingerprint: &'a Fingerprint,
}

impl TrainingTask for Regression<'_> {
    /// Rows of the pairs on the device.
    type Batch = Vec<u32>;

    fn gather(&self, _split: Split, samples: &[usize]) -> Vec<u32> {
        samples.iter().map(|&sample| sample as u32).collect()
    }

    fn loss(&self, split: Split, batch: Vec<u32>) -> Result<Tensor> {
        let (pairs, mode) = match split {
            Split::Train => (&self.train, Mode::Train),
            _ => (&self.validation, Mode::Evaluate),
        };
        let rows = Tensor::new(batch, self.h.parameters().device()).map_err(gtn_models::Error::from)?;
        let select = |tensor: &Tensor| tensor.index_select(&rows, 0).map_err(gtn_models::Error::from);
        let output = self.h.forward(&select(&pairs.source)?, mode)?;
        Ok(mean_squared_error(&output, &select(&pairs.target)?)?)
    }

    fn stage(&self) -> Stage {
        Stage::Fit
    }

    fn network(&self) -> Network {
        Network::H
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
        let is_kept = match self.snapshots.policy {
            SnapshotPolicy::EpochSeries => is_in_series(epoch),
            SnapshotPolicy::Improvements => improved,
        };
        if is_kept { self.snapshots.write(self.h, &run.snapshot(epoch)) } else { Ok(()) }
    }

    fn images(&self) -> Result<Option<Array4<f32>>> {
        let Some(autoencoder) = &self.autoencoder else { return Ok(None) };
        let latents = self.snapshots.generated(self.h)?;
        let latents = to_tensor(latents.view(), autoencoder.parameters().device())?;
        Ok(Some(to_array4(&autoencoder.decoder().forward(&latents)?)?))
    }

    fn missing(&self, epochs: usize, run: &RunFolder) -> Result<Option<String>> {
        let Snapshots { policy: SnapshotPolicy::EpochSeries, input_fingerprint, .. } = &self.snapshots else {
            // Training ĥ for images takes hours, and is not repeated for a figure.
            return Ok(None);
        };
        for path in (1..=epochs).filter(|&epoch| is_in_series(epoch)).map(|epoch| run.snapshot(epoch)) {
            let reason = match Artifact::read_if_current(&path, input_fingerprint) {
                Ok(Some(_)) => continue,
                Ok(None) => format!("{} is missing", path.display()),
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
        Ok(self.normalizer.denormalize(to_array2(&h.forward(&self.source, Mode::Evaluate)?)?))
    }

    fn write(&self, h: &Mlp, path: &Path) -> Result<()> {
        let mut artifact = Artifact::new(self.input_fingerprint.clone());
        artifact.insert(&snapshot::GENERATED, self.generated(h)?);
        Ok(artifact.write(path)?)
    }
}

/// After which epochs a snapshot is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SnapshotPolicy {
    /// Epochs 1, 2, 5, 10 and so on. For points, whose figures need them all.
    EpochSeries,
    /// Epochs that improved the validation loss. For images (Figure 5).
    Improvements,
}

/// Epochs 1, 2, 5, 10, 20, 50 and so on.
fn is_in_series(epoch: usize) -> bool {
    let mut epoch = epoch;
    while epoch > 0 && epoch.is_multiple_of(10) {
        epoch /= 10;
    }
    matches!(epoch, 1 | 2 | 5)
}

pub(crate) fn run(config: &Config, targets: &Targets, pairs: &Pairs, context: &mut Context<'_>) -> Result<()> {
    let h = Mlp::new(&MlpShape::from_config(config), &context.streams, &context.device)?;
    let settings = (config.seed, &config.h, config.time_budget);
    let inputs = fingerprint("fit", &settings, &[&targets.checksum, &pairs.checksum]);
    let to_device = |pairs: &SplitPairs, rows: &Array2<f32>| -> Result<DevicePairs> {
        let target = targets.normalizer.normalize(rows.select(Axis(0), &pairs.assignment).view());
        Ok(DevicePairs {
            source: to_tensor(pairs.source.view(), &context.device)?,
            target: to_tensor(target.view(), &context.device)?,
        })
    };
    let are_images = config.data.are_images();
    let policy = if are_images { SnapshotPolicy::Improvements } else { SnapshotPolicy::EpochSeries };
    let source = to_tensor(snapshot_source(config, context).view(), &context.device)?;
    let snapshots = Snapshots { policy, source, normalizer: &targets.normalizer, input_fingerprint: &inputs };
    let wants_images = are_images && context.observer.wants_images();
    let autoencoder = wants_images.then(|| Autoencoder::load_best(context.run.root(), &context.device)).transpose()?;
    let task = Regression {
        h: &h,
        train: to_device(&pairs.train, &targets.train)?,
        validation: to_device(&pairs.validation, &targets.validation)?,
        snapshots,
        autoencoder,
    };
    let schedule = Schedule { training: &config.h.training, budget: config.training_budgets().1 };
    train(&task, &schedule, &inputs, Some(&targets.normalizer), context)
}

#[cfg(test)]
mod tests {
    #[test]
    fn snapshots_are_spread_over_the_epochs() {
        let kept: Vec<usize> = (0..1001).filter(|&epoch| super::is_in_series(epoch)).collect();
        assert_eq!(kept, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]);
    }
}
