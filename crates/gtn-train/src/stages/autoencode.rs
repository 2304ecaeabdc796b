//! Trains the autoencoder on the training images.

use std::sync::OnceLock;

use gtn_models::{
    Autoencoder, AutoencoderShape, NamedArrays, Parameters, Tensor, array4_of, mean_squared_error, tensor_of,
};
use gtn_run::config::{self, AutoencoderWeights};
use gtn_run::{Artifact, Config, Provenance, Stage};
use ndarray::Array4;

use crate::Result;
use crate::checkpoint::load_weights;
use crate::generator::AUTOENCODER;
use crate::pipeline::Context;
use crate::resident::Resident;
use crate::stages::fingerprint;
use crate::stages::prepare::Pictures;
use crate::trainer::{Problem, Schedule, Side, train};

/// Validation images that are shown, encoded and decoded, after each improvement.
const SHOWN: usize = 64;

struct Reconstruction<'a> {
    autoencoder: &'a Autoencoder,
    data: &'a Pictures,
    /// The images on a GPU, taken there when training asks for the first batch.
    resident: OnceLock<Option<Resident>>,
    weights: AutoencoderWeights,
}

/// Images of a step.
enum Batch {
    Host(Array4<f32>),
    /// Their places among those on a GPU.
    Resident(Vec<u32>),
}

impl Reconstruction<'_> {
    fn resident(&self) -> Option<&Resident> {
        let device = self.autoencoder.parameters().device();
        self.resident.get_or_init(|| Resident::new(&self.data.images, device)).as_ref()
    }

    fn images(&self, batch: Batch) -> Result<Tensor> {
        match (batch, self.resident()) {
            (Batch::Host(images), _) => Ok(tensor_of(images.view(), self.autoencoder.parameters().device())?),
            (Batch::Resident(places), Some(resident)) => resident.batch(&places),
            (Batch::Resident(_), None) => unreachable!("`gather` has looked"),
        }
    }

    /// The images after the autoencoder, when nothing is to be learned from them.
    fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        Ok(self.autoencoder.decoder().forward(&self.autoencoder.encoder().forward(images)?)?)
    }
}

impl Problem for Reconstruction<'_> {
    type Batch = Batch;

    fn gather(&self, side: Side, samples: &[usize]) -> Batch {
        let among = match side {
            Side::Training => &self.data.split.train,
            Side::Validation => &self.data.split.validation,
        };
        let indices: Vec<usize> = samples.iter().map(|&sample| among[sample]).collect();
        if self.resident().is_some() {
            Batch::Resident(indices.into_iter().map(|index| index as u32).collect())
        } else {
            Batch::Host(self.data.images.batch(&indices))
        }
    }

    fn loss(&self, side: Side, batch: Batch) -> Result<Tensor> {
        let images = self.images(batch)?;
        let output = match side {
            Side::Training => self.autoencoder.reconstruct(&images)?,
            Side::Validation => self.reconstruct(&images)?,
        };
        Ok(mean_squared_error(&output, &images)?)
    }

    fn network(&self) -> &'static str {
        AUTOENCODER
    }

    fn stage(&self) -> Stage {
        Stage::Autoencode
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

    fn pictures(&self) -> Result<Option<Array4<f32>>> {
        // The split lies in random order, so the first ones are a fair choice.
        let shown: Vec<usize> = (0..SHOWN.min(self.validation_samples())).collect();
        let images = self.images(self.gather(Side::Validation, &shown))?;
        Ok(Some(array4_of(&self.reconstruct(&images)?)?))
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
    /// Identity of those weights.
    pub(crate) checksum: String,
}

pub(crate) fn run(
    config: &Config,
    settings: &config::Autoencoder,
    data: &Pictures,
    context: &mut Context<'_>,
) -> Result<Trained> {
    let shape = AutoencoderShape { channels: data.images.channels(), side: data.images.side(), dim: config.dim };
    let autoencoder = Autoencoder::new(&shape, &context.streams, &context.device)?;
    let origin = (config.seed, config.dim, &config.data, &settings.training, config.time_budget);
    let made_from = fingerprint("autoencode", &origin, &[&data.fingerprint]);
    let problem =
        Reconstruction { autoencoder: &autoencoder, data, resident: OnceLock::new(), weights: settings.weights };
    let schedule = Schedule { training: &settings.training, budget: config.training_budgets().0 };
    train(&problem, &schedule, &made_from, &NamedArrays::new(), context)?;

    let path = match settings.weights {
        AutoencoderWeights::Best => context.run.best_checkpoint(AUTOENCODER),
        AutoencoderWeights::LastEncoderBestDecoder => context.run.last_checkpoint(AUTOENCODER),
    };
    let weights = Artifact::read(&path)?;
    load_weights(autoencoder.parameters(), &weights)?;
    Ok(Trained { autoencoder, checksum: weights.checksum() })
}
