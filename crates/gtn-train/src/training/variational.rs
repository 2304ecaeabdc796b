use gtn_data::Images;
use gtn_data::split::SplitIndices;
use gtn_models::{Mode, Parameters, Streams, Tensor, Vae, purpose, to_tensor};
use gtn_run::{Fingerprint, Network};
use ndarray::Array2;

use super::image_batches::{ImageBatch, ImageBatches};
use super::task::TrainingTask;
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

/// The index of the stream of a batch's noise, from the images in it. Each epoch has another order, and so another noise; an
/// interrupted epoch repeats its own. The validation images always have the same noise, so that the losses of epochs are
/// compared without it.
fn noise_index(indices: &[usize]) -> u64 {
    let indices: Vec<String> = indices.iter().map(usize::to_string).collect();
    let fingerprint = Fingerprint::new("vae/noise", &indices.iter().map(String::as_str).collect::<Vec<_>>());
    u64::from_str_radix(&fingerprint.as_str()[..16], 16).expect("a fingerprint has hexadecimal digits")
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

    fn gather(&self, mode: Mode, indices: &[usize]) -> NoisyBatch {
        let purpose = match mode {
            Mode::Train => purpose::VAE_NOISE,
            Mode::Evaluate => purpose::VAE_VALIDATION_NOISE,
        };
        let noise = self.streams.normal(purpose, noise_index(indices), indices.len(), self.vae.shape().dim);
        NoisyBatch { images: self.images.gather(mode, indices), noise }
    }

    fn loss(&self, mode: Mode, NoisyBatch { images, noise }: NoisyBatch) -> Result<Tensor> {
        let noise = to_tensor(noise.view(), self.vae.parameters().device())?;
        Ok(self.vae.loss(mode, &self.images.to_tensor(images)?, &noise)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_of_a_batch_depends_on_its_images_and_their_order() {
        // Frozen: the noise is a part of the results.
        assert_eq!(noise_index(&[0, 1, 2]), noise_index(&[0, 1, 2]));
        let all = [&[0, 1, 2][..], &[0, 2, 1], &[0, 12], &[1, 2]].map(noise_index);
        assert!((1..all.len()).all(|i| !all[..i].contains(&all[i])), "{all:?}");
    }
}
