//! Trains ĥ on the pairs: y to x_y by mean squared error.

mod snapshots;

use gtn_models::{Autoencoder, Mlp, MlpShape, to_tensor};
use gtn_run::{Artifact, Config, Network};
use ndarray::{Array2, Axis};

use crate::Result;
use crate::context::{Context, fingerprint};
use crate::datasets::shown_source;
use crate::handoff::{Pairs, SplitPairs, Targets};
use crate::training::{InRun, Regression};
use snapshots::{SnapshotPolicy, Snapshots};

pub(crate) struct Inputs<'a> {
    pub(crate) config: &'a Config,
    pub(crate) targets: &'a Targets,
    pub(crate) pairs: &'a Pairs,
}

/// The trained ĥ.
pub(crate) struct Outputs {
    /// Checksum of its best weights.
    pub(crate) checksum: String,
}

pub(crate) fn run(Inputs { config, targets, pairs }: Inputs<'_>, context: &mut Context<'_>) -> Result<Outputs> {
    let h = Mlp::new(&MlpShape::from_config(config), &context.streams, &context.device)?;
    let settings = (config.seed, &config.h, config.time_budget);
    let inputs = fingerprint("fit", &settings, &[&targets.checksum, &pairs.checksum]);
    let are_images = config.data.are_images();
    let wants_images = are_images && context.observer.wants_images();
    let snapshots = Snapshots {
        h: &h,
        policy: if are_images { SnapshotPolicy::Improvements } else { SnapshotPolicy::EpochSeries },
        source: to_tensor(shown_source(config, &context.streams).view(), &context.device)?,
        normalizer: &targets.normalizer,
        input_fingerprint: &inputs,
        autoencoder: wants_images.then(|| Autoencoder::load_best(context.run.root(), &context.device)).transpose()?,
    };
    let target = |pairs: &SplitPairs, rows: &Array2<f32>| {
        targets.normalizer.normalize(rows.select(Axis(0), &pairs.assignment).view())
    };
    let (train, validation) = (target(&pairs.train, &targets.train), target(&pairs.validation, &targets.validation));
    let pairs = [(pairs.train.source.view(), train.view()), (pairs.validation.source.view(), validation.view())];
    let training = InRun {
        task: &Regression::new(&h, pairs)?,
        outputs: &snapshots,
        settings: &config.h.training,
        budget: config.training_budgets().1,
        input_fingerprint: &inputs,
        normalizer: Some(&targets.normalizer),
        uses_last_weights: false,
    };
    training.train(context)?;
    Ok(Outputs { checksum: Artifact::read(&context.run.best_checkpoint(Network::H))?.checksum() })
}
