//! Reads or draws the data, and splits them.

use std::path::Path;

use gtn_data::split::{SplitIndices, permutation, random_split};
use gtn_data::{Images, mnist, synthetic};
use gtn_models::{Streams, purpose};
use gtn_run::config::{self, Data, Synthetic};
use gtn_run::schema::{Split, Statistic};
use gtn_run::{Artifact, Config, Fingerprint, Observer, Statistics};
use ndarray::Array2;

use crate::targets::Targets;
use crate::{Error, Job, Result};

mod image_sets;

pub(crate) use image_sets::passing;

/// The data of an experiment.
pub(crate) enum Prepared {
    /// Images, which an autoencoder turns into targets.
    Images(ImageData),
    /// Points, which are the targets themselves.
    Points(Targets),
}

/// Images with their split.
pub(crate) struct ImageData {
    pub(crate) images: Images,
    /// Their file names, if each image has its own file.
    pub(crate) names: Vec<String>,
    pub(crate) split: SplitIndices,
    /// Checksum of the pixels.
    pub(crate) checksum: String,
    /// The official test set, if it exists.
    pub(crate) test: Option<TestSet>,
    /// What the user should know about the files.
    pub(crate) notes: Vec<String>,
}

/// Images that are used for neither training nor selection.
pub(crate) struct TestSet {
    pub(crate) images: Images,
    /// Indices of the images that are used.
    pub(crate) indices: Vec<usize>,
    /// Checksum of the pixels.
    pub(crate) checksum: String,
}

impl Prepared {
    /// Checksum of the data.
    pub(crate) fn checksum(&self) -> &str {
        match self {
            Prepared::Images(images) => &images.checksum,
            Prepared::Points(targets) => &targets.checksum,
        }
    }

    /// The statistics of the stage.
    pub(crate) fn statistics(&self) -> Statistics {
        let (training, validation, test) = match self {
            Prepared::Images(ImageData { split, test, .. }) => {
                (split.train.len(), split.validation.len(), test.as_ref().map(|test| test.indices.len()))
            }
            Prepared::Points(Targets { train, validation, .. }) => (train.nrows(), validation.nrows(), None),
        };
        let mut statistics = Statistics::from([
            (Statistic::TrainingSamples, training as f64),
            (Statistic::ValidationSamples, validation as f64),
        ]);
        statistics.extend(test.map(|test| (Statistic::TestSamples, test as f64)));
        statistics
    }
}

pub(crate) fn run(job: &Job, streams: &Streams, observer: &mut dyn Observer) -> Result<Prepared> {
    let config = &job.config;
    match &config.data {
        Data::Mnist(settings) => Ok(Prepared::Images(read_mnist(settings, &job.data_dir, streams)?)),
        Data::Celeba(settings) | Data::Hap(settings) => {
            Ok(Prepared::Images(image_sets::read(settings, job, streams, observer)?))
        }
        Data::SwissRoll(synthetic) | Data::Uniform(synthetic) => {
            Ok(Prepared::Points(draw(config, synthetic, streams)?))
        }
    }
}

fn read_mnist(settings: &config::RandomSplit, data_dir: &Path, streams: &Streams) -> Result<ImageData> {
    let set = mnist::train(data_dir)?;
    let len = set.images.len();
    let split = match settings.limit.filter(|&limit| limit < len) {
        None => random_split(len, settings.train_fraction, streams.stream(purpose::SPLIT, 0)),
        Some(limit) => {
            let drawn = permutation(len, streams.stream(purpose::LIMIT, 0));
            let within = random_split(limit, settings.train_fraction, streams.stream(purpose::SPLIT, 0));
            let select = |indices: Vec<usize>| indices.into_iter().map(|index| drawn[index]).collect();
            SplitIndices { train: select(within.train), validation: select(within.validation) }
        }
    };
    refuse_too_few(split.train.len(), split.validation.len())?;
    let mut notes = Vec::new();
    let (test, test_is_original) = match mnist::test(data_dir) {
        Ok(test) => {
            let indices = limited(test.images.len(), settings.limit, len, streams);
            (Some(TestSet { images: test.images, indices, checksum: test.sha256 }), test.is_official)
        }
        // A run does not need it. A file that exists and is unusable is an error.
        Err(gtn_data::Error::NotFound { missing: what, .. }) => {
            let advice = "continuing without the official test set; `gtn data fetch mnist` downloads it";
            notes.push(format!("{what} not found; {advice}"));
            (None, true)
        }
        Err(error) => return Err(error.into()),
    };
    if !(set.is_official && test_is_original) {
        let note =
            "the MNIST files are valid but not the original ones, so results are not comparable with the paper's";
        notes.push(note.to_owned());
    }
    Ok(ImageData { images: set.images, names: Vec::new(), split, checksum: set.sha256, test, notes })
}

/// Indices of the test images that are used: all of them, or the same fraction that `limit` is of `total` images.
fn limited(len: usize, limit: Option<usize>, total: usize, streams: &Streams) -> Vec<usize> {
    let Some(limit) = limit.filter(|&limit| limit < total) else { return (0..len).collect() };
    let fraction = limit as f64 / total as f64;
    let mut drawn = permutation(len, streams.stream(purpose::LIMIT_TEST, 0));
    drawn.truncate(((len as f64 * fraction).round() as usize).max(1));
    drawn
}

fn draw(config: &Config, synthetic: &Synthetic, streams: &Streams) -> Result<Targets> {
    let (training, validation) = synthetic.sizes();
    refuse_too_few(training, validation)?;
    // Not written to disk; it gives the targets the form that a stage would.
    let mut artifact = Artifact::new(Fingerprint::new("draw", &[]));
    let draw = |split: Split, n| draw_points(config, n, streams, &purpose::data(split.name()), 0);
    let (train, validation) = (draw(Split::Train, training), draw(Split::Validation, validation));
    Targets::write_into(&mut artifact, train, validation, config.pairing.normalize)?;
    Targets::read(&artifact)
}

/// `n` points of the distribution of an experiment on points, from a random stream of their own; none for images.
pub(crate) fn draw_points(config: &Config, n: usize, streams: &Streams, purpose: &str, index: u64) -> Array2<f32> {
    let rng = streams.stream(purpose, index);
    match (&config.data, config.dim) {
        (Data::Mnist(_) | Data::Celeba(_) | Data::Hap(_), _) => Array2::default((0, config.dim)),
        (Data::SwissRoll(_), 1) => synthetic::swiss_roll_angles(n, rng),
        (Data::SwissRoll(_), _) => synthetic::swiss_roll_points(n, rng),
        (Data::Uniform(_), _) => synthetic::unit_square_points(n, rng),
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
    fn a_limit_applies_to_the_same_fraction_of_the_test_set() {
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
