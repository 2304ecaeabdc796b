//! What a stage hands on: named tensors in a safetensors file, with the fingerprint of their origin and a checksum.
//!
//! The file can be read by anything that reads safetensors. Its metadata has one entry, `gtn`, a JSON object; one entry,
//! because the order of several would differ from run to run, and equal artifacts are equal bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::atomic::Existing;
use crate::fingerprint::hex;
use crate::{Error, Fingerprint, Result, atomic};

#[derive(Debug, Clone, PartialEq)]
enum Values {
    F32(ArrayD<f32>),
    U64(ArrayD<u64>),
}

impl Values {
    fn shape(&self) -> &[usize] {
        match self {
            Values::F32(array) => array.shape(),
            Values::U64(array) => array.shape(),
        }
    }

    fn dtype(&self) -> Dtype {
        match self {
            Values::F32(_) => Dtype::F32,
            Values::U64(_) => Dtype::U64,
        }
    }

    fn bytes_len(&self) -> usize {
        let size = match self {
            Values::F32(_) => size_of::<f32>(),
            Values::U64(_) => size_of::<u64>(),
        };
        size * self.shape().iter().product::<usize>()
    }

    /// The values in their order, little-endian: where they lie, if they lie so. The state of a large network takes gigabytes.
    fn bytes(&self) -> Cow<'_, [u8]> {
        fn of<T: bytemuck::Pod, const N: usize>(array: &ArrayD<T>, little: fn(T) -> [u8; N]) -> Cow<'_, [u8]> {
            match array.as_slice() {
                Some(values) if cfg!(target_endian = "little") => Cow::Borrowed(bytemuck::cast_slice(values)),
                _ => Cow::Owned(array.iter().flat_map(|value| little(*value)).collect()),
            }
        }
        match self {
            Values::F32(array) => of(array, f32::to_le_bytes),
            Values::U64(array) => of(array, u64::to_le_bytes),
        }
    }
}

/// A tensor without its values: they are written from where they lie, not through a copy of the whole file.
struct Outline<'a>(&'a Values);

impl View for Outline<'_> {
    fn dtype(&self) -> Dtype {
        self.0.dtype()
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&[])
    }

    fn data_len(&self) -> usize {
        self.0.bytes_len()
    }
}

/// The beginning of the file, up to the values.
fn header(
    tensors: &BTreeMap<String, Values>,
    metadata: HashMap<String, String>,
) -> std::result::Result<Vec<u8>, SafeTensorError> {
    safetensors::serialize(tensors.iter().map(|(name, values)| (name, Outline(values))), Some(metadata))
}

/// Tensors in the order of the format's library: wide types first, then by name.
fn in_file_order(tensors: &BTreeMap<String, Values>) -> Vec<&Values> {
    let mut ordered: Vec<&Values> = tensors.values().collect();
    ordered.sort_by_key(|values| std::cmp::Reverse(values.dtype()));
    ordered
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    made_from: String,
    sha256: String,
    #[serde(default)]
    notes: BTreeMap<String, serde_json::Value>,
}

/// Named tensors with their origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    made_from: Option<String>,
    checksum: Option<String>,
    notes: BTreeMap<String, serde_json::Value>,
    tensors: BTreeMap<String, Values>,
    path: PathBuf,
}

impl Artifact {
    /// An artifact without tensors, made from what `made_from` tells.
    #[must_use]
    pub fn new(made_from: Fingerprint) -> Self {
        Self {
            made_from: Some(made_from.as_str().to_owned()),
            checksum: None,
            notes: BTreeMap::new(),
            tensors: BTreeMap::new(),
            path: PathBuf::new(),
        }
    }

    /// Adds or replaces a tensor of `f32`.
    pub fn insert_f32(&mut self, name: impl Into<String>, array: ArrayD<f32>) {
        self.tensors.insert(name.into(), Values::F32(array));
    }

    /// Adds or replaces a tensor of `u64`.
    pub fn insert_u64(&mut self, name: impl Into<String>, array: ArrayD<u64>) {
        self.tensors.insert(name.into(), Values::U64(array));
    }

    /// Adds or replaces a note: a small value that describes the tensors (an epoch, a position).
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if `value` has no JSON form.
    pub fn set_note(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        let value = serde_json::to_value(value)
            .map_err(|error| Error::Config { what: format!("note `{name}`"), reason: error.to_string() })?;
        self.notes.insert(name.to_owned(), value);
        Ok(())
    }

