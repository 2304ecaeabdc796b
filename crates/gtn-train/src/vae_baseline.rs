//! The variational autoencoder as a baseline.

use gtn_models::{Encoder, Streams, Vae, purpose, to_array2, to_tensor};
use ndarray::{Array2, Array4, Axis, concatenate, s};

use crate::Result;

/// Images that are in memory at a time.
const BATCH_SIZE: usize = 500;

/// A trained variational autoencoder, with the encoder of the latents that it is compared in.
pub(crate) struct VaeBaseline {
    pub(crate) vae: Vae,
    pub(crate) encoder: Encoder,
    /// Checksum of its weights.
    pub(crate) checksum: String,
}

impl VaeBaseline {
    /// The first `n` images of the run's samples.
    pub(crate) fn images(&self, n: usize, streams: &Streams) -> Result<Array4<f32>> {
        Ok(self.vae.sample(n, &mut streams.stream(purpose::VAE_SAMPLE, 0))?)
    }

    /// The latents of those images by the encoder of the run, shape (n, d).
    pub(crate) fn latents(&self, n: usize, streams: &Streams) -> Result<Array2<f32>> {
        let mut stream = streams.stream(purpose::VAE_SAMPLE, 0);
        let mut latents = vec![Array2::zeros((0, self.vae.shape().dim))];
        for start in (0..n).step_by(BATCH_SIZE) {
            let images = self.vae.sample(BATCH_SIZE.min(n - start), &mut stream)?;
            let images = to_tensor(images.view(), self.vae.parameters().device())?;
            latents.push(to_array2(&self.encoder.forward(&images)?)?);
        }
        let views: Vec<_> = latents.iter().map(|latents| latents.view()).collect();
        let latents = concatenate(Axis(0), &views).expect("all parts have the latent dimension");
        Ok(latents.slice_move(s![..n, ..]))
    }
}
