use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ndarray::{ArrayD, Axis, Slice};
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use zip::CompressionMethod;

use crate::arrays::{self, Npz, select_name, split_array_name, tuple_text};
use crate::{Error, Result, npy};

/// Longer headers of safetensors files are refused, in bytes. They have about 80 for each tensor.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// An f32 array in a `.npy`, `.npz` or `.safetensors` file whose rows, along the first axis, are read in parts.
///
/// It accepts what [`arrays::read_array`] accepts, and `FILE:NAME` selects one of several arrays. A compressed `.npz` is
/// unpacked to a temporary file first. An array in Fortran order is kept in memory.
#[derive(Debug)]
pub struct ArrayFile {
    path: PathBuf,
    shape: Vec<usize>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// Little-endian, in C order, from this offset on.
    OnDisk {
        file: Mutex<File>,
        offset: u64,
    },
    InMemory(ArrayD<f32>),
}

impl ArrayFile {
    /// Opens a file and reads the shape of its array.
    ///
    /// # Errors
    ///
    /// As for [`arrays::read_array`].
    pub fn open(path: &Path) -> Result<Self> {
        let (file, name) = split_array_name(path);
        let extension = file.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let opened = match extension.as_deref() {
            Some("npy") if name.is_none() => {
                let opened = File::open(&file).map_err(Error::read(&file))?;
                let end = opened.metadata().map_err(Error::read(&file))?.len();
                Self::open_npy(&file, opened, 0..end, path)?
            }
            Some("npz") => Self::open_npz(&file, name.as_deref(), path)?,
            Some("safetensors") => Self::open_safetensors(&file, name.as_deref())?,
            // It reads nothing of this kind, and says why.
            _ => Self::in_memory(&file, path)?,
        };
        if opened.shape.contains(&0) {
            return Err(Error::malformed(&file, format!("the array is empty: shape {}", tuple_text(&opened.shape))));
        }
        Ok(opened)
    }