    /// Removes a note; whether it was there.
    pub fn remove_note(&mut self, name: &str) -> bool {
        self.notes.remove(name).is_some()
    }

    /// The note `name`, if it is there and of the type asked for.
    #[must_use]
    pub fn note<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        self.notes.get(name).and_then(|value| serde_json::from_value(value.clone()).ok())
    }

    /// The `f32` tensor `name`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] if there is none.
    pub fn f32(&self, name: &str) -> Result<&ArrayD<f32>> {
        match self.tensors.get(name) {
            Some(Values::F32(array)) => Ok(array),
            _ => Err(self.missing(name, "f32")),
        }
    }

    /// The `u64` tensor `name`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] if there is none.
    pub fn u64(&self, name: &str) -> Result<&ArrayD<u64>> {
        match self.tensors.get(name) {
            Some(Values::U64(array)) => Ok(array),
            _ => Err(self.missing(name, "u64")),
        }
    }

    fn missing(&self, name: &str, dtype: &'static str) -> Error {
        Error::MissingTensor { path: self.path.clone(), name: name.to_owned(), dtype }
    }

    /// The `f32` tensors whose names start with `prefix`, under the rest of their names.
    #[must_use]
    pub fn f32_below(&self, prefix: &str) -> BTreeMap<String, ArrayD<f32>> {
        self.tensors
            .iter()
            .filter_map(|(name, values)| match (name.strip_prefix(prefix), values) {
                (Some(rest), Values::F32(array)) => Some((rest.to_owned(), array.clone())),
                _ => None,
            })
            .collect()
    }

    /// Whether the artifact was made from just this.
    #[must_use]
    pub fn is_made_from(&self, fingerprint: &Fingerprint) -> bool {
        self.made_from.as_deref() == Some(fingerprint.as_str())
    }

    /// SHA-256 of names, types, shapes and values, as it was read or written; the identity of the content for the stages
    /// that come after.
    #[must_use]
    pub fn checksum(&self) -> String {
        self.checksum.clone().unwrap_or_else(|| digest(&self.tensors, &self.notes))
    }

    /// Writes the artifact, whole or not at all, in place of what is there.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written.
    pub fn write(&mut self, path: &Path) -> Result<()> {
        let sha256 = digest(&self.tensors, &self.notes);
        let metadata = Metadata {
            made_from: self.made_from.clone().unwrap_or_default(),
            sha256: sha256.clone(),
            notes: self.notes.clone(),
        };
        let fail = |error: &dyn std::fmt::Display| Error::io("write", path)(std::io::Error::other(error.to_string()));
        let metadata = serde_json::to_string(&metadata).map_err(|error| fail(&error))?;
        let metadata = HashMap::from([("gtn".to_owned(), metadata)]);
        let header = header(&self.tensors, metadata).map_err(|error| fail(&error))?;
        atomic::write(path, Existing::Replace, |out| {
            out.write_all(&header)?;
            in_file_order(&self.tensors).into_iter().try_for_each(|values| out.write_all(&values.bytes()))
        })?;
        self.checksum = Some(sha256);
        self.path = path.to_path_buf();
        Ok(())
    }

    /// Reads an artifact, or any safetensors file of `f32` and `u64` tensors.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Damaged`] if it is no safetensors file or its content does not
    /// fit its checksum.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let damaged = |reason: String| Error::Damaged { path: path.to_path_buf(), reason };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(error.to_string()))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            let values = from_view(&view).ok_or_else(|| {
                let (dtype, shape) = (view.dtype(), view.shape());
                damaged(format!(
                    "tensor `{name}` of type {dtype:?} and shape {shape:?} cannot be read, only F32 and U64 can"
                ))
            })?;
            tensors.insert(name.to_owned(), values);
        }
        let metadata: Option<Metadata> = match header.metadata().as_ref().and_then(|map| map.get("gtn")) {
            None => None,
            Some(text) => Some(serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?),
        };
        let notes = metadata.as_ref().map(|m| m.notes.clone()).unwrap_or_default();
        let sha256 = digest(&tensors, &notes);
        if let Some(metadata) = &metadata
            && metadata.sha256 != sha256
        {
            return Err(damaged("its content does not fit its checksum".to_owned()));
        }
        Ok(Self {
            made_from: metadata.map(|m| m.made_from),
            checksum: Some(sha256),
            notes,
            tensors,
            path: path.to_path_buf(),
        })
    }

    /// Reads the artifact at `path` if it is there and made from `made_from`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file is there and cannot be read, [`Error::Damaged`] if it is not what was written.
    pub fn read_if_made_from(path: &Path, made_from: &Fingerprint) -> Result<Option<Self>> {
        match Self::read(path) {
            Ok(artifact) => Ok(artifact.is_made_from(made_from).then_some(artifact)),
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn from_view(view: &TensorView<'_>) -> Option<Values> {
    let shape = view.shape().to_vec();
    match view.dtype() {
        Dtype::F32 => {
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            ArrayD::from_shape_vec(shape, values.collect()).ok().map(Values::F32)
        }
        Dtype::U64 => {
            let word = |b: &[u8]| u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
            let values = view.data().chunks_exact(8).map(word);
            ArrayD::from_shape_vec(shape, values.collect()).ok().map(Values::U64)
        }
        _ => None,
    }
}

fn digest(tensors: &BTreeMap<String, Values>, notes: &BTreeMap<String, serde_json::Value>) -> String {
    let mut hasher = Sha256::new();
    for (name, values) in tensors {
        hasher.update(format!("{name}\0{:?}\0{:?}\0", values.dtype(), values.shape()));
        hasher.update(values.bytes());
    }
    hasher.update(serde_json::to_vec(notes).unwrap_or_default());
    hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn example() -> Artifact {
        let mut artifact = Artifact::new(Fingerprint::of("test", &["a"]));
        artifact.insert_f32("x", array![[1.5_f32, -0.0], [f32::MIN_POSITIVE, 3.0]].into_dyn());
        artifact.insert_u64("n", array![7_u64, u64::MAX].into_dyn());
        artifact.set_note("epoch", &3_usize).unwrap();
        artifact
    }

    #[test]
    fn what_is_written_is_read_and_equal_content_is_equal_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let mut artifact = example();
        artifact.write(&a).unwrap();
        example().write(&b).unwrap();
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        let read = Artifact::read(&a).unwrap();
        assert_eq!(read, artifact);
        assert_eq!(read.note::<usize>("epoch"), Some(3));
        assert_eq!(read.checksum(), example().checksum());
        assert!(matches!(read.f32("n"), Err(Error::MissingTensor { .. })));
        assert!(read.is_made_from(&Fingerprint::of("test", &["a"])));
        let other = Fingerprint::of("test", &["b"]);
        assert!(Artifact::read_if_made_from(&a, &other).unwrap().is_none());
        assert!(Artifact::read_if_made_from(&folder.path().join("c"), &other).unwrap().is_none());
    }

    #[test]
    fn the_file_is_what_the_library_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut artifact = example();
        artifact.insert_u64("a", array![1_u64].into_dyn());
        artifact.insert_f32("empty", ArrayD::zeros(vec![0, 3]));
        artifact.write(&path).unwrap();
        let written = std::fs::read(&path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&written).unwrap();
        let owned = artifact.tensors.iter().map(|(name, values)| {
            (name, TensorView::new(values.dtype(), values.shape().to_vec(), Box::leak(values.bytes().into())).unwrap())
        });
        assert_eq!(written, safetensors::serialize(owned, header.metadata().clone()).unwrap());
    }

    #[test]
    fn values_that_lie_otherwise_are_written_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let matrix = array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let write = |matrix: ArrayD<f32>, path: &Path| {
            let mut artifact = Artifact::new(Fingerprint::of("test", &[]));
            artifact.insert_f32("x", matrix);
            artifact.write(path).unwrap();
        };
        write(matrix.t().as_standard_layout().into_owned().into_dyn(), &a);
        write(matrix.reversed_axes().into_dyn(), &b);
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        assert_eq!(Artifact::read(&b).unwrap().f32("x").unwrap()[[2, 1]], 6.0);
    }

    #[test]
    fn every_flipped_byte_and_every_truncation_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        example().write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for position in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[position] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            match Artifact::read(&path) {
                Err(Error::Damaged { .. }) => {}
                // A flip in the fingerprint itself, or in the name of the metadata, makes it an artifact of something else.
                Ok(read) => assert!(!read.is_made_from(&Fingerprint::of("test", &["a"])), "byte {position}"),
                Err(other) => panic!("byte {position}: {other}"),
            }
        }
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(Artifact::read(&path), Err(Error::Damaged { .. })), "length {length}");
        }
    }
}
