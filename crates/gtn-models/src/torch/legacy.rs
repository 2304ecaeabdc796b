//! The format of `torch.save` before PyTorch 1.6: pickles in a row, then the values of the storages.

use std::collections::HashMap;

use super::dtype::Dtype;
use super::input::{Input, Reason, damaged};
use super::outline::{self, Location, StorageRef};
use super::pickle::{Pickle, Value};

/// The pickle that a file begins with: the number 0x1950a86a20f9469cfc6c.
pub(super) const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

const VERSION: i64 = 1001;

/// The tensors of a file, by name.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(String, Location)>, Reason> {
    let mut input = Input::new(bytes);
    input.take(MAGIC.len())?;
    let version = Pickle::read(&mut input)?;
    if !matches!(version.value(version.root()), Value::Int(VERSION)) {
        return Err(
            "it has an unknown version of PyTorch's format; save it with a current version of PyTorch".to_owned()
        );
    }
    check_byte_order(&Pickle::read(&mut input)?)?;
    let pickle = Pickle::read(&mut input)?;
    let tensors = outline::state_dict(&pickle)?;
    let storages = storages(&mut input, &dtypes(&pickle)?)?;
    if input.remaining() > 0 {
        return Err(damaged(format!("{} bytes follow the last tensor", input.remaining())));
    }
    tensors
        .into_iter()
        .map(|(name, tensor)| {
            let key = tensor.storage.key;
            let (start, len) = *storages.get(key).ok_or_else(|| missing(key))?;
            let location = tensor.locate(start, len).map_err(|reason| format!("tensor `{name}`: {reason}"))?;
            Ok((name.to_owned(), location))
        })
        .collect()
}

fn check_byte_order(system: &Pickle<'_>) -> Result<(), Reason> {
    let Value::Dict(entries) = system.value(system.root()) else {
        return Err(damaged("its description of the system is unreadable"));
    };
    let is_little = |(key, value): &(_, _)| {
        system.text(*key) == Some("little_endian") && matches!(system.value(*value), Value::Bool(true))
    };
    if entries.iter().any(is_little) {
        Ok(())
    } else {
        Err("its values are big-endian; save it on a machine with the usual byte order".to_owned())
    }
}

/// The types of all storages that the pickle refers to, by key.
fn dtypes<'a>(pickle: &Pickle<'a>) -> Result<HashMap<&'a str, Dtype>, Reason> {
    let mut dtypes = HashMap::new();
    for value in pickle.values() {
        if let Value::Persistent(id) = value {
            let storage = StorageRef::read(pickle, *id)?;
            dtypes.entry(storage.key).or_insert(storage.dtype);
        }
    }
    Ok(dtypes)
}

/// First byte and number of bytes of each storage, by key. A pickle lists their keys; then each has its number of values, and
/// the values.
fn storages<'a>(
    input: &mut Input<'a>,
    dtypes: &HashMap<&str, Dtype>,
) -> Result<HashMap<&'a str, (usize, usize)>, Reason> {
    let keys = Pickle::read(input)?;
    let Value::List(ids) = keys.value(keys.root()) else { return Err(damaged("its list of storages is unreadable")) };
    let mut storages = HashMap::new();
    for id in ids {
        let key = keys.text(*id).ok_or_else(|| damaged("its list of storages is unreadable"))?;
        let dtype = dtypes.get(key).ok_or_else(|| missing(key))?;
        let len = usize::try_from(i64::from_le_bytes(input.array()?)).ok().and_then(|len| len.checked_mul(dtype.size));
        let start = input.position();
        let values = input.take(len.unwrap_or(usize::MAX))?;
        storages.insert(key, (start, values.len()));
    }
    Ok(storages)
}

fn missing(key: &str) -> Reason {
    damaged(format!("its list of storages and its tensors differ in the storage `{}`", key.escape_debug()))
}
