//! Features of images in the cache folder, so that the same images pass through the same network once.

use std::path::{Path, PathBuf};

use gtn_io::TensorFile;
use gtn_run::Fingerprint;
use ndarray::{Array2, Ix2};

use crate::failure::Failure;
use crate::progress::Progress;

/// It increases when the program computes other features of the same images.
const VERSION: &str = "1";
const TENSOR: &str = "features";

/// The file of the features of some images.
pub(super) struct CachedFeatures {
    path: PathBuf,
    inputs: Fingerprint,
    shape: (usize, usize),
}

impl CachedFeatures {
    /// The file of features that depend on these parts, with this shape.
    pub(super) fn new(cache_dir: &Path, parts: &[&str], shape: (usize, usize)) -> Self {
        let inputs = Fingerprint::new("inception features", &[&[VERSION], parts].concat());
        let path = cache_dir.join("features").join(format!("{}.safetensors", inputs.as_str()));
        Self { path, inputs, shape }
    }

    /// The features, if they are stored. A damaged file counts as missing.
    pub(super) fn read(&self, progress: &Progress) -> Option<Array2<f32>> {
        if !self.path.is_file() {
            return None;
        }
        let read = TensorFile::read(&self.path).map_err(|error| error.to_string());
        let features = read.and_then(|file| {
            let is_of_inputs = file.input_fingerprint.as_deref() == Some(self.inputs.as_str());
            let features = file.tensor::<f32>(TENSOR).filter(|_| is_of_inputs).cloned();
            let features = features.and_then(|features| features.into_dimensionality::<Ix2>().ok());
            let features = features.filter(|features| features.dim() == self.shape);
            features.ok_or_else(|| format!("{} holds something else", self.path.display()))
        });
        match features {
            Ok(features) => Some(features),
            Err(reason) => {
                progress.line(&format!("note: {reason}; the features are computed again"));
                None
            }
        }
    }

    pub(super) fn write(&self, features: &Array2<f32>) -> Result<(), Failure> {
        let folder = self.path.parent().unwrap_or(&self.path);
        std::fs::create_dir_all(folder).map_err(gtn_io::Error::io("create", folder))?;
        let mut file = TensorFile::new(self.inputs.as_str());
        file.insert(TENSOR, features.clone());
        Ok(file.write(&self.path)?)
    }
}
