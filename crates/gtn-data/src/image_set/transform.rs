//! From a JPEG file to a square image of 8-bit pixels.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use ndarray::Array3;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Larger images are not decoded, because a file of a few hundred bytes may claim 65,535 × 65,535 pixels in its header.
/// The largest images of the data sets here have 1600 × 1200 pixels, a thirteenth of this limit.
pub const MAX_PIXELS: usize = 25_000_000;

/// Red, green and blue.
pub(crate) const CHANNELS: usize = 3;
/// Decoded pixels have red, green, blue and an unused byte, because CPUs handle four bytes better than three.
pub(crate) const BYTES_PER_PIXEL: usize = 4;

/// How an image file becomes a square image: like torchvision's `CenterCrop` (if there is a crop) and `Resize` of a PIL
/// image.
///
/// Resizing follows PIL: each new pixel is the weighted mean of the old ones under a triangle filter whose width grows
/// with the reduction, first along rows, then along columns, each rounded to 8 bits. Pillow 13 has a JPEG decoder that
/// rounds differently: on 400 images, single values differ by at most 3 of 255, and by 0.3 on average. If the width is
/// not a multiple of 16, colors at the right edge can differ by more, which is visible when an image is enlarged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transform {
    /// Side of the square that is first cut from the center, in pixels of the original image; `None` resizes the full
    /// image without keeping its aspect ratio.
    pub crop: Option<usize>,
    /// Side of the resulting image in pixels; must not be 0.
    pub side: usize,
}

/// Why a file could not be turned into an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransformError {
    /// The file is not a JPEG file, is damaged, or is truncated.
    #[error("not a usable JPEG file: {0}")]
    InvalidJpeg(String),
    /// The image has more than [`MAX_PIXELS`] pixels.
    #[error("claims {width}×{height} pixels; the limit is {MAX_PIXELS} pixels")]
    TooLarge {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// The image is smaller than the crop.
    #[error("has {width}×{height} pixels, too small for a crop of {crop}×{crop}")]
    TooSmall {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Side of the crop.
        crop: usize,
    },
    /// The image has CMYK colors, whose meaning depends on the inks.
    #[error("has four channels (CMYK); convert it to RGB or grayscale")]
    UnsupportedCmyk,
}

impl Transform {
    /// Transforms the bytes of a JPEG file to an image of shape (3, side, side). Grayscale becomes three equal
    /// channels.
    ///
    /// # Errors
    ///
    /// [`TransformError`]. A truncated file is an error, while lenient readers fill it up with gray.
    pub fn apply(&self, jpeg: &[u8]) -> Result<Array3<u8>, TransformError> {
        let mut pixels = vec![0; self.output_bytes()];
        Workspace::default().transform(self, jpeg, &mut pixels)?;
        Ok(Array3::from_shape_vec((CHANNELS, self.side, self.side), pixels).expect("as many bytes as pixels"))
    }

    /// Size of the resulting image in bytes.
    pub(crate) fn output_bytes(&self) -> usize {
        CHANNELS * self.side * self.side
    }
}

/// Buffers that a thread reuses from image to image.
#[derive(Default)]
pub(crate) struct Workspace {
    resizer: Resizer,
    cropped: Vec<u8>,
}

impl Workspace {
    /// Writes the image, shape (3, side, side), to `out`.
    pub(crate) fn transform(
        &mut self,
        transform: &Transform,
        jpeg: &[u8],
        out: &mut [u8],
    ) -> Result<(), TransformError> {
        let (mut pixels, JpegHeader { mut width, mut height, .. }) = decode_jpeg(jpeg)?;
        if let Some(crop) = transform.crop {
            if width < crop || height < crop {
                return Err(TransformError::TooSmall { width, height, crop });
            }
            let (left, top) = (crop_margin(width, crop), crop_margin(height, crop));
            self.cropped.clear();
            for row in top..top + crop {
                let start = (row * width + left) * BYTES_PER_PIXEL;
                self.cropped.extend_from_slice(&pixels[start..start + crop * BYTES_PER_PIXEL]);
            }
            std::mem::swap(&mut pixels, &mut self.cropped);
            (width, height) = (crop, crop);
        }
        let side = transform.side as u32;
        let source = ImageRef::new(width as u32, height as u32, &pixels, PixelType::U8x4);
        let mut resized = Image::new(side, side, PixelType::U8x4);
        // The fourth byte is not an alpha channel.
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
        let source = source.map_err(|error| invalid_jpeg(&error))?;
        self.resizer.resize(&source, &mut resized, &options).map_err(|error| invalid_jpeg(&error))?;
        for (channel, plane) in out.chunks_exact_mut(transform.side * transform.side).enumerate() {
            for (value, pixel) in plane.iter_mut().zip(resized.buffer().chunks_exact(BYTES_PER_PIXEL)) {
                *value = pixel[channel];
            }
        }
        Ok(())
    }
}

