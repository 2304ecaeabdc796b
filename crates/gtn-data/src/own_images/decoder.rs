//! From the bytes of an image file of any supported format to a square of 8-bit pixels.

use std::io::Cursor;
use std::sync::{Mutex, PoisonError};

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::imageops::crop_imm;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbaImage};

use super::{Resize, Sizing};

/// Larger images are not decoded: a file of a few bytes may claim any size. No camera makes larger ones.
pub(super) const MAX_PIXELS: u64 = 256 << 20;

/// Images above this number of pixels are decoded one at a time, so that memory does not grow with the number of threads.
const LARGE_PIXELS: u64 = 32 << 20;

/// Red, green, blue, and a byte that aligns them.
const BYTES_PER_PIXEL: usize = 4;

/// Held while a large image is in memory.
static LARGE_IMAGE: Mutex<()> = Mutex::new(());

/// Decodes files; each thread has its own.
#[derive(Default)]
pub(super) struct Decoder {
    resizer: Resizer,
}

impl Decoder {
    /// Writes an image, shape (3, side, side), to `out`, and returns whether it is gray.
    ///
    /// # Errors
    ///
    /// Why the file is not a usable image, as the predicate of a sentence.
    pub(super) fn decode(&mut self, bytes: &[u8], sizing: &Sizing, out: &mut [u8]) -> Result<bool, String> {
        let mut decoder = open(bytes)?;
        let (width, height) = decoder.dimensions();
        let pixels = u64::from(width) * u64::from(height);
        if pixels > MAX_PIXELS {
            return Err(format!("has {width} × {height} pixels; at most {MAX_PIXELS} can be read"));
        }
        if pixels == 0 {
            return Err("has no pixels".to_owned());
        }
        let large = (pixels > LARGE_PIXELS).then(|| LARGE_IMAGE.lock().unwrap_or_else(PoisonError::into_inner));
        // Metadata that cannot be read do not make the pixels worthless.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut image = DynamicImage::from_decoder(decoder).map_err(|error| explain(&error))?;
        image.apply_orientation(orientation);
        let mut square = self.resize(flatten(image, sizing.background), sizing)?;
        drop(large);
        paint(&mut square, sizing, out);
        let plane = sizing.side * sizing.side;
        Ok(out[..plane] == out[plane..2 * plane] && out[..plane] == out[2 * plane..])
    }

    /// The pixels after resizing, with their width and height.
    fn resize(&mut self, mut image: RgbaImage, sizing: &Sizing) -> Result<Scaled, String> {
        let side = sizing.side as u32;
        if sizing.resize == Resize::Crop {
            // Cut out first, because the resizer looks at pixels beyond its own crop.
            let (width, height) = image.dimensions();
            let short = width.min(height);
            image = crop_imm(&image, (width - short) / 2, (height - short) / 2, short, short).to_image();
        }
        let (width, height) = image.dimensions();
        let (new_width, new_height) = match sizing.resize {
            Resize::Crop | Resize::Stretch => (side, side),
            Resize::Fit => {
                let long = f64::from(width.max(height));
                let scaled = |length: u32| ((f64::from(length) * f64::from(side) / long).round() as u32).clamp(1, side);
                (scaled(width), scaled(height))
            }
        };
        let source =
            ImageRef::new(width, height, image.as_raw(), PixelType::U8x4).map_err(|error| error.to_string())?;
        let mut resized = Image::new(new_width, new_height, PixelType::U8x4);
        // The fourth byte is not an alpha channel.
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
        self.resizer.resize(&source, &mut resized, &options).map_err(|error| error.to_string())?;
        Ok(Scaled { width: new_width as usize, height: new_height as usize, pixels: resized.into_vec() })
    }
}

/// An image that is at most as wide and as high as the square.
struct Scaled {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Writes an image into the middle of the square.
fn paint(image: &mut Scaled, sizing: &Sizing, out: &mut [u8]) {
    let side = sizing.side;
    let (left, top) = ((side - image.width) / 2, (side - image.height) / 2);
    for (channel, plane) in out.chunks_exact_mut(side * side).enumerate() {
        plane.fill(sizing.background[channel]);
        for (row, pixels) in image.pixels.chunks_exact(image.width * BYTES_PER_PIXEL).enumerate() {
            let start = (top + row) * side + left;
            for (value, pixel) in plane[start..start + image.width].iter_mut().zip(pixels.chunks_exact(BYTES_PER_PIXEL))
            {
                *value = pixel[channel];
            }
        }
    }
}

fn open(bytes: &[u8]) -> Result<Box<dyn ImageDecoder + '_>, String> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    match reader.format() {
        None => return Err("is not an image of a known format".to_owned()),
        // The decoder fills up what is missing with gray.
        Some(ImageFormat::Jpeg) if !has_end_of_image(bytes) => {
            return Err("is a truncated JPEG file".to_owned());
        }
        Some(_) => {}
    }
    let mut reader = reader;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(8 * MAX_PIXELS);
    reader.limits(limits);
    Ok(Box::new(reader.into_decoder().map_err(|error| explain(&error))?))
}

/// Whether a JPEG file has the marker of its end after its first scan begins. Before, a thumbnail may have one.
fn has_end_of_image(bytes: &[u8]) -> bool {
    let mut at = 2;
    // Segments with their lengths lie before the scans.
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        if marker == 0xda {
            return bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]);
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    // Another structure, which the decoder judges.
    bytes.windows(2).any(|pair| pair == [0xff, 0xd9])
}

/// An error on one line.
fn explain(error: &image::ImageError) -> String {
    let message = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    format!("cannot be decoded ({message})")
}

