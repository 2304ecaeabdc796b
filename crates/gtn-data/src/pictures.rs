//! Images of the user's own: PNG files, or arrays of numbers.

use std::path::{Path, PathBuf};

use image::{ColorType, DynamicImage, ImageReader, Limits};
use ndarray::{Array4, ArrayD, Axis, Ix4};

use crate::{Error, Images, Result, arrays};

/// Reads images from a `.png` file, a folder of them (in the order of their names), or an array (n, C, H, W) of f32 in [−1, 1]
/// in a `.npy`, `.npz` or `.safetensors` file. The result has that shape; 8-bit files go from −1 for 0 to 1 for 255.
///
/// Files must be square and of one size; they count as gray if all of them are, and as red, green and blue otherwise.
///
/// # Errors
///
/// [`Error::Io`] if a file cannot be read; [`Error::Malformed`] if it is no PNG, of another size than those before, no square,
/// or an array of another shape or with values outside [−1, 1]; [`Error::Malformed`] for a folder without PNG files.
pub fn read_pictures(path: &Path) -> Result<Array4<f32>> {
    if path.is_dir() {
        return from_files(&files_in(path)?);
    }
    match path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("png") => from_files(&[path.to_path_buf()]),
        _ => from_array(arrays::read_array(path)?, path),
    }
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(Error::io(folder))?;
    let is_png = |path: &PathBuf| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_png).collect();
    files.sort();
    if files.is_empty() {
        return Err(Error::malformed(folder, "the folder holds no .png files"));
    }
    Ok(files)
}

fn from_files(files: &[PathBuf]) -> Result<Array4<f32>> {
    let mut pictures = Vec::with_capacity(files.len());
    for file in files {
        let picture = decode(file)?;
        let size = (picture.width(), picture.height());
        let first: &DynamicImage = pictures.first().unwrap_or(&picture);
        if size != (first.width(), first.height()) {
            let (width, height) = (first.width(), first.height());
            let reason = format!("has {}×{} pixels, and {} has {width}×{height}", size.0, size.1, files[0].display());
            return Err(Error::malformed(file, reason));
        }
        if size.0 != size.1 {
            return Err(Error::malformed(file, format!("has {}×{} pixels, and images must be square", size.0, size.1)));
        }
        pictures.push(picture);
    }
    let gray = pictures.iter().all(|picture| matches!(picture.color(), ColorType::L8 | ColorType::L16));
    let (channels, side) = (if gray { 1 } else { 3 }, pictures.first().map_or(0, |first| first.width() as usize));
    let mut pixels = Vec::with_capacity(pictures.len() * channels * side * side);
    for picture in pictures {
        // Pixel by pixel in the file, channel by channel here.
        let bytes = if gray { picture.into_luma8().into_raw() } else { picture.into_rgb8().into_raw() };
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
    // A small file may claim to be an endless picture.
    let mut limits = Limits::default();
    limits.max_image_width = Some(8192);
    limits.max_image_height = Some(8192);
    reader.limits(limits);
    let fail = |error: image::ImageError| Error::malformed(file, format!("not a readable PNG: {error}"));
    reader.with_guessed_format().map_err(Error::io(file))?.decode().map_err(fail)
}

fn from_array(array: ArrayD<f32>, path: &Path) -> Result<Array4<f32>> {
    let shape = array.shape().to_vec();
    let images: Array4<f32> = array
        .into_dimensionality::<Ix4>()
        .map_err(|_| Error::malformed(path, format!("has shape {shape:?}, and images have (n, C, H, W)")))?;
    let outside = images.axis_iter(Axis(0)).position(|image| !image.iter().all(|value| (-1.0..=1.0).contains(value)));
    match outside {
        Some(index) => Err(Error::malformed(path, format!("image {index} has values outside [-1, 1]"))),
        None => Ok(images),
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    #[test]
    fn files_and_arrays_become_images() {
        let folder = tempfile::tempdir().unwrap();
        let gray = |shade: u8, side| GrayImage::from_fn(side, side, |x, y| Luma([shade + x as u8 + 2 * y as u8]));
        gray(10, 3).save(folder.path().join("b.png")).unwrap();
        gray(0, 3).save(folder.path().join("a.PNG")).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        let images = read_pictures(folder.path()).unwrap();
        assert_eq!(images.dim(), (2, 1, 3, 3));
        // In the order of the names.
        assert_eq!((images[[0, 0, 0, 0]], images[[1, 0, 2, 1]]), (-1.0, (15.0 / 255.0 - 0.5) / 0.5));
        RgbImage::from_pixel(3, 3, Rgb([255, 0, 51])).save(folder.path().join("c.png")).unwrap();
        let colored = read_pictures(folder.path()).unwrap();
        assert_eq!(colored.dim(), (3, 3, 3, 3));
        assert_eq!((colored[[2, 0, 1, 1]], colored[[2, 1, 1, 1]]), (1.0, -1.0));
        assert_eq!(colored[[0, 0, 2, 1]], colored[[0, 2, 2, 1]]);

        let npy = folder.path().join("x.npy");
        ndarray_npy::write_npy(&npy, &images).unwrap();
        assert_eq!(read_pictures(&npy).unwrap(), images);
        ndarray_npy::write_npy(&npy, &(images * 2.0)).unwrap();
        assert!(read_pictures(&npy).unwrap_err().to_string().contains("outside [-1, 1]"));
        ndarray_npy::write_npy(&npy, &ndarray::Array2::<f32>::zeros((2, 2))).unwrap();
        assert!(read_pictures(&npy).unwrap_err().to_string().contains("(n, C, H, W)"));
    }

    #[test]
    fn what_is_no_set_of_images_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let fails = |word: &str| {
            let message = read_pictures(folder.path()).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        };
        fails("no .png files");
        GrayImage::new(4, 4).save(folder.path().join("a.png")).unwrap();
        GrayImage::new(4, 5).save(folder.path().join("b.png")).unwrap();
        fails("b.png: has 4×5 pixels");
        std::fs::write(folder.path().join("b.png"), "<html>").unwrap();
        fails("b.png: not a readable PNG");
        std::fs::remove_file(folder.path().join("b.png")).unwrap();
        GrayImage::new(4, 5).save(folder.path().join("a.png")).unwrap();
        fails("must be square");
        assert!(matches!(read_pictures(&folder.path().join("absent.png")), Err(Error::Io { .. })));
    }
}
