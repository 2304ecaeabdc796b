//! The border between `ndarray` outside and Candle inside.

use candle_core::{Device, Tensor};
use ndarray::{Array2, Array4, ArrayD, ArrayView, Dimension};

use crate::Result;

/// A tensor of the same shape and values.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) if the device has no room.
pub fn tensor_of<D: Dimension>(array: ArrayView<'_, f32, D>, device: &Device) -> Result<Tensor> {
    let shape = array.shape().to_vec();
    let tensor = match array.to_slice() {
        Some(slice) => Tensor::from_slice(slice, shape, device)?,
        None => Tensor::from_vec(array.iter().copied().collect(), shape, device)?,
    };
    Ok(tensor)
}

pub(crate) fn array_of(tensor: &Tensor) -> Result<ArrayD<f32>> {
    let values = tensor.flatten_all()?.to_vec1::<f32>()?;
    Ok(ArrayD::from_shape_vec(tensor.dims().to_vec(), values).expect("a tensor has as many values as its shape says"))
}

/// A matrix of the same values.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) if the tensor is no matrix of f32.
pub fn array2_of(tensor: &Tensor) -> Result<Array2<f32>> {
    tensor.dims2()?;
    Ok(array_of(tensor)?.into_dimensionality().expect("checked to have two dimensions"))
}

/// An array (n, C, H, W) of the same values.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) if the tensor has other dimensions or is not f32.
pub fn array4_of(tensor: &Tensor) -> Result<Array4<f32>> {
    tensor.dims4()?;
    Ok(array_of(tensor)?.into_dimensionality().expect("checked to have four dimensions"))
}
