use std::ops::Range;

use gtn_data::Images;
use gtn_data::split::SplitIndices;
use gtn_models::{Autoencoder, ImageLoss, Mode, Parameters, Streams, Tensor, purpose, to_array2, to_array4, to_tensor};
use gtn_run::Network;
use ndarray::{Array2, Array4, ArrayView2, Axis, Slice};

use super::image_batches::{ImageBatch, ImageBatches};
use super::task::{BatchId, TrainingTask};
use crate::Result;

/// Images from their latents, for a decoder that is trained alone: by mean squared error unless another loss is set.
///
/// The latents do not change, so nothing that the decoder learns makes them worse, as it would if the encoder were trained with it.
#[derive(Debug)]
pub struct Decoding<'a> {
    autoencoder: &'a Autoencoder,
    decoder: Parameters,
    images: ImageBatches<'a>,
    train: Tensor,
    validation: Tensor,
    loss: ImageLoss,
    noise: Option<Noise>,
}

/// Normal noise that is added to latents in training.
#[derive(Debug)]
struct Noise {
    /// Its standard deviation.
    scale: f32,
    /// The number of columns of the latents.
    dim: usize,
    streams: Streams,
}

impl<'a> Decoding<'a> {
    /// The images in [−1, 1], which of them are for training and for validation, and the latents of both in the order of the split, (n, d)
    /// each.
    ///
    /// # Errors
    ///
    /// [`Error::Models`](crate::Error::Models) if the device has too little memory.
    pub fn new(
        autoencoder: &'a Autoencoder,
        images: &'a Images,
        split: &'a SplitIndices,
        [train, validation]: [ArrayView2<'_, f32>; 2],
    ) -> Result<Self> {
        let device = autoencoder.parameters().device();
        let images = ImageBatches::new(images, split, device);
        let (train, validation) = (to_tensor(train, device)?, to_tensor(validation, device)?);
        let (decoder, loss) = (autoencoder.decoder_parameters(), ImageLoss::default());
        Ok(Self { autoencoder, decoder, images, train, validation, loss, noise: None })
    }

    /// The same with another loss.
    #[must_use]
    pub fn with_loss(self, loss: ImageLoss) -> Self {
        Self { loss, ..self }
    }

    /// The same with normal noise added to the training latents, other values for each batch. Its standard deviation is `noise` times that of all
    /// values of the latents.
    ///
    /// # Errors
    ///
    /// [`Error::Models`](crate::Error::Models) if the device has too little memory.
    pub fn with_latent_noise(self, noise: f64, streams: Streams) -> Result<Self> {
        if noise == 0.0 {
            return Ok(self);
        }
        let latents = to_array2(&self.train)?;
        let mean_variance = latents.mapv(f64::from).var_axis(Axis(0), 0.0).mean().unwrap_or(0.0);
        let scale = (noise * mean_variance.sqrt()) as f32;
        Ok(Self { noise: (scale > 0.0).then_some(Noise { scale, dim: latents.ncols(), streams }), ..self })
    }

    /// The first validation images, at most `max`, as the decoder reconstructs them, shape (n, C, H, W).
    pub(crate) fn reconstructed(&self, max: usize) -> Result<Array4<f32>> {
        let rows = (0..max.min(self.samples(Mode::Evaluate)) as u32).collect();
        Ok(to_array4(&self.decode(Mode::Evaluate, rows, None)?)?)
    }

    /// The images of these rows, with noise added; without gradients in evaluation.
    fn decode(&self, mode: Mode, rows: Vec<u32>, noise: Option<Array2<f32>>) -> Result<Tensor> {
        let latents = match mode {
            Mode::Train => &self.train,
            Mode::Evaluate => &self.validation,
        };
        let select = || latents.index_select(&Tensor::new(rows, latents.device())?, 0);
        let latents = select().map_err(gtn_models::Error::from)?;
        let latents = match noise {
            Some(noise) => latents.add(&to_tensor(noise.view(), latents.device())?).map_err(gtn_models::Error::from)?,
            None => latents,
        };
        Ok(match mode {
            Mode::Train => self.autoencoder.decode_for_training(&latents)?,
            Mode::Evaluate => self.autoencoder.decoder().forward(&latents)?,
        })
    }
}

impl TrainingTask for Decoding<'_> {
    /// Images, the rows of their latents, and the noise of these.
    type Batch = (ImageBatch, Vec<u32>, Option<Array2<f32>>);

