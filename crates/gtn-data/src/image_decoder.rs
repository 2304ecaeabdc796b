//! From a PNG or JPEG file to values in [−1, 1].

use std::io::Cursor;

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use crate::Images;
use crate::image_set::TransformError;
use crate::image_set::transform::{BYTES_PER_PIXEL, JpegHeader, MAX_PIXELS, decode_jpeg, jpeg_header};

const JPEG_START: &[u8] = &[0xff, 0xd8, 0xff];
const PNG_START: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What the headers of an image file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ImageHeader {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Whether it has no colors. It may have an alpha channel, which is ignored.
    pub(crate) is_gray: bool,
}

/// The format of a file by its content; the extension is not reliable.
enum Format {
    Png,
    Jpeg,
}

impl Format {
    fn of(bytes: &[u8]) -> Result<Self, String> {
        if bytes.starts_with(JPEG_START) {
            return Ok(Self::Jpeg);
        }
        if bytes.starts_with(PNG_START) {
            return Ok(Self::Png);
        }
        let start = bytes[..bytes.len().min(8)].escape_ascii();
        Err(format!("not a readable PNG or JPEG file: it starts with \"{start}\"; convert it to PNG, or remove it"))
    }
}

/// The headers of an image file, of which `bytes` is the beginning.
///
/// # Errors
///
/// Why it is not a usable image, or that its headers are longer than `bytes`.
pub(crate) fn read_header(bytes: &[u8]) -> Result<ImageHeader, String> {
    match Format::of(bytes)? {
        Format::Jpeg => {
            let JpegHeader { width, height, is_gray } = jpeg_header(bytes).map_err(|error| error.to_string())?;
            Ok(ImageHeader { width, height, is_gray })
        }
        Format::Png => png_decoder(bytes).map(|(_, header)| header),
    }
}

/// Decodes an image file whose headers are `header`, as (C, H, W) with one or three channels. If `channels` is 1, the file
/// must be gray. The values are those of [`Images::batch`].
///
/// # Errors
///
/// Why it is not a usable image.
pub(crate) fn decode(bytes: &[u8], header: ImageHeader, channels: usize, values: &mut [f32]) -> Result<(), String> {
    let changed = |found: ImageHeader| {
        if found == header { Ok(()) } else { Err("it changed while it was read; run the command again".to_owned()) }
    };
    let (pixels, bytes_per_pixel) = match Format::of(bytes)? {
        Format::Jpeg => {
            let (pixels, JpegHeader { width, height, is_gray }) =
                decode_jpeg(bytes).map_err(|error| error.to_string())?;
            changed(ImageHeader { width, height, is_gray })?;
            (pixels, BYTES_PER_PIXEL)
        }
        Format::Png => {
            let (decoder, found) = png_decoder(bytes)?;
            changed(found)?;
            let image = DynamicImage::from_decoder(decoder).map_err(|error| invalid_png(&error))?;
            // Both drop an alpha channel, as PIL's `convert("RGB")` does, and round 16 bits to 8.
            let bytes = if channels == 1 { image.into_luma8().into_raw() } else { image.into_rgb8().into_raw() };
            (bytes, channels)
        }
    };
    let table = Images::normalization_table();
    for (channel, plane) in values.chunks_exact_mut(header.width * header.height).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(pixels.chunks_exact(bytes_per_pixel)) {
            *value = table[usize::from(pixel[channel])];
        }
    }
    Ok(())
}

fn png_decoder(bytes: &[u8]) -> Result<(impl ImageDecoder, ImageHeader), String> {
    let reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Png);
    let decoder = reader.into_decoder().map_err(|error| invalid_png(&error))?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    // A small file may claim a huge size.
    if width.saturating_mul(height) > MAX_PIXELS {
        return Err(TransformError::TooLarge { width, height }.to_string());
    }
    let is_gray = matches!(decoder.color_type(), ColorType::L8 | ColorType::L16 | ColorType::La8 | ColorType::La16);
    Ok((decoder, ImageHeader { width, height, is_gray }))
}

fn invalid_png(error: &dyn std::fmt::Display) -> String {
    let message = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    format!("not a readable PNG file ({message}); create or copy it again")
}
