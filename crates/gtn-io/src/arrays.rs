//! Arrays on disk: NumPy's `.npy` and `.npz`, and safetensors. Values are f32; rows are samples.

use std::fs::File;
use std::io::{BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayD, ArrayView, Dimension};
use ndarray_npy::{NpzWriter, WriteNpyExt};
use safetensors::{Dtype, SafeTensors};
use zip::ZipArchive;
use zip::read::ZipFile;

pub use crate::shape::tuple_text;
use crate::{Error, Result, Tensor, npy};

/// Reads an f32 array of any shape from a `.npy`, `.npz` or `.safetensors` file, depending on the file extension. C and
/// Fortran order are both accepted. If a file holds several arrays, write `FILE:NAME` to select one.
///
/// # Errors
///
/// [`Error::Read`] if the file cannot be read; [`Error::Malformed`] if it is of another kind, its header claims more than
/// it holds, or the array is not f32 or is empty.
pub fn read_array(path: &Path) -> Result<ArrayD<f32>> {
    let (path, name) = split_array_name(path);
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let array = match extension.as_deref() {
        Some("npz") => read_npz(&path, name.as_deref())?,
        Some("safetensors") => read_safetensors(&path, name.as_deref())?,
        Some("npy") if name.is_none() => decode_npy(&std::fs::read(&path).map_err(Error::read(&path))?, &path)?,
        Some("npy") => return Err(Error::malformed(&path, "a .npy file holds one unnamed array; leave out the name")),
        _ => return Err(Error::malformed(&path, "unknown file extension; pass a .npy, .npz or .safetensors file")),
    };
    if array.is_empty() {
        return Err(Error::malformed(&path, format!("the array is empty: shape {}", tuple_text(array.shape()))));
    }
    Ok(array)
}

/// Reads an f32 matrix as [`read_array`] does.
///
/// # Errors
///
/// As for [`read_array`]; [`Error::Malformed`] if the array is not two-dimensional.
pub fn read_matrix(path: &Path) -> Result<Array2<f32>> {
    let array = read_array(path)?;
    let shape = tuple_text(array.shape());
    array.into_dimensionality().map_err(|_| {
        let reason = format!("expected a 2-D array (n, d), got shape {shape}; pass one row per sample");
        Error::malformed(path, reason)
    })
}

/// The path of a file without the name of an array in it, as in `FILE:NAME`.
#[must_use]
pub fn without_array_name(path: &Path) -> PathBuf {
    split_array_name(path).0
}

/// Splits `FILE:NAME`, unless a file with that full name exists.
pub(crate) fn split_array_name(path: &Path) -> (PathBuf, Option<String>) {
    let text = path.to_str().filter(|_| !path.exists()).unwrap_or_default();
    // Both the path and the name may have colons.
    let mut splits = text.match_indices(':').map(|(at, _)| (&text[..at], &text[at + 1..]));
    match splits.find(|(file, _)| Path::new(file).is_file()) {
        Some((file, name)) => (file.into(), Some(name.to_owned())),
        None => (path.to_path_buf(), None),
    }
}

fn decode_npy(bytes: &[u8], path: &Path) -> Result<ArrayD<f32>> {
    npy::decode(bytes).map_err(|reason| Error::malformed(path, reason))
}

/// The requested name if `names` contains it, or the only name if none is requested.
pub(crate) fn select_name<'n>(names: &'n [String], requested: Option<&str>, path: &Path) -> Result<&'n str> {
    let list = || names.join(", ");
    match (requested, names) {
        (Some(requested), _) => names
            .iter()
            .find(|name| *name == requested)
            .map(String::as_str)
            .ok_or_else(|| Error::malformed(path, format!("no array `{requested}`; it holds: {}", list()))),
        (None, [only]) => Ok(only),
        (None, []) => Err(Error::malformed(path, "the file holds no arrays")),
        (None, _) => {
            let first = &names[0];
            let reason = format!("it holds several arrays ({}); name one, as in '{}:{first}'", list(), path.display());
            Err(Error::malformed(path, reason))
        }
    }
}

