//! Which files were unreadable when a cache was created, in a file beside it.

use std::path::{Path, PathBuf};

use gtn_io::{atomic, hex};
use serde::{Deserialize, Serialize};

use super::image_cache;
use crate::{Error, Result};

/// The unreadable files, with the inputs that the cache was created from.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unreadable {
    /// SHA-256 of the inputs, including the unreadable files.
    key: String,
    /// Their names, and why.
    files: Vec<(String, String)>,
}

impl Unreadable {
    /// Those of a cache with these inputs; `None` if all files were readable, or if the cache has other inputs.
    pub(super) fn read(cache: &Path, key: &[u8; 32]) -> Option<Vec<(String, String)>> {
        let text = std::fs::read(Self::path(cache)).ok()?;
        let found: Self = serde_json::from_slice(&text).ok()?;
        (found.key == hex(key)).then_some(found.files)
    }

    /// Notes the files. If there are none, no file remains.
    pub(super) fn write(cache: &Path, key: &[u8; 32], files: &[(String, String)]) -> Result<()> {
        let path = Self::path(cache);
        if files.is_empty() {
            return image_cache::remove_if_exists(path);
        }
        let found = Self { key: hex(key), files: files.to_vec() };
        let text = serde_json::to_vec(&found).map_err(|error| Error::malformed(&path, error.to_string()))?;
        Ok(atomic::write_bytes(&path, &text)?)
    }

    fn path(cache: &Path) -> PathBuf {
        let mut name = cache.file_name().unwrap_or_default().to_owned();
        name.push(".unreadable.json");
        cache.with_file_name(name)
    }
}