fn invalid_jpeg(error: &dyn std::fmt::Display) -> TransformError {
    // Some of the decoder's messages have several lines.
    TransformError::InvalidJpeg(error.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Pixels before a centered crop: half of the rest, with halves rounded to even as by Python's `round`.
fn crop_margin(length: usize, crop: usize) -> usize {
    let rest = length - crop;
    match (rest / 2, rest % 2) {
        (half, 1) if half % 2 == 1 => half + 1,
        (half, _) => half,
    }
}

/// A JPEG file whose headers were read and accepted.
struct OpenJpeg<'j> {
    decoder: JpegDecoder<ZCursor<&'j [u8]>>,
    options: DecoderOptions,
    header: JpegHeader,
}

/// What the headers of a JPEG file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JpegHeader {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) is_gray: bool,
}

impl<'j> OpenJpeg<'j> {
    fn new(jpeg: &'j [u8]) -> Result<Self, TransformError> {
        // Strict mode, because a lenient decoder accepts truncated files.
        let side = usize::from(u16::MAX);
        let options = DecoderOptions::default().set_strict_mode(true).set_max_width(side).set_max_height(side);
        let options = options.jpeg_set_out_colorspace(ColorSpace::RGBA);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
        decoder.decode_headers().map_err(|error| invalid_jpeg(&error))?;
        let info = decoder.info().ok_or_else(|| invalid_jpeg(&"it has no header"))?;
        let (width, height) = (usize::from(info.width), usize::from(info.height));
        if width * height > MAX_PIXELS {
            return Err(TransformError::TooLarge { width, height });
        }
        if info.components == 4 {
            return Err(TransformError::UnsupportedCmyk);
        }
        Ok(Self { decoder, options, header: JpegHeader { width, height, is_gray: info.components == 1 } })
    }
}

/// The headers of a JPEG file, of which `jpeg` is the beginning.
pub(crate) fn jpeg_header(jpeg: &[u8]) -> Result<JpegHeader, TransformError> {
    let header = |jpeg: &[u8]| OpenJpeg::new(jpeg).map(|open| open.header);
    header(jpeg).or_else(|error| match without_stray_bytes(jpeg) {
        Some(jpeg) => header(&jpeg),
        None => Err(error),
    })
}

/// The pixels of a JPEG file, [`BYTES_PER_PIXEL`] bytes each, and its headers.
pub(crate) fn decode_jpeg(jpeg: &[u8]) -> Result<(Vec<u8>, JpegHeader), TransformError> {
    decode_strictly(jpeg).or_else(|error| match without_stray_bytes(jpeg) {
        Some(jpeg) => decode_strictly(&jpeg),
        None => Err(error),
    })
}

/// The file without the bytes that stand between the segments before its first scan, which viewers pass over and a strict decoder
/// refuses; `None` if there are none.
fn without_stray_bytes(jpeg: &[u8]) -> Option<Vec<u8>> {
    const FILL: u8 = 0xff;
    const START_OF_SCAN: u8 = 0xda;
    let mut kept = jpeg.get(..2)?.to_vec();
    let mut at = 2;
    loop {
        // A marker is 0xff, fill bytes of the same value, and a byte that is neither that nor 0.
        let start =
            at + jpeg.get(at..)?.windows(2).position(|pair| pair[0] == FILL && ![0, FILL].contains(&pair[1]))?;
        let &[_, marker, high, low] = jpeg.get(start..start + 4)? else { return None };
        if marker == START_OF_SCAN {
            kept.extend_from_slice(&jpeg[start..]);
            return (kept.len() < jpeg.len()).then_some(kept);
        }
        let end = start + 2 + usize::from(u16::from_be_bytes([high, low]));
        kept.extend_from_slice(jpeg.get(start..end)?);
        at = end;
    }
}

fn decode_strictly(jpeg: &[u8]) -> Result<(Vec<u8>, JpegHeader), TransformError> {
    let OpenJpeg { mut decoder, options, header } = OpenJpeg::new(jpeg)?;
    // Even a strict decoder may accept a file whose last bytes are missing, so look for the end marker.
    if !jpeg.windows(2).rev().any(|pair| pair == [0xff, 0xd9]) {
        return Err(invalid_jpeg(&"truncated: it has no end marker"));
    }
    let stored_as_rgb = decoder.input_colorspace() == Some(ColorSpace::RGB);
    if stored_as_rgb {
        // The decoder cannot convert between all pairs of color spaces.
        decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::RGB));
    }
    let mut pixels = decoder.decode().map_err(|error| invalid_jpeg(&error))?;
    if stored_as_rgb {
        pixels = pixels.chunks_exact(CHANNELS).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect();
    }
    if pixels.len() != header.width * header.height * BYTES_PER_PIXEL || pixels.is_empty() {
        return Err(invalid_jpeg(&"the number of pixels differs from the header"));
    }
    Ok((pixels, header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_round_half_to_even_as_python_does() {
        let lengths = [(178, 148), (218, 148), (149, 148), (150, 148), (151, 148), (153, 148), (148, 148)];
        assert_eq!(lengths.map(|(length, crop)| crop_margin(length, crop)), [15, 35, 0, 1, 2, 2, 0]);
    }
}
