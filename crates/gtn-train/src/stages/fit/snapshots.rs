//! What ĥ generates from fixed normal vectors, kept after some epochs.

use std::path::Path;

use gtn_models::{Autoencoder, H, to_array4, to_tensor};
use gtn_run::schema::snapshot;
use gtn_run::{Artifact, Fingerprint, RunFolder};
use ndarray::Array4;

use super::fixed_source::FixedSource;
use super::sample_metric::SampleMetric;
use crate::Result;
use crate::training::EpochOutputs;

/// What ĥ generates from fixed normal vectors, kept after some epochs.
pub(super) struct Snapshots<'a> {
    pub(super) h: &'a H,
    pub(super) policy: SnapshotPolicy,
    pub(super) source: FixedSource<'a>,
    pub(super) input_fingerprint: &'a Fingerprint,
    /// The decoder of the snapshots, if an observer wants images.
    pub(super) autoencoder: Option<Autoencoder>,
    /// The metric that decides which epoch is the best, if samples do.
    pub(super) metric: Option<Box<dyn SampleMetric + 'a>>,
}

/// After which epochs a snapshot is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SnapshotPolicy {
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

impl Snapshots<'_> {
    fn write(&self, path: &Path) -> Result<()> {
        let mut artifact = Artifact::new(self.input_fingerprint.clone());
        artifact.insert(&snapshot::GENERATED, self.source.generate(self.h)?);
        Ok(artifact.write(path)?)
    }
}

impl EpochOutputs for Snapshots<'_> {
    fn after_epoch(&self, epoch: usize, improved: bool, run: &RunFolder) -> Result<()> {
        let is_kept = match self.policy {
            SnapshotPolicy::EpochSeries => is_in_series(epoch),
            SnapshotPolicy::Improvements => improved,
        };
        if is_kept { self.write(&run.snapshot(epoch)) } else { Ok(()) }
    }

    fn images(&self) -> Result<Option<Array4<f32>>> {
        let Some(autoencoder) = &self.autoencoder else { return Ok(None) };
        let latents = to_tensor(self.source.generate(self.h)?.view(), autoencoder.parameters().device())?;
        Ok(Some(to_array4(&autoencoder.decoder().forward(&latents)?)?))
    }

    fn sample_metric(&self, stop: &dyn Fn() -> bool) -> Result<Option<f64>> {
        self.metric.as_ref().map(|metric| metric.measure(self.h, stop)).transpose()
    }

    fn missing(&self, epochs: usize, run: &RunFolder) -> Result<Option<String>> {
        if self.policy == SnapshotPolicy::Improvements {
            // Training ĥ for images takes hours, and is not repeated for a figure.
            return Ok(None);
        }
        for path in (1..=epochs).filter(|&epoch| is_in_series(epoch)).map(|epoch| run.snapshot(epoch)) {
            let reason = match Artifact::read_if_current(&path, self.input_fingerprint) {
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
            std::fs::remove_file(&path).map_err(gtn_io::Error::io("remove", &path))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn snapshots_are_spread_over_the_epochs() {
        let kept: Vec<usize> = (0..1001).filter(|&epoch| super::is_in_series(epoch)).collect();
        assert_eq!(kept, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]);
    }
}