/// The image in 8 bits, with the background where it is transparent.
fn flatten(image: DynamicImage, background: [u8; 3]) -> RgbaImage {
    let has_alpha = image.color().has_alpha();
    let mut image = image.into_rgba8();
    if has_alpha {
        for pixel in image.pixels_mut() {
            let alpha = u32::from(pixel[3]);
            for (value, behind) in pixel.0.iter_mut().zip(background) {
                // Rounded to the nearest value.
                *value = ((u32::from(*value) * alpha + u32::from(behind) * (255 - alpha) + 127) / 255) as u8;
            }
            pixel[3] = 255;
        }
    }
    image
}

#[cfg(test)]
mod tests {
    use image::{Luma, LumaA, Rgb, Rgba};

    use super::*;

    fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn decode(bytes: &[u8], sizing: &Sizing) -> Result<(Vec<u8>, bool), String> {
        let mut out = vec![7; 3 * sizing.side * sizing.side];
        let is_gray = Decoder::default().decode(bytes, sizing, &mut out)?;
        Ok((out, is_gray))
    }

    fn sizing(resize: Resize) -> Sizing {
        Sizing { side: 4, resize, background: [255, 255, 255] }
    }

    /// Columns of red, green and blue, each as wide as the image is high.
    fn stripes() -> image::RgbImage {
        let color = |x: u32| [[200, 0, 0], [0, 200, 0], [0, 0, 200]][x as usize / 8];
        image::RgbImage::from_fn(24, 8, |x, _| Rgb(color(x)))
    }

    #[test]
    fn every_format_is_read_and_resized() {
        use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
        for format in [Png, Bmp, Tiff, WebP, Gif, Jpeg] {
            let bytes = encoded(stripes(), format);
            let (out, is_gray) = decode(&bytes, &sizing(Resize::Crop)).unwrap();
            assert!(!is_gray);
            // The middle is green.
            for (channel, expected) in [0_u8, 200, 0].into_iter().enumerate() {
                let plane = &out[16 * channel..16 * (channel + 1)];
                assert!(plane.iter().all(|value| value.abs_diff(expected) < 4), "{format:?} {channel} {plane:?}");
            }
        }
    }

    #[test]
    fn images_are_cropped_fitted_or_stretched() {
        let bytes = encoded(stripes(), ImageFormat::Png);
        let (stretched, _) = decode(&bytes, &Sizing { side: 12, ..sizing(Resize::Stretch) }).unwrap();
        // The red of the first row: on the left only.
        assert!(stretched[..12][0] == 200 && stretched[..12][11] == 0);
        let (fitted, _) = decode(&bytes, &Sizing { side: 12, ..sizing(Resize::Fit) }).unwrap();
        // Rows 4 to 7 have the image, the others the background.
        let red = |row: usize, column: usize| fitted[12 * row + column];
        assert_eq!([red(3, 0), red(4, 0), red(7, 0), red(8, 0)], [255, 200, 200, 255]);
        assert_eq!([red(3, 11), red(4, 11)], [255, 0]);
        // A thin image keeps at least one pixel.
        let thin = encoded(image::RgbImage::from_pixel(400, 1, Rgb([1, 2, 3])), ImageFormat::Png);
        assert!(decode(&thin, &sizing(Resize::Fit)).unwrap().0.contains(&1));
    }

    #[test]
    fn gray_alpha_and_sixteen_bits_are_converted() {
        let gray = encoded(image::GrayImage::from_pixel(8, 8, Luma([51])), ImageFormat::Png);
        let (out, is_gray) = decode(&gray, &sizing(Resize::Crop)).unwrap();
        assert!(is_gray && out.iter().all(|value| *value == 51));
        let half = encoded(image::RgbaImage::from_pixel(8, 8, Rgba([0, 0, 255, 51])), ImageFormat::Png);
        let (out, _) = decode(&half, &sizing(Resize::Crop)).unwrap();
        assert_eq!((out[0], out[16], out[32]), (204, 204, 255));
        let black = Sizing { background: [0, 0, 0], ..sizing(Resize::Crop) };
        assert_eq!(decode(&half, &black).unwrap().0[32], 51);
        let deep = image::ImageBuffer::from_pixel(8, 8, LumaA([0x8000_u16, 0xffff]));
        let (out, is_gray) = decode(&encoded(deep, ImageFormat::Png), &sizing(Resize::Crop)).unwrap();
        assert!(is_gray && out.iter().all(|value| *value == 128));
    }

    #[test]
    fn what_is_not_an_image_is_explained() {
        let reason = |bytes: &[u8]| decode(bytes, &sizing(Resize::Crop)).unwrap_err();
        assert_eq!(reason(b"hello"), "is not an image of a known format");
        assert_eq!(reason(b""), "is not an image of a known format");
        let jpeg = encoded(stripes(), ImageFormat::Jpeg);
        assert_eq!(reason(&jpeg[..jpeg.len() - 20]), "is a truncated JPEG file");
        let png = encoded(stripes(), ImageFormat::Png);
        for length in [20, 40, png.len() - 16] {
            let reason = reason(&png[..length]);
            assert!(reason.starts_with("cannot be decoded (") && !reason.contains('\n'), "{reason}");
        }
        // 10¹⁰ pixels in a few bytes.
        let mut huge = encoded(image::GrayImage::new(1, 1), ImageFormat::Bmp);
        huge[18..22].copy_from_slice(&100_000_i32.to_le_bytes());
        huge[22..26].copy_from_slice(&100_000_i32.to_le_bytes());
        assert!(reason(&huge).contains("100000"), "{}", reason(&huge));
    }
}
