//! Kinds of files by their extensions.

use std::path::Path;

/// The images of the data sets with an official split, and of [`ImageCollection`](crate::ImageCollection).
pub(crate) const PNG_OR_JPEG: [&str; 3] = ["png", "jpg", "jpeg"];

/// Whether a path has one of these extensions, in any letter case.
pub(crate) fn has_extension(path: &Path, known: &[&str]) -> bool {
    path.extension().is_some_and(|extension| known.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}
