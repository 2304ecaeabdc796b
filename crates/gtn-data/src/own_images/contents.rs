//! What the cache of own images holds, in a file beside it.

use std::path::{Path, PathBuf};

use gtn_io::atomic;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::image_set::image_cache;

const FORMAT: u32 = 1;

/// What became of each file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    format: u32,
    /// The inputs that the cache was created from.
    key: String,
    pub(super) channels: usize,
    /// The indices, in the listing, of the images in the cache.
    pub(super) used: Vec<usize>,
    pub(super) unreadable: Vec<(String, String)>,
    pub(super) duplicates: Vec<(String, String)>,
}

impl Contents {
    pub(super) fn new(key: String, channels: usize) -> Self {
        let (used, unreadable, duplicates) = (Vec::new(), Vec::new(), Vec::new());
        Self { format: FORMAT, key, channels, used, unreadable, duplicates }
    }

    /// The contents of a cache that was created from the same inputs, if its file is there and complete.
    pub(super) fn read(cache: &Path, key: &str, files: usize) -> Option<Self> {
        let text = std::fs::read(Self::path(cache)).ok()?;
        let contents: Self = serde_json::from_slice(&text).ok()?;
        let is_valid = contents.format == FORMAT
            && contents.key == key
            && [1, 3].contains(&contents.channels)
            && contents.used.is_sorted_by(|a, b| a < b)
            && contents.used.last().is_some_and(|last| *last < files);
        is_valid.then_some(contents)
    }

    pub(super) fn write(&self, cache: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).map_err(|error| crate::Error::malformed(cache, error.to_string()))?;
        Ok(atomic::write_bytes(&Self::path(cache), &text)?)
    }

    /// Removes the file, so that the cache is created again.
    pub(super) fn remove(cache: &Path) -> Result<()> {
        image_cache::remove_if_exists(Self::path(cache))
    }

    fn path(cache: &Path) -> PathBuf {
        cache.with_extension("json")
    }
}
