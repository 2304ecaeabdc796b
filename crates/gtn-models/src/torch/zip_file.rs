//! The format of `torch.save` since PyTorch 1.6: an uncompressed zip archive with a pickle, and a file for each storage.

use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;

use zip::{CompressionMethod, ZipArchive};

use super::input::{Input, Reason, damaged};
use super::outline::{self, Location};
use super::pickle::Pickle;

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// The tensors of a file, by name.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(String, Location)>, Reason> {
    let open = || ZipArchive::new(Cursor::new(bytes));
    let mut archive = open().map_err(|error| damaged(format!("its zip archive is incomplete ({error})")))?;
    let prefix = prefix(&archive)?;
    if let Some(range) = member(&mut archive, &format!("{prefix}byteorder"), bytes)?
        && &bytes[range.clone()] != b"little"
    {
        return Err("its values are big-endian; save it on a machine with the usual byte order".to_owned());
    }
    if archive.index_for_name(&format!("{prefix}constants.pkl")).is_some() {
        return Err(
            "it contains a TorchScript program instead of a state dict, and nothing in it was executed; save a \
                    state dict, with torch.save(model.state_dict(), ...)"
                .to_owned(),
        );
    }
    let pickle = member(&mut archive, &format!("{prefix}data.pkl"), bytes)?.unwrap_or_default();
    let pickle = Pickle::read(&mut Input::new(&bytes[pickle]))?;
    let mut storages: HashMap<&str, Range<usize>> = HashMap::new();
    let mut tensors = Vec::new();
    for (name, tensor) in outline::state_dict(&pickle)? {
        let key = tensor.storage.key;
        let range = match storages.get(key) {
            Some(range) => range.clone(),
            None => {
                let missing = || damaged(format!("the storage `{}` of tensor `{name}` is missing", key.escape_debug()));
                let range = member(&mut archive, &format!("{prefix}data/{key}"), bytes)?.ok_or_else(missing)?;
                storages.insert(key, range.clone());
                range
            }
        };
        let location = tensor.locate(range.start, range.len());
        tensors.push((name.to_owned(), location.map_err(|reason| format!("tensor `{name}`: {reason}"))?));
    }
    Ok(tensors)
}

/// The folder of the archive that contains the pickle.
fn prefix(archive: &Archive<'_>) -> Result<String, Reason> {
    let prefixes = archive.file_names().filter_map(|name| name.strip_suffix("data.pkl"));
    let mut prefixes = prefixes.filter(|prefix| prefix.is_empty() || prefix.ends_with('/'));
    match (prefixes.next(), prefixes.next()) {
        (Some(prefix), None) => Ok(prefix.to_owned()),
        (None, _) => Err("it is a zip archive, but not one of torch.save (it has no data.pkl); pass a file that \
                          torch.save(model.state_dict(), ...) wrote"
            .to_owned()),
        (Some(_), Some(_)) => {
            Err("it is a zip archive with several data.pkl; pass a file that torch.save wrote".to_owned())
        }
    }
}

/// The bytes of a file in the archive, if it exists. Its checksum is verified.
fn member(archive: &mut Archive<'_>, name: &str, bytes: &[u8]) -> Result<Option<Range<usize>>, Reason> {
    let Some(index) = archive.index_for_name(name) else { return Ok(None) };
    // The name may come from a damaged pickle.
    let name = name.escape_debug();
    let unreadable = |error: &dyn std::fmt::Display| damaged(format!("`{name}` in it is unreadable ({error})"));
    let mut file = archive.by_index(index).map_err(|error| unreadable(&error))?;
    if file.compression() != CompressionMethod::Stored {
        return Err(format!("`{name}` in it is compressed, which torch.save does not do; save it with torch.save"));
    }
    let (start, len) = (usize::try_from(file.data_start()).ok(), usize::try_from(file.size()).ok());
    let range = start.zip(len).and_then(|(start, len)| Some(start..start.checked_add(len)?));
    let range = range.filter(|range| range.end <= bytes.len());
    let range = range.ok_or_else(|| unreadable(&"it claims to be larger than the file"))?;
    // Reading to the end compares the checksum.
    std::io::copy(&mut file, &mut std::io::sink()).map_err(|error| unreadable(&error))?;
    Ok(Some(range))
}