    fn network(&self) -> Network {
        Network::Decoder
    }

    fn parameters(&self) -> &Parameters {
        &self.decoder
    }

    fn samples(&self, mode: Mode) -> usize {
        self.images.len(mode)
    }

    fn gather(&self, mode: Mode, indices: &[usize], batch: BatchId) -> Self::Batch {
        let rows = indices.iter().map(|&index| index as u32).collect();
        let noise = self.noise.as_ref().filter(|_| mode == Mode::Train).map(|Noise { scale, dim, streams }| {
            let normal = streams.normal(purpose::DECODER_NOISE, batch.stream_index(), indices.len(), *dim);
            normal * *scale
        });
        (self.images.gather(mode, indices), rows, noise)
    }

    fn part(&self, (images, rows, noise): &Self::Batch, samples: Range<usize>) -> Self::Batch {
        let noise = noise.as_ref().map(|noise| noise.slice_axis(Axis(0), Slice::from(samples.clone())).to_owned());
        (images.part(samples.clone()), rows[samples].to_vec(), noise)
    }

    fn loss(&self, mode: Mode, (images, rows, noise): Self::Batch) -> Result<Tensor> {
        let images = self.images.to_tensor(images)?;
        Ok(self.loss.forward(&self.decode(mode, rows, noise)?, &images)?)
    }
}

#[cfg(test)]
mod tests {
    use gtn_models::{AutoencoderShape, Device};

    use super::*;

    #[test]
    fn only_training_latents_have_noise_and_that_of_a_batch_is_its_own() {
        let streams = Streams::new(1);
        let shape = AutoencoderShape { channels: 1, side: 4, dim: 3 };
        let autoencoder = Autoencoder::new(&shape, &streams, &Device::Cpu).unwrap();
        let images = Images::from_pixels(Array4::zeros((2_000, 1, 4, 4))).unwrap();
        let split = SplitIndices { train: (0..1_990).collect(), validation: (1_990..2_000).collect() };
        // Latents with standard deviations of 3, 4 and 0, and means of which the noise must know nothing.
        let latents = Array2::from_shape_fn((1_990, 3), |(row, column)| {
            let sign = if row % 2 == 0 { 1.0 } else { -1.0 };
            [3.0, 4.0, 0.0][column] * sign + 100.0
        });
        let task = |noise| {
            let views = [latents.view(), latents.view()];
            Decoding::new(&autoencoder, &images, &split, views).unwrap().with_latent_noise(noise, streams).unwrap()
        };
        let rows: Vec<usize> = (0..1_990).collect();
        let noise_of = |task: &Decoding<'_>, mode, index| task.gather(mode, &rows[..10], BatchId { epoch: 1, index }).2;
        let noisy = task(0.5);
        let noise = noisy.gather(Mode::Train, &rows, BatchId { epoch: 1, index: 0 }).2.unwrap();
        let expected = 0.5 * (25.0_f32 / 3.0).sqrt();
        assert!((noise.std(0.0) / expected - 1.0).abs() < 0.05 && noise.mean().unwrap().abs() < 0.1);
        assert_eq!(noise_of(&noisy, Mode::Train, 3), noise_of(&noisy, Mode::Train, 3));
        assert_ne!(noise_of(&noisy, Mode::Train, 3), noise_of(&noisy, Mode::Train, 4));
        assert_eq!(noise_of(&noisy, Mode::Evaluate, 0), None);
        assert_eq!(noise_of(&task(0.0), Mode::Train, 0), None);
        // The noise reaches the decoder.
        let loss = |noise| {
            let task = task(noise);
            let batch = task.gather(Mode::Train, &rows[..10], BatchId { epoch: 1, index: 0 });
            task.loss(Mode::Train, batch).unwrap().to_scalar::<f32>().unwrap()
        };
        assert_ne!(loss(0.0), loss(0.5));
    }
}
