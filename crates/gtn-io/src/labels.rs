//! Labels of rows: whole numbers in NumPy or safetensors files.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use crate::arrays::{Npz, select_name, split_array_name, tuple_text};
use crate::npy::{self, Element};
use crate::{Error, Result};

/// Reads labels, one whole number for each row, from an array of shape (n,) or (n, 1) of whole numbers (in safetensors files int64,
/// int32, uint8 or float32), in a `.npy`, `.npz` or `.safetensors` file. If a file holds several arrays, write `FILE:NAME` to select one.
///
/// # Errors
///
/// [`Error::Read`] if the file cannot be read; [`Error::Malformed`] if it is of another kind, or if the array has another shape or type.
pub fn read_labels(path: &Path) -> Result<Vec<i64>> {
    let (path, name) = split_array_name(path);
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let read = || std::fs::read(&path).map_err(Error::read(&path));
    match extension.as_deref() {
        Some("npy") if name.is_none() => of_npy(&read()?, &path),
        Some("npy") => Err(Error::malformed(&path, "a .npy file holds one unnamed array; leave out the name")),
        Some("npz") => {
            let mut npz = Npz::open(&path)?;
            let names = npz.names();
            of_npy(&npz.bytes(select_name(&names, name.as_deref(), &path)?)?, &path)
        }
        Some("safetensors") => of_safetensors(&read()?, name.as_deref(), &path),
        _ => Err(Error::malformed(&path, "unknown file extension; pass a .npy, .npz or .safetensors file")),
    }
}

/// A number that may be a label.
trait Label: Copy {
    fn to_label(self) -> Option<i64>;
}

macro_rules! labels {
    ($($integer:ty)+) => {
        $(impl Label for $integer {
            fn to_label(self) -> Option<i64> {
                i64::try_from(self).ok()
            }
        })+
    };
}

labels!(i8 i16 i32 i64 u8 u16 u32 u64);

impl Label for f64 {
    fn to_label(self) -> Option<i64> {
        // All whole numbers up to this one are exact.
        (self.fract() == 0.0 && self.abs() <= (1_u64 << 53) as f64).then_some(self as i64)
    }
}

impl Label for f32 {
    fn to_label(self) -> Option<i64> {
        f64::from(self).to_label()
    }
}

fn of_npy(bytes: &[u8], path: &Path) -> Result<Vec<i64>> {
    let (header, _) = npy::header(bytes).map_err(|reason| Error::malformed(path, reason))?;
    match header.descr.as_str() {
        i64::DESCR => npy_of::<i64>(bytes, path),
        i32::DESCR => npy_of::<i32>(bytes, path),
        i16::DESCR => npy_of::<i16>(bytes, path),
        i8::DESCR => npy_of::<i8>(bytes, path),
        u8::DESCR => npy_of::<u8>(bytes, path),
        u16::DESCR => npy_of::<u16>(bytes, path),
        u32::DESCR => npy_of::<u32>(bytes, path),
        u64::DESCR => npy_of::<u64>(bytes, path),
        f64::DESCR => npy_of::<f64>(bytes, path),
        f32::DESCR => npy_of::<f32>(bytes, path),
        _ => Err(Error::malformed(path, "labels need an array of whole numbers; save it with .astype('int64')")),
    }
}

/// The labels of an array of one type.
fn npy_of<T: Label + Element>(bytes: &[u8], path: &Path) -> Result<Vec<i64>> {
    let array = npy::decode::<T>(bytes).map_err(|reason| Error::malformed(path, reason))?;
    of_values(array.shape(), array.iter().copied(), path)
}

fn of_safetensors(bytes: &[u8], name: Option<&str>, path: &Path) -> Result<Vec<i64>> {
    let fail = |reason: String| Error::malformed(path, format!("not a readable safetensors file: {reason}"));
    let file = SafeTensors::deserialize(bytes).map_err(|error| fail(error.to_string()))?;
    let mut names: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
    names.sort_unstable();
    let tensor = file.tensor(select_name(&names, name, path)?).map_err(|error| fail(error.to_string()))?;
    let (shape, data) = (tensor.shape(), tensor.data());
    match tensor.dtype() {
        Dtype::I64 => of_values(shape, data.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)), path),
        Dtype::I32 => of_values(shape, data.as_chunks().0.iter().map(|&bytes| i32::from_le_bytes(bytes)), path),
        Dtype::U8 => of_values(shape, data.iter().copied(), path),
        Dtype::F32 => of_values(shape, data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)), path),
        other => Err(Error::malformed(path, format!("labels need whole numbers, got {other:?}; save them as int64"))),
    }
}

fn of_values<T: Label>(shape: &[usize], values: impl Iterator<Item = T>, path: &Path) -> Result<Vec<i64>> {
    if !matches!(shape, [_] | [_, 1]) {
        let reason = format!("labels need an array of shape (n,), got {}; pass one number per row", tuple_text(shape));
        return Err(Error::malformed(path, reason));
    }
    let labels: Option<Vec<i64>> = values.map(Label::to_label).collect();
    labels.ok_or_else(|| Error::malformed(path, "a label is not a whole number; number the classes 0, 1, 2 ..."))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, arr1};
    use ndarray_npy::WriteNpyExt;

    use super::*;

    #[test]
    fn labels_of_every_type_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("y.npy");
        let file = || std::fs::File::create(&path).unwrap();
        arr1(&[3_i64, -1, 3]).write_npy(file()).unwrap();
        assert_eq!(read_labels(&path).unwrap(), [3, -1, 3]);
        arr1(&[3_u8, 1]).write_npy(file()).unwrap();
        assert_eq!(read_labels(&path).unwrap(), [3, 1]);
        Array2::from_elem((2, 1), 7.0_f32).write_npy(file()).unwrap();
        assert_eq!(read_labels(&path).unwrap(), [7, 7]);

        arr1(&[0.5_f64]).write_npy(file()).unwrap();
        assert!(read_labels(&path).unwrap_err().to_string().contains("not a whole number"));
        Array2::from_elem((2, 2), 1_i32).write_npy(file()).unwrap();
        assert!(read_labels(&path).unwrap_err().to_string().contains("got (2, 2)"));
        Array1::from_elem(2, true).write_npy(file()).unwrap();
        assert!(read_labels(&path).unwrap_err().to_string().contains("whole numbers"));
        let text = folder.path().join("y.txt");
        std::fs::write(&text, "1 2 3").unwrap();
        assert!(read_labels(&text).unwrap_err().to_string().contains("extension"));
    }
}
