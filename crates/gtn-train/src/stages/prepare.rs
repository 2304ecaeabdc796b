//! Reads or draws the data, and decides which of them train.

use std::path::Path;

use gtn_data::split::{Split, permutation, shuffled};
use gtn_data::{Images, mnist, synthetic};
use gtn_models::Streams;
use gtn_run::config::{self, Data, Drawn};
use gtn_run::{Artefact, Config, Fingerprint};
use ndarray::Array2;

use crate::targets::Targets;
use crate::{Error, Result};

/// The data of an experiment.
pub(crate) enum Prepared {
    /// Images, which become targets through an autoencoder.
    Images(Pictures),
    /// Points, which are targets themselves.
    Points(Targets),
}

/// The images with their split.
pub(crate) struct Pictures {
    pub(crate) images: Images,
    pub(crate) split: Split,
    /// Identity of the files' content.
    pub(crate) fingerprint: String,
    /// Whether the files are the ones the paper used.
    pub(crate) original: bool,
}

impl Prepared {
    /// Identity of the data.
    pub(crate) fn fingerprint(&self) -> &str {
        match self {
            Prepared::Images(pictures) => &pictures.fingerprint,
            Prepared::Points(targets) => &targets.checksum,
        }
    }

    /// What is recorded of the stage.
    pub(crate) fn facts(&self) -> [(&'static str, f64); 2] {
        let (names, training, validation) = match self {
            Prepared::Images(pictures) => {
                (["training_images", "validation_images"], pictures.split.train.len(), pictures.split.validation.len())
            }
            Prepared::Points(targets) => {
                (["training_points", "validation_points"], targets.train.nrows(), targets.validation.nrows())
            }
        };
        [(names[0], training as f64), (names[1], validation as f64)]
    }
}

pub(crate) fn run(config: &Config, data_dir: &Path, streams: &Streams) -> Result<Prepared> {
    match &config.data {
        Data::Mnist(images) => Ok(Prepared::Images(read_mnist(images, data_dir, streams)?)),
        Data::SwissRoll(drawn) | Data::Uniform(drawn) => Ok(Prepared::Points(draw(config, drawn, streams)?)),
    }
}

fn read_mnist(settings: &config::Images, data_dir: &Path, streams: &Streams) -> Result<Pictures> {
    let set = mnist::train(data_dir)?;
    let len = set.images.len();
    let split = match settings.limit.filter(|&limit| limit < len) {
        None => shuffled(len, settings.train_share, streams.stream("split", 0)),
        Some(limit) => {
            let drawn = permutation(len, streams.stream("limit", 0));
            let within = shuffled(limit, settings.train_share, streams.stream("split", 0));
            let pick = |positions: Vec<usize>| positions.into_iter().map(|position| drawn[position]).collect();
            Split { train: pick(within.train), validation: pick(within.validation) }
        }
    };
    refuse_too_few(split.train.len(), split.validation.len())?;
    Ok(Pictures { images: set.images, split, fingerprint: set.sha256, original: set.original })
}

fn draw(config: &Config, drawn: &Drawn, streams: &Streams) -> Result<Targets> {
    let (training, validation) = drawn.sizes();
    refuse_too_few(training, validation)?;
    // Never written: it only makes the targets as a stage would.
    let mut artefact = Artefact::new(Fingerprint::of("draw", &[]));
    let side = |name, n| draw_points(config, n, streams, &format!("data/{name}"), 0);
    Targets::write_into(
        &mut artefact,
        side("train", training),
        side("validation", validation),
        config.label.normalise,
    )?;
    Targets::read(&artefact)
}

/// `n` fresh points of the law of an experiment without images, from a stream of their own; images have none.
pub(crate) fn draw_points(config: &Config, n: usize, streams: &Streams, purpose: &str, index: u64) -> Array2<f32> {
    let rng = streams.stream(purpose, index);
    match (&config.data, config.dim) {
        (Data::Mnist(_), _) => Array2::default((0, config.dim)),
        (Data::SwissRoll(_), 1) => synthetic::swiss_roll_angles(n, rng),
        (Data::SwissRoll(_), _) => synthetic::swiss_roll_points(n, rng),
        (Data::Uniform(_), _) => synthetic::unit_square(n, rng),
    }
}

fn refuse_too_few(training: usize, validation: usize) -> Result<()> {
    if training < 2 || validation == 0 {
        return Err(Error::TooFewSamples { training, validation });
    }
    Ok(())
}
