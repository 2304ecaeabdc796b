use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use ndarray::{Array, ArrayD, Dimension};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::atomic::{self, Existing};
use crate::{Error, Result, hex};

/// A tensor of a [`TensorFile`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Tensor {
    /// 32-bit floating-point numbers.
    F32(ArrayD<f32>),
    /// 64-bit floating-point numbers, such as a covariance.
    F64(ArrayD<f64>),
    /// Unsigned 64-bit integers, such as indices.
    U64(ArrayD<u64>),
}

/// The element type of a tensor: `f32`, `f64` or `u64`.
pub trait TensorElement: sealed::Sealed + Sized + 'static {
    /// The name of the type.
    const NAME: &'static str;

    /// An array of this type as a tensor.
    fn into_tensor(array: ArrayD<Self>) -> Tensor;

    /// The array of a tensor of this type.
    fn from_tensor(tensor: &Tensor) -> Option<&ArrayD<Self>>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($type:ident, $variant:ident);+) => {
        $(
            impl sealed::Sealed for $type {}

            impl TensorElement for $type {
                const NAME: &'static str = stringify!($type);

                fn into_tensor(array: ArrayD<Self>) -> Tensor {
                    Tensor::$variant(array)
                }

                fn from_tensor(tensor: &Tensor) -> Option<&ArrayD<Self>> {
                    match tensor {
                        Tensor::$variant(array) => Some(array),
                        _ => None,
                    }
                }
            }
        )+
    };
}

elements!(f32, F32; f64, F64; u64, U64);

impl Tensor {
    fn outline(&self) -> Outline<'_> {
        match self {
            Tensor::F32(array) => Outline(Dtype::F32, array.shape()),
            Tensor::F64(array) => Outline(Dtype::F64, array.shape()),
            Tensor::U64(array) => Outline(Dtype::U64, array.shape()),
        }
    }

    /// The values in little-endian order, borrowed where possible: the state of a large network takes gigabytes.
    fn bytes(&self) -> Cow<'_, [u8]> {
        fn bytes_of<T: bytemuck::Pod, const N: usize>(array: &ArrayD<T>, to_le: fn(T) -> [u8; N]) -> Cow<'_, [u8]> {
            match array.as_slice() {
                Some(values) if cfg!(target_endian = "little") => Cow::Borrowed(bytemuck::cast_slice(values)),
                _ => Cow::Owned(array.iter().flat_map(|value| to_le(*value)).collect()),
            }
        }
        match self {
            Tensor::F32(array) => bytes_of(array, f32::to_le_bytes),
            Tensor::F64(array) => bytes_of(array, f64::to_le_bytes),
            Tensor::U64(array) => bytes_of(array, u64::to_le_bytes),
        }
    }

    pub(crate) fn from_view(view: &TensorView<'_>) -> Option<Self> {
        let shape = view.shape().to_vec();
        match view.dtype() {
            Dtype::F32 => {
                let values = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
                ArrayD::from_shape_vec(shape, values.collect()).ok().map(Tensor::F32)
            }
            Dtype::F64 => {
                let values = view.data().as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
                ArrayD::from_shape_vec(shape, values.collect()).ok().map(Tensor::F64)
            }
            Dtype::U64 => {
                let values = view.data().as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
                ArrayD::from_shape_vec(shape, values.collect()).ok().map(Tensor::U64)
            }
            _ => None,
        }
    }
}

/// Type and shape of a tensor, whose values are written after the header without another copy.
struct Outline<'a>(Dtype, &'a [usize]);

impl View for Outline<'_> {
    fn dtype(&self) -> Dtype {
        self.0
    }

    fn shape(&self) -> &[usize] {
        self.1
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&[])
    }

    fn data_len(&self) -> usize {
        self.0.bitsize() / 8 * self.1.iter().product::<usize>()
    }
}

/// Tensors and metadata by name, in a safetensors file with a checksum.
///
/// The file can be read by every program that reads safetensors. Its own metadata has a single entry, `gtn`, a JSON object:
/// several entries would be written in the order of a hash table, and equal content must be equal bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TensorFile {
    /// The tensors.
    pub tensors: BTreeMap<String, Tensor>,
    /// The metadata.
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// A hash of what the content was computed from. The checksum does not cover it. `None` for a file of another program.
    pub input_fingerprint: Option<String>,
    /// As last read or written.
    checksum: Option<String>,
}

/// The entry `gtn` of the file's metadata.
#[derive(Serialize, Deserialize)]
struct Header {
    input_fingerprint: String,
    sha256: String,
    #[serde(default)]
    metadata: BTreeMap<String, serde_json::Value>,
}

