//! Trains the autoencoder on the training images.

use std::sync::OnceLock;

use gtn_models::{Autoencoder, AutoencoderShape, Parameters, Tensor, mean_squared_error, to_array4, to_tensor};
use gtn_run::config::{self, AutoencoderWeights};
use gtn_run::schema::Split;
use gtn_run::{Artifact, Config, Network, Provenance, Stage};
use ndarray::Array4;

use crate::Result;
use crate::device_images::DeviceImages;
use crate::pipeline::Context;
use crate::stages::fingerprint;
use crate::stages::prepare::ImageData;
use crate::trainer::{Schedule, TrainingTask, train};

/// Validation images that observers see reconstructed after each improvement.
const OBSERVED_IMAGES: usize = 64;

struct Reconstruction<'a> {
    autoencoder: &'a Autoencoder,
    data: &'a ImageData,
    /// The images on a GPU, copied when training asks for the first batch.
    device_images: OnceLock<Option<DeviceImages>>,
    weights: AutoencoderWeights,
}

/// Images of a step.
enum Batch {
    Host(Array4<f32>),
    /// Indices of images on a GPU.
    Device(Vec<u32>),
}

impl Reconstruction<'_> {
    fn device_images(&self) -> Option<&DeviceImages> {
        let device = self.autoencoder.parameters().device();
        self.device_images.get_or_init(|| DeviceImages::new(&self.data.images, device)).as_ref()
    }

    fn to_tensor(&self, batch: Batch) -> Result<Tensor> {
        match (batch, self.device_images()) {
            (Batch::Host(images), _) => Ok(to_tensor(images.view(), self.autoencoder.parameters().device())?),
            (Batch::Device(indices), Some(images)) => images.batch(&indices),
            (Batch::Device(_), None) => unreachable!("`gather` returns indices only for images on the device"),
        }
    }

    /// The reconstructed images, without gradients.
    fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        Ok(self.autoencoder.decoder().forward(&self.autoencoder.encoder().forward(images)?)?)
    }
}

impl TrainingTask for Reconstruction<'_> {
    type Batch = Batch;

    fn gather(&self, split: Split, samples: &[usize]) -> Batch {
        let of_split = match split {
            Split::Train => &self.data.split.train,
            _ => &self.data.split.validation,
        };
        let indices: Vec<usize> = samples.iter().map(|&sample| of_split[sample]).collect();
        if self.device_images().is_some() {
            Batch::Device(indices.into_iter().map(|index| index as u32).collect())
        } else {
            Batch::Host(self.data.images.batch(&indices))
        }
    }

    fn loss(&self, split: Split, batch: Batch) -> Result<Tensor> {
        let images = self.to_tensor(batch)?;
        let output = match split {
            Split::Train => self.autoencoder.reconstruct(&images)?,
            _ => self.reconstruct(&images)?,
        };
        Ok(mean_squared_error(&output, &images)?)
    }

    fn stage(&self) -> Stage {
        Stage::Autoencode
    }

    fn network(&self) -> Network {
        Network::Autoencoder
    }

    fn parameters(&self) -> &Parameters {
        self.autoencoder.parameters()
    }

    fn training_samples(&self) -> usize {
        self.data.split.train.len()
    }

    fn validation_samples(&self) -> usize {
        self.data.split.validation.len()
    }

    fn images(&self) -> Result<Option<Array4<f32>>> {
        // The split is in random order, so the first images are a random sample.
        let observed: Vec<usize> = (0..OBSERVED_IMAGES.min(self.validation_samples())).collect();
        let images = self.to_tensor(self.gather(Split::Validation, &observed))?;
        Ok(Some(to_array4(&self.reconstruct(&images)?)?))
    }

    fn epochs_of<'p>(&self, provenance: &'p mut Provenance) -> &'p mut Option<usize> {
        &mut provenance.autoencoder_epochs
    }

    fn uses_last_weights(&self) -> bool {
        self.weights == AutoencoderWeights::LastEncoderBestDecoder
    }
}

/// The trained autoencoder, with the weights that encode.
pub(crate) struct Trained {
    pub(crate) autoencoder: Autoencoder,
    /// Checksum of those weights.
    pub(crate) checksum: String,
}

pub(crate) fn run(
    config: &Config,
    settings: &config::AutoencoderSettings,
    data: &ImageData,
    context: &mut Context<'_>,
) -> Result<Trained> {
    let shape = AutoencoderShape { channels: data.images.channels(), side: data.images.side(), dim: config.dim };
    let autoencoder = Autoencoder::new(&shape, &context.streams, &context.device)?;
    let inputs = (config.seed, config.dim, &config.data, &settings.training, config.time_budget);
    let inputs = fingerprint("autoencode", &inputs, &[&data.checksum]);
    let task =
        Reconstruction { autoencoder: &autoencoder, data, device_images: OnceLock::new(), weights: settings.weights };
    let schedule = Schedule { training: &settings.training, budget: config.training_budgets().0 };
    train(&task, &schedule, &inputs, None, context)?;

    let path = match settings.weights {
        AutoencoderWeights::Best => context.run.best_checkpoint(Network::Autoencoder),
        AutoencoderWeights::LastEncoderBestDecoder => context.run.last_checkpoint(Network::Autoencoder),
    };
    let weights = Artifact::read(&path)?;
    autoencoder.parameters().load_checkpoint(&weights)?;
    Ok(Trained { autoencoder, checksum: weights.checksum() })
}
