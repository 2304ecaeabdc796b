use gtn_data::Images;
use gtn_data::split::SplitIndices;
use gtn_models::{Autoencoder, ImageLoss, Mode, Parameters, Tensor, to_array4, to_tensor};
use gtn_run::Network;
use ndarray::{Array4, ArrayView2};

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
        Ok(Self { autoencoder, decoder, images, train, validation, loss })
    }

    /// The same with another loss.
    #[must_use]
    pub fn with_loss(self, loss: ImageLoss) -> Self {
        Self { loss, ..self }
    }

    /// The first validation images, at most `max`, as the decoder reconstructs them, shape (n, C, H, W).
    pub(crate) fn reconstructed(&self, max: usize) -> Result<Array4<f32>> {
        let rows = (0..max.min(self.samples(Mode::Evaluate)) as u32).collect();
        Ok(to_array4(&self.decode(Mode::Evaluate, rows)?)?)
    }

    /// The images of these rows; without gradients in evaluation.
    fn decode(&self, mode: Mode, rows: Vec<u32>) -> Result<Tensor> {
        let latents = match mode {
            Mode::Train => &self.train,
            Mode::Evaluate => &self.validation,
        };
        let select = || latents.index_select(&Tensor::new(rows, latents.device())?, 0);
        let latents = select().map_err(gtn_models::Error::from)?;
        Ok(match mode {
            Mode::Train => self.autoencoder.decode_for_training(&latents)?,
            Mode::Evaluate => self.autoencoder.decoder().forward(&latents)?,
        })
    }
}

impl TrainingTask for Decoding<'_> {
    /// Images, and the rows of their latents.
    type Batch = (ImageBatch, Vec<u32>);

    fn network(&self) -> Network {
        Network::Decoder
    }

    fn parameters(&self) -> &Parameters {
        &self.decoder
    }

    fn samples(&self, mode: Mode) -> usize {
        self.images.len(mode)
    }

    fn gather(&self, mode: Mode, indices: &[usize], _batch: BatchId) -> Self::Batch {
        (self.images.gather(mode, indices), indices.iter().map(|&index| index as u32).collect())
    }

    fn loss(&self, mode: Mode, (images, rows): Self::Batch) -> Result<Tensor> {
        let images = self.images.to_tensor(images)?;
        Ok(self.loss.forward(&self.decode(mode, rows)?, &images)?)
    }
}
