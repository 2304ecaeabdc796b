//! Trains the baselines that are networks.

use gtn_models::{AutoencoderShape, Encoder, Vae};
use gtn_run::config::{AutoencoderSettings, TrainedBaseline};
use gtn_run::{Artifact, Config, Network};

use crate::Result;
use crate::context::{Context, fingerprint};
use crate::datasets::ImageData;
use crate::training::{InRun, VariationalReconstruction};
use crate::vae_baseline::VaeBaseline;

pub(crate) struct Inputs<'a> {
    pub(crate) config: &'a Config,
    pub(crate) settings: &'a AutoencoderSettings,
    pub(crate) images: &'a ImageData,
    /// The encoder of the run's latents.
    pub(crate) encoder: &'a Encoder,
}

/// The variational autoencoder, trained as the autoencoder is; `None` if the run has none.
pub(crate) fn run(inputs: Inputs<'_>, context: &mut Context<'_>) -> Result<Option<VaeBaseline>> {
    let Inputs { config, settings, images: data, encoder } = inputs;
    if !config.baselines.contains(&TrainedBaseline::Vae) {
        return Ok(None);
    }
    let shape = AutoencoderShape { channels: data.images.channels(), side: data.images.side(), dim: config.dim };
    let vae = Vae::new(&shape, &context.streams, &context.device)?;
    let inputs = (config.seed, config.split_seed(), config.dim, &config.data, &settings.training, config.time_budget);
    let inputs = fingerprint("baselines/vae", &inputs, &[&data.checksum]);
    let training = InRun {
        task: &VariationalReconstruction::new(&vae, &data.images, &data.split, context.streams),
        outputs: &(),
        settings: &settings.training,
        budget: config.training_time(Network::Vae),
        input_fingerprint: &inputs,
        beside_weights: &|_| Ok(()),
        uses_last_weights: false,
        is_extended: false,
        is_divided: false,
    };
    training.train(context)?;
    let weights = Artifact::read(&context.run.best_checkpoint(Network::Vae))?;
    vae.parameters().load_checkpoint(&weights)?;
    Ok(Some(VaeBaseline { vae, encoder: encoder.clone(), checksum: weights.checksum() }))
}
