use std::fmt;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use gtn_io::{ArrayFile, arrays, hex};
use ndarray::{Array4, ArrayView4, Axis};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::extension::has_extension;
use crate::image_decoder::{self, ImageHeader};
use crate::image_file_list::{ImageFileList, ImageFileReader};
use crate::image_set::ProgressFn;
use crate::{Error, Result};

/// The headers of most files are in so many bytes. If they are not, the complete file is read for them.
const HEADER_BYTES: u64 = 32 << 10;

/// About so many bytes of values are read at once for a fingerprint.
const FINGERPRINT_BYTES: usize = 32 << 20;

/// Images whose values show whether an array has an unlikely range.
const CHECKED_IMAGES: usize = 50;

/// Your own images of one size, which are read in parts.
///
/// They are one of these:
///
/// - a folder of `.png`, `.jpg` and `.jpeg` files, in the order of their names. Subfolders, hidden files and other files are
///   skipped;
/// - a `.zip` archive of such files, in folders of any depth, in the order of their paths;
/// - a single such file;
/// - an f32 array (n, C, H, W) with values in [−1, 1] in a `.npy`, `.npz` or `.safetensors` file.
///
/// The images have one channel if all files are gray, and three (RGB) otherwise. A gray image then becomes three equal
/// channels. Alpha channels are ignored, palettes are resolved, and 16 bits are rounded to 8. The 8-bit values 0..255 are
/// mapped to [−1, 1]. The orientation in a camera's metadata is not applied. All of this is what PIL and pytorch-fid do, except
/// that PIL converts 16 bits differently, and that colors of JPEG files differ by 0.2 of 255 on average (by 4 at most, on 20
/// images of CelebA).
///
/// ```
/// use gtn_data::ImageCollection;
///
/// let folder = tempfile::tempdir()?;
/// image::GrayImage::from_pixel(5, 4, image::Luma([255])).save(folder.path().join("a.png"))?;
/// image::GrayImage::from_pixel(5, 4, image::Luma([0])).save(folder.path().join("b.png"))?;
///
/// let images = ImageCollection::open(folder.path())?;
/// assert_eq!((images.len(), images.shape()), (2, [1, 4, 5]));
/// assert_eq!(images.read(1..2)?[[0, 0, 3, 4]], -1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ImageCollection {
    path: PathBuf,
    len: usize,
    /// Channels, height, width.
    shape: [usize; 3],
    source: Source,
}

enum Source {
    Files { list: ImageFileList, headers: Vec<ImageHeader> },
    Array(ArrayFile),
}

