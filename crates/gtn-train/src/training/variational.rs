use std::ops::Range;

use gtn_data::Images;
use gtn_data::split::SplitIndices;
use gtn_models::{Mode, Parameters, Streams, Tensor, Vae, purpose, to_tensor};
use gtn_run::Network;
use ndarray::{Array2, Axis, Slice};

use super::image_batches::{ImageBatch, ImageBatches};
use super::task::{BatchId, TrainingTask};
use crate::Result;

/// Images for a variational autoencoder, which learns them by its [`loss`](Vae::loss).
#[derive(Debug)]
pub struct VariationalReconstruction<'a> {
    vae: &'a Vae,
    images: ImageBatches<'a>,
    streams: Streams,
}

impl<'a> VariationalReconstruction<'a> {
    /// The images in [−1, 1], which of them are for training and for validation, and the streams of the noise.
    #[must_use]
    pub fn new(vae: &'a Vae, images: &'a Images, split: &'a SplitIndices, streams: Streams) -> Self {
        Self { vae, images: ImageBatches::new(images, split, vae.parameters().device()), streams }
    }
}

/// Images of a step, and the noise of their latents.
#[derive(Debug)]
pub struct NoisyBatch {
    images: ImageBatch,
    noise: Array2<f32>,
}

impl TrainingTask for VariationalReconstruction<'_> {
    type Batch = NoisyBatch;

    fn network(&self) -> Network {
        Network::Vae
    }

    fn parameters(&self) -> &Parameters {
        self.vae.parameters()
    }

    fn samples(&self, mode: Mode) -> usize {
        self.images.len(mode)
    }

    fn gather(&self, mode: Mode, indices: &[usize], batch: BatchId) -> NoisyBatch {
        let purpose = match mode {
            Mode::Train => purpose::VAE_NOISE,
            Mode::Evaluate => purpose::VAE_VALIDATION_NOISE,
        };
        let noise = self.streams.normal(purpose, batch.stream_index(), indices.len(), self.vae.shape().dim);
        NoisyBatch { images: self.images.gather(mode, indices), noise }
    }

    fn part(&self, NoisyBatch { images, noise }: &NoisyBatch, samples: Range<usize>) -> NoisyBatch {
        let noise = noise.slice_axis(Axis(0), Slice::from(samples.clone())).to_owned();
        NoisyBatch { images: images.part(samples), noise }
    }

    fn loss(&self, mode: Mode, NoisyBatch { images, noise }: NoisyBatch) -> Result<Tensor> {
        let noise = to_tensor(noise.view(), self.vae.parameters().device())?;
        Ok(self.vae.loss(mode, &self.images.to_tensor(images)?, &noise)?)
    }
}
