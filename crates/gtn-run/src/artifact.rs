//! The results of stages: tensors and metadata in a safetensors file, with the fingerprint of their inputs and a checksum.
//!
//! The file can be read by every program that reads safetensors. Its keys are those of the [`schema`](crate::schema).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gtn_io::{TensorElement, TensorFile};
use ndarray::{Array, ArrayD, Dimension};
use serde::{Deserialize, Serialize};

use crate::schema::{ArtifactKind, MetadataKey, TensorGroup, TensorKey, log_access};
use crate::{Error, Fingerprint, Result};

/// Tensors and metadata by their keys, with the fingerprint of their inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    file: TensorFile,
    path: PathBuf,
}

impl Artifact {
    /// An artifact without tensors, computed from the inputs of `input_fingerprint`.
    #[must_use]
    pub fn new(input_fingerprint: Fingerprint) -> Self {
        Self { file: TensorFile::new(input_fingerprint.as_str()), path: PathBuf::new() }
    }

    /// Adds or replaces a tensor.
    pub fn insert<T: TensorElement, D: Dimension>(&mut self, key: &TensorKey<T>, array: Array<T, D>) {
        log_access("write", key.info().artifact, key.name());
        self.file.insert(key.name(), array);
    }

    /// Adds or replaces tensors of a group, by the names that follow its prefix.
    pub fn insert_group(&mut self, group: &TensorGroup, tensors: impl IntoIterator<Item = (String, ArrayD<f32>)>) {
        for (name, array) in tensors {
            let name = format!("{}{name}", group.prefix());
            log_access("write", group.info().artifact, &name);
            self.file.insert(name, array);
        }
    }

    /// Adds or replaces metadata.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if `value` has no JSON form.
    pub fn set_metadata<V: Serialize>(&mut self, key: &MetadataKey<V>, value: &V) -> Result<()> {
        let name = key.name();
        let value = serde_json::to_value(value)
            .map_err(|error| Error::Config { what: format!("metadata `{name}`"), reason: error.to_string() })?;
        log_access("write", key.info().artifact, name);
        self.file.metadata.insert(name.to_owned(), value);
        Ok(())
    }

    /// Removes metadata, and returns whether it existed.
    pub fn remove_metadata<V>(&mut self, key: &MetadataKey<V>) -> bool {
        self.file.metadata.remove(key.name()).is_some()
    }

    /// The metadata of `key`, if it exists and has the expected form.
    #[must_use]
    pub fn metadata<V: for<'de> Deserialize<'de>>(&self, key: &MetadataKey<V>) -> Option<V> {
        log_access("read", key.info().artifact, key.name());
        self.file.metadata.get(key.name()).and_then(|value| serde_json::from_value(value.clone()).ok())
    }

    /// The tensor of `key`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] if there is none with its element type.
    pub fn tensor<T: TensorElement>(&self, key: &TensorKey<T>) -> Result<&ArrayD<T>> {
        self.named(key.info().artifact, key.name())
    }

    /// Whether the tensor of `key` exists, with its element type.
    #[must_use]
    pub fn contains<T: TensorElement>(&self, key: &TensorKey<T>) -> bool {
        self.file.tensor::<T>(key.name()).is_some()
    }

    /// One tensor of a group, by the name that follows its prefix.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] if there is none.
    pub fn group_tensor(&self, group: &TensorGroup, name: &str) -> Result<&ArrayD<f32>> {
        self.named(group.info().artifact, &format!("{}{name}", group.prefix()))
    }

    /// The tensors of a group, by the names that follow its prefix.
    #[must_use]
    pub fn group(&self, group: &TensorGroup) -> BTreeMap<String, ArrayD<f32>> {
        log_access("read", group.info().artifact, group.prefix());
        self.file
            .tensors
            .iter()
            .filter_map(|(name, tensor)| {
                Some((name.strip_prefix(group.prefix())?.to_owned(), f32::from_tensor(tensor)?.clone()))
            })
            .collect()
    }

    fn named<T: TensorElement>(&self, kind: ArtifactKind, name: &str) -> Result<&ArrayD<T>> {
        log_access("read", kind, name);
        self.file.tensor(name).ok_or_else(|| Error::MissingTensor {
            path: self.path.clone(),
            name: name.to_owned(),
            dtype: T::NAME,
        })
    }

    /// Checks that the values of weights are possible: all are finite, and no variance is negative.
    ///
    /// # Errors
    ///
    /// [`Error::UnusableWeights`] with the name of the first tensor whose values are not.
    pub fn check_values(&self) -> Result<()> {
        for (name, tensor) in &self.file.tensors {
            let Some(values) = f32::from_tensor(tensor) else { continue };
            let what = if !values.iter().all(|value| value.is_finite()) {
                "NaN or an infinity"
            } else if name.ends_with("running_var") && values.iter().any(|&value| value < 0.0) {
                "a negative variance"
            } else {
                continue;
            };
            return Err(Error::UnusableWeights { path: self.path.clone(), name: name.clone(), what });
        }
        Ok(())
    }

