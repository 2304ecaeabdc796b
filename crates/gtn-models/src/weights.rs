//! Reads and writes weights in the safetensors format, in memory.

use ndarray::ArrayD;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::{Error, NamedArrays, Result};

/// Serializes arrays to the bytes of a safetensors file.
///
/// # Errors
///
/// [`Error::Safetensors`] if the format cannot represent them.
pub fn to_safetensors(arrays: &NamedArrays) -> Result<Vec<u8>> {
    let fail = |error: safetensors::SafeTensorError| Error::Safetensors(error.to_string());
    let bytes: Vec<(&String, Vec<usize>, Vec<u8>)> = arrays
        .iter()
        .map(|(name, array)| {
            (name, array.shape().to_vec(), array.iter().flat_map(|value| value.to_le_bytes()).collect())
        })
        .collect();
    let views = bytes
        .iter()
        .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(fail)?;
    safetensors::serialize(views, None).map_err(fail)
}

/// Reads the f32 tensors of a safetensors file.
///
/// ```
/// use gtn_models::weights::{from_safetensors, to_safetensors};
///
/// let arrays = [("bias".to_owned(), ndarray::array![1.0_f32, -2.0].into_dyn())].into();
/// assert_eq!(from_safetensors(&to_safetensors(&arrays)?)?, arrays);
/// # Ok::<(), gtn_models::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Safetensors`] if `bytes` are not a safetensors file, or a tensor has another type than f32.
pub fn from_safetensors(bytes: &[u8]) -> Result<NamedArrays> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| Error::Safetensors(error.to_string()))?;
    file.iter()
        .map(|(name, view)| {
            if view.dtype() != Dtype::F32 {
                return Err(Error::Safetensors(format!("tensor `{name}` has type {:?} instead of F32", view.dtype())));
            }
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            let array = ArrayD::from_shape_vec(view.shape().to_vec(), values.collect())
                .map_err(|error| Error::Safetensors(error.to_string()))?;
            Ok((name.to_owned(), array))
        })
        .collect()
}
