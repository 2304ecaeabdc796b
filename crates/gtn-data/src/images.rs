use std::sync::Arc;

use ndarray::{Array4, ArrayView4, Axis};

use crate::mmap::MappedFile;
use crate::{Error, Result};

/// Square images of one size with 8 bits per channel, in memory or in a memory-mapped file.
#[derive(Debug, Clone)]
pub struct Images {
    pixels: Pixels,
}

#[derive(Debug, Clone)]
enum Pixels {
    /// (n, C, H, W)
    Owned(Array4<u8>),
    /// The same layout, in the bytes of a file.
    Mapped { bytes: Arc<MappedFile>, offset: usize, shape: (usize, usize, usize, usize) },
}

/// Compares pixels, wherever they are stored.
impl PartialEq for Images {
    fn eq(&self, other: &Self) -> bool {
        self.pixels() == other.pixels()
    }
}

impl Eq for Images {}

impl Images {
    /// Creates images from pixels of shape (n, C, H, W).
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the array is empty, or the images are not square or have neither 1 nor 3 channels.
    pub fn from_pixels(pixels: Array4<u8>) -> Result<Self> {
        check(pixels.dim())?;
        Ok(Self { pixels: Pixels::Owned(pixels.as_standard_layout().into_owned()) })
    }

    /// Images in a mapped file, stored as (n, C, H, W) from byte `offset` on.
    ///
    /// # Errors
    ///
    /// As for [`from_pixels`](Self::from_pixels), and if the images extend past the end of the file.
    pub(crate) fn from_mapped(
        bytes: Arc<MappedFile>,
        offset: usize,
        shape: (usize, usize, usize, usize),
    ) -> Result<Self> {
        check(shape)?;
        let (n, channels, height, width) = shape;
        let end = n.checked_mul(channels * height * width).and_then(|len| len.checked_add(offset));
        if end.is_none_or(|end| end > bytes.len()) {
            return Err(Error::Shape { shape, reason: "the images extend past the end of the file" });
        }
        Ok(Self { pixels: Pixels::Mapped { bytes, offset, shape } })
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pixels().len_of(Axis(0))
    }

    /// Whether the set is empty. Always `false`, because [`from_pixels`](Self::from_pixels) refuses an empty array.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of channels, 1 or 3.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.pixels().len_of(Axis(1))
    }

    /// Height and width of an image in pixels.
    #[must_use]
    pub fn side(&self) -> usize {
        self.pixels().len_of(Axis(2))
    }

    /// The pixels, shape (n, C, H, W).
    #[must_use]
    pub fn pixels(&self) -> ArrayView4<'_, u8> {
        match &self.pixels {
            Pixels::Owned(pixels) => pixels.view(),
            Pixels::Mapped { bytes, offset, shape } => {
                let (n, channels, height, width) = *shape;
                let pixels = &bytes[*offset..offset + n * channels * height * width];
                ArrayView4::from_shape(*shape, pixels).expect("as many bytes as pixels")
            }
        }
    }

    /// The value in [−1, 1] to which [`batch`](Self::batch) maps each 8-bit channel value.
    #[must_use]
    pub fn normalization_table() -> [f32; 256] {
        // The same operations in the same order as torchvision's ToTensor and Normalize(0.5, 0.5), so equal to the bit.
        std::array::from_fn(|value| (value as f32 / 255.0 - 0.5) / 0.5)
    }

    /// The index at which [`batch`](Self::batch) reads the mirror image of an image: left and right are exchanged.
    #[must_use]
    pub fn mirrored(&self, index: usize) -> usize {
        index + self.len()
    }

    /// The images at `indices` as f32 in [−1, 1], shape (`indices.len()`, C, H, W): 0 becomes −1 and 255 becomes 1. An index may be
    /// that of a [mirror image](Self::mirrored).
    ///
    /// # Panics
    ///
    /// If an index is out of bounds.
    #[must_use]
    pub fn batch(&self, indices: &[usize]) -> Array4<f32> {
        let table = Self::normalization_table();
        let (channels, side) = (self.channels(), self.side());
        let pixels = self.pixels();
        let mut values = Vec::with_capacity(indices.len() * channels * side * side);
        for &index in indices {
            let is_mirrored = index >= pixels.len_of(Axis(0));
            let mut image =
                pixels.index_axis(Axis(0), if is_mirrored { index - pixels.len_of(Axis(0)) } else { index });
            if is_mirrored {
                image.invert_axis(Axis(2));
            }
            values.extend(image.iter().map(|&value| table[usize::from(value)]));
        }
        if let Pixels::Mapped { bytes, .. } = &self.pixels {
            bytes.record_read(values.len());
        }
        Array4::from_shape_vec((indices.len(), channels, side, side), values).expect("as many values as pixels")
    }
}

fn check(shape: (usize, usize, usize, usize)) -> Result<()> {
    let (n, channels, height, width) = shape;
    let refuse = |reason| Err(Error::Shape { shape, reason });
    if n == 0 {
        return refuse("the array is empty");
    }
    if channels != 1 && channels != 3 {
        return refuse("images must have 1 or 3 channels");
    }
    if height != width || height == 0 {
        return refuse("images must be square");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_become_values_from_minus_one_to_one() {
        let pixels = Array4::from_shape_fn((3, 1, 2, 2), |(n, _, h, w)| (n * 85 + h * 2 + w) as u8);
        let images = Images::from_pixels(pixels).unwrap();
        let batch = images.batch(&[2, 0]);
        assert_eq!(batch.dim(), (2, 1, 2, 2));
        assert_eq!(batch[[1, 0, 0, 0]], -1.0);
        assert_eq!(batch[[0, 0, 1, 1]], (173.0_f32 / 255.0 - 0.5) / 0.5);
        let mirrored = images.batch(&[images.mirrored(2)]);
        assert_eq!(mirrored.slice(ndarray::s![0, 0, .., ..;-1]), batch.slice(ndarray::s![0, 0, .., ..]));
        let white = Images::from_pixels(Array4::from_elem((1, 3, 4, 4), 255)).unwrap();
        assert_eq!(white.batch(&[0])[[0, 2, 3, 3]], 1.0);
    }

    #[test]
    fn unsupported_shapes_are_refused() {
        for shape in [(0, 1, 4, 4), (1, 2, 4, 4), (1, 1, 4, 5), (1, 1, 0, 0)] {
            assert!(matches!(Images::from_pixels(Array4::zeros(shape)), Err(Error::Shape { .. })));
        }
    }

    #[test]
    fn mapped_images_equal_images_in_memory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content: Vec<u8> = (0..50).collect();
        std::fs::write(file.path(), &content).unwrap();
        let bytes = Arc::new(MappedFile::new(file.as_file()).unwrap());
        let mapped = Images::from_mapped(Arc::clone(&bytes), 5, (3, 3, 2, 2)).unwrap();
        let owned =
            Images::from_pixels(Array4::from_shape_vec((3, 3, 2, 2), content[5..41].to_vec()).unwrap()).unwrap();
        assert_eq!(mapped, owned);
        assert_eq!((mapped.len(), mapped.channels(), mapped.side()), (3, 3, 2));
        assert_eq!(mapped.batch(&[2, 0]), owned.batch(&[2, 0]));
        assert_eq!(mapped.clone(), mapped);
        for (offset, shape) in
            [(15, (3, 3, 2, 2)), (usize::MAX, (1, 3, 2, 2)), (0, (usize::MAX, 3, 2, 2)), (0, (0, 3, 2, 2))]
        {
            assert!(matches!(Images::from_mapped(Arc::clone(&bytes), offset, shape), Err(Error::Shape { .. })));
        }
    }
}
