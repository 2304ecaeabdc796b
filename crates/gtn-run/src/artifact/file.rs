//! Artifacts as safetensors files.
//!
//! The metadata of the file has a single entry, `gtn`, a JSON object: several entries would be written in the order of a hash
//! table, and equal artifacts must be equal bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use ndarray::ArrayD;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::fingerprint::hex;
use crate::schema::Tensor;

pub(super) type Tensors = BTreeMap<String, Tensor>;
pub(super) type Metadata = BTreeMap<String, serde_json::Value>;

impl Tensor {
    fn shape(&self) -> &[usize] {
        match self {
            Tensor::F32(array) => array.shape(),
            Tensor::U64(array) => array.shape(),
        }
    }

    fn dtype(&self) -> Dtype {
        match self {
            Tensor::F32(_) => Dtype::F32,
            Tensor::U64(_) => Dtype::U64,
        }
    }

    fn byte_len(&self) -> usize {
        let size = match self {
            Tensor::F32(_) => size_of::<f32>(),
            Tensor::U64(_) => size_of::<u64>(),
        };
        size * self.shape().iter().product::<usize>()
    }

    /// The values in little-endian order, borrowed where possible: the state of a large network takes gigabytes.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        fn bytes_of<T: bytemuck::Pod, const N: usize>(array: &ArrayD<T>, to_le: fn(T) -> [u8; N]) -> Cow<'_, [u8]> {
            match array.as_slice() {
                Some(values) if cfg!(target_endian = "little") => Cow::Borrowed(bytemuck::cast_slice(values)),
                _ => Cow::Owned(array.iter().flat_map(|value| to_le(*value)).collect()),
            }
        }
        match self {
            Tensor::F32(array) => bytes_of(array, f32::to_le_bytes),
            Tensor::U64(array) => bytes_of(array, u64::to_le_bytes),
        }
    }

    fn from_view(view: &TensorView<'_>) -> Option<Self> {
        let shape = view.shape().to_vec();
        match view.dtype() {
            Dtype::F32 => {
                let values = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
                ArrayD::from_shape_vec(shape, values.collect()).ok().map(Tensor::F32)
            }
            Dtype::U64 => {
                let values = view.data().as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
                ArrayD::from_shape_vec(shape, values.collect()).ok().map(Tensor::U64)
            }
            _ => None,
        }
    }
}

/// A tensor without its values, which are written after the header without another copy.
struct Outline<'a>(&'a Tensor);

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
        self.0.byte_len()
    }
}

/// The entry `gtn` of the file's metadata.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) input_fingerprint: String,
    pub(super) sha256: String,
    #[serde(default)]
    pub(super) metadata: Metadata,
}

/// The beginning of the file, up to the values.
pub(super) fn header_bytes(tensors: &Tensors, header: &Header) -> Result<Vec<u8>, String> {
    let header = serde_json::to_string(header).map_err(|error| error.to_string())?;
    let outlines = tensors.iter().map(|(name, tensor)| (name, Outline(tensor)));
    safetensors::serialize(outlines, Some(HashMap::from([("gtn".to_owned(), header)])))
        .map_err(|error: SafeTensorError| error.to_string())
}

/// Tensors in the order of the safetensors crate: wide types first, then by name.
pub(super) fn in_file_order(tensors: &Tensors) -> Vec<&Tensor> {
    let mut sorted: Vec<&Tensor> = tensors.values().collect();
    sorted.sort_by_key(|tensor| std::cmp::Reverse(tensor.dtype()));
    sorted
}

/// Tensors and header of a file, or what is wrong with it.
pub(super) fn parse(bytes: &[u8]) -> Result<(Tensors, Option<Header>), String> {
    let (_, file_metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        let tensor = Tensor::from_view(&view).ok_or_else(|| {
            let (dtype, shape) = (view.dtype(), view.shape());
            format!("tensor `{name}` has type {dtype:?} and shape {shape:?}; only F32 and U64 are supported")
        })?;
        tensors.insert(name.to_owned(), tensor);
    }
    let header: Option<Header> = match file_metadata.metadata().as_ref().and_then(|map| map.get("gtn")) {
        None => None,
        Some(text) => Some(serde_json::from_str(text).map_err(|error| error.to_string())?),
    };
    Ok((tensors, header))
}

/// SHA-256 of names, types, shapes, values and metadata.
pub(super) fn digest(tensors: &Tensors, metadata: &Metadata) -> String {
    let mut hasher = Sha256::new();
    for (name, tensor) in tensors {
        hasher.update(format!("{name}\0{:?}\0{:?}\0", tensor.dtype(), tensor.shape()));
        hasher.update(tensor.bytes());
    }
    hasher.update(serde_json::to_vec(metadata).unwrap_or_default());
    hex(&hasher.finalize())
}
