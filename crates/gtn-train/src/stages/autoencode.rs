//! Trains the autoencoder on the training images.

use gtn_models::{Autoencoder, AutoencoderShape};
use gtn_run::config::{AutoencoderSettings, AutoencoderWeights};
use gtn_run::{Artifact, Config, Network};
use ndarray::Array4;

use crate::Result;
use crate::context::{Context, fingerprint};
use crate::datasets::ImageData;
use crate::handoff::TrainedAutoencoder;
use crate::training::{EpochOutputs, InRun, Reconstruction};

/// Validation images that observers see reconstructed after each improvement.
const OBSERVED_IMAGES: usize = 64;

pub(crate) struct Inputs<'a> {
    pub(crate) config: &'a Config,
    pub(crate) settings: &'a AutoencoderSettings,
    pub(crate) images: &'a ImageData,
}

pub(crate) fn run(
    Inputs { config, settings, images: data }: Inputs<'_>,
    context: &mut Context<'_>,
) -> Result<TrainedAutoencoder> {
    let shape = AutoencoderShape { channels: data.images.channels(), side: data.images.side(), dim: config.dim };
    let autoencoder = Autoencoder::new(&shape, &context.streams, &context.device)?;
    let inputs = (config.seed, config.dim, &config.data, &settings.training, config.time_budget);
    let inputs = fingerprint("autoencode", &inputs, &[&data.checksum]);
    let task = Reconstruction::new(&autoencoder, &data.images, &data.split);
    let training = InRun {
        task: &task,
        outputs: &Reconstructed { task: &task },
        settings: &settings.training,
        budget: config.training_budget(Network::Autoencoder),
        input_fingerprint: &inputs,
        beside_weights: &|_| Ok(()),
        uses_last_weights: settings.weights == AutoencoderWeights::LastEncoderBestDecoder,
    };
    training.train(context)?;

    let best = Artifact::read(&context.run.best_checkpoint(Network::Autoencoder))?;
    let decoder_checksum = best.checksum();
    let weights = match settings.weights {
        AutoencoderWeights::Best => best,
        AutoencoderWeights::LastEncoderBestDecoder => {
            Artifact::read(&context.run.last_checkpoint(Network::Autoencoder))?
        }
    };
    autoencoder.parameters().load_checkpoint(&weights)?;
    Ok(TrainedAutoencoder { autoencoder, encoder_checksum: weights.checksum(), decoder_checksum })
}

/// The first validation images, reconstructed. The split is in random order, so they are a random sample.
struct Reconstructed<'a> {
    task: &'a Reconstruction<'a>,
}

impl EpochOutputs for Reconstructed<'_> {
    fn images(&self) -> Result<Option<Array4<f32>>> {
        Ok(Some(self.task.reconstructed(OBSERVED_IMAGES)?))
    }
}
