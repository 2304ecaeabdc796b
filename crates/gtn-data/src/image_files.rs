//! Your own images, all at once.

use std::path::Path;

use ndarray::Array4;

use crate::{Error, ImageCollection, Result};

/// Reads all images of an [`ImageCollection`]: the array of shape (n, C, H, W) with values in [−1, 1]. Images in files must be
/// square.
///
/// # Errors
///
/// As for [`open_square`] and [`ImageCollection::read`].
pub fn read_images(path: &Path) -> Result<Array4<f32>> {
    let images = open_square(path)?;
    images.read(0..images.len())
}

/// Opens an [`ImageCollection`] whose images, if they are files, are square.
///
/// # Errors
///
/// As for [`ImageCollection::open`]; [`Error::File`] if images in files are not square.
pub fn open_square(path: &Path) -> Result<ImageCollection> {
    let images = ImageCollection::open(path)?;
    let [_, height, width] = images.shape();
    if images.is_files() && height != width {
        let reason = format!("has {width}×{height} pixels, but images must be square");
        return Err(Error::malformed(&images.image_path(0), reason));
    }
    Ok(images)
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
        fails("no .png, .jpg or .jpeg files");
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
