//! All images at a path, one for each file.

use std::path::Path;

use ndarray::Array4;
use rayon::prelude::*;

use super::decoder::Decoder;
use super::listing::{Listing, MAX_FILE_BYTES, is_image_name};
use super::{CHANNELS, Options};
use crate::text_table::read_limited;
use crate::{Error, Images, Result};

/// Reads all images of a folder, of an archive, or in a single file, in the order of their names, as [`read`](super::read) reads them,
/// but with an image for each file: the array of shape (n, `channels`, side, side) with values in [−1, 1]. With one channel, images must
/// be gray.
///
/// # Errors
///
/// As [`read`](super::read), and [`Error::File`] for the first file that cannot be read, or that is not gray.
pub fn read_all(path: &Path, options: &Options, channels: usize) -> Result<Array4<f32>> {
    options.check()?;
    let sizing = options.sizing();
    let (side, image_bytes) = (options.side, CHANNELS * options.side * options.side);
    let decode = |decoder: &mut Decoder, bytes: &[u8], shown: &Path, out: &mut [u8]| {
        let is_gray = decoder.decode(bytes, &sizing, out).map_err(|reason| Error::malformed(shown, reason))?;
        if channels == 1 && !is_gray {
            return Err(Error::malformed(shown, "has colors, but the model knows gray images; convert it to gray"));
        }
        Ok(())
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut pixels;
    if path.is_file() && is_image_name(&name) {
        let mut bytes = Vec::new();
        read_limited(path, MAX_FILE_BYTES, &mut bytes)?;
        pixels = vec![0; image_bytes];
        decode(&mut Decoder::default(), &bytes, path, &mut pixels)?;
    } else {
        let listing = Listing::of(path)?;
        pixels = vec![0; listing.len() * image_bytes];
        let results: Vec<Result<()>> = pixels
            .par_chunks_exact_mut(image_bytes)
            .enumerate()
            .map_init(
                || (listing.reader(), Decoder::default(), Vec::new()),
                |(reader, decoder, bytes), (index, out)| {
                    reader.read(index, bytes)?;
                    decode(decoder, bytes, &path.join(listing.name(index)), out)
                },
            )
            .collect();
        // The first error in the order of the names, whichever thread was first.
        results.into_iter().collect::<Result<()>>()?;
    }
    let n = pixels.len() / image_bytes;
    let mut kept = Vec::with_capacity(pixels.len() / CHANNELS * channels);
    pixels
        .chunks_exact(image_bytes)
        .for_each(|image| kept.extend_from_slice(&image[..image_bytes / CHANNELS * channels]));
    let shape = (n, channels, side, side);
    let array = Array4::from_shape_vec(shape, kept).expect("as many values as pixels");
    let indices: Vec<usize> = (0..n).collect();
    Ok(Images::from_pixels(array)?.batch(&indices))
}
