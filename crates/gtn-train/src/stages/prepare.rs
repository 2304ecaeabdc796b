//! Reads the data and decides which images train.

use std::path::Path;

use gtn_data::split::{Split, permutation, shuffled};
use gtn_data::{Images, mnist};
use gtn_models::Streams;
use gtn_run::Config;

use crate::{Error, Result};

/// The images with their split.
pub(crate) struct Prepared {
    pub(crate) images: Images,
    pub(crate) split: Split,
    /// Identity of the files' content.
    pub(crate) fingerprint: String,
    /// Whether the files are the ones the paper used.
    pub(crate) original: bool,
}

pub(crate) fn run(config: &Config, data_dir: &Path, streams: &Streams) -> Result<Prepared> {
    let set = mnist::train(data_dir)?;
    let len = set.images.len();
    let split = match config.data.limit.filter(|&limit| limit < len) {
        None => shuffled(len, config.data.train_share, streams.stream("split", 0)),
        Some(limit) => {
            let drawn = permutation(len, streams.stream("limit", 0));
            let within = shuffled(limit, config.data.train_share, streams.stream("split", 0));
            let pick = |positions: Vec<usize>| positions.into_iter().map(|position| drawn[position]).collect();
            Split { train: pick(within.train), validation: pick(within.validation) }
        }
    };
    let (training, validation) = (split.train.len(), split.validation.len());
    if training < 2 || validation == 0 {
        return Err(Error::TooFewImages { training, validation });
    }
    Ok(Prepared { images: set.images, split, fingerprint: set.sha256, original: set.original })
}
