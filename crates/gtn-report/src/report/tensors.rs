//! Tensors of a run, with checks of their shapes.

use std::path::{Path, PathBuf};

use gtn_io::TensorElement;
use gtn_run::schema::{MetadataKey, TensorKey};
use gtn_run::{Artifact, MetricsLog, RunFolder, RunProgress};
use ndarray::ArrayViewD;

use crate::{Error, Result};

/// A file of tensors.
pub(super) struct Tensors {
    path: PathBuf,
    artifact: Artifact,
    is_snapshot: bool,
}

impl Tensors {
    /// The samples of a run.
    pub(super) fn samples(run: &RunFolder) -> Result<Self> {
        let path = run.samples();
        match Artifact::read(&path) {
            Err(gtn_run::Error::Io(error)) if error.is_not_found() => Err(unfinished(run)?),
            artifact => Ok(Self { path, artifact: artifact?, is_snapshot: false }),
        }
    }

    /// What ĥ generated from the same normal vectors after an earlier epoch.
    pub(super) fn snapshot(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_path_buf(), artifact: Artifact::read(path)?, is_snapshot: true })
    }

    /// Metadata of the file, if it exists.
    pub(super) fn metadata<V: for<'de> serde::Deserialize<'de>>(&self, key: &MetadataKey<V>) -> Option<V> {
        self.artifact.metadata(key)
    }

    /// Whether a tensor exists.
    pub(super) fn contains<T: TensorElement>(&self, key: &TensorKey<T>) -> bool {
        self.artifact.contains(key)
    }

    /// A tensor of any shape.
    pub(super) fn tensor(&self, key: &TensorKey<f32>) -> Result<ArrayViewD<'_, f32>> {
        Ok(self.artifact.tensor(key)?.view())
    }

    /// A tensor of shape (n, D): `count` rows if that is known, otherwise at least one.
    pub(super) fn rows<const D: usize>(&self, key: &TensorKey<f32>, count: Option<usize>) -> Result<Vec<[f64; D]>> {
        let n = count.map_or("n".to_owned(), |count| count.to_string());
        let fits = |shape: &[usize]| matches!(*shape, [n, d] if d == D && count.map_or(n > 0, |count| n == count));
        Ok(self.checked(key, fits, &format!("({n}, {D})"))?.as_chunks::<D>().0.to_vec())
    }

    /// A tensor of shape (m): `count` values if that is known, otherwise at least one.
    pub(super) fn values(&self, key: &TensorKey<f32>, count: Option<usize>) -> Result<Vec<f64>> {
        let n = count.map_or("m".to_owned(), |count| count.to_string());
        self.checked(key, |shape| matches!(*shape, [n] if count.map_or(n > 0, |count| n == count)), &format!("({n})"))
    }

    fn checked(&self, key: &TensorKey<f32>, fits: impl Fn(&[usize]) -> bool, expected: &str) -> Result<Vec<f64>> {
        let array = self.tensor(key)?;
        if !fits(array.shape()) {
            return Err(self.invalid(key, format!("has shape {:?}, expected {expected}", array.shape())));
        }
        Ok(array.iter().map(|value| f64::from(*value)).collect())
    }

    /// The error about an invalid tensor.
    pub(super) fn invalid(&self, key: &TensorKey<f32>, reason: String) -> Error {
        let (path, tensor) = (self.path.clone(), key.name());
        if self.is_snapshot {
            Error::Snapshot { path, tensor, reason }
        } else {
            Error::Samples { path, tensor, reason }
        }
    }
}

/// The error about a run without samples: how far it has come, and how to resume it.
fn unfinished(run: &RunFolder) -> Result<Error> {
    let record = run.record()?;
    let log = MetricsLog::open(&run.metrics())?;
    let command = record.provenance.command.unwrap_or_else(|| "gtn reproduce EXPERIMENT".to_owned());
    let progress = RunProgress::new(&record.config, &log);
    Ok(Error::Unfinished { run: run.root().to_path_buf(), progress, command })
}