/// The header of a safetensors file, without the tensors.
#[derive(Deserialize)]
struct FileHeader {
    #[serde(rename = "__metadata__")]
    metadata: Option<HashMap<String, String>>,
}

/// The most bytes of a header, as the safetensors crate allows them.
const MAX_HEADER: u64 = 100_000_000;

/// The header of a safetensors file: a JSON object behind its length. `None` if the file does not begin with one.
fn read_header(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let mut beginning = Vec::new();
    file.by_ref().take(8).read_to_end(&mut beginning)?;
    let len = beginning.first_chunk().map_or(0, |len| u64::from_le_bytes(*len));
    if !(1..=MAX_HEADER).contains(&len) {
        return Ok(None);
    }
    let mut header = Vec::new();
    file.take(len).read_to_end(&mut header)?;
    let is_complete = header.len() as u64 == len && header.first() == Some(&b'{');
    Ok(is_complete.then_some(header))
}

impl TensorFile {
    /// A file without content, to be computed from the inputs of `input_fingerprint`.
    #[must_use]
    pub fn new(input_fingerprint: impl Into<String>) -> Self {
        Self { input_fingerprint: Some(input_fingerprint.into()), ..Self::default() }
    }

    /// Adds or replaces a tensor.
    pub fn insert<T: TensorElement, D: Dimension>(&mut self, name: impl Into<String>, array: Array<T, D>) {
        self.tensors.insert(name.into(), T::into_tensor(array.into_dyn()));
    }

    /// The tensor of this name, if it exists with this element type.
    #[must_use]
    pub fn tensor<T: TensorElement>(&self, name: &str) -> Option<&ArrayD<T>> {
        self.tensors.get(name).and_then(T::from_tensor)
    }

    /// SHA-256 of names, types, shapes, values and metadata, as last read or written. It identifies the content.
    #[must_use]
    pub fn checksum(&self) -> String {
        self.checksum.clone().unwrap_or_else(|| self.digest())
    }

    /// Writes the file atomically, replacing an existing one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be written.
    pub fn write(&mut self, path: &Path) -> Result<()> {
        let sha256 = self.digest();
        let beginning = self.header_bytes(&sha256).map_err(Error::io("write", path))?;
        // In the order of the safetensors crate: wide types first, then by name.
        let mut in_file_order: Vec<&Tensor> = self.tensors.values().collect();
        in_file_order.sort_by_key(|tensor| std::cmp::Reverse(tensor.outline().0));
        atomic::write(path, Existing::Replace, |out| {
            out.write_all(&beginning)?;
            in_file_order.into_iter().try_for_each(|tensor| out.write_all(&tensor.bytes()))
        })?;
        self.checksum = Some(sha256);
        Ok(())
    }

