//! Trains the autoencoder on the training images, or takes that of another run.

use std::time::Instant;

use gtn_models::{Autoencoder, AutoencoderShape, ImageLoss};
use gtn_run::config::{AutoencoderSettings, AutoencoderWeights, ReconstructionLoss};
use gtn_run::{Artifact, Config, Network, Stage};

use crate::Result;
use crate::context::{Context, fingerprint};
use crate::datasets::ImageData;
use crate::handoff::TrainedAutoencoder;
use crate::reused_autoencoder::{Reused, statistics};
use crate::training::{InRun, Reconstructed, Reconstruction};

pub(crate) struct Inputs<'a> {
    pub(crate) config: &'a Config,
    pub(crate) settings: &'a AutoencoderSettings,
    pub(crate) images: &'a ImageData,
    /// The trained autoencoder of another run, which replaces training.
    pub(crate) reused: Option<&'a Reused>,
}

pub(crate) fn run(inputs: Inputs<'_>, context: &mut Context<'_>) -> Result<TrainedAutoencoder> {
    let Inputs { config, settings, images: data, reused } = inputs;
    let shape = AutoencoderShape { channels: data.images.channels(), side: data.images.side(), dim: config.dim };
    let autoencoder = Autoencoder::new(&shape, &context.streams, &context.device)?;
    match reused {
        Some(reused) => context.by_first(|context| take(reused, &inputs, context))?,
        None => train(&autoencoder, &inputs, context)?,
    }

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

/// Trains the autoencoder, resumes its training, or finds that training is over.
fn train(autoencoder: &Autoencoder, inputs: &Inputs<'_>, context: &mut Context<'_>) -> Result<()> {
    let &Inputs { config, settings, images: data, .. } = inputs;
    let inputs = (config.seed, config.dim, &config.data, &settings.training, config.time_budget);
    let inputs = match settings.loss {
        loss if loss == ReconstructionLoss::default() => fingerprint("autoencode", &inputs, &[&data.checksum]),
        loss => fingerprint("autoencode", &(inputs, loss), &[&data.checksum]),
    };
    let loss = ImageLoss { spectrum: settings.loss.spectrum };
    loss.check(data.images.side())?;
    let task = Reconstruction::new(autoencoder, &data.images, &data.split).with_loss(loss);
    let training = InRun {
        task: &task,
        outputs: &Reconstructed(|max| task.reconstructed(max)),
        settings: &settings.training,
        budget: config.training_time(Network::Autoencoder),
        input_fingerprint: &inputs,
        beside_weights: &|_| Ok(()),
        uses_last_weights: settings.weights == AutoencoderWeights::LastEncoderBestDecoder,
        is_extended: config.extension.is_some(),
        is_divided: true,
    };
    training.train(context)
}

/// Copies the weights of another run, unless the run has them. Each file is written atomically, and the checksum in the
/// configuration finds a missing or damaged one.
fn take(reused: &Reused, inputs: &Inputs<'_>, context: &mut Context<'_>) -> Result<()> {
    let started = Instant::now();
    let (best, last) = (&reused.best, reused.last.as_ref());
    let copies = [
        (Some(best), context.run.best_checkpoint(Network::Autoencoder)),
        (last, context.run.last_checkpoint(Network::Autoencoder)),
    ];
    let mut missing = Vec::new();
    for (weights, path) in copies.iter().filter_map(|(weights, path)| Some(((*weights)?, path))) {
        match Artifact::read(path) {
            Ok(existing) if existing.checksum() == weights.checksum() => {}
            _ => missing.push((weights, path)),
        }
    }
    if missing.is_empty() {
        context.observer.stage_skipped(Stage::Autoencode);
    } else {
        context.observer.stage_started(Stage::Autoencode);
        let note = reused.note(inputs.config, &inputs.images.checksum);
        note.iter().for_each(|note| context.observer.note(note));
        for (weights, path) in missing {
            weights.clone().write(path)?;
        }
    }
    context.update_provenance(|provenance| reused.describe_in(provenance))?;
    context.finish(Stage::Autoencode, started.elapsed().as_secs_f64(), statistics(best))
}