/// An open .npz file, for random access.
pub(crate) struct Npz<'p> {
    path: &'p Path,
    archive: ZipArchive<BufReader<File>>,
}

impl<'p> Npz<'p> {
    pub(crate) fn open(path: &'p Path) -> Result<Self> {
        let file = BufReader::new(File::open(path).map_err(Error::read(path))?);
        let archive = ZipArchive::new(file).map_err(|error| Self::unreadable(path, &error))?;
        Ok(Self { path, archive })
    }

    pub(crate) fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Error {
        Error::malformed(path, format!("not a readable .npz file: {error}"))
    }

    /// The names of its arrays. Folders and other files are passed over.
    pub(crate) fn names(&self) -> Vec<String> {
        self.archive.file_names().filter_map(|name| name.strip_suffix(".npy")).map(str::to_owned).collect()
    }

    /// The entry of an array.
    pub(crate) fn entry(&mut self, name: &str) -> Result<ZipFile<'_, BufReader<File>>> {
        self.archive.by_name(&format!("{name}.npy")).map_err(|error| Self::unreadable(self.path, &error))
    }

    /// The bytes of an array's .npy file. The vector grows with the data that is read, not with what the archive claims.
    pub(crate) fn bytes(&mut self, name: &str) -> Result<Vec<u8>> {
        let path = self.path;
        let entry = self.entry(name)?;
        let claimed = entry.size();
        let mut bytes = Vec::new();
        let read = entry.take(claimed.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| Self::unreadable(path, &error))?;
        Ok(bytes)
    }
}

fn read_npz(path: &Path, requested: Option<&str>) -> Result<ArrayD<f32>> {
    let mut npz = Npz::open(path)?;
    let names = npz.names();
    decode_npy(&npz.bytes(select_name(&names, requested, path)?)?, path)
}

fn read_safetensors(path: &Path, requested: Option<&str>) -> Result<ArrayD<f32>> {
    let bytes = std::fs::read(path).map_err(Error::read(path))?;
    let fail = |reason: String| Error::malformed(path, format!("not a readable safetensors file: {reason}"));
    let file = SafeTensors::deserialize(&bytes).map_err(|error| fail(error.to_string()))?;
    let mut names: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
    names.sort_unstable();
    let name = select_name(&names, requested, path)?;
    let view = file.tensor(name).map_err(|error| fail(error.to_string()))?;
    match Tensor::from_view(&view) {
        Some(Tensor::F32(array)) => Ok(array),
        _ => Err(wrong_tensor_type(path, name, view.dtype())),
    }
}

pub(crate) fn wrong_tensor_type(path: &Path, name: &str, found: Dtype) -> Error {
    Error::malformed(path, format!("tensor `{name}` has type {found:?}, expected F32; save it as float32"))
}

/// Writes an array in `.npy` format.
///
/// # Errors
///
/// Errors of `out`.
pub fn write_npy<D: Dimension>(out: &mut dyn Write, array: ArrayView<'_, f32, D>) -> std::io::Result<()> {
    array.write_npy(out).map_err(std::io::Error::other)
}

/// Writes the result of `gtn label` in `.npz` format: `matching` u64 (the target row of each source row), `order` u64
/// (source rows in the order in which they were processed), `similarity` f32 (in the order of the source rows).
///
/// # Errors
///
/// Errors of `out`.
pub fn write_matching_npz<W: Write + Seek>(
    out: W,
    matching: &[usize],
    order: &[usize],
    similarity: &[f32],
) -> std::io::Result<()> {
    let to_u64 = |indices: &[usize]| indices.iter().map(|&index| index as u64).collect::<ndarray::Array1<u64>>();
    let mut npz = NpzWriter::new(out);
    npz.add_array("matching", &to_u64(matching)).map_err(std::io::Error::other)?;
    npz.add_array("order", &to_u64(order)).map_err(std::io::Error::other)?;
    npz.add_array("similarity", &ndarray::aview1(similarity)).map_err(std::io::Error::other)?;
    npz.finish().map_err(std::io::Error::other)?;
    Ok(())
}