impl ImageCollection {
    /// Opens images and reads their number and size. The headers of all files are read, but no pixels.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if a file cannot be read or is not an image, if there are no images, if they differ in size, or if an
    /// array has another type or shape.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Self::of_files(path, ImageFileList::in_folder(path)?);
        }
        match path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("zip") => Self::of_files(path, ImageFileList::in_zip(path)?),
            Some("png" | "jpg" | "jpeg") => Self::of_files(path, ImageFileList::Files(vec![path.to_path_buf()])),
            _ => Self::of_array(path),
        }
    }

    fn of_files(path: &Path, list: ImageFileList) -> Result<Self> {
        let read = |(reader, bytes): &mut (ImageFileReader<'_>, Vec<u8>), index: usize| {
            let malformed = |reason| Error::malformed(&list.path(index), reason);
            let is_complete = reader.read_start(index, HEADER_BYTES, bytes)?;
            match image_decoder::read_header(bytes) {
                Err(_) if !is_complete => {
                    reader.read(index, bytes)?;
                    image_decoder::read_header(bytes).map_err(malformed)
                }
                header => header.map_err(malformed),
            }
        };
        let headers: Vec<Result<ImageHeader>> =
            (0..list.len()).into_par_iter().map_init(|| (list.reader(), Vec::new()), read).collect();
        // The first error in the order of the names, whichever thread was first.
        let headers = headers.into_iter().collect::<Result<Vec<_>>>()?;
        let size = |header: &ImageHeader| (header.width, header.height);
        let (width, height) = size(&headers[0]);
        if let Some(index) = headers.iter().position(|header| size(header) != (width, height)) {
            let (other, first) = (size(&headers[index]), list.path(0));
            let reason = format!(
                "has {}×{} pixels, but '{}' has {width}×{height}; resize all images to one size, or train a generator of images of any \
                 size with `gtn fit --images FOLDER`",
                other.0,
                other.1,
                first.display()
            );
            return Err(Error::malformed(&list.path(index), reason));
        }
        let channels = if headers.iter().all(|header| header.is_gray) { 1 } else { 3 };
        let (path, len, shape) = (path.to_path_buf(), headers.len(), [channels, height, width]);
        Ok(Self { path, len, shape, source: Source::Files { list, headers } })
    }

    fn of_array(path: &Path) -> Result<Self> {
        if path.is_file() && !has_extension(path, &["npy", "npz", "safetensors"]) {
            let reason = "not images; pass a folder or a .zip archive of .png, .jpg or .jpeg files, one such file, or an array \
                          (.npy, .npz, .safetensors)";
            return Err(Error::malformed(path, reason));
        }
        let array = ArrayFile::open(path)?;
        let refuse = |reason: String| Error::malformed(array.path(), reason);
        let &[len, channels, height, width] = array.shape() else {
            let shape = arrays::tuple_text(array.shape());
            return Err(refuse(format!("expected a 4-D array (n, C, H, W), got shape {shape}")));
        };
        if channels != 1 && channels != 3 {
            let order = if width == 1 || width == 3 { "; transpose it from (n, H, W, C) to (n, C, H, W)" } else { "" };
            let shape = arrays::tuple_text(array.shape());
            return Err(refuse(format!("images have 1 or 3 channels, got shape (n, C, H, W) = {shape}{order}")));
        }
        Ok(Self { path: path.to_path_buf(), len, shape: [channels, height, width], source: Source::Array(array) })
    }

    /// The path that was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no images. Always `false`, because [`open`](Self::open) refuses that.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Channels (1 or 3), height and width of each image. They need not be square.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The path of an image, or of the array that it is in.
    #[must_use]
    pub fn image_path(&self, index: usize) -> PathBuf {
        match &self.source {
            Source::Files { list, .. } => list.path(index),
            Source::Array(array) => array.path().to_path_buf(),
        }
    }

    /// Whether the images are in files, with 8 bits per channel, and not in an array.
    pub(crate) fn is_files(&self) -> bool {
        matches!(self.source, Source::Files { .. })
    }

    /// Reads images as f32 in [−1, 1], shape (`rows.len()`, C, H, W). Files are decoded in parallel. Only these images are in
    /// memory.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if a file cannot be read, is damaged or truncated, or changed since it was opened, or if an array has
    /// values outside [−1, 1].
    ///
    /// # Panics
    ///
    /// If there are no images with these indices.
    pub fn read(&self, rows: Range<usize>) -> Result<Array4<f32>> {
        assert!(rows.start <= rows.end && rows.end <= self.len, "images {rows:?} of {}", self.len);
        match &self.source {
            Source::Files { list, headers } => self.decode(list, headers, rows),
            Source::Array(array) => {
                let first = rows.start;
                let images = array.read(rows)?.into_dimensionality().expect("the shape was checked");
                check_range(&images, first, array.path())?;
                Ok(images)
            }
        }
    }

    /// What is unlikely about the values of an array, for the user: that those of its first images are all from 0 to 1, as many programs
    /// have them, so that the images are lighter than they should be. `None` for files.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub fn unlikely_range(&self) -> Result<Option<String>> {
        if self.is_files() {
            return Ok(None);
        }
        let images = self.read(0..self.len.min(CHECKED_IMAGES))?;
        let (min, max) = range(images.iter());
        let is_unlikely = min >= 0.0 && max > min;
        Ok(is_unlikely.then(|| {
            format!(
                "the values of {} are from {min} to {max}; arrays of images have values from -1 to 1, so if 0 is black, pass 2 x - 1",
                self.path.display()
            )
        }))
    }

    fn decode(&self, list: &ImageFileList, headers: &[ImageHeader], rows: Range<usize>) -> Result<Array4<f32>> {
        let [channels, height, width] = self.shape;
        let size = channels * height * width;
        let mut values = vec![0.0; rows.len() * size];
        let images = values.par_chunks_exact_mut(size).zip(rows.clone());
        let decoded: Vec<Result<()>> = images
            .map_init(
                || (list.reader(), Vec::new()),
                |(reader, bytes), (image, index)| {
                    reader.read(index, bytes)?;
                    image_decoder::decode(bytes, headers[index], channels, image)
                        .map_err(|reason| Error::malformed(&list.path(index), reason))
                },
            )
            .collect();
        decoded.into_iter().collect::<Result<()>>()?;
        Ok(Array4::from_shape_vec((rows.len(), channels, height, width), values).expect("as many values as pixels"))
    }

    /// The SHA-256 of shape and values as hexadecimal text, for which all images are read in parts. Equal images have equal
    /// fingerprints, whether they are in a folder, an archive or an array.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read), and [`Error::Stopped`] if `progress` asks to stop.
    pub fn fingerprint(&self, progress: ProgressFn<'_>) -> Result<String> {
        let mut hasher = ImageHasher::new(self.len, self.shape);
        let image_bytes = self.shape.iter().product::<usize>() * size_of::<f32>();
        let step = (FINGERPRINT_BYTES / image_bytes).max(1);
        for start in (0..self.len).step_by(step) {
            if progress(start, self.len) == ControlFlow::Break(()) {
                return Err(Error::Stopped { done: start, total: self.len });
            }
            hasher.update(self.read(start..self.len.min(start + step))?.view());
        }
        Ok(hasher.finish())
    }
}

