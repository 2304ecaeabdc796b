use std::sync::Arc;

use ndarray::{Array4, ArrayView4, Axis};

use crate::mapped::Mapped;
use crate::{Error, Result};

/// Square images of one size, 8 bits a channel, in memory or in a file that is mapped into it.
#[derive(Debug, Clone)]
pub struct Images {
    pixels: Pixels,
}

#[derive(Debug, Clone)]
enum Pixels {
    /// (n, C, H, W)
    Owned(Array4<u8>),
    /// The same in the bytes of a file.
    Mapped { bytes: Arc<Mapped>, offset: usize, shape: (usize, usize, usize, usize) },
}

/// Equal pixels, wherever they lie.
impl PartialEq for Images {
    fn eq(&self, other: &Self) -> bool {
        self.pixels() == other.pixels()
    }
}

impl Eq for Images {}

impl Images {
    /// Images from their pixels, shape (n, C, H, W).
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if there are none, they are not square, or have neither one channel nor three.
    pub fn from_pixels(pixels: Array4<u8>) -> Result<Self> {
        check(pixels.dim())?;
        Ok(Self { pixels: Pixels::Owned(pixels.as_standard_layout().into_owned()) })
    }

    /// Images that lie in a mapped file from byte `offset` on, pixel after pixel in the order (n, C, H, W).
    ///
    /// # Errors
    ///
    /// As [`from_pixels`](Self::from_pixels), and if they reach beyond the file's end.
    pub(crate) fn mapped(bytes: Arc<Mapped>, offset: usize, shape: (usize, usize, usize, usize)) -> Result<Self> {
        check(shape)?;
        let (n, channels, height, width) = shape;
        let end = n.checked_mul(channels * height * width).and_then(|len| len.checked_add(offset));
        if end.is_none_or(|end| end > bytes.len()) {
            return Err(Error::Shape { shape, reason: "they reach beyond the end of their file" });
        }
        Ok(Self { pixels: Pixels::Mapped { bytes, offset, shape } })
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pixels().len_of(Axis(0))
    }

    /// Whether there are no images (never: [`from_pixels`](Self::from_pixels) refuses that).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of channels, 1 or 3.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.pixels().len_of(Axis(1))
    }

    /// Height and width in pixels.
    #[must_use]
    pub fn side(&self) -> usize {
        self.pixels().len_of(Axis(2))
    }

    /// The pixels, (n, C, H, W).
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

    /// What [`batch`](Self::batch) makes of each value of a pixel's channel.
    #[must_use]
    pub fn scaled() -> [f32; 256] {
        // The order of operations is that of torchvision's ToTensor and Normalize(0.5, 0.5), to the bit.
        std::array::from_fn(|value| (value as f32 / 255.0 - 0.5) / 0.5)
    }

    /// The images at `indices` as f32 in [−1, 1], shape (`indices.len()`, C, H, W): 0 becomes −1 and 255 becomes 1.
    ///
    /// # Panics
    ///
    /// If an index is not below [`len`](Self::len).
    #[must_use]
    pub fn batch(&self, indices: &[usize]) -> Array4<f32> {
        let scaled = Self::scaled();
        let (channels, side) = (self.channels(), self.side());
        let pixels = self.pixels();
        let mut values = Vec::with_capacity(indices.len() * channels * side * side);
        for &index in indices {
            let image = pixels.index_axis(Axis(0), index);
            values.extend(image.iter().map(|&value| scaled[usize::from(value)]));
        }
        if let Pixels::Mapped { bytes, .. } = &self.pixels {
            bytes.was_seen(values.len());
        }
        Array4::from_shape_vec((indices.len(), channels, side, side), values).expect("as many values as pixels")
    }
}

fn check(shape: (usize, usize, usize, usize)) -> Result<()> {
    let (n, channels, height, width) = shape;
    let refuse = |reason| Err(Error::Shape { shape, reason });
    if n == 0 {
        return refuse("there are no images");
    }
    if channels != 1 && channels != 3 {
        return refuse("an image has one channel or three");
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
    fn pixels_become_numbers_from_minus_one_to_one() {
        let pixels = Array4::from_shape_fn((3, 1, 2, 2), |(n, _, h, w)| (n * 85 + h * 2 + w) as u8);
        let images = Images::from_pixels(pixels).unwrap();
        let batch = images.batch(&[2, 0]);
        assert_eq!(batch.dim(), (2, 1, 2, 2));
        assert_eq!(batch[[1, 0, 0, 0]], -1.0);
        assert_eq!(batch[[0, 0, 1, 1]], (173.0_f32 / 255.0 - 0.5) / 0.5);
        let white = Images::from_pixels(Array4::from_elem((1, 3, 4, 4), 255)).unwrap();
        assert_eq!(white.batch(&[0])[[0, 2, 3, 3]], 1.0);
    }

    #[test]
    fn shapes_that_are_no_images_are_refused() {
        for shape in [(0, 1, 4, 4), (1, 2, 4, 4), (1, 1, 4, 5), (1, 1, 0, 0)] {
            assert!(matches!(Images::from_pixels(Array4::zeros(shape)), Err(Error::Shape { .. })));
        }
    }

    #[test]
    fn images_in_a_file_are_those_in_memory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content: Vec<u8> = (0..50).collect();
        std::fs::write(file.path(), &content).unwrap();
        let bytes = Arc::new(Mapped::new(file.as_file()).unwrap());
        let mapped = Images::mapped(Arc::clone(&bytes), 5, (3, 3, 2, 2)).unwrap();
        let owned =
            Images::from_pixels(Array4::from_shape_vec((3, 3, 2, 2), content[5..41].to_vec()).unwrap()).unwrap();
        assert_eq!(mapped, owned);
        assert_eq!((mapped.len(), mapped.channels(), mapped.side()), (3, 3, 2));
        assert_eq!(mapped.batch(&[2, 0]), owned.batch(&[2, 0]));
        assert_eq!(mapped.clone(), mapped);
        for (offset, shape) in
            [(15, (3, 3, 2, 2)), (usize::MAX, (1, 3, 2, 2)), (0, (usize::MAX, 3, 2, 2)), (0, (0, 3, 2, 2))]
        {
            assert!(matches!(Images::mapped(Arc::clone(&bytes), offset, shape), Err(Error::Shape { .. })));
        }
    }
}
