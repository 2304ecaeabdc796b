//! What CelebA and 11K Hands share: where their files are, how they are read, and the text form of filters.

use std::collections::HashSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::image_source::{ImageSource, in_any_case, metadata_if_exists};
use super::{ImageSet, ImageSetSpec, NameLists, ProgressFn, Transform};
use crate::{Error, Result};

/// The files of a data set of JPEG images with an official split.
pub(crate) struct DatasetFiles {
    /// The name of the data set.
    pub(crate) dataset: &'static str,
    /// Its folder below the folder of all data sets.
    pub(crate) folder: &'static str,
    /// The folder of its images. They may be in a zip archive of this name instead.
    pub(crate) images: &'static str,
    /// What is missing if the images are.
    pub(crate) images_download: &'static str,
    /// The lists of its split, in the sense of [`find_table`].
    pub(crate) lists: &'static [&'static str],
    /// The table that filters need, likewise.
    pub(crate) table: &'static str,
    /// Reads the lists at these paths.
    pub(crate) read_lists: fn(&[PathBuf]) -> Result<NameLists>,
    pub(crate) transform: Transform,
    /// Number of training, validation and test images in the published data set.
    pub(crate) split_sizes: [usize; 3],
    /// How to get the files into a folder.
    pub(crate) instructions: fn(&Path) -> String,
}

/// A condition on the images of a data set. The default selects every image.
pub(crate) trait ImageFilter: Default + Display + PartialEq {
    /// The names of the images that match it, according to the table of the data set.
    fn matching_names(&self, table: &Path) -> Result<HashSet<String>>;
}

impl DatasetFiles {
    /// Reads the existing images below `data_dir` that match `filter`, through the cache at `cache`. At most the fraction
    /// `max_unreadable` of them may be unreadable.
    pub(crate) fn read(
        &self,
        (data_dir, max_unreadable): (&Path, f64),
        filter: &impl ImageFilter,
        cache: &Path,
        progress: ProgressFn<'_>,
    ) -> Result<ImageSet> {
        let folder = self.find_folder(data_dir);
        let source = ImageSource::find(&folder, self.images)?;
        let mut missing: Vec<&str> = source.is_none().then_some(self.images_download).into_iter().collect();
        let mut paths = Vec::new();
        for list in self.lists {
            match find_table(&folder, list) {
                Some(path) => paths.push(path),
                None => missing.push(list),
            }
        }
        let (Some(source), []) = (source, &missing[..]) else {
            return Err(self.not_found(&folder, missing.join(" and ")));
        };
        ImageSetSpec {
            source: &source,
            lists: &(self.read_lists)(&paths)?,
            filtered_names: self.filtered_names(&folder, filter)?,
            filter: filter.to_string(),
            transform: self.transform,
            split_sizes: self.split_sizes,
            max_unreadable,
        }
        .load(cache, progress)
    }

    /// The names of the images in `folder` that match `filter`; `None` for a filter that selects every image.
    pub(crate) fn filtered_names<F: ImageFilter>(&self, folder: &Path, filter: &F) -> Result<Option<HashSet<String>>> {
        if *filter == F::default() {
            return Ok(None);
        }
        match find_table(folder, self.table) {
            Some(table) => Ok(Some(filter.matching_names(&table)?)),
            None => Err(self.not_found(folder, format!("{} (required by the filter)", self.table))),
        }
    }

    fn not_found(&self, folder: &Path, missing: String) -> Error {
        let instructions = (self.instructions)(folder);
        Error::NotFound { dataset: self.dataset, missing, instructions, folder: folder.to_path_buf() }
    }

    /// The first candidate folder that contains part of the data set; its own folder below `data_dir` if none does.
    pub(crate) fn find_folder(&self, data_dir: &Path) -> PathBuf {
        let candidates = [data_dir.join(self.folder), data_dir.to_path_buf()];
        let contains_any = |folder: &&PathBuf| {
            // A file whose metadata cannot be read counts as existing, so that its error is reported.
            let exists = |name: String| {
                metadata_if_exists(&in_any_case(folder, &name)).map_or(true, |metadata| metadata.is_some())
            };
            [self.images.to_owned(), format!("{}.zip", self.images)].into_iter().any(exists)
                || self.lists.iter().any(|list| find_table(folder, list).is_some())
        };
        candidates.iter().find(contains_any).unwrap_or(&candidates[0]).clone()
    }
}

/// The path of a list or table if it exists. One that ends in `.txt` may be a `.csv` file instead, as in copies on Kaggle.
pub(crate) fn find_table(folder: &Path, name: &str) -> Option<PathBuf> {
    let names = [name.to_owned(), name.replace(".txt", ".csv")];
    names.iter().map(|name| in_any_case(folder, name)).find(|path| path.is_file())
}

/// Parses a filter such as `Smiling=1,Male=-1`: calls `add` with each key and its value, and wraps what it refuses. `form`
/// says how to write a part.
pub(crate) fn parse_filter<'t>(
    text: &'t str,
    form: &str,
    mut add: impl FnMut(&'t str, &'t str) -> std::result::Result<(), String>,
) -> Result<()> {
    let refuse = |reason: String| Error::Filter { filter: text.to_owned(), reason };
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').ok_or_else(|| refuse(format!("`{part}` is not of the form {form}")))?;
        add(key.trim(), value.trim()).map_err(refuse)?;
    }
    Ok(())
}