    /// Reads a file that [`write`](Self::write) wrote, or any safetensors file of `f32` and `u64` tensors.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Malformed`] if it is not a safetensors file or its content does not
    /// match its checksum.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        Self::parse(&bytes).map_err(|reason| Error::malformed(path, reason))
    }

    /// The metadata of a file that [`write`](Self::write) wrote; none for another safetensors file. Only the header is read, and
    /// the checksum is not verified.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the file cannot be read, [`Error::Malformed`] if it is not a safetensors file.
    pub fn read_metadata(path: &Path) -> Result<BTreeMap<String, serde_json::Value>> {
        let header = read_header(path).map_err(Error::read(path))?;
        let not_safetensors = || Error::malformed(path, "not a safetensors file");
        let header: FileHeader =
            serde_json::from_slice(&header.ok_or_else(not_safetensors)?).map_err(|_| not_safetensors())?;
        let metadata = header.metadata.unwrap_or_default();
        let Some(text) = metadata.get("gtn") else { return Ok(BTreeMap::new()) };
        let header: Header = serde_json::from_str(text).map_err(|error| Error::malformed(path, error.to_string()))?;
        Ok(header.metadata)
    }

    /// The content of a file, or what is wrong with it.
    fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        let (_, file_metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let mut read = Self::default();
        for (name, view) in file.iter() {
            let tensor = Tensor::from_view(&view).ok_or_else(|| {
                let (dtype, shape) = (view.dtype(), view.shape());
                format!("tensor `{name}` has type {dtype:?} and shape {shape:?}; only F32, F64 and U64 are supported")
            })?;
            read.tensors.insert(name.to_owned(), tensor);
        }
        let header = file_metadata.metadata().as_ref().and_then(|map| map.get("gtn"));
        let header: Option<Header> =
            header.map(|text| serde_json::from_str(text)).transpose().map_err(|error| error.to_string())?;
        let expected = header.map(|header| {
            (read.metadata, read.input_fingerprint) = (header.metadata, Some(header.input_fingerprint));
            header.sha256
        });
        let sha256 = read.digest();
        if expected.is_some_and(|expected| expected != sha256) {
            return Err("its content does not match its checksum".to_owned());
        }
        read.checksum = Some(sha256);
        Ok(read)
    }

    /// The beginning of the file, up to the values.
    fn header_bytes(&self, sha256: &str) -> std::io::Result<Vec<u8>> {
        let header = serde_json::to_string(&Header {
            input_fingerprint: self.input_fingerprint.clone().unwrap_or_default(),
            sha256: sha256.to_owned(),
            metadata: self.metadata.clone(),
        })?;
        let outlines = self.tensors.iter().map(|(name, tensor)| (name, tensor.outline()));
        let file_metadata = HashMap::from([("gtn".to_owned(), header)]);
        safetensors::serialize(outlines, Some(file_metadata)).map_err(|error| std::io::Error::other(error.to_string()))
    }

    fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for (name, tensor) in &self.tensors {
            let Outline(dtype, shape) = tensor.outline();
            hasher.update(format!("{name}\0{dtype:?}\0{shape:?}\0"));
            hasher.update(tensor.bytes());
        }
        hasher.update(serde_json::to_vec(&self.metadata).unwrap_or_default());
        hex(hasher.finalize())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn example() -> TensorFile {
        let mut file = TensorFile::new("inputs");
        file.insert("train.source", array![[1.5_f32, -0.0], [f32::MIN_POSITIVE, 3.0]]);
        file.insert("train.matching", array![7_u64, u64::MAX]);
        file.insert("train.order", array![1_u64]);
        file.insert("validation.source", ArrayD::<f32>::zeros(vec![0, 3]));
        file.metadata.insert("epoch".to_owned(), 3.into());
        file
    }

    #[test]
    fn metadata_are_read_without_the_tensors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let mut file = example();
        file.write(&path).unwrap();
        assert_eq!(TensorFile::read_metadata(&path).unwrap(), file.metadata);
        let header: HashMap<&str, Outline<'_>> = HashMap::new();
        std::fs::write(&path, safetensors::serialize(header, None).unwrap()).unwrap();
        assert!(TensorFile::read_metadata(&path).unwrap().is_empty());
        for foreign in [&b""[..], b"\x89PNG\r\n\x1a\n", b"\x10\0\0\0\0\0\0\0{}", b"\x02\0\0\0\0\0\0\0[]"] {
            std::fs::write(&path, foreign).unwrap();
            let error = TensorFile::read_metadata(&path).unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{error}");
        }
        let missing = TensorFile::read_metadata(&folder.path().join("b")).unwrap_err();
        assert!(missing.is_not_found());
    }

    #[test]
    fn the_file_is_what_the_safetensors_crate_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut file = example();
        file.write(&path).unwrap();
        let written = std::fs::read(&path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&written).unwrap();
        let owned = file.tensors.iter().map(|(name, tensor)| {
            let (Outline(dtype, shape), bytes) = (tensor.outline(), tensor.bytes());
            (name, TensorView::new(dtype, shape.to_vec(), Box::leak(bytes.into())).unwrap())
        });
        assert_eq!(written, safetensors::serialize(owned, header.metadata().clone()).unwrap());
        assert_eq!(TensorFile::read(&path).unwrap(), file);
    }

    #[test]
    fn arrays_in_any_memory_order_are_written_in_row_major_order() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let matrix = array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let write = |matrix: ArrayD<f32>, path: &Path| {
            let mut file = TensorFile::default();
            file.insert("x", matrix);
            file.write(path).unwrap();
        };
        write(matrix.t().as_standard_layout().into_owned().into_dyn(), &a);
        write(matrix.reversed_axes().into_dyn(), &b);
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        assert_eq!(TensorFile::read(&b).unwrap().tensor::<f32>("x").unwrap()[[2, 1]], 6.0);
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
            match TensorFile::read(&path) {
                Err(Error::Malformed { .. }) => {}
                // A flip in the fingerprint itself, or in the name of the metadata, makes it a file of other inputs.
                Ok(read) => assert_ne!(read.input_fingerprint, example().input_fingerprint, "byte {position}"),
                Err(other) => panic!("byte {position}: {other}"),
            }
        }
        for length in 0..complete.len() {
            std::fs::write(&path, &complete[..length]).unwrap();
            assert!(matches!(TensorFile::read(&path), Err(Error::Malformed { .. })), "length {length}");
        }
    }
}
