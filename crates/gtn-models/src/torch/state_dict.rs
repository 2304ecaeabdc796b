use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gtn_io::{hex, suggest};
use ndarray::{ArrayD, Dimension};
use sha2::{Digest, Sha256};

use super::dtype::Dtype;
use super::input::{Reason, damaged};
use super::outline::Location;
use super::{legacy, safetensors_file, zip_file};
use crate::Result;

/// The tensors of a PyTorch state dict, by name.
///
/// A network takes the tensors that it needs ([`take`](Self::take)), each with the shape that it expects. Then
/// [`finish`](Self::finish) verifies that none is left.
///
/// ```no_run
/// use std::path::Path;
///
/// use gtn_models::StateDict;
///
/// let mut weights = StateDict::read(Path::new("h.pth"))?;
/// let weight = weights.take("fc1.weight", &[50, 5])?;
/// let bias = weights.take("fc1.bias", &[50])?;
/// weights.finish()?; // an error if the file contains more
/// # Ok::<(), gtn_models::Error>(())
/// ```
///
/// Reading executes nothing: a file that asks for other code than that of tensors is refused. The prefix `module.`, which
/// `DataParallel` adds to all names, is removed. Counters of batches (`num_batches_tracked`) are left out, because no network
/// needs them.
#[derive(Debug)]
pub struct StateDict {
    path: PathBuf,
    bytes: Arc<Vec<u8>>,
    sha256: String,
    tensors: BTreeMap<String, Location>,
    metadata: HashMap<String, String>,
}

/// The prefix that `torch.nn.DataParallel` adds to all names.
const DATA_PARALLEL: &str = "module.";

/// The last part of the name of BatchNorm's counter.
const BATCH_COUNTER: &str = "num_batches_tracked";

/// Names in a message.
const MAX_LISTED: usize = 5;

impl StateDict {
    /// Reads a file that `torch.save` wrote, in its current format or in that of PyTorch before 1.6, or a safetensors file. Its
    /// content decides which it is.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) if the file cannot be read, is damaged, contains something else than a state dict, or
    /// asks for code.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(gtn_io::Error::read(path))?;
        Self::parse(path, bytes)
    }

    /// The content of the file at `path`.
    pub(super) fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let (tensors, metadata) = read_any(&bytes)
            .and_then(|(tensors, metadata)| Ok((by_name(tensors)?, metadata)))
            .map_err(|reason| gtn_io::Error::malformed(path, reason))?;
        let sha256 = hex(Sha256::digest(&bytes));
        Ok(Self { path: path.to_path_buf(), bytes: Arc::new(bytes), sha256, tensors, metadata })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of the file, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// An entry of the metadata of a safetensors file.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// The names of the tensors that were not taken yet, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of a tensor that was not taken yet.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// Takes a tensor of 32-bit floating-point numbers.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) if it is missing, or has another shape or type.
    pub fn take(&mut self, name: &str, expected: &[usize]) -> Result<ArrayD<f32>> {
        let Some(tensor) = self.tensors.get(name) else {
            let near = suggest(name, self.names()).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            return Err(self.malformed(format!("tensor `{name}` is missing{near}; pass weights of this network")));
        };
        let Location { dtype, shape, .. } = tensor;
        if shape != expected {
            return Err(self.malformed(format!(
                "tensor `{name}` has shape {shape:?}, expected {expected:?}; pass weights of this network"
            )));
        }
        if *dtype != Dtype::F32 {
            return Err(self.malformed(format!("tensor `{name}` is {dtype}; save it as float32, with .float()")));
        }
        let array = gather(&self.bytes, tensor);
        self.tensors.remove(name);
        Ok(array)
    }

    /// Drops a tensor that is known to be unused. Returns whether it existed.
    pub fn discard(&mut self, name: &str) -> bool {
        self.tensors.remove(name).is_some()
    }

    /// Moves the tensors whose names start with `prefix` to another state dict, without the prefix.
    #[must_use]
    pub fn split_off(&mut self, prefix: &str) -> Self {
        let all = std::mem::take(&mut self.tensors);
        let (matching, others) = all.into_iter().partition(|(name, _)| name.starts_with(prefix));
        self.tensors = others;
        let matching: BTreeMap<String, Location> = matching;
        let tensors = matching.into_iter().map(|(name, tensor)| (name[prefix.len()..].to_owned(), tensor)).collect();
        let (path, bytes) = (self.path.clone(), self.bytes.clone());
        Self { path, bytes, sha256: self.sha256.clone(), tensors, metadata: self.metadata.clone() }
    }

    /// Verifies that all tensors were taken.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) names those that are left.
    pub fn finish(self) -> Result<()> {
        let count = self.tensors.len();
        if count == 0 {
            return Ok(());
        }
        let mut names: Vec<String> = self.names().take(MAX_LISTED).map(|name| format!("`{name}`")).collect();
        if count > MAX_LISTED {
            names.push(format!("{} more", count - MAX_LISTED));
        }
        let (s, belong) = if count == 1 { ("", "does not belong") } else { ("s", "do not belong") };
        let names = names.join(", ");
        Err(self.malformed(format!("tensor{s} {names} {belong} to this network; pass weights of this network alone")))
    }

    /// The error of a file with other content than expected.
    pub(crate) fn malformed(&self, reason: impl Into<String>) -> crate::Error {
        gtn_io::Error::malformed(&self.path, reason).into()
    }
}

