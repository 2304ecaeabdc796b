//! The results of stages: tensors and metadata in a safetensors file, with the fingerprint of their inputs and a checksum.
//!
//! The file can be read by every program that reads safetensors. Its keys are those of the [`schema`](crate::schema).

mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{Array, ArrayD, Dimension};
use serde::{Deserialize, Serialize};

use crate::atomic::Existing;
use crate::schema::{ArtifactKind, MetadataKey, Tensor, TensorElement, TensorGroup, TensorKey, log_access};
use crate::{Error, Fingerprint, Result, atomic};
use file::{Header, Metadata, Tensors};

/// Tensors and metadata by their keys, with the fingerprint of their inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    input_fingerprint: Option<String>,
    checksum: Option<String>,
    metadata: Metadata,
    tensors: Tensors,
    path: PathBuf,
}

impl Artifact {
    /// An artifact without tensors, computed from the inputs of `input_fingerprint`.
    #[must_use]
    pub fn new(input_fingerprint: Fingerprint) -> Self {
        Self {
            input_fingerprint: Some(input_fingerprint.as_str().to_owned()),
            checksum: None,
            metadata: BTreeMap::new(),
            tensors: BTreeMap::new(),
            path: PathBuf::new(),
        }
    }

    /// Adds or replaces a tensor.
    pub fn insert<T: TensorElement, D: Dimension>(&mut self, key: &TensorKey<T>, array: Array<T, D>) {
        self.insert_tensor(key.name().to_owned(), key.info().artifact, T::into_tensor(array.into_dyn()));
    }

    /// Adds or replaces tensors of a group, by the names that follow its prefix.
    pub fn insert_group(&mut self, group: &TensorGroup, tensors: impl IntoIterator<Item = (String, ArrayD<f32>)>) {
        for (name, array) in tensors {
            self.insert_tensor(format!("{}{name}", group.prefix()), group.info().artifact, Tensor::F32(array));
        }
    }

    fn insert_tensor(&mut self, name: String, kind: ArtifactKind, tensor: Tensor) {
        log_access("write", kind, &name);
        self.tensors.insert(name, tensor);
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
        self.metadata.insert(name.to_owned(), value);
        Ok(())
    }

    /// Removes metadata, and returns whether it existed.
    pub fn remove_metadata<V>(&mut self, key: &MetadataKey<V>) -> bool {
        self.metadata.remove(key.name()).is_some()
    }

    /// The metadata of `key`, if it exists and has the expected form.
    #[must_use]
    pub fn metadata<V: for<'de> Deserialize<'de>>(&self, key: &MetadataKey<V>) -> Option<V> {
        log_access("read", key.info().artifact, key.name());
        self.metadata.get(key.name()).and_then(|value| serde_json::from_value(value.clone()).ok())
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
        self.tensors.get(key.name()).and_then(T::from_tensor).is_some()
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
        self.tensors
            .iter()
            .filter_map(|(name, tensor)| match (name.strip_prefix(group.prefix()), tensor) {
                (Some(rest), Tensor::F32(array)) => Some((rest.to_owned(), array.clone())),
                _ => None,
            })
            .collect()
    }

    fn named<T: TensorElement>(&self, kind: ArtifactKind, name: &str) -> Result<&ArrayD<T>> {
        log_access("read", kind, name);
        self.tensors.get(name).and_then(T::from_tensor).ok_or_else(|| Error::MissingTensor {
            path: self.path.clone(),
            name: name.to_owned(),
            dtype: T::NAME,
        })
    }

    /// Whether the artifact was computed from exactly these inputs.
    #[must_use]
    pub fn has_inputs(&self, input_fingerprint: &Fingerprint) -> bool {
        self.input_fingerprint.as_deref() == Some(input_fingerprint.as_str())
    }

    /// SHA-256 of names, types, shapes, values and metadata, as read or written. It identifies the content for later stages.
    #[must_use]
    pub fn checksum(&self) -> String {
        self.checksum.clone().unwrap_or_else(|| file::digest(&self.tensors, &self.metadata))
    }

