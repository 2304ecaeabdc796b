//! Images on a GPU, stored as bytes.

use gtn_data::Images;
use gtn_models::{DType, Device, Tensor};

use crate::Result;

/// All images of a data set on a GPU.
#[derive(Debug)]
pub(super) struct DeviceImages {
    /// (n, C·H·W) bytes.
    pixels: Tensor,
    /// The value of each byte in a batch, the same as on the host.
    values: Tensor,
    channels: usize,
    side: usize,
}

impl DeviceImages {
    /// Copies the images to a GPU. `None` on a CPU, where another thread gathers them, and if memory is short.
    pub(super) fn new(images: &Images, device: &Device) -> Option<Self> {
        if device.is_cpu() {
            return None;
        }
        let copied = Self::copy(images, device);
        if let Err(error) = &copied {
            tracing::warn!("the images stay on the host: {error}");
        }
        copied.ok()
    }

    fn copy(images: &Images, device: &Device) -> Result<Self> {
        let (n, channels, side) = (images.len(), images.channels(), images.side());
        let pixels = images.pixels();
        let bytes = pixels.as_slice().expect("pixels are contiguous and in standard order");
        if u32::try_from(bytes.len()).is_err() {
            // Candle uses 32-bit indices to select rows.
            let reason = "they have 2³² bytes or more";
            return Err(gtn_models::Error::Setting { what: "images", value: n.to_string(), reason }.into());
        }
        let pixels = Tensor::from_slice(bytes, (n, channels * side * side), device);
        let values = Tensor::new(&Images::normalization_table(), device);
        let (pixels, values) = (pixels.map_err(gtn_models::Error::from)?, values.map_err(gtn_models::Error::from)?);
        Ok(Self { pixels, values, channels, side })
    }

    /// The images at `indices` as f32 in [−1, 1], (n, C, H, W).
    pub(super) fn batch(&self, indices: &[u32]) -> Result<Tensor> {
        let select = || {
            let rows = Tensor::new(indices, self.pixels.device())?;
            // As u32: Candle treats the largest value of a type as no index, and 255 is white.
            let bytes = self.pixels.index_select(&rows, 0)?.flatten_all()?.to_dtype(DType::U32)?;
            let shape = (indices.len(), self.channels, self.side, self.side);
            self.values.index_select(&bytes, 0)?.reshape(shape)
        };
        Ok(select().map_err(gtn_models::Error::from)?)
    }
}

#[cfg(test)]
mod tests {
    use gtn_models::to_array4;
    use ndarray::Array4;

    use super::*;

    #[test]
    fn batches_equal_those_of_the_host_to_the_bit() {
        let pixels =
            Array4::from_shape_fn((30, 3, 4, 4), |(n, c, h, w)| (255 - (n * 31 + c * 77 + h * 5 + w) % 256) as u8);
        let images = Images::from_pixels(pixels).unwrap();
        // `new` does not do this on a CPU, but the result is the same.
        let device_images = DeviceImages::copy(&images, &Device::Cpu).unwrap();
        let batch = to_array4(&device_images.batch(&[29, 0, 7]).unwrap()).unwrap();
        assert!(batch.iter().any(|value| *value == 1.0));
        assert_eq!(batch, images.batch(&[29, 0, 7]));
        assert!(DeviceImages::new(&images, &Device::Cpu).is_none());
    }
}