    /// The path of the file, without the name of an array.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The shape of the array; no length is 0.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Reads rows: the array of shape (`rows.len()`, ...).
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the file cannot be read, or was truncated since it was opened.
    ///
    /// # Panics
    ///
    /// If the array does not have these rows, or has no first axis.
    pub fn read(&self, rows: Range<usize>) -> Result<ArrayD<f32>> {
        assert!(rows.start <= rows.end && rows.end <= self.shape[0], "rows {rows:?} of {}", self.shape[0]);
        let (file, offset) = match &self.values {
            Values::OnDisk { file, offset } => (file, *offset),
            Values::InMemory(array) => return Ok(array.slice_axis(Axis(0), Slice::from(rows)).to_owned()),
        };
        let row_len: usize = self.shape[1..].iter().product();
        let mut values = vec![0.0_f32; rows.len() * row_len];
        let start = offset + (rows.start * row_len * size_of::<f32>()) as u64;
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))
            .and_then(|_| file.read_exact(bytemuck::cast_slice_mut(&mut values)))
            .map_err(Error::read(&self.path))?;
        if cfg!(target_endian = "big") {
            values.iter_mut().for_each(|value| *value = f32::from_bits(value.to_bits().swap_bytes()));
        }
        let shape: Vec<usize> = std::iter::once(rows.len()).chain(self.shape[1..].iter().copied()).collect();
        Ok(ArrayD::from_shape_vec(shape, values).expect("as many values as the shape says"))
    }

    fn in_memory(file: &Path, path: &Path) -> Result<Self> {
        let array = arrays::read_array(path)?;
        Ok(Self { path: file.to_path_buf(), shape: array.shape().to_vec(), values: Values::InMemory(array) })
    }

    /// The .npy file in the bytes `range` of `file`. `path` is `file` with the name of the array.
    fn open_npy(path: &Path, mut file: File, range: Range<u64>, named_path: &Path) -> Result<Self> {
        let refuse = |reason: String| Error::malformed(path, reason);
        let len = range.end - range.start;
        let mut start = vec![0; npy::MAX_HEADER_BYTES.min(len) as usize];
        file.seek(SeekFrom::Start(range.start)).map_err(Error::read(path))?;
        file.read_exact(&mut start).map_err(Error::read(path))?;
        let (header, header_len) = npy::header(&start).map_err(refuse)?;
        header.check::<f32>(len - header_len as u64).map_err(refuse)?;
        let offset = range.start + header_len as u64;
        if header.is_fortran && header.shape.len() > 1 {
            return Self::in_memory(path, named_path);
        }
        let values = Values::OnDisk { file: Mutex::new(file), offset };
        Ok(Self { path: path.to_path_buf(), shape: header.shape, values })
    }

    fn open_npz(path: &Path, requested: Option<&str>, named_path: &Path) -> Result<Self> {
        let mut npz = Npz::open(path)?;
        let names = npz.names();
        let mut entry = npz.entry(select_name(&names, requested, path)?)?;
        let (claimed, start) = (entry.size(), entry.data_start());
        let is_stored = entry.compression() == CompressionMethod::Stored;
        // Reading an entry to its end verifies its checksum.
        let mut unpacked =
            if is_stored { None } else { Some(tempfile::tempfile().map_err(Error::io("unpack", path))?) };
        let copied = match &mut unpacked {
            None => io::copy(&mut entry, &mut io::sink()),
            Some(file) => io::copy(&mut entry.take(claimed.saturating_add(1)), file),
        };
        if copied.map_err(|error| Npz::unreadable(path, &error))? != claimed {
            return Err(Npz::unreadable(path, &"an array has another size than the archive claims"));
        }
        match unpacked {
            Some(file) => Self::open_npy(path, file, 0..claimed, named_path),
            None => {
                let file = File::open(path).map_err(Error::read(path))?;
                Self::open_npy(path, file, start..start.saturating_add(claimed), named_path)
            }
        }
    }

    fn open_safetensors(path: &Path, requested: Option<&str>) -> Result<Self> {
        let fail = |reason: &dyn std::fmt::Display| {
            Error::malformed(path, format!("not a readable safetensors file: {reason}"))
        };
        let mut file = File::open(path).map_err(Error::read(path))?;
        let len = file.metadata().map_err(Error::read(path))?.len();
        let mut header_len = [0; 8];
        file.read_exact(&mut header_len).map_err(|error| fail(&error))?;
        let header_len = u64::from_le_bytes(header_len);
        if header_len > MAX_HEADER_BYTES.min(len - 8) {
            return Err(fail(&format!("its header claims {header_len} bytes")));
        }
        let mut header = vec![0; header_len as usize];
        file.read_exact(&mut header).map_err(Error::read(path))?;
        let header: Metadata = serde_json::from_slice(&header).map_err(|error| fail(&error))?;
        let mut names: Vec<String> = header.tensors().into_keys().collect();
        names.sort_unstable();
        let name = select_name(&names, requested, path)?;
        let info = header.info(name).ok_or_else(|| fail(&"it has no such tensor"))?;
        if info.dtype != Dtype::F32 {
            return Err(arrays::wrong_tensor_type(path, name, info.dtype));
        }
        let (start, end) = info.data_offsets;
        if start > end || byte_len(&info.shape) != Some((end - start) as u64) {
            return Err(fail(&format!("the size of tensor `{name}` differs from its shape")));
        }
        let data = 8 + header_len;
        if data.saturating_add(end as u64) > len {
            return Err(fail(&"truncated; copy or download it again"));
        }
        let values = Values::OnDisk { file: Mutex::new(file), offset: data + start as u64 };
        Ok(Self { path: path.to_path_buf(), shape: info.shape.clone(), values })
    }
}

/// Size of an f32 array in bytes.
fn byte_len(shape: &[usize]) -> Option<u64> {
    let len = shape.iter().try_fold(size_of::<f32>(), |bytes, &len| bytes.checked_mul(len))?;
    // Rows are addressed by signed offsets.
    isize::try_from(len).ok().map(|len| len as u64)
}
