//! From the values of a pickle to the tensors of a state dict.

use super::dtype::Dtype;
use super::global::Global;
use super::input::{Reason, damaged};
use super::pickle::{Id, Pickle, Value};

/// The most dimensions of a tensor in PyTorch.
const MAX_RANK: usize = 64;

/// A storage, as a pickle refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StorageRef<'a> {
    pub(super) key: &'a str,
    pub(super) dtype: Dtype,
    /// Number of its values.
    len: usize,
    /// In the legacy format, the values of a larger storage that it consists of: the first, and their number.
    view: Option<(usize, usize)>,
}

/// Where the values of a tensor are in its storage.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TensorOutline<'a> {
    pub(super) storage: StorageRef<'a>,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

/// A tensor in a file.
#[derive(Debug, Clone)]
pub(super) struct Location {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// In values.
    pub(super) strides: Vec<usize>,
    /// The byte of its first value.
    pub(super) start: usize,
}

impl Location {
    /// Whether the values are in the order of the indices, without gaps. Then the strides of dimensions of length 1 do not count.
    pub(super) fn is_contiguous(&self) -> bool {
        let expected = contiguous_strides(&self.shape);
        self.shape
            .iter()
            .zip(self.strides.iter().zip(expected))
            .all(|(size, (found, wanted))| *size == 1 || *found == wanted)
    }
}

/// The strides of values in the order of the indices.
pub(super) fn contiguous_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1_usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        // With an axis of length 0 there are no values, and the strides have no meaning.
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
    }
    strides
}

impl<'a> StorageRef<'a> {
    /// The storage of a persistent id: `("storage", class, key, device, length)`, in the legacy format with a view.
    pub(super) fn read(pickle: &Pickle<'a>, id: Id) -> Result<Self, Reason> {
        let unreadable = || damaged("its pickle refers to a storage in an unknown way");
        let (class, key, len, view) = match pickle.tuple(id) {
            Some(&[_, class, key, _, len]) => (class, key, len, None),
            Some(&[_, class, key, _, len, view]) => (class, key, len, Some(view)),
            _ => return Err(unreadable()),
        };
        let Value::Global(Global::Storage(dtype)) = *pickle.value(class) else { return Err(unreadable()) };
        let view = match view.filter(|view| !matches!(pickle.value(*view), Value::None)) {
            None => None,
            Some(view) => match pickle.tuple(view) {
                Some(&[_, first, len]) => Some(pickle.index(first).zip(pickle.index(len)).ok_or_else(unreadable)?),
                _ => return Err(unreadable()),
            },
        };
        let (key, len) = pickle.text(key).zip(pickle.index(len)).ok_or_else(unreadable)?;
        Ok(Self { key, dtype, len, view })
    }
}

impl TensorOutline<'_> {
    /// Where the tensor is in a file with its storage at the bytes from `start`, of which there are `len`.
    pub(super) fn locate(&self, start: usize, len: usize) -> Result<Location, Reason> {
        let StorageRef { dtype, len: claimed, view, .. } = self.storage;
        let held = len / dtype.size;
        if claimed > held {
            return Err(damaged(format!(
                "its storage should hold {claimed} values of {dtype}, and the file has {held}"
            )));
        }
        let (first, values) = view.unwrap_or((0, claimed));
        if first.checked_add(values).is_none_or(|end| end > claimed) {
            return Err(damaged("its values are outside of its storage"));
        }
        let count = self.shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
        // The last value has the largest index, because no stride is negative.
        let last = self.shape.iter().zip(&self.strides).try_fold(self.offset, |last, (size, stride)| {
            last.checked_add(size.saturating_sub(1).checked_mul(*stride)?)
        });
        match (count, last) {
            (Some(0), _) => {}
            (Some(count), Some(last)) if last < values => {
                if count > values {
                    let (shape, values) = (&self.shape, values);
                    return Err(format!(
                        "its shape {shape:?} repeats the {values} values of its storage; save a copy made by .contiguous()"
                    ));
                }
            }
            _ => {
                return Err(damaged(format!(
                    "its shape {:?} with strides {:?} and offset {} exceeds the {values} values of its storage",
                    self.shape, self.strides, self.offset
                )));
            }
        }
        // An empty tensor has no values, wherever it claims to be.
        let offset = if count == Some(0) { 0 } else { first + self.offset };
        let start = start + offset * dtype.size;
        Ok(Location { dtype, shape: self.shape.clone(), strides: self.strides.clone(), start })
    }
}