impl fmt::Debug for ImageCollection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, len, shape, .. } = self;
        f.debug_struct("ImageCollection").field("path", path).field("len", len).field("shape", shape).finish()
    }
}

/// Computes [`ImageCollection::fingerprint`] from images that are read for another purpose, or that are in memory.
#[derive(Debug, Clone)]
pub struct ImageHasher {
    hasher: Sha256,
    /// Images that are still to come.
    missing: usize,
    shape: [usize; 3],
}

impl ImageHasher {
    /// Begins the fingerprint of `len` images of shape (C, H, W).
    #[must_use]
    pub fn new(len: usize, shape: [usize; 3]) -> Self {
        let [channels, height, width] = shape;
        let hasher = Sha256::new().chain_update(format!("images {len}×{channels}×{height}×{width} f32\n"));
        Self { hasher, missing: len, shape }
    }

    /// Adds the next images, shape (n, C, H, W).
    ///
    /// # Panics
    ///
    /// If they have another shape, or are more than were announced.
    pub fn update(&mut self, images: ArrayView4<'_, f32>) {
        assert_eq!(images.shape()[1..], self.shape, "shape of the images");
        self.missing = self.missing.checked_sub(images.len_of(Axis(0))).expect("no more images than announced");
        let mut bytes = vec![0; self.shape.iter().product::<usize>() * size_of::<f32>()];
        for image in images.outer_iter() {
            for (bytes, value) in bytes.chunks_exact_mut(size_of::<f32>()).zip(&image) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
            self.hasher.update(&bytes);
        }
    }

    /// The fingerprint as hexadecimal text.
    ///
    /// # Panics
    ///
    /// If images are missing.
    #[must_use]
    pub fn finish(self) -> String {
        assert_eq!(self.missing, 0, "images that are missing");
        hex(self.hasher.finalize())
    }
}

fn check_range(images: &Array4<f32>, first: usize, path: &Path) -> Result<()> {
    let is_out_of_range = |value: &f32| !(-1.0..=1.0).contains(value);
    match images.outer_iter().position(|image| image.iter().any(is_out_of_range)) {
        Some(index) => {
            let (min, max) = range(images.index_axis(Axis(0), index).iter());
            let advice = if min >= 0.0 && max <= 255.0 {
                "; if they are from 0 to 255, divide the array by 127.5 and subtract 1"
            } else if min.is_finite() && max.is_finite() {
                "; rescale the images"
            } else {
                "; remove NaN and infinities"
            };
            let index = first + index;
            Err(Error::malformed(
                path,
                format!("image {index} has values outside [-1, 1], from {min} to {max}{advice}"),
            ))
        }
        None => Ok(()),
    }
}

/// The smallest and the largest value; both NaN if one is.
fn range<'v>(values: impl Iterator<Item = &'v f32>) -> (f32, f32) {
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &value| {
        if value.is_nan() || min.is_nan() { (f32::NAN, f32::NAN) } else { (min.min(value), max.max(value)) }
    })
}
