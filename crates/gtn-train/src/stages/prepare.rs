//! Reads or draws the data, and decides which of them train.

use std::path::Path;

use gtn_data::split::{Split, permutation, shuffled};
use gtn_data::{Images, mnist, synthetic};
use gtn_models::Streams;
use gtn_run::config::{self, Data, Drawn};
use gtn_run::{Artifact, Config, Fingerprint, Observer};
use ndarray::Array2;

use crate::targets::Targets;
use crate::{Error, Job, Result};

mod photos;

pub(crate) use photos::passing;

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
    /// Their file names, if each is in a file of its own.
    pub(crate) names: Vec<String>,
    pub(crate) split: Split,
    /// Identity of the files' content.
    pub(crate) fingerprint: String,
    /// The official test set, if it is there.
    pub(crate) test: Option<TestSet>,
    /// What the user should know of the files.
    pub(crate) notes: Vec<String>,
}

/// Images that no training sees, and that choose no epoch.
pub(crate) struct TestSet {
    pub(crate) images: Images,
    /// Those that are taken.
    pub(crate) indices: Vec<usize>,
    /// Identity of the files' content.
    pub(crate) fingerprint: String,
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
    pub(crate) fn facts(&self) -> Vec<(&'static str, f64)> {
        match self {
            Prepared::Images(Pictures { split, test, .. }) => {
                let known = [("training_images", split.train.len()), ("validation_images", split.validation.len())];
                let test = test.iter().map(|test| ("test_images", test.indices.len()));
                known.into_iter().chain(test).map(|(name, count)| (name, count as f64)).collect()
            }
            Prepared::Points(Targets { train, validation, .. }) => {
                vec![("training_points", train.nrows() as f64), ("validation_points", validation.nrows() as f64)]
            }
        }
    }
}

pub(crate) fn run(job: &Job, streams: &Streams, observer: &mut dyn Observer) -> Result<Prepared> {
    let config = &job.config;
    match &config.data {
        Data::Mnist(images) => Ok(Prepared::Images(read_mnist(images, &job.data_dir, streams)?)),
        Data::Celeba(settings) | Data::Hap(settings) => {
            Ok(Prepared::Images(photos::read(settings, job, streams, observer)?))
        }
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
    let mut notes = Vec::new();
    let (test, test_is_original) = match mnist::test(data_dir) {
        Ok(test) => {
            let indices = limited(test.images.len(), settings.limit, len, streams);
            (Some(TestSet { images: test.images, indices, fingerprint: test.sha256 }), test.original)
        }
        // A run does without it; a file that is there and no good is for its owner to know.
        Err(gtn_data::Error::NotFound { what, .. }) => {
            let advice = "the run goes on without the official test set; `gtn data fetch mnist` downloads it";
            notes.push(format!("{what} not found: {advice}"));
            (None, true)
        }
        Err(error) => return Err(error.into()),
    };
    if !(set.original && test_is_original) {
        let note = "the MNIST files are whole but not the original ones; results will not compare with the paper's";
        notes.push(note.to_owned());
    }
    Ok(Pictures { images: set.images, names: Vec::new(), split, fingerprint: set.sha256, test, notes })
}

/// The test images that are taken: all, or the share of them that `limit` is of `among` images.
fn limited(len: usize, limit: Option<usize>, among: usize, streams: &Streams) -> Vec<usize> {
    let Some(limit) = limit.filter(|&limit| limit < among) else { return (0..len).collect() };
    let share = limit as f64 / among as f64;
    let mut drawn = permutation(len, streams.stream("limit/test", 0));
    drawn.truncate(((len as f64 * share).round() as usize).max(1));
    drawn
}

fn draw(config: &Config, drawn: &Drawn, streams: &Streams) -> Result<Targets> {
    let (training, validation) = drawn.sizes();
    refuse_too_few(training, validation)?;
    // Never written: it only makes the targets as a stage would.
    let mut artifact = Artifact::new(Fingerprint::of("draw", &[]));
    let side = |name, n| draw_points(config, n, streams, &format!("data/{name}"), 0);
    Targets::write_into(
        &mut artifact,
        side("train", training),
        side("validation", validation),
        config.label.normalize,
    )?;
    Targets::read(&artifact)
}

/// `n` fresh points of the law of an experiment without images, from a stream of their own; images have none.
pub(crate) fn draw_points(config: &Config, n: usize, streams: &Streams, purpose: &str, index: u64) -> Array2<f32> {
    let rng = streams.stream(purpose, index);
    match (&config.data, config.dim) {
        (Data::Mnist(_) | Data::Celeba(_) | Data::Hap(_), _) => Array2::default((0, config.dim)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_the_same_share_of_the_test_set() {
        let streams = Streams::new(1);
        assert_eq!(limited(4, None, 60, &streams), [0, 1, 2, 3]);
        assert_eq!(limited(4, Some(60), 60, &streams), [0, 1, 2, 3]);
        let mut half = limited(1000, Some(30), 60, &streams);
        assert_eq!(half, limited(1000, Some(30), 60, &streams));
        half.sort_unstable();
        half.dedup();
        assert!(half.len() == 500 && half[499] > 500, "{half:?}");
        assert_eq!(limited(10_000, Some(10), 60_000, &streams).len(), 2);
        assert_eq!(limited(10, Some(1), 60_000, &streams).len(), 1);
    }
}
