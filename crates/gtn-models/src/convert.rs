//! Conversion between the `ndarray` arrays of the public API and Candle's tensors.

use candle_core::{Device, Tensor};
use ndarray::{Array, Array2, Array4, ArrayD, ArrayView, Axis, Dimension, RemoveAxis, ShapeBuilder};

use crate::Result;

/// Copies an array to a tensor on `device`.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) if the device runs out of memory.
pub fn to_tensor<D: Dimension>(array: ArrayView<'_, f32, D>, device: &Device) -> Result<Tensor> {
    let shape = array.shape().to_vec();
    let tensor = match array.to_slice() {
        Some(slice) => Tensor::from_slice(slice, shape, device)?,
        None => Tensor::from_vec(array.iter().copied().collect(), shape, device)?,
    };
    Ok(tensor)
}

/// Copies a tensor to an array.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) if the tensor is not f32.
pub fn to_array(tensor: &Tensor) -> Result<ArrayD<f32>> {
    let values = tensor.flatten_all()?.to_vec1::<f32>()?;
    Ok(ArrayD::from_shape_vec(tensor.dims().to_vec(), values)
        .expect("the number of values of a tensor is the product of its dimensions"))
}

/// Copies a two-dimensional tensor to an array.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) if the tensor does not have two dimensions or is not f32.
pub fn to_array2(tensor: &Tensor) -> Result<Array2<f32>> {
    tensor.dims2()?;
    Ok(to_array(tensor)?.into_dimensionality().expect("checked to have two dimensions"))
}

/// Copies a four-dimensional tensor, such as images (n, C, H, W), to an array.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) if the tensor does not have four dimensions or is not f32.
pub fn to_array4(tensor: &Tensor) -> Result<Array4<f32>> {
    tensor.dims4()?;
    Ok(to_array(tensor)?.into_dimensionality().expect("checked to have four dimensions"))
}

/// Applies `forward` to `batch_size` rows at a time, which bounds the memory, and returns all its outputs. Without rows, the
/// result has the shape `empty`.
pub(crate) fn in_batches<D: RemoveAxis, O: RemoveAxis>(
    rows: ArrayView<'_, f32, D>,
    batch_size: usize,
    device: &Device,
    empty: impl ShapeBuilder<Dim = O>,
    forward: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<Array<f32, O>> {
    let mut outputs = Array::zeros(empty);
    for rows in rows.axis_chunks_iter(Axis(0), batch_size) {
        let output = to_array(&forward(&to_tensor(rows, device)?)?)?;
        let output = output.into_dimensionality::<O>().expect("a network keeps the number of dimensions");
        outputs.append(Axis(0), output.view()).expect("all outputs have the same shape but for the first axis");
    }
    Ok(outputs)
}