    /// Whether the artifact was computed from exactly these inputs.
    #[must_use]
    pub fn has_inputs(&self, input_fingerprint: &Fingerprint) -> bool {
        self.file.input_fingerprint.as_deref() == Some(input_fingerprint.as_str())
    }

    /// SHA-256 of names, types, shapes, values and metadata, as read or written. It identifies the content for later stages.
    #[must_use]
    pub fn checksum(&self) -> String {
        self.file.checksum()
    }

    /// Writes the artifact atomically, replacing an existing file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written.
    pub fn write(&mut self, path: &Path) -> Result<()> {
        self.file.write(path)?;
        self.path = path.to_path_buf();
        Ok(())
    }

    /// Reads an artifact, or any safetensors file of `f32` and `u64` tensors.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Damaged`] if it is not a safetensors file or its content does not
    /// match its checksum.
    pub fn read(path: &Path) -> Result<Self> {
        match TensorFile::read(path) {
            Ok(file) => Ok(Self { file, path: path.to_path_buf() }),
            Err(gtn_io::Error::Malformed { path, reason }) => Err(Error::Damaged { path, reason }),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads an artifact that the user passed, and that no stage could recreate.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, is not a safetensors file, or its content does not match its checksum.
    pub(crate) fn read_input(path: &Path) -> Result<Self> {
        Ok(Self { file: TensorFile::read(path)?, path: path.to_path_buf() })
    }

    /// Reads the artifact at `path` if it exists and was computed from these inputs.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file exists and cannot be read, [`Error::Damaged`] if its content is not what was written.
    pub fn read_if_current(path: &Path, input_fingerprint: &Fingerprint) -> Result<Option<Self>> {
        match Self::read(path) {
            Ok(artifact) => Ok(artifact.has_inputs(input_fingerprint).then_some(artifact)),
            Err(Error::Io(error)) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::schema::{checkpoint, pairs};

    fn example() -> Artifact {
        let mut artifact = Artifact::new(Fingerprint::new("test", &["a"]));
        artifact.insert(&pairs::TRAIN_SOURCE, array![[1.5_f32, -0.0], [f32::MIN_POSITIVE, 3.0]]);
        artifact.insert(&pairs::TRAIN_ASSIGNMENT, array![7_u64, u64::MAX]);
        artifact.insert_group(&checkpoint::WEIGHTS, [("output.bias".to_owned(), array![0.5_f32].into_dyn())]);
        artifact.set_metadata(&checkpoint::EPOCH, &3).unwrap();
        artifact
    }

    #[test]
    fn an_artifact_reads_back_and_equal_content_is_equal_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let mut artifact = example();
        artifact.write(&a).unwrap();
        example().write(&b).unwrap();
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        let read = Artifact::read(&a).unwrap();
        assert_eq!(read, artifact);
        assert_eq!(read.metadata(&checkpoint::EPOCH), Some(3));
        assert_eq!(read.checksum(), example().checksum());
        assert_eq!(read.group(&checkpoint::WEIGHTS)["output.bias"], array![0.5_f32].into_dyn());
        assert_eq!(read.tensor(&pairs::TRAIN_ASSIGNMENT).unwrap(), &array![7, u64::MAX].into_dyn());
        assert!(matches!(read.tensor(&pairs::TRAIN_ORDER), Err(Error::MissingTensor { dtype: "u64", .. })));
        assert!(read.has_inputs(&Fingerprint::new("test", &["a"])));
        let other = Fingerprint::new("test", &["b"]);
        assert!(Artifact::read_if_current(&a, &other).unwrap().is_none());
        assert!(Artifact::read_if_current(&folder.path().join("c"), &other).unwrap().is_none());
    }

    #[test]
    fn impossible_weights_are_named_with_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("h.best.safetensors");
        let message = |name: &str, value: f32| {
            let mut artifact = example();
            artifact.insert_group(&checkpoint::WEIGHTS, [(name.to_owned(), array![1.0, value].into_dyn())]);
            artifact.write(&path).unwrap();
            Artifact::read(&path).unwrap().check_values().err().map(|error| error.to_string())
        };
        assert_eq!(message("hidden.000.norm.running_var", 0.0), None);
        assert_eq!(message("output.weight", -1.0), None);
        for (name, value, what) in [
            ("output.weight", f32::NAN, "NaN or an infinity"),
            ("output.weight", f32::NEG_INFINITY, "NaN or an infinity"),
            ("hidden.000.norm.running_var", -1e-9, "a negative variance"),
        ] {
            let message = message(name, value).unwrap();
            assert!(
                message.starts_with(&format!("{}: tensor `weights.{name}` holds {what}; ", path.display())),
                "{message}"
            );
        }
    }

    #[test]
    fn a_damaged_artifact_says_how_to_recreate_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        example().write(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let damaged = Artifact::read(&path).unwrap_err();
        assert!(matches!(damaged, Error::Damaged { .. }) && !damaged.is_user_error(), "{damaged}");
        let message =
            format!("{} is damaged: its content does not match its checksum; run the command", path.display());
        assert!(damaged.to_string().starts_with(&message), "{damaged}");
    }
}
