use std::sync::OnceLock;

use gtn_data::Images;
use gtn_data::split::SplitIndices;
use gtn_models::{Autoencoder, Mode, Parameters, Tensor, mean_squared_error, to_array4, to_tensor};
use gtn_run::Network;
use ndarray::Array4;

use super::device_images::DeviceImages;
use super::task::{BatchId, TrainingTask};
use crate::Result;

/// Reconstruction of images by an autoencoder, by mean squared error.
#[derive(Debug)]
pub struct Reconstruction<'a> {
    autoencoder: &'a Autoencoder,
    images: &'a Images,
    split: &'a SplitIndices,
    /// The images on a GPU, copied when training asks for the first batch.
    device_images: OnceLock<Option<DeviceImages>>,
}

/// Images of a step.
#[derive(Debug)]
pub struct ImageBatch(Location);

#[derive(Debug)]
enum Location {
    Host(Array4<f32>),
    /// Indices of images on a GPU.
    Device(Vec<u32>),
}

impl<'a> Reconstruction<'a> {
    /// The images in [−1, 1], and which of them are for training and for validation.
    #[must_use]
    pub fn new(autoencoder: &'a Autoencoder, images: &'a Images, split: &'a SplitIndices) -> Self {
        Self { autoencoder, images, split, device_images: OnceLock::new() }
    }

    /// The first validation images, at most `max`, as the autoencoder reconstructs them, shape (n, C, H, W).
    pub(crate) fn reconstructed(&self, max: usize) -> Result<Array4<f32>> {
        let first: Vec<usize> = (0..max.min(self.samples(Mode::Evaluate))).collect();
        let images = self.to_tensor(self.gather(Mode::Evaluate, &first, BatchId { epoch: 0, index: 0 }))?;
        Ok(to_array4(&self.reconstruct(&images, Mode::Evaluate)?)?)
    }

    fn indices(&self, mode: Mode) -> &[usize] {
        match mode {
            Mode::Train => &self.split.train,
            Mode::Evaluate => &self.split.validation,
        }
    }

    fn device_images(&self) -> Option<&DeviceImages> {
        let device = self.autoencoder.parameters().device();
        self.device_images.get_or_init(|| DeviceImages::new(self.images, device)).as_ref()
    }

    fn to_tensor(&self, batch: ImageBatch) -> Result<Tensor> {
        match (batch.0, self.device_images()) {
            (Location::Host(images), _) => Ok(to_tensor(images.view(), self.autoencoder.parameters().device())?),
            (Location::Device(indices), Some(images)) => images.batch(&indices),
            (Location::Device(_), None) => unreachable!("`gather` returns indices only for images on the device"),
        }
    }

    /// The reconstructed images; without gradients in evaluation.
    fn reconstruct(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        Ok(match mode {
            Mode::Train => self.autoencoder.reconstruct(images)?,
            Mode::Evaluate => self.autoencoder.decoder().forward(&self.autoencoder.encoder().forward(images)?)?,
        })
    }
}

impl TrainingTask for Reconstruction<'_> {
    type Batch = ImageBatch;

    fn network(&self) -> Network {
        Network::Autoencoder
    }

    fn parameters(&self) -> &Parameters {
        self.autoencoder.parameters()
    }

    fn samples(&self, mode: Mode) -> usize {
        self.indices(mode).len()
    }

    fn gather(&self, mode: Mode, indices: &[usize], _batch: BatchId) -> ImageBatch {
        let of_mode = self.indices(mode);
        let indices: Vec<usize> = indices.iter().map(|&index| of_mode[index]).collect();
        ImageBatch(if self.device_images().is_some() {
            Location::Device(indices.into_iter().map(|index| index as u32).collect())
        } else {
            Location::Host(self.images.batch(&indices))
        })
    }

    fn loss(&self, mode: Mode, batch: ImageBatch) -> Result<Tensor> {
        let images = self.to_tensor(batch)?;
        Ok(mean_squared_error(&self.reconstruct(&images, mode)?, &images)?)
    }
}
