//! 8-bit rasters of images: of one image, or of many in a grid.
//!
//! Images are `f32` arrays with values in [-1, 1] and 1 (gray) or 3 (RGB) channels. -1 becomes level 0, and 1 becomes level 255;
//! values between are rounded to the nearest level. Values outside are clamped. NaN becomes level 128, as 0 does.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use ndarray::{ArrayView3, ArrayView4};

use crate::{Error, Result};

/// Number of pixels between the images of a grid.
const GAP: usize = 2;

/// Level of the pixels of a grid that belong to no image: white.
const BACKGROUND: u8 = 255;

/// Qualities of JPEG files, of 100: the first that is small enough, or else the last.
const JPEG_QUALITIES: [u8; 4] = [88, 80, 70, 60];

/// Maximum size of a raster. A larger one is a mistake, which is reported before memory is allocated.
const MAX_BYTES: usize = 1 << 30;

/// An 8-bit image, gray or RGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    width: usize,
    height: usize,
    channels: usize,
    pixels: Vec<u8>,
}

impl Raster {
    fn filled(width: Option<usize>, height: Option<usize>, channels: usize) -> Result<Self> {
        let bytes = |width: usize, height: usize| width.checked_mul(height)?.checked_mul(channels);
        match (width, height) {
            (Some(width), Some(height)) if bytes(width, height).is_some_and(|bytes| bytes <= MAX_BYTES) => {
                Ok(Self { width, height, channels, pixels: vec![BACKGROUND; width * height * channels] })
            }
            _ => Err(cannot_draw("a raster of this size", "the maximum is 2^30 bytes; use fewer or smaller images")),
        }
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// 1 for gray, 3 for RGB.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The levels in row-major order, of shape (height, width, channels).
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The raster with each pixel enlarged to `factor` × `factor` pixels.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] if `factor` is 0 or the result would be too large.
    pub fn upscaled(&self, factor: usize) -> Result<Self> {
        if factor == 0 {
            return Err(cannot_draw("a raster upscaled by 0", "the factor must be at least 1"));
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

    /// The raster as a PNG file. Equal rasters give equal bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] if the PNG encoder fails.
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

    /// The raster as a JPEG file, which is much smaller than a PNG for detailed images: of high quality, or of less where it would have more
    /// than `max_bytes`, down to a limit. Equal rasters give equal bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] if the JPEG encoder fails.
    pub fn to_jpeg(&self, max_bytes: usize) -> Result<Vec<u8>> {
        let fail = |reason: String| Error::Format { what: "a JPEG", reason };
        let side = |length: usize| u32::try_from(length).map_err(|error| fail(error.to_string()));
        let color = if self.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        let mut bytes = Vec::new();
        for quality in JPEG_QUALITIES {
            bytes.clear();
            JpegEncoder::new_with_quality(&mut bytes, quality)
                .write_image(&self.pixels, side(self.width)?, side(self.height)?, color)
                .map_err(|error| fail(error.to_string()))?;
            if bytes.len() <= max_bytes {
                break;
            }
        }
        Ok(bytes)
    }

    fn paste(&mut self, top: usize, left: usize, image: ArrayView3<'_, f32>) {
        for ((channel, y, x), &value) in image.indexed_iter() {
            self.pixels[((top + y) * self.width + left + x) * self.channels + channel] = level(value);
        }
    }
}

/// The raster of one image of shape (C, H, W).
///
/// # Errors
///
/// [`Error::Image`] if the image has no pixels, or a number of channels other than 1 and 3.
pub fn single(image: ArrayView3<'_, f32>) -> Result<Raster> {
    let (channels, height, width) = image.dim();
    check("an image", image.shape(), channels)?;
    let mut raster = Raster::filled(Some(width), Some(height), channels)?;
    raster.paste(0, 0, image);
    Ok(raster)
}

/// The raster of a grid of images of shape (n, C, H, W): row by row in up to `columns` columns, 2 pixels apart.
///
/// Fewer images than columns give a narrower grid. Empty cells of the last row are white.
///
/// # Errors
///
/// [`Error::Image`] if there are no images, no columns or no pixels, or if the number of channels is neither 1 nor 3.
pub fn grid(images: ArrayView4<'_, f32>, columns: usize) -> Result<Raster> {
    let (count, channels, height, width) = images.dim();
    check("images", images.shape(), channels)?;
    if columns == 0 {
        return Err(cannot_draw("a grid with 0 columns", "at least 1 column is needed"));
    }
    let columns = columns.min(count);
    let rows = count.div_ceil(columns);
    let length = |tiles: usize, side: usize| tiles.checked_mul(side)?.checked_add(GAP.checked_mul(tiles - 1)?);
    let mut raster = Raster::filled(length(columns, width), length(rows, height), channels)?;
    for (index, image) in images.outer_iter().enumerate() {
        raster.paste(index / columns * (height + GAP), index % columns * (width + GAP), image);
    }
    Ok(raster)
}

/// A [`grid`] that is as square as possible: with √n columns, rounded up.
///
/// # Errors
///
/// The same as for [`grid`].
pub fn square(images: ArrayView4<'_, f32>) -> Result<Raster> {
    let count = images.dim().0;
    let side = count.isqrt();
    grid(images, if side * side < count { side + 1 } else { side.max(1) })
}

fn check(what: &str, shape: &[usize], channels: usize) -> Result<()> {
    let given = || format!("{what} of shape {shape:?}");
    if shape.contains(&0) {
        return Err(cannot_draw(given(), "every dimension must be at least 1"));
    }
    if channels != 1 && channels != 3 {
        return Err(cannot_draw(
            given(),
            "the third dimension from the end must be 1 channel (gray) or 3 channels (RGB)",
        ));
    }
    Ok(())
}

fn cannot_draw(given: impl Into<String>, reason: &'static str) -> Error {
    Error::Image { given: given.into(), reason }
}

fn level(value: f32) -> u8 {
    let value = if value.is_nan() { 0.0 } else { value.clamp(-1.0, 1.0) };
    ((value + 1.0) * 127.5).round() as u8
}
