use ndarray::{Array4, ArrayView4, Axis};

use crate::{Error, Result};

/// Square images of one size, 8 bits a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// (n, C, H, W)
    pixels: Array4<u8>,
}

impl Images {
    /// Images from their pixels, shape (n, C, H, W).
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if there are none, they are not square, or have neither one channel nor three.
    pub fn from_pixels(pixels: Array4<u8>) -> Result<Self> {
        let shape @ (n, channels, height, width) = pixels.dim();
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
        Ok(Self { pixels: pixels.as_standard_layout().into_owned() })
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pixels.len_of(Axis(0))
    }

    /// Whether there are no images (never: [`from_pixels`](Self::from_pixels) refuses that).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of channels, 1 or 3.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.pixels.len_of(Axis(1))
    }

    /// Height and width in pixels.
    #[must_use]
    pub fn side(&self) -> usize {
        self.pixels.len_of(Axis(2))
    }

    /// The pixels, (n, C, H, W).
    #[must_use]
    pub fn pixels(&self) -> ArrayView4<'_, u8> {
        self.pixels.view()
    }

    /// The images at `indices` as f32 in [−1, 1], shape (`indices.len()`, C, H, W): 0 becomes −1 and 255 becomes 1.
    ///
    /// # Panics
    ///
    /// If an index is not below [`len`](Self::len).
    #[must_use]
    pub fn batch(&self, indices: &[usize]) -> Array4<f32> {
        // The order of operations is that of torchvision's ToTensor and Normalize(0.5, 0.5), to the bit.
        let scaled: [f32; 256] = std::array::from_fn(|value| (value as f32 / 255.0 - 0.5) / 0.5);
        let (channels, side) = (self.channels(), self.side());
        let mut values = Vec::with_capacity(indices.len() * channels * side * side);
        for &index in indices {
            let image = self.pixels.index_axis(Axis(0), index);
            values.extend(image.iter().map(|&value| scaled[usize::from(value)]));
        }
        Array4::from_shape_vec((indices.len(), channels, side, side), values).expect("as many values as pixels")
    }
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
}
