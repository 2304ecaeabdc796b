//! Images that live on a GPU, as their bytes.

use gtn_data::Images;
use gtn_models::{DType, Device, Tensor};

use crate::Result;

/// All images of a set on a GPU.
#[derive(Debug)]
pub(crate) struct Resident {
    /// (n, C·H·W) bytes.
    pixels: Tensor,
    /// What each byte becomes in a batch: the very numbers that the host has.
    scaled: Tensor,
    channels: usize,
    side: usize,
}

impl Resident {
    /// Takes the images to a GPU. `None` on a CPU, where they are gathered by another thread, and where memory is short.
    pub(crate) fn new(images: &Images, device: &Device) -> Option<Self> {
        if device.is_cpu() {
            return None;
        }
        let taken = Self::take(images, device);
        if let Err(error) = &taken {
            tracing::warn!("the images stay on the host: {error}");
        }
        taken.ok()
    }

    fn take(images: &Images, device: &Device) -> Result<Self> {
        let (n, channels, side) = (images.len(), images.channels(), images.side());
        let pixels = images.pixels();
        let bytes = pixels.as_slice().expect("images lie whole and in order");
        if u32::try_from(bytes.len()).is_err() {
            // Candle counts in 32 bits where it picks rows.
            let reason = "their bytes are 2³² or more";
            return Err(gtn_models::Error::Shape { what: "images", value: n, reason }.into());
        }
        let pixels = Tensor::from_slice(bytes, (n, channels * side * side), device);
        let scaled = Tensor::new(&Images::scaled(), device);
        let of = gtn_models::Error::from;
        Ok(Self { pixels: pixels.map_err(of)?, scaled: scaled.map_err(of)?, channels, side })
    }

    /// The images at `indices` as f32 in [−1, 1], (n, C, H, W).
    pub(crate) fn batch(&self, indices: &[u32]) -> Result<Tensor> {
        let taken = || {
            let rows = Tensor::new(indices, self.pixels.device())?;
            // As u32: Candle takes the largest number of a kind for no index at all, and 255 is white.
            let bytes = self.pixels.index_select(&rows, 0)?.flatten_all()?.to_dtype(DType::U32)?;
            let shape = (indices.len(), self.channels, self.side, self.side);
            self.scaled.index_select(&bytes, 0)?.reshape(shape)
        };
        Ok(taken().map_err(gtn_models::Error::from)?)
    }
}

#[cfg(test)]
mod tests {
    use gtn_models::array4_of;
    use ndarray::Array4;

    use super::*;

    #[test]
    fn batches_are_those_of_the_host_to_the_bit() {
        let pixels =
            Array4::from_shape_fn((30, 3, 4, 4), |(n, c, h, w)| (255 - (n * 31 + c * 77 + h * 5 + w) % 256) as u8);
        let images = Images::from_pixels(pixels).unwrap();
        // Not done on a CPU, but the same there.
        let resident = Resident::take(&images, &Device::Cpu).unwrap();
        let batch = array4_of(&resident.batch(&[29, 0, 7]).unwrap()).unwrap();
        assert!(batch.iter().any(|value| *value == 1.0));
        assert_eq!(batch, images.batch(&[29, 0, 7]));
        assert!(Resident::new(&images, &Device::Cpu).is_none());
    }
}
