//! Trains the decoder alone on the latents, or takes that of another run.

use std::time::Instant;

use gtn_models::ImageLoss;
use gtn_run::config::DecoderSettings;
use gtn_run::{Artifact, Config, Network, Stage};

use crate::Result;
use crate::context::{Context, fingerprint};
use crate::datasets::ImageData;
use crate::handoff::{Targets, TrainedAutoencoder};
use crate::reused_autoencoder::{Reused, statistics};
use crate::training::{Decoding, InRun, Reconstructed};

pub(crate) struct Inputs<'a> {
    pub(crate) config: &'a Config,
    pub(crate) images: &'a ImageData,
    pub(crate) targets: &'a Targets,
    /// The trained autoencoder of another run, which replaces training.
    pub(crate) reused: Option<&'a Reused>,
}

/// The autoencoder with the decoder that was trained alone, if the run has one.
pub(crate) fn run(
    inputs: Inputs<'_>,
    trained: TrainedAutoencoder,
    context: &mut Context<'_>,
) -> Result<TrainedAutoencoder> {
    let Some(settings) = inputs.config.decoder_training() else { return Ok(trained) };
    match inputs.reused.and_then(|reused| reused.decoder.as_ref()) {
        Some(weights) => context.by_first(|context| take(weights, context))?,
        None => train(settings, &inputs, &trained, context)?,
    }
    let best = Artifact::read(&context.run.best_checkpoint(Network::Decoder))?;
    trained.autoencoder.decoder_parameters().load_checkpoint(&best)?;
    Ok(TrainedAutoencoder { decoder_checksum: best.checksum(), ..trained })
}

fn train(
    settings: &DecoderSettings,
    &Inputs { config, images: data, targets, .. }: &Inputs<'_>,
    trained: &TrainedAutoencoder,
    context: &mut Context<'_>,
) -> Result<()> {
    // Under the repo protocol, the autoencoder has the weights of its last epoch.
    let best = Artifact::read(&context.run.best_checkpoint(Network::Autoencoder))?;
    trained.autoencoder.decoder_parameters().load_checkpoint(&best)?;
    let inputs = (config.seed, settings, config.time_budget, config.extension);
    let inputs = fingerprint("decoder", &inputs, &[&data.checksum, &targets.checksum, &trained.decoder_checksum]);
    let loss = ImageLoss { spectrum: settings.loss.spectrum };
    loss.check(data.images.side())?;
    let spent = context.log.epochs(Stage::Autoencode).map(|epoch| epoch.seconds).sum();
    let latents = [targets.train.view(), targets.validation.view()];
    let task = Decoding::new(&trained.autoencoder, &data.images, &data.split, latents)?.with_loss(loss);
    let task = task.with_latent_noise(settings.latent_noise, context.streams)?;
    let training = InRun {
        task: &task,
        outputs: &Reconstructed(|max| task.reconstructed(max)),
        settings: &settings.training,
        budget: config.decoder_time(spent),
        input_fingerprint: &inputs,
        beside_weights: &|_| Ok(()),
        uses_last_weights: false,
        is_extended: false,
        is_divided: true,
    };
    training.train(context)
}

/// Copies the weights of another run, unless the run has them.
fn take(weights: &Artifact, context: &mut Context<'_>) -> Result<()> {
    let (started, path) = (Instant::now(), context.run.best_checkpoint(Network::Decoder));
    match Artifact::read(&path) {
        Ok(existing) if existing.checksum() == weights.checksum() => context.observer.stage_skipped(Stage::Decoder),
        _ => {
            context.observer.stage_started(Stage::Decoder);
            weights.clone().write(&path)?;
        }
    }
    context.finish(Stage::Decoder, started.elapsed().as_secs_f64(), statistics(weights))
}
