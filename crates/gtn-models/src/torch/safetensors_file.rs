//! Safetensors files, with values of any type.

use std::collections::HashMap;

use safetensors::SafeTensors;

use super::dtype::Dtype;
use super::input::{Reason, damaged};
use super::outline::{Location, contiguous_strides};

/// What a file contains: its tensors, and its metadata.
pub(super) type Content = (Vec<(String, Location)>, HashMap<String, String>);

/// Whether the bytes begin as those of a safetensors file: with the length of a header, and its first brace.
pub(super) fn is_safetensors(bytes: &[u8]) -> bool {
    let header_len = bytes.first_chunk().map(|len| u64::from_le_bytes(*len));
    header_len.is_some_and(|len| (1..=100_000_000).contains(&len)) && bytes.get(8) == Some(&b'{')
}

pub(super) fn read(bytes: &[u8]) -> Result<Content, Reason> {
    let invalid = |error: safetensors::SafeTensorError| damaged(format!("not a valid safetensors file ({error})"));
    let (header_len, metadata) = SafeTensors::read_metadata(bytes).map_err(invalid)?;
    // This compares the sizes with the length of the file.
    SafeTensors::deserialize(bytes).map_err(invalid)?;
    let locate = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
        let strides = contiguous_strides(&info.shape);
        let (dtype, shape) = (Dtype::of_safetensors(info.dtype), info.shape.clone());
        (name, Location { dtype, shape, strides, start: 8 + header_len + info.data_offsets.0 })
    };
    let tensors = metadata.tensors().into_iter().map(locate).collect();
    Ok((tensors, metadata.metadata().clone().unwrap_or_default()))
}
