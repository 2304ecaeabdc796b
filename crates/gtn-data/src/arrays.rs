//! Arrays on disk: NumPy's `.npy` and `.npz`, and safetensors. Rows are samples; f32.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayD, ArrayView, ArrayViewD, Dimension};
use ndarray_npy::{NpzWriter, ReadNpyExt, ViewNpyError, ViewNpyExt, WriteNpyExt};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use zip::ZipArchive;

use crate::{Error, Result};

/// Reads an array of f32 of any shape from a `.npy`, `.npz` or `.safetensors` file, told by its ending; C and Fortran order are
/// both accepted. Where a file holds several arrays, `FILE:NAME` names one.
///
/// # Errors
///
/// [`Error::Io`] if the file cannot be read; [`Error::Malformed`] if it is of another kind, its header claims more than it
/// holds, or the array is not f32 or is empty.
pub fn read_array(path: &Path) -> Result<ArrayD<f32>> {
    let (path, name) = split_name(path);
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let array = match ending.as_deref() {
        Some("npz") => read_npz(&path, name.as_deref())?,
        Some("safetensors") => read_safetensors(&path, name.as_deref())?,
        Some("npy") if name.is_none() => decode_npy(&std::fs::read(&path).map_err(Error::io(&path))?, &path)?,
        Some("npy") => return Err(Error::malformed(&path, "a .npy file holds one array without a name")),
        _ => return Err(Error::malformed(&path, "give a file that ends in .npy, .npz or .safetensors")),
    };
    if array.is_empty() {
        return Err(Error::malformed(&path, format!("is empty: shape {:?}", array.shape())));
    }
    Ok(array)
}

/// Reads a matrix of f32 as [`read_array`] does.
///
/// # Errors
///
/// As [`read_array`], and [`Error::Malformed`] if the array is not two-dimensional.
pub fn read_matrix(path: &Path) -> Result<Array2<f32>> {
    let array = read_array(path)?;
    let shape = array.shape().to_vec();
    array.into_dimensionality().map_err(|_| {
        let reason = format!("has {} dimensions (shape {shape:?}), and rows of samples have two", shape.len());
        Error::malformed(path, reason)
    })
}

/// Takes `FILE:NAME` apart, unless there is a file of the whole name.
fn split_name(path: &Path) -> (PathBuf, Option<String>) {
    match path.to_str().and_then(|text| text.rsplit_once(':')) {
        Some((file, name)) if !path.exists() && Path::new(file).is_file() => (file.into(), Some(name.to_owned())),
        _ => (path.to_path_buf(), None),
    }
}

fn decode_npy(bytes: &[u8], path: &Path) -> Result<ArrayD<f32>> {
    // A view allocates nothing, so it finds a header that claims too much before memory is asked for.
    match ArrayViewD::<f32>::view_npy(bytes) {
        Ok(view) => Ok(view.to_owned()),
        Err(ViewNpyError::MisalignedData) => {
            ArrayD::read_npy(Cursor::new(bytes)).map_err(|error| Error::malformed(path, error.to_string()))
        }
        Err(error) => Err(Error::malformed(path, explain(error))),
    }
}

/// The one of `names` that is meant: that asked for, or the only one.
fn choose<'n>(names: &'n [String], asked: Option<&str>, path: &Path) -> Result<&'n str> {
    let list = || names.join(", ");
    match (asked, names) {
        (Some(asked), _) => names
            .iter()
            .find(|name| *name == asked)
            .map(String::as_str)
            .ok_or_else(|| Error::malformed(path, format!("holds no array `{asked}`, but: {}", list()))),
        (None, [only]) => Ok(only),
        (None, []) => Err(Error::malformed(path, "holds no array")),
        (None, _) => {
            let first = &names[0];
            let reason = format!("holds several arrays ({}); name one, as in {}:{first}", list(), path.display());
            Err(Error::malformed(path, reason))
        }
    }
}

fn read_npz(path: &Path, asked: Option<&str>) -> Result<ArrayD<f32>> {
    let fail = |error: &dyn std::fmt::Display| Error::malformed(path, format!("not a readable .npz file: {error}"));
    let file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    let mut archive = ZipArchive::new(file).map_err(|error| fail(&error))?;
    let stem = |name: &str| name.strip_suffix(".npy").unwrap_or(name).to_owned();
    let names: Vec<String> = archive.file_names().map(stem).collect();
    let entry = format!("{}.npy", choose(&names, asked, path)?);
    let entry = archive.by_name(&entry).map_err(|error| fail(&error))?;
    let claimed = entry.size();
    // The vector grows with what is really there, not with what the archive claims.
    let mut bytes = Vec::new();
    entry.take(claimed.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| fail(&error))?;
    decode_npy(&bytes, path)
}

fn read_safetensors(path: &Path, asked: Option<&str>) -> Result<ArrayD<f32>> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let fail = |reason: String| Error::malformed(path, format!("not a readable safetensors file: {reason}"));
    let file = SafeTensors::deserialize(&bytes).map_err(|error| fail(error.to_string()))?;
    let mut names: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
    names.sort_unstable();
    let name = choose(&names, asked, path)?;
    let view = file.tensor(name).map_err(|error| fail(error.to_string()))?;
    if view.dtype() != Dtype::F32 {
        return Err(Error::malformed(
            path,
            format!("tensor `{name}` has type {:?}, and F32 is expected", view.dtype()),
        ));
    }
    let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    ArrayD::from_shape_vec(view.shape().to_vec(), values.collect()).map_err(|error| fail(error.to_string()))
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
