//! From a JPEG file to a square of 8-bit pixels.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use ndarray::Array3;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// A picture of more pixels is not decoded: its header is read first, and a file of a few hundred bytes may claim to be
/// 65,535 × 65,535 pixels large. The largest pictures of the data sets here have 1600 × 1200, a thirteenth of this.
pub const MOST_PIXELS: usize = 25_000_000;

/// Red, green and blue.
pub(crate) const CHANNELS: usize = 3;
/// What a decoded pixel takes: red, green, blue, and a byte that is not used. Four bytes suit a processor better than three.
const DECODED: usize = 4;

/// How a photograph becomes a square image: what torchvision's `CenterCrop`, where there is a crop, and `Resize` make of a
/// PIL image.
///
/// Scaling is PIL's: each new pixel is the weighted mean of the old ones under a triangle whose breadth grows with the
/// reduction, along rows and then along columns, each rounded to 8 bits. Beside Pillow 13, whose JPEG decoder rounds
/// otherwise, single values differ by 3 of 255 at most and by 0.3 on average, as measured on 400 photographs. Where a width is
/// no multiple of 16, colors at the right edge can differ by more, which shows when a picture is enlarged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transform {
    /// Side of the square that is cut from the middle first, in pixels of the photograph; `None` for the whole of it, whose
    /// proportions are then not kept.
    pub crop: Option<usize>,
    /// Side of the image, in pixels; not 0.
    pub side: usize,
}

/// Why a file gives no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// No JPEG file, a damaged one, or one that ends too early.
    #[error("not a usable JPEG file: {0}")]
    Damaged(String),
    /// More than [`MOST_PIXELS`].
    #[error("claims {width}×{height} pixels, and more than {MOST_PIXELS} are not decoded")]
    TooLarge {
        /// Pixels from left to right.
        width: usize,
        /// Pixels from top to bottom.
        height: usize,
    },
    /// The square to be cut out does not fit.
    #[error("has {width}×{height} pixels, and a square of {crop}×{crop} is to be cut from it")]
    TooSmall {
        /// Pixels from left to right.
        width: usize,
        /// Pixels from top to bottom.
        height: usize,
        /// Side of the square.
        crop: usize,
    },
    /// Colors for print, whose meaning depends on inks.
    #[error("has four channels (CMYK), and red, green and blue, or gray, are read; convert it")]
    FourChannels,
}

impl Transform {
    /// The image that this makes of a JPEG file's bytes, (3, side, side); gray becomes three equal channels.
    ///
    /// # Errors
    ///
    /// [`Unusable`] says why not. A file that ends too early is refused, where lenient readers fill with gray.
    pub fn apply(&self, jpeg: &[u8]) -> Result<Array3<u8>, Unusable> {
        let mut pixels = vec![0; self.bytes()];
        Workspace::default().transform(self, jpeg, &mut pixels)?;
        Ok(Array3::from_shape_vec((CHANNELS, self.side, self.side), pixels).expect("as many bytes as pixels"))
    }

    /// What an image takes.
    pub(crate) fn bytes(&self) -> usize {
        CHANNELS * self.side * self.side
    }
}

/// What one thread needs for one image after another.
#[derive(Default)]
pub(crate) struct Workspace {
    resizer: Resizer,
    cut: Vec<u8>,
}

impl Workspace {
    /// Writes the image, (3, side, side), to `out`.
    pub(crate) fn transform(&mut self, transform: &Transform, jpeg: &[u8], out: &mut [u8]) -> Result<(), Unusable> {
        let (mut pixels, mut width, mut height) = decode(jpeg)?;
        if let Some(crop) = transform.crop {
            if width < crop || height < crop {
                return Err(Unusable::TooSmall { width, height, crop });
            }
            let (left, top) = (margin(width, crop), margin(height, crop));
            self.cut.clear();
            for row in top..top + crop {
                let start = (row * width + left) * DECODED;
                self.cut.extend_from_slice(&pixels[start..start + crop * DECODED]);
            }
            std::mem::swap(&mut pixels, &mut self.cut);
            (width, height) = (crop, crop);
        }
        let side = transform.side as u32;
        let source = ImageRef::new(width as u32, height as u32, &pixels, PixelType::U8x4);
        let mut scaled = Image::new(side, side, PixelType::U8x4);
        // The fourth byte is no transparency.
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
        let source = source.map_err(|error| damaged(&error))?;
        self.resizer.resize(&source, &mut scaled, &options).map_err(|error| damaged(&error))?;
        for (channel, plane) in out.chunks_exact_mut(transform.side * transform.side).enumerate() {
            for (value, pixel) in plane.iter_mut().zip(scaled.buffer().chunks_exact(DECODED)) {
                *value = pixel[channel];
            }
        }
        Ok(())
    }
}

fn damaged(error: &dyn std::fmt::Display) -> Unusable {
    // Some of the decoder's messages have several lines.
    Unusable::Damaged(error.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What is left of a square of `crop` cut from the middle of `length`: half the rest, halves to the even number, as
/// Python's `round` has them.
fn margin(length: usize, crop: usize) -> usize {
    let rest = length - crop;
    match (rest / 2, rest % 2) {
        (half, 1) if half % 2 == 1 => half + 1,
        (half, _) => half,
    }
}

/// The pixels of a JPEG file, four bytes each, with width and height.
fn decode(jpeg: &[u8]) -> Result<(Vec<u8>, usize, usize), Unusable> {
    // Strict: a lenient decoder makes pictures of files that end too early.
    let side = usize::from(u16::MAX);
    let options = DecoderOptions::default().set_strict_mode(true).set_max_width(side).set_max_height(side);
    let options = options.jpeg_set_out_colorspace(ColorSpace::RGBA);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    decoder.decode_headers().map_err(|error| damaged(&error))?;
    let info = decoder.info().ok_or_else(|| damaged(&"it has no header"))?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    if width * height > MOST_PIXELS {
        return Err(Unusable::TooLarge { width, height });
    }
    if info.components == 4 {
        return Err(Unusable::FourChannels);
    }
    // The end is marked; without it the last bytes are missing, which even a strict decoder may not need.
    if !jpeg.windows(2).rev().any(|pair| pair == [0xff, 0xd9]) {
        return Err(damaged(&"it ends too early"));
    }
    let stored_as_rgb = decoder.input_colorspace() == Some(ColorSpace::RGB);
    if stored_as_rgb {
        // Not all pairs of color spaces are known to the decoder.
        decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::RGB));
    }
    let mut pixels = decoder.decode().map_err(|error| damaged(&error))?;
    if stored_as_rgb {
        pixels = pixels.chunks_exact(CHANNELS).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect();
    }
    if pixels.len() != width * height * DECODED || pixels.is_empty() {
        return Err(damaged(&"it holds another number of pixels than its header says"));
    }
    Ok((pixels, width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_those_of_pythons_round() {
        let rests = [(178, 148), (218, 148), (149, 148), (150, 148), (151, 148), (153, 148), (148, 148)];
        assert_eq!(rests.map(|(length, crop)| margin(length, crop)), [15, 35, 0, 1, 2, 2, 0]);
    }
}
