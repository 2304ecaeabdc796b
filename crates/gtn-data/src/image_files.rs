//! Your own images, from PNG files or from arrays.

use std::path::{Path, PathBuf};

use gtn_io::arrays;
use image::{ColorType, DynamicImage, ImageReader, Limits};
use ndarray::{Array4, ArrayD, Axis, Ix4};

use crate::{Error, Images, Result};

/// Reads images from a `.png` file, from a folder of them (sorted by name), or from an f32 array (n, C, H, W) with
/// values in [−1, 1] in a `.npy`, `.npz` or `.safetensors` file. The result has shape (n, C, H, W); the 8-bit values of
/// PNG files are mapped from 0..255 to [−1, 1].
///
/// PNG files must be square and of one size. The result has one channel if all files are grayscale, and three (RGB)
/// otherwise.
///
/// # Errors
///
/// [`Error::File`] if a file cannot be read, or if a file is not a PNG file, is not square, or differs
/// in size from the first, if a folder has no PNG files, or if an array has another shape or values outside [−1, 1].
pub fn read_images(path: &Path) -> Result<Array4<f32>> {
    if path.is_dir() {
        return read_png_files(&png_files_in(path)?);
    }
    match path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("png") => read_png_files(&[path.to_path_buf()]),
        _ => check_array(arrays::read_array(path)?, path),
    }
}

fn png_files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(Error::io(folder))?;
    let is_png = |path: &PathBuf| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_png).collect();
    files.sort();
    if files.is_empty() {
        return Err(Error::malformed(folder, "the folder has no .png files"));
    }
    Ok(files)
}

fn read_png_files(files: &[PathBuf]) -> Result<Array4<f32>> {
    let mut images = Vec::with_capacity(files.len());
    for file in files {
        let image = decode(file)?;
        let size = (image.width(), image.height());
        let first: &DynamicImage = images.first().unwrap_or(&image);
        if size != (first.width(), first.height()) {
            let (width, height) = (first.width(), first.height());
            let first_file = files[0].display();
            let reason = format!("has {}×{} pixels, but '{first_file}' has {width}×{height}", size.0, size.1);
            return Err(Error::malformed(file, reason));
        }
        if size.0 != size.1 {
            return Err(Error::malformed(file, format!("has {}×{} pixels, but images must be square", size.0, size.1)));
        }
        images.push(image);
    }
    let gray = images.iter().all(|image| matches!(image.color(), ColorType::L8 | ColorType::L16));
    let (channels, side) = (if gray { 1 } else { 3 }, images.first().map_or(0, |first| first.width() as usize));
    let mut pixels = Vec::with_capacity(images.len() * channels * side * side);
    for image in images {
        // From (H, W, C) to (C, H, W).
        let bytes = if gray { image.into_luma8().into_raw() } else { image.into_rgb8().into_raw() };
        (0..channels).for_each(|channel| pixels.extend(bytes.iter().skip(channel).step_by(channels)));
    }
    let shape = (files.len(), channels, side, side);
    let pixels =
        Array4::from_shape_vec(shape, pixels).map_err(|error| Error::malformed(&files[0], error.to_string()))?;
    let images = Images::from_pixels(pixels)?;
    Ok(images.batch(&(0..images.len()).collect::<Vec<_>>()))
}

fn decode(file: &Path) -> Result<DynamicImage> {
    let mut reader = ImageReader::open(file).map_err(Error::io(file))?;
    // A small file may claim a huge size.
    let mut limits = Limits::default();
    limits.max_image_width = Some(8192);
    limits.max_image_height = Some(8192);
    reader.limits(limits);
    let fail = |error: image::ImageError| Error::malformed(file, format!("not a readable PNG: {error}"));
    reader.with_guessed_format().map_err(Error::io(file))?.decode().map_err(fail)
}

fn check_array(array: ArrayD<f32>, path: &Path) -> Result<Array4<f32>> {
    let shape = arrays::tuple_text(array.shape());
    let images: Array4<f32> = array
        .into_dimensionality::<Ix4>()
        .map_err(|_| Error::malformed(path, format!("expected a 4-D array (n, C, H, W), got shape {shape}")))?;
    let out_of_range =
        images.axis_iter(Axis(0)).position(|image| !image.iter().all(|value| (-1.0..=1.0).contains(value)));
    match out_of_range {
        Some(index) => {
            Err(Error::malformed(path, format!("image {index} has values outside [-1, 1]; rescale the images")))
        }
        None => Ok(images),
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    #[test]
    fn png_files_and_arrays_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let gray = |shade: u8, side| GrayImage::from_fn(side, side, |x, y| Luma([shade + x as u8 + 2 * y as u8]));
        gray(10, 3).save(folder.path().join("b.png")).unwrap();
        gray(0, 3).save(folder.path().join("a.PNG")).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        let images = read_images(folder.path()).unwrap();
        assert_eq!(images.dim(), (2, 1, 3, 3));
        // Sorted by name.
        assert_eq!((images[[0, 0, 0, 0]], images[[1, 0, 2, 1]]), (-1.0, (15.0 / 255.0 - 0.5) / 0.5));
        RgbImage::from_pixel(3, 3, Rgb([255, 0, 51])).save(folder.path().join("c.png")).unwrap();
        let colored = read_images(folder.path()).unwrap();
        assert_eq!(colored.dim(), (3, 3, 3, 3));
        assert_eq!((colored[[2, 0, 1, 1]], colored[[2, 1, 1, 1]]), (1.0, -1.0));
        assert_eq!(colored[[0, 0, 2, 1]], colored[[0, 2, 2, 1]]);

        let npy = folder.path().join("x.npy");
        ndarray_npy::write_npy(&npy, &images).unwrap();
        assert_eq!(read_images(&npy).unwrap(), images);
        ndarray_npy::write_npy(&npy, &(images * 2.0)).unwrap();
        assert!(read_images(&npy).unwrap_err().to_string().contains("outside [-1, 1]"));
        ndarray_npy::write_npy(&npy, &ndarray::Array2::<f32>::zeros((2, 2))).unwrap();
        assert!(read_images(&npy).unwrap_err().to_string().contains("(n, C, H, W)"));
    }

    #[test]
    fn invalid_images_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let fails = |expected: &str| {
            let message = read_images(folder.path()).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        };
        fails("no .png files");
        GrayImage::new(4, 4).save(folder.path().join("a.png")).unwrap();
        GrayImage::new(4, 5).save(folder.path().join("b.png")).unwrap();
        fails("b.png': has 4×5 pixels");
        std::fs::write(folder.path().join("b.png"), "<html>").unwrap();
        fails("b.png': not a readable PNG");
        std::fs::remove_file(folder.path().join("b.png")).unwrap();
        GrayImage::new(4, 5).save(folder.path().join("a.png")).unwrap();
        fails("must be square");
        assert!(matches!(
            read_images(&folder.path().join("missing.png")),
            Err(Error::File(gtn_io::Error::Read { .. }))
        ));
    }
}
