//! Images of your own, of any sizes and formats: a folder, with subfolders as classes, or an archive.
//!
//! Each file is decoded once, turned as its camera says, brought to one square size, and written to a single file, the cache, which is
//! memory-mapped. Files that are not readable are skipped and counted, and of images with the same pixels the first is used.
//!
//! ```
//! use std::ops::ControlFlow;
//! use gtn_data::own_images::{self, Options};
//!
//! let folder = tempfile::tempdir()?;
//! for (class, shade) in [("cats", 50), ("dogs", 200)] {
//!     std::fs::create_dir_all(folder.path().join("animals").join(class))?;
//!     let name = folder.path().join("animals").join(class).join("1.png");
//!     image::RgbImage::from_pixel(30, 20, image::Rgb([shade, 0, 0])).save(name)?;
//! }
//! let cache = folder.path().join("cache/animals.images");
//! let options = Options { side: 8, ..Options::default() };
//! let animals = own_images::read(&folder.path().join("animals"), &options, &cache, &mut |_, _| ControlFlow::Continue(()))?;
//! assert_eq!(animals.images.batch(&[0, 1]).dim(), (2, 3, 8, 8));
//! assert_eq!(animals.classes.unwrap().names, ["cats", "dogs"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod all;
mod contents;
mod decoder;
mod listing;
mod reading;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use all::ImageFiles;
pub use listing::is_archive;
pub use reading::read;

use crate::image_set::CacheState;
use crate::{Error, Images, Result};

/// The largest side of images, in pixels.
pub const MAX_SIDE: usize = 256;

gtn_io::names! {
    /// How images become squares of one size.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum Resize: "way to resize" {
        /// The largest square in the middle is cut out.
        #[default]
        Crop => "crop",
        /// The complete image, with the background on two sides.
        Fit => "fit",
        /// The complete image, distorted.
        Stretch => "stretch",
    }
}

/// How files are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Side of the squares in pixels: a multiple of 4, at most [`MAX_SIDE`].
    pub side: usize,
    /// How images become squares.
    pub resize: Resize,
    /// The color behind transparent pixels and beside images that are fitted: red, green, blue.
    pub background: [u8; 3],
    /// The largest fraction of the files that may be unreadable, from 0 to 1.
    pub max_unreadable: f64,
}

impl Default for Options {
    /// Squares of 64 × 64 from the middle, on white; at most 5% unreadable files.
    fn default() -> Self {
        Self { side: 64, resize: Resize::Crop, background: [255; 3], max_unreadable: 0.05 }
    }
}

/// Before gray images are recognized.
const CHANNELS: usize = 3;

/// The part of [`Options`] that pixels depend on.
struct Sizing {
    side: usize,
    resize: Resize,
    background: [u8; 3],
}

/// Images of one size, and what became of the files.
#[derive(Debug, Clone)]
pub struct OwnImages {
    /// The images, in the order of their names; one channel if all of them are gray, otherwise three.
    pub images: Images,
    /// The name of the file of each image, relative to the folder or the archive.
    pub names: Vec<String>,
    /// The classes, if images are in subfolders.
    pub classes: Option<Classes>,
    /// Files that are not readable: their names, and why.
    pub unreadable: Vec<(String, String)>,
    /// Images that were left out because an earlier one has the same pixels: their names, and those of the earlier ones.
    pub duplicates: Vec<(String, String)>,
    /// The number of files that are not images by their extension.
    pub other_files: usize,
    /// Digest of the pixels and the classes, as hexadecimal text; independent of where the files are.
    pub fingerprint: String,
    /// Whether the cache was reused or created.
    pub cache: CacheState,
}

/// The classes of images: the subfolders that they are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    /// Their names, in alphabetical order.
    pub names: Vec<String>,
    /// The number of the class of each image, counted from 0.
    pub labels: Vec<u32>,
}

impl Options {
    /// # Errors
    ///
    /// [`Error::Setting`] that names the setting.
    fn check(&self) -> Result<()> {
        let refuse =
            |setting, value: String, reason: &str| Err(Error::Setting { setting, value, reason: reason.to_owned() });
        if self.side == 0 || !self.side.is_multiple_of(4) || self.side > MAX_SIDE {
            return refuse("side", self.side.to_string(), "images need a side of 4, 8, 12, ... or 256 pixels");
        }
        if !(0.0..=1.0).contains(&self.max_unreadable) {
            return refuse("max-unreadable", self.max_unreadable.to_string(), "it is a fraction from 0 to 1");
        }
        Ok(())
    }

    fn sizing(&self) -> Sizing {
        Sizing { side: self.side, resize: self.resize, background: self.background }
    }
}

/// The file of decoded images in a cache folder: one for each path and size, so that they do not overwrite each other.
#[must_use]
pub fn cache_path(cache_dir: &Path, path: &Path, options: &Options) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let Sizing { side, resize, background } = options.sizing();
    let text = format!("{} {side} {resize} {background:?}", path.display());
    let digest = gtn_io::hex(Sha256::digest(text));
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    cache_dir.join(format!("{name}-{side}-{}.images", &digest[..12]))
}

/// Refuses too many unreadable files.
fn check_unreadable(path: &Path, options: &Options, files: usize, unreadable: &[(String, String)]) -> Result<()> {
    let Some((name, reason)) = unreadable.first() else { return Ok(()) };
    let count = unreadable.len();
    if count == files {
        let reason = match files {
            1 => format!("its only image file, {name}, {reason}"),
            _ => format!("none of the {files} image files can be read; the first, {name}, {reason}"),
        };
        return Err(Error::malformed(path, reason));
    }
    if count as f64 > options.max_unreadable * files as f64 {
        let advice = "remove or repair these files, or allow more with --max-unreadable";
        let reason = format!("{count} of {files} image files cannot be read; the first, {name}, {reason}; {advice}");
        return Err(Error::malformed(path, reason));
    }
    Ok(())
}