/// The tensors of a state dict, by name, in the order of the file.
pub(super) fn state_dict<'a>(pickle: &Pickle<'a>) -> Result<Vec<(&'a str, TensorOutline<'a>)>, Reason> {
    let root = pickle.root();
    let Value::Dict(entries) = pickle.value(root) else {
        let found = pickle.describe(root);
        return Err(format!(
            "it contains {found} instead of a state dict; save one, with torch.save(model.state_dict(), ...)"
        ));
    };
    let named = |(key, value): &(Id, Id)| match pickle.text(*key) {
        Some(name) => Ok((name, *value)),
        None => Err(format!(
            "it contains a dictionary in which a name is {}; save a state dict, with torch.save(model.state_dict(), ...)",
            pickle.describe(*key)
        )),
    };
    let entries = entries.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    if let Some((name, _)) = entries.iter().find(|(_, value)| matches!(pickle.value(*value), Value::Dict(_))) {
        return Err(format!(
            "it contains a checkpoint, in which `{name}` is a dictionary, instead of a state dict; save the state dict \
             alone, as in torch.save(torch.load(...)[\"{name}\"], ...)"
        ));
    }
    entries
        .into_iter()
        .map(|(name, value)| match tensor(pickle, value) {
            Ok(tensor) => Ok((name, tensor)),
            Err(reason) => Err(format!("`{name}` {reason}")),
        })
        .collect()
}

/// The tensor that a value builds.
fn tensor<'a>(pickle: &Pickle<'a>, mut id: Id) -> Result<TensorOutline<'a>, Reason> {
    let unreadable = || damaged("is a tensor that is described in an unknown way");
    // The function and the arguments of a call may themselves be arguments of another.
    let mut inner: Option<(Global, &[Id])> = None;
    loop {
        let (global, arguments) = match (inner.take(), pickle.value(id)) {
            (Some(inner), _) => inner,
            (None, Value::Call { global, arguments }) => (*global, arguments.as_slice()),
            (None, _) => {
                return Err(format!("is {}, not a tensor; save a state dict alone", pickle.describe(id)));
            }
        };
        match (global, arguments) {
            (Global::RebuildTensor, &[storage, offset, shape, strides, ..]) => {
                let Value::Persistent(storage) = *pickle.value(storage) else { return Err(unreadable()) };
                return outline(pickle, StorageRef::read(pickle, storage)?, offset, shape, strides)
                    .ok_or_else(unreadable);
            }
            (Global::RebuildUntypedTensor, &[storage, offset, shape, strides, ..]) => {
                let Value::Persistent(storage) = *pickle.value(storage) else { return Err(unreadable()) };
                let storage = StorageRef { dtype: Dtype::OTHER, ..StorageRef::read(pickle, storage)? };
                return outline(pickle, storage, offset, shape, strides).ok_or_else(unreadable);
            }
            // Arguments are older than the call, so this ends.
            (Global::RebuildParameter, &[data, ..]) => id = data,
            (Global::RebuildFromType, &[function, _, arguments, ..]) => {
                let &Value::Global(global) = pickle.value(function) else { return Err(unreadable()) };
                inner = Some((global, pickle.tuple(arguments).ok_or_else(unreadable)?));
            }
            _ => return Err(unreadable()),
        }
    }
}

fn outline<'a>(
    pickle: &Pickle<'a>,
    storage: StorageRef<'a>,
    offset: Id,
    shape: Id,
    strides: Id,
) -> Option<TensorOutline<'a>> {
    let sizes = |id: Id| -> Option<Vec<usize>> { pickle.tuple(id)?.iter().map(|size| pickle.index(*size)).collect() };
    let (offset, shape, strides) = (pickle.index(offset)?, sizes(shape)?, sizes(strides)?);
    let is_valid = shape.len() == strides.len() && shape.len() <= MAX_RANK;
    is_valid.then_some(TensorOutline { storage, offset, shape, strides })
}