    /// Writes the artifact atomically, replacing an existing file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written.
    pub fn write(&mut self, path: &Path) -> Result<()> {
        let sha256 = file::digest(&self.tensors, &self.metadata);
        let header = Header {
            input_fingerprint: self.input_fingerprint.clone().unwrap_or_default(),
            sha256: sha256.clone(),
            metadata: self.metadata.clone(),
        };
        let header = file::header_bytes(&self.tensors, &header)
            .map_err(|reason| Error::io("write", path)(std::io::Error::other(reason)))?;
        atomic::write(path, Existing::Replace, |out| {
            out.write_all(&header)?;
            file::in_file_order(&self.tensors).into_iter().try_for_each(|tensor| out.write_all(&tensor.bytes()))
        })?;
        self.checksum = Some(sha256);
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
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let damaged = |reason: String| Error::Damaged { path: path.to_path_buf(), reason };
        let (tensors, header) = file::parse(&bytes).map_err(damaged)?;
        let metadata = header.as_ref().map(|header| header.metadata.clone()).unwrap_or_default();
        let sha256 = file::digest(&tensors, &metadata);
        if header.as_ref().is_some_and(|header| header.sha256 != sha256) {
            return Err(damaged("its content does not match its checksum".to_owned()));
        }
        Ok(Self {
            input_fingerprint: header.map(|header| header.input_fingerprint),
            checksum: Some(sha256),
            metadata,
            tensors,
            path: path.to_path_buf(),
        })
    }

    /// Reads the artifact at `path` if it exists and was computed from these inputs.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file exists and cannot be read, [`Error::Damaged`] if its content is not what was written.
    pub fn read_if_current(path: &Path, input_fingerprint: &Fingerprint) -> Result<Option<Self>> {
        match Self::read(path) {
            Ok(artifact) => Ok(artifact.has_inputs(input_fingerprint).then_some(artifact)),
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use safetensors::SafeTensors;
    use safetensors::tensor::{Dtype, TensorView};

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
    fn the_file_is_what_the_safetensors_crate_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut artifact = example();
        artifact.insert(&pairs::TRAIN_ORDER, array![1_u64]);
        artifact.insert(&pairs::VALIDATION_SOURCE, ArrayD::<f32>::zeros(vec![0, 3]));
        artifact.write(&path).unwrap();
        let written = std::fs::read(&path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&written).unwrap();
        let owned = artifact.tensors.iter().map(|(name, tensor)| {
            let (dtype, shape, bytes) = match tensor {
                Tensor::F32(array) => (Dtype::F32, array.shape(), tensor.bytes()),
                Tensor::U64(array) => (Dtype::U64, array.shape(), tensor.bytes()),
            };
            (name, TensorView::new(dtype, shape.to_vec(), Box::leak(bytes.into())).unwrap())
        });
        assert_eq!(written, safetensors::serialize(owned, header.metadata().clone()).unwrap());
    }

    #[test]
    fn arrays_in_any_memory_order_are_written_in_row_major_order() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let matrix = array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let write = |matrix: ArrayD<f32>, path: &Path| {
            let mut artifact = Artifact::new(Fingerprint::new("test", &[]));
            artifact.insert(&pairs::TRAIN_SOURCE, matrix);
            artifact.write(path).unwrap();
        };
        write(matrix.t().as_standard_layout().into_owned().into_dyn(), &a);
        write(matrix.reversed_axes().into_dyn(), &b);
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        assert_eq!(Artifact::read(&b).unwrap().tensor(&pairs::TRAIN_SOURCE).unwrap()[[2, 1]], 6.0);
    }

    #[test]
    fn every_flipped_byte_and_every_truncation_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        example().write(&path).unwrap();
        let complete = std::fs::read(&path).unwrap();
        for position in 0..complete.len() {
            let mut bytes = complete.clone();
            bytes[position] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            match Artifact::read(&path) {
                Err(Error::Damaged { .. }) => {}
                // A flip in the fingerprint itself, or in the name of the metadata, makes it an artifact of other inputs.
                Ok(read) => assert!(!read.has_inputs(&Fingerprint::new("test", &["a"])), "byte {position}"),
                Err(other) => panic!("byte {position}: {other}"),
            }
        }
        for length in 0..complete.len() {
            std::fs::write(&path, &complete[..length]).unwrap();
            assert!(matches!(Artifact::read(&path), Err(Error::Damaged { .. })), "length {length}");
        }
    }
}
