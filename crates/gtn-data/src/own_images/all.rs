//! The images of a path, one for each file.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ndarray::Array4;
use rayon::prelude::*;

use super::decoder::Decoder;
use super::listing::{Listing, MAX_FILE_BYTES, is_image_name};
use super::{CHANNELS, Options};
use crate::text_table::read_limited;
use crate::{Error, Images, Result};

/// The images of a folder, of an archive, or in a single file, in the order of their names. They become what [`read`](super::read) makes of
/// them, but there is an image for each file.
pub struct ImageFiles {
    path: PathBuf,
    options: Options,
    channels: usize,
    /// `None` if the path is that of one image.
    listing: Option<Listing>,
}

impl fmt::Debug for ImageFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageFiles").field("path", &self.path).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl ImageFiles {
    /// Opens images, which become images with 1 or 3 `channels`. No pixels are read.
    ///
    /// # Errors
    ///
    /// As [`read`](super::read) for the options and a path without images.
    pub fn open(path: &Path, options: &Options, channels: usize) -> Result<Self> {
        options.check()?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_image = path.is_file() && is_image_name(&name);
        let listing = if is_image { None } else { Some(Listing::of(path)?) };
        Ok(Self { path: path.to_path_buf(), options: *options, channels, listing })
    }

    /// The path that was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.listing.as_ref().map_or(1, Listing::len)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads some of the images: the array of shape (n, channels, side, side) with values in [−1, 1]. With one channel, images must be gray.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for the first file that cannot be read, or that is not gray.
    ///
    /// # Panics
    ///
    /// If there are no images with these indices.
    pub fn read(&self, rows: Range<usize>) -> Result<Array4<f32>> {
        assert!(rows.start <= rows.end && rows.end <= self.len(), "images {rows:?} of {}", self.len());
        let side = self.options.side;
        let image_bytes = CHANNELS * side * side;
        let mut pixels = vec![0; rows.len() * image_bytes];
        match &self.listing {
            None if rows.is_empty() => {}
            None => {
                let mut bytes = Vec::new();
                read_limited(&self.path, MAX_FILE_BYTES, &mut bytes)?;
                self.decode(&mut Decoder::default(), &bytes, &self.path, &mut pixels)?;
            }
            Some(listing) => {
                let results: Vec<Result<()>> = pixels
                    .par_chunks_exact_mut(image_bytes)
                    .zip(rows.clone())
                    .map_init(
                        || (listing.reader(), Decoder::default(), Vec::new()),
                        |(reader, decoder, bytes), (out, index)| {
                            reader.read(index, bytes)?;
                            self.decode(decoder, bytes, &self.path.join(listing.name(index)), out)
                        },
                    )
                    .collect();
                // The first error in the order of the names, whichever thread was first.
                results.into_iter().collect::<Result<()>>()?;
            }
        }
        let of_channels = image_bytes / CHANNELS * self.channels;
        let kept = pixels.chunks_exact(image_bytes).flat_map(|image| &image[..of_channels]).copied().collect();
        let shape = (rows.len(), self.channels, side, side);
        let array = Array4::from_shape_vec(shape, kept).expect("as many values as pixels");
        let indices: Vec<usize> = (0..rows.len()).collect();
        Ok(Images::from_pixels(array)?.batch(&indices))
    }

    /// Decodes the bytes of a file into the pixels of an image, and refuses colors if there is one channel.
    fn decode(&self, decoder: &mut Decoder, bytes: &[u8], shown: &Path, out: &mut [u8]) -> Result<()> {
        let sizing = self.options.sizing();
        let is_gray = decoder.decode(bytes, &sizing, out).map_err(|reason| Error::malformed(shown, reason))?;
        if self.channels == 1 && !is_gray {
            return Err(Error::malformed(shown, "has colors, but the model knows gray images; convert it to gray"));
        }
        Ok(())
    }
}
