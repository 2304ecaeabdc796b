//! Trains ĥ on the pairs: y to x_y by mean squared error.

mod fixed_source;
mod sample_metric;
mod snapshots;
mod training_pairs;

use gtn_models::{Autoencoder, Coordinates, H, HShape, purpose};
use gtn_run::schema::checkpoint as keys;
use gtn_run::{Artifact, Config, Network};

use crate::Result;
use crate::context::{Context, fingerprint};
use crate::datasets::shown_source;
use crate::handoff::{Pairs, Targets};
use crate::training::{InRun, Regression};
use fixed_source::FixedSource;
use snapshots::{SnapshotPolicy, Snapshots};
use training_pairs::TrainingPairs;

pub(crate) struct Inputs<'a> {
    pub(crate) config: &'a Config,
    pub(crate) targets: &'a Targets,
    pub(crate) pairs: &'a Pairs,
    /// Checksum of the weights that decode, if samples are images.
    pub(crate) decoder_checksum: Option<&'a str>,
}

/// The trained ĥ.
pub(crate) struct Outputs {
    /// Checksum of its best weights.
    pub(crate) checksum: String,
}

pub(crate) fn run(
    Inputs { config, targets, pairs, decoder_checksum }: Inputs<'_>,
    context: &mut Context<'_>,
) -> Result<Outputs> {
    let coordinates = pairs.coordinates.as_ref();
    let shape = HShape::from_config(config, coordinates.map_or(0, Coordinates::indicator_columns));
    let h = H::new(&shape, &context.streams, &context.device)?;
    let settings = (config.seed, &config.h, config.total_budget());
    let mut parts = vec![targets.checksum.clone(), pairs.checksum.clone()];
    if let Some(score) = config.deciding_score() {
        // The score is that of decoded images.
        parts.push(decoder_checksum.unwrap_or_default().to_owned());
        parts.push(serde_json::to_string(score).unwrap_or_default());
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let inputs = fingerprint("fit", &settings, &parts);
    let are_images = config.data.are_images();
    let wants_images = are_images && context.observer.wants_images();
    let mut components = context.streams.stream(purpose::SHOWN_COMPONENT, 0);
    let shown = shown_source(config, &context.streams);
    let space = (coordinates, &targets.normalizer);
    let metric = sample_metric::chosen(config, coordinates, targets, context)?;
    let snapshots = Snapshots {
        h: &h,
        policy: if are_images { SnapshotPolicy::Improvements } else { SnapshotPolicy::EpochSeries },
        source: FixedSource::new(shown, space, &mut components, &context.device)?,
        input_fingerprint: &inputs,
        autoencoder: wants_images.then(|| Autoencoder::load_best(context.run.root(), &context.device)).transpose()?,
        metric,
    };
    let train = TrainingPairs::train(targets, pairs);
    let validation = TrainingPairs::validation(targets, pairs);
    let of_split = [&train, &validation].map(|pairs| (pairs.input.view(), pairs.target.view()));
    let beside_weights = |checkpoint: &mut Artifact| {
        checkpoint.insert(&keys::MEAN, targets.normalizer.mean().clone());
        checkpoint.insert(&keys::STD, targets.normalizer.std().clone());
        if let Some(coordinates) = coordinates {
            checkpoint.insert_group(&keys::COORDINATES, coordinates.to_arrays());
            checkpoint.set_metadata(&keys::COORDINATE_SYSTEM, &coordinates.system())?;
        }
        if let Some(steps) = &pairs.integration_steps {
            checkpoint.set_metadata(&keys::INTEGRATION_STEPS, steps)?;
        }
        Ok(())
    };
    let training = InRun {
        task: &Regression::new(&h, of_split)?,
        outputs: &snapshots,
        settings: &config.h.training,
        budget: config.training_time(Network::H),
        input_fingerprint: &inputs,
        beside_weights: &beside_weights,
        uses_last_weights: false,
        is_extended: false,
        is_divided: true,
    };
    training.train(context)?;
    Ok(Outputs { checksum: Artifact::read(&context.run.best_checkpoint(Network::H))?.checksum() })
}
