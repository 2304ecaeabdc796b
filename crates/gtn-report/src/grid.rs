//! Images as 8-bit pictures: one of them, or many in a grid.
//!
//! Images are `f32` with values in [-1, 1] and 1 (gray) or 3 (red, green, blue) channels. -1 becomes 0 and 1 becomes 255,
//! rounded to the nearest level. Values outside are clamped; NaN, which has no brightness, becomes the gray of 0, level 128.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use ndarray::{ArrayView3, ArrayView4};

use crate::{Error, Result};

/// Pixels between the images of a grid.
pub const GAP: usize = 2;

/// Level of the pixels between and beside the images of a grid.
const BACKGROUND: u8 = 255;

/// More bytes than any screen shows; a picture beyond is a mistake, and is refused before memory is asked for.
const MOST_BYTES: usize = 1 << 30;

/// An 8-bit picture, gray or RGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    channels: usize,
    pixels: Vec<u8>,
}

impl Picture {
    fn filled(width: Option<usize>, height: Option<usize>, channels: usize) -> Result<Self> {
        let bytes = |width: usize, height: usize| width.checked_mul(height)?.checked_mul(channels);
        match (width, height) {
            (Some(width), Some(height)) if bytes(width, height).is_some_and(|bytes| bytes <= MOST_BYTES) => {
                Ok(Self { width, height, channels, pixels: vec![BACKGROUND; width * height * channels] })
            }
            _ => Err(refuse("so many pixels", "a picture may have up to 2^30 bytes")),
        }
    }

    /// Pixels in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// 1 for gray, 3 for RGB.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The levels, row by row, the channels of a pixel side by side.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The picture with each pixel as a square of `factor` × `factor` pixels.
    ///
    /// # Errors
    ///
    /// [`Error::Picture`] if `factor` is 0 or the picture would be too large.
    pub fn upscaled(&self, factor: usize) -> Result<Self> {
        if factor == 0 {
            return Err(refuse("a picture upscaled by 0", "the factor must be at least 1"));
        }
        let (width, height) = (self.width.checked_mul(factor), self.height.checked_mul(factor));
        let mut large = Self::filled(width, height, self.channels)?;
        let row = large.width * self.channels;
        for (y, rows) in large.pixels.chunks_exact_mut(row * factor).enumerate() {
            let (first, others) = rows.split_at_mut(row);
            for (x, square) in first.chunks_exact_mut(self.channels).enumerate() {
                let at = (y * self.width + x / factor) * self.channels;
                square.copy_from_slice(&self.pixels[at..at + self.channels]);
            }
            others.chunks_exact_mut(row).for_each(|other| other.copy_from_slice(first));
        }
        Ok(large)
    }

    /// The picture as a PNG file. Equal pictures are equal bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] if the PNG library refuses it.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let fail = |reason: String| Error::Format { what: "a PNG", reason };
        let side = |length: usize| u32::try_from(length).map_err(|error| fail(error.to_string()));
        let color = if self.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        let mut bytes = Vec::new();
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
            .write_image(&self.pixels, side(self.width)?, side(self.height)?, color)
            .map_err(|error| fail(error.to_string()))?;
        Ok(bytes)
    }

    fn paste(&mut self, top: usize, left: usize, image: ArrayView3<'_, f32>) {
        for ((channel, y, x), &value) in image.indexed_iter() {
            self.pixels[((top + y) * self.width + left + x) * self.channels + channel] = level(value);
        }
    }
}

/// One image, of shape (C, H, W).
///
/// # Errors
///
/// [`Error::Picture`] if the image has no pixels, or neither 1 nor 3 channels.
pub fn picture(image: ArrayView3<'_, f32>) -> Result<Picture> {
    let (channels, height, width) = image.dim();
    check("an image", image.shape(), channels)?;
    let mut picture = Picture::filled(Some(width), Some(height), channels)?;
    picture.paste(0, 0, image);
    Ok(picture)
}

/// Images of shape (n, C, H, W), row by row in a grid of up to `columns` columns, [`GAP`] pixels apart.
///
/// Fewer images than columns make a narrower grid; places that a last row leaves empty are white.
///
/// # Errors
///
/// [`Error::Picture`] if there are no images or no columns, or the images have no pixels or neither 1 nor 3 channels.
pub fn grid(images: ArrayView4<'_, f32>, columns: usize) -> Result<Picture> {
    let (count, channels, height, width) = images.dim();
    check("images", images.shape(), channels)?;
    if columns == 0 {
        return Err(refuse("a grid of 0 columns", "at least 1 is needed"));
    }
    let columns = columns.min(count);
    let rows = count.div_ceil(columns);
    let along = |tiles: usize, side: usize| tiles.checked_mul(side)?.checked_add(GAP.checked_mul(tiles - 1)?);
    let mut picture = Picture::filled(along(columns, width), along(rows, height), channels)?;
    for (index, image) in images.outer_iter().enumerate() {
        picture.paste(index / columns * (height + GAP), index % columns * (width + GAP), image);
    }
    Ok(picture)
}

/// As [`grid`], with about as many columns as rows.
///
/// # Errors
///
/// As [`grid`].
pub fn square(images: ArrayView4<'_, f32>) -> Result<Picture> {
    let count = images.dim().0;
    let side = count.isqrt();
    grid(images, if side * side < count { side + 1 } else { side.max(1) })
}

fn check(what: &str, shape: &[usize], channels: usize) -> Result<()> {
    let given = || format!("{what} of shape {shape:?}");
    if shape.contains(&0) {
        return Err(refuse(given(), "every side must be at least 1"));
    }
    if channels != 1 && channels != 3 {
        return Err(refuse(given(), "there must be 1 channel (gray) or 3 (RGB), as the third side from the end"));
    }
    Ok(())
}

fn refuse(given: impl Into<String>, reason: &'static str) -> Error {
    Error::Picture { given: given.into(), reason }
}

fn level(value: f32) -> u8 {
    let value = if value.is_nan() { 0.0 } else { value.clamp(-1.0, 1.0) };
    ((value + 1.0) * 127.5).round() as u8
}
