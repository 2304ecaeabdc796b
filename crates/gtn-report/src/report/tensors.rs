//! Tensors of a run as they are expected, or an error that names the file and the tensor.

use std::path::{Path, PathBuf};

use gtn_run::{Artifact, RunFolder};
use ndarray::ArrayViewD;

use crate::{Error, Result};

/// A file of tensors.
pub(super) struct Tensors {
    path: PathBuf,
    artifact: Artifact,
    snapshot: bool,
}

impl Tensors {
    /// The samples of a run.
    pub(super) fn samples(run: &RunFolder) -> Result<Self> {
        let path = run.samples();
        match Artifact::read(&path) {
            Err(gtn_run::Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::NoSamples { path })
            }
            artifact => Ok(Self { path, artifact: artifact?, snapshot: false }),
        }
    }

    /// What ĥ made of the same normal vectors after an earlier epoch.
    pub(super) fn snapshot(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_path_buf(), artifact: Artifact::read(path)?, snapshot: true })
    }

    /// A note beside the tensors, if it is there.
    pub(super) fn note<T: for<'de> serde::Deserialize<'de>>(&self, name: &str) -> Option<T> {
        self.artifact.note(name)
    }

    /// Whether there is a tensor of a name.
    pub(super) fn has(&self, tensor: &str) -> bool {
        self.artifact.f32(tensor).is_ok()
    }

    /// The tensor of a name, of any shape.
    pub(super) fn of(&self, tensor: &'static str) -> Result<ArrayViewD<'_, f32>> {
        Ok(self.artifact.f32(tensor)?.view())
    }

    /// A tensor of shape (n, D): `count` rows if that is known, at least one if it is not.
    pub(super) fn rows<const D: usize>(&self, tensor: &'static str, count: Option<usize>) -> Result<Vec<[f64; D]>> {
        let array = self.of(tensor)?;
        let fits = matches!(*array.shape(), [n, d] if d == D && count.map_or(n > 0, |count| n == count));
        if !fits {
            let n = count.map_or("n".to_owned(), |count| count.to_string());
            return Err(self.refuse(tensor, format!("has shape {:?}, and ({n}, {D}) was expected", array.shape())));
        }
        let values: Vec<f64> = array.iter().map(|value| f64::from(*value)).collect();
        Ok(values.as_chunks::<D>().0.to_vec())
    }

    /// A tensor of shape (m): `count` numbers if that is known, at least one if it is not.
    pub(super) fn numbers(&self, tensor: &'static str, count: Option<usize>) -> Result<Vec<f64>> {
        let array = self.of(tensor)?;
        let fits = matches!(*array.shape(), [n] if count.map_or(n > 0, |count| n == count));
        if !fits {
            let n = count.map_or("m".to_owned(), |count| count.to_string());
            return Err(self.refuse(tensor, format!("has shape {:?}, and ({n}) was expected", array.shape())));
        }
        Ok(array.iter().map(|value| f64::from(*value)).collect())
    }

    /// The error about a tensor.
    pub(super) fn refuse(&self, tensor: &'static str, reason: String) -> Error {
        let path = self.path.clone();
        if self.snapshot { Error::Snapshot { path, tensor, reason } } else { Error::Samples { path, tensor, reason } }
    }
}
