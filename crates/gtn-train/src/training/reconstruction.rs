use std::ops::Range;

use gtn_data::Images;
use gtn_data::split::SplitIndices;
use gtn_models::{Autoencoder, ImageLoss, Mode, Parameters, Tensor, to_array4};
use gtn_run::Network;
use ndarray::Array4;

use super::image_batches::{ImageBatch, ImageBatches};
use super::task::{BatchId, TrainingTask};
use crate::Result;

/// Reconstruction of images by an autoencoder, by mean squared error unless another loss is set.
#[derive(Debug)]
pub struct Reconstruction<'a> {
    autoencoder: &'a Autoencoder,
    images: ImageBatches<'a>,
    loss: ImageLoss,
}

impl<'a> Reconstruction<'a> {
    /// The images in [−1, 1], and which of them are for training and for validation.
    #[must_use]
    pub fn new(autoencoder: &'a Autoencoder, images: &'a Images, split: &'a SplitIndices) -> Self {
        let images = ImageBatches::new(images, split, autoencoder.parameters().device());
        Self { autoencoder, images, loss: ImageLoss::default() }
    }

    /// The same with another loss.
    #[must_use]
    pub fn with_loss(self, loss: ImageLoss) -> Self {
        Self { loss, ..self }
    }

    /// The first validation images, at most `max`, as the autoencoder reconstructs them, shape (n, C, H, W).
    pub(crate) fn reconstructed(&self, max: usize) -> Result<Array4<f32>> {
        let first: Vec<usize> = (0..max.min(self.samples(Mode::Evaluate))).collect();
        let images = self.images.to_tensor(self.gather(Mode::Evaluate, &first, BatchId { epoch: 0, index: 0 }))?;
        Ok(to_array4(&self.reconstruct(&images, Mode::Evaluate)?)?)
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
        self.images.len(mode)
    }

    fn gather(&self, mode: Mode, indices: &[usize], _batch: BatchId) -> ImageBatch {
        self.images.gather(mode, indices)
    }

    fn part(&self, batch: &ImageBatch, samples: Range<usize>) -> ImageBatch {
        batch.part(samples)
    }

    fn loss(&self, mode: Mode, batch: ImageBatch) -> Result<Tensor> {
        let images = self.images.to_tensor(batch)?;
        Ok(self.loss.forward(&self.reconstruct(&images, mode)?, &images)?)
    }
}