/// The tensors and the metadata of a file in any format.
fn read_any(bytes: &[u8]) -> std::result::Result<safetensors_file::Content, Reason> {
    if bytes.starts_with(b"PK\x03\x04") {
        Ok((zip_file::read(bytes)?, HashMap::new()))
    } else if bytes.starts_with(legacy::MAGIC) {
        Ok((legacy::read(bytes)?, HashMap::new()))
    } else if safetensors_file::is_safetensors(bytes) {
        safetensors_file::read(bytes)
    } else {
        Err(foreign(bytes))
    }
}

/// Why bytes are not those of a state dict.
fn foreign(bytes: &[u8]) -> Reason {
    let what = match bytes {
        [] => "it is empty".to_owned(),
        _ if bytes.get(257..262) == Some(b"ustar") => {
            return "it has the tar format of PyTorch 0.1; load and save it with a later version of PyTorch".to_owned();
        }
        _ if bytes.starts_with(b"version https://git-lfs") => {
            return "it is a pointer of Git LFS; get the file itself with `git lfs pull`".to_owned();
        }
        [0x80, 1..=5, ..] => "it is a pickle, but not one of torch.save".to_owned(),
        _ => format!("not a file of PyTorch (it starts with \"{}\")", bytes[..bytes.len().min(8)].escape_ascii()),
    };
    format!("{what}; pass a file that torch.save(model.state_dict(), ...) wrote, or a safetensors file")
}

/// The tensors without the prefix of `DataParallel`, and without the counters of batches.
fn by_name(tensors: Vec<(String, Location)>) -> std::result::Result<BTreeMap<String, Location>, Reason> {
    let is_parallel = !tensors.is_empty() && tensors.iter().all(|(name, _)| name.starts_with(DATA_PARALLEL));
    let skipped = if is_parallel { DATA_PARALLEL.len() } else { 0 };
    let mut by_name = BTreeMap::new();
    for (name, tensor) in tensors {
        if name.chars().any(char::is_control) {
            return Err(format!("the name \"{}\" of a tensor is not printable; rename it", name.escape_debug()));
        }
        // Also without values, since arrays refuse such shapes.
        let extent = tensor.shape.iter().try_fold(1_usize, |extent, size| extent.checked_mul((*size).max(1)));
        if extent.is_none_or(|extent| extent > isize::MAX as usize) {
            return Err(damaged(format!("tensor `{name}` has the impossible shape {:?}", tensor.shape)));
        }
        if name.rsplit('.').next() != Some(BATCH_COUNTER) {
            by_name.insert(name[skipped..].to_owned(), tensor);
        }
    }
    Ok(by_name)
}

/// The values of a tensor, whose location was checked.
fn gather(bytes: &[u8], tensor: &Location) -> ArrayD<f32> {
    let values = bytes[tensor.start..].as_chunks::<4>().0;
    if tensor.is_contiguous() {
        let count = tensor.shape.iter().product();
        let values = values[..count].iter().map(|value| f32::from_le_bytes(*value)).collect();
        return ArrayD::from_shape_vec(tensor.shape.clone(), values)
            .expect("there are as many values as the shape has");
    }
    let index =
        |position: &[usize]| position.iter().zip(&tensor.strides).map(|(at, stride)| at * stride).sum::<usize>();
    ArrayD::from_shape_fn(tensor.shape.clone(), |position| f32::from_le_bytes(values[index(position.slice())]))
}
