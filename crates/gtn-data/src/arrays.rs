//! Arrays on disk, as NumPy writes them. Rows are samples; f32.

use std::io::{Cursor, Seek, Write};
use std::path::Path;

use ndarray::{Array2, ArrayD, ArrayView, ArrayViewD, Dimension};
use ndarray_npy::{NpzWriter, ReadNpyExt, ViewNpyError, ViewNpyExt, WriteNpyExt};

use crate::{Error, Result};

/// Reads a matrix of f32 from a `.npy` file; C and Fortran order are both accepted.
///
/// # Errors
///
/// [`Error::Io`] if the file cannot be read; [`Error::Malformed`] if it is no `.npy` file of f32, is not two-dimensional,
/// is empty, or its header claims more than it holds.
pub fn read_npy(path: &Path) -> Result<Array2<f32>> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    // A view allocates nothing, so it finds a header that claims too much before memory is asked for.
    let array: ArrayD<f32> = match ArrayViewD::<f32>::view_npy(&bytes) {
        Ok(view) => view.to_owned(),
        Err(ViewNpyError::MisalignedData) => {
            ArrayD::read_npy(Cursor::new(&bytes)).map_err(|error| Error::malformed(path, error.to_string()))?
        }
        Err(error) => return Err(Error::malformed(path, explain(error))),
    };
    let shape = array.shape().to_vec();
    match array.into_dimensionality() {
        Ok(matrix) if !matrix.is_empty() => Ok(matrix),
        Ok(_) => Err(Error::malformed(path, format!("is empty: shape {shape:?}"))),
        Err(_) => Err(Error::malformed(
            path,
            format!("has {} dimensions (shape {shape:?}), and rows of samples have two", shape.len()),
        )),
    }
}

fn explain(error: ViewNpyError) -> String {
    match error {
        ViewNpyError::WrongDescriptor(found) => {
            format!("holds elements of type {found}, and f32 ('<f4') is expected; save it with .astype('float32')")
        }
        ViewNpyError::NonNativeEndian => {
            "its bytes are in the order of another kind of machine; save it as '<f4'".to_owned()
        }
        ViewNpyError::MissingBytes(missing) => {
            format!("truncated: {missing} bytes that its header promises are missing")
        }
        ViewNpyError::ExtraBytes(extra) => format!("{extra} bytes follow after the array that its header describes"),
        error => format!("not a readable .npy file: {error}"),
    }
}

/// Writes an array as `.npy`.
///
/// # Errors
///
/// What `out` says.
pub fn write_npy<D: Dimension>(out: &mut dyn Write, array: ArrayView<'_, f32, D>) -> std::io::Result<()> {
    array.write_npy(out).map_err(std::io::Error::other)
}

/// Writes a matching as `.npz`: `matching` u64 (source row to target row), `order` u64 (source rows as served), `similarity`
/// f32 (in the source's row order).
///
/// # Errors
///
/// What `out` says.
pub fn write_pairs<W: Write + Seek>(
    out: W,
    matching: &[usize],
    order: &[usize],
    similarity: &[f32],
) -> std::io::Result<()> {
    let wide = |indices: &[usize]| indices.iter().map(|&index| index as u64).collect::<ndarray::Array1<u64>>();
    let mut npz = NpzWriter::new(out);
    npz.add_array("matching", &wide(matching)).map_err(std::io::Error::other)?;
    npz.add_array("order", &wide(order)).map_err(std::io::Error::other)?;
    npz.add_array("similarity", &ndarray::aview1(similarity)).map_err(std::io::Error::other)?;
    npz.finish().map_err(std::io::Error::other)?;
    Ok(())
}
