//! Which image files a folder or an archive has, and their bytes.

use std::fs;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::extension::{PNG_OR_JPEG, has_extension};
use crate::image_set::image_source::{MAX_FILE_BYTES, SharedFile, open_archive, read_entry};
use crate::leftovers::is_leftover;
use crate::text_table::read_limited;
use crate::{Error, Result};

/// Formats that pytorch-fid reads and this crate does not. Skipping such a file in silence would change a metric.
const UNSUPPORTED_EXTENSIONS: [&str; 6] = ["bmp", "pgm", "ppm", "tif", "tiff", "webp"];

/// Image files, in the order of their names.
pub(crate) enum ImageFileList {
    Files(Vec<PathBuf>),
    Zip {
        path: PathBuf,
        archive: ZipArchive<SharedFile>,
        /// Names and indices of the entries.
        entries: Vec<(String, usize)>,
    },
}

/// Reads the files of a list; each thread has its own.
pub(crate) struct ImageFileReader<'l> {
    list: &'l ImageFileList,
    archive: Option<ZipArchive<SharedFile>>,
}

impl ImageFileList {
    /// The image files of a folder, without those of its subfolders.
    pub(crate) fn in_folder(folder: &Path) -> Result<Self> {
        let (mut files, mut has_folders) = (Vec::new(), false);
        for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
            let entry = entry.map_err(Error::io(folder))?;
            let (path, name) = (entry.path(), entry.file_name());
            if is_leftover(&name.to_string_lossy()) {
                continue;
            }
            // A link counts as what it leads to; one that leads nowhere is reported when it is opened.
            if path.is_dir() {
                has_folders = true;
            } else if is_image(&path, &path)? {
                files.push(path);
            }
        }
        if files.is_empty() {
            let advice = if has_folders { "; its subfolders are not read, so pass one of them" } else { "" };
            return Err(Error::malformed(folder, format!("the folder has no .png, .jpg or .jpeg files{advice}")));
        }
        files.sort();
        Ok(Self::Files(files))
    }

    /// The image files of a zip archive, in folders of any depth.
    pub(crate) fn in_zip(path: &Path) -> Result<Self> {
        let archive = open_archive(path)?;
        let mut entries = Vec::new();
        for (index, name) in archive.file_names().enumerate() {
            let is_folder = name.ends_with(['/', '\\']);
            if !is_folder && !name.split(['/', '\\']).any(is_leftover) && is_image(Path::new(name), &path.join(name))? {
                entries.push((name.to_owned(), index));
            }
        }
        if entries.is_empty() {
            return Err(Error::malformed(path, "the archive has no .png, .jpg or .jpeg files"));
        }
        entries.sort();
        Ok(Self::Zip { path: path.to_path_buf(), archive, entries })
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Files(files) => files.len(),
            Self::Zip { entries, .. } => entries.len(),
        }
    }

    /// The path of a file, for messages.
    pub(crate) fn path(&self, index: usize) -> PathBuf {
        match self {
            Self::Files(files) => files[index].clone(),
            Self::Zip { path, entries, .. } => path.join(&entries[index].0),
        }
    }

    /// A reader for one thread.
    pub(crate) fn reader(&self) -> ImageFileReader<'_> {
        let archive = match self {
            Self::Files(_) => None,
            Self::Zip { archive, .. } => Some(archive.clone()),
        };
        ImageFileReader { list: self, archive }
    }
}

impl ImageFileReader<'_> {
    /// Replaces the content of `bytes` with that of a file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be read, is damaged, or is larger than [`MAX_FILE_BYTES`].
    pub(crate) fn read(&mut self, index: usize, bytes: &mut Vec<u8>) -> Result<()> {
        self.read_start(index, u64::MAX, bytes).map(drop)
    }

    /// As [`read`](Self::read), but at most the first `max` bytes. Returns whether these are all.
    pub(crate) fn read_start(&mut self, index: usize, max: u64, bytes: &mut Vec<u8>) -> Result<bool> {
        use std::io::Read;
        bytes.clear();
        match (self.list, &mut self.archive) {
            (ImageFileList::Zip { path, entries, .. }, Some(archive)) => {
                let (name, entry) = &entries[index];
                read_entry(archive, *entry, (&path.join(name), MAX_FILE_BYTES), max, bytes)
            }
            (list, _) => {
                let path = list.path(index);
                if max > MAX_FILE_BYTES {
                    return read_limited(&path, MAX_FILE_BYTES, bytes).map(|()| true);
                }
                let file = fs::File::open(&path).map_err(Error::io(&path))?;
                let read = file.take(max).read_to_end(bytes).map_err(Error::io(&path))?;
                Ok((read as u64) < max)
            }
        }
    }
}

/// Whether a path names an image that can be read. `shown` is the path for messages.
fn is_image(path: &Path, shown: &Path) -> Result<bool> {
    if has_extension(path, &UNSUPPORTED_EXTENSIONS) {
        return Err(Error::malformed(shown, "this image format is not supported; convert it to PNG, or remove it"));
    }
    Ok(has_extension(path, &PNG_OR_JPEG))
}
