//! Training pairs of a run: real latents and the normal vectors that they were paired with.

use std::collections::HashSet;
use std::path::Path;

use gtn_data::split::permutation;
use gtn_models::{Streams, purpose};
use gtn_run::config::Data;
use gtn_run::schema::{PairKeys, latents};
use gtn_run::{Artifact, Observer, RunFolder};
use ndarray::{Array2, Axis};

use crate::datasets::{self, Reader};
use crate::handoff::{SplitPairs, to_matrix};
use crate::{Error, Result};

/// Some training pairs (y, x_y) of a run, of shape (n, d): normal vectors, and the latents that they were paired with, in their
/// own units.
#[derive(Debug, Clone, PartialEq)]
pub struct RealPairs {
    /// The normal vectors y.
    pub source: Array2<f32>,
    /// The component of each of them, 0 if there is only one.
    pub components: Vec<u32>,
    /// Their targets x_y.
    pub target: Array2<f32>,
}

/// Draws `n` distinct training pairs of a run on images.
///
/// # Errors
///
/// [`Error::NoPairs`] if the run has no pairs yet, or is a folder of weights without pairs; [`Error::TooFewPairs`] if it has
/// fewer than `n`; [`NoAutoencoder`](gtn_models::Error::NoAutoencoder) if its data are not images.
pub fn draw_pairs(run: &RunFolder, n: usize, streams: &Streams) -> Result<RealPairs> {
    let all = AllPairs::read(run)?;
    let available = all.assignment.len();
    if n > available {
        return Err(Error::TooFewPairs { requested: n, available });
    }
    let mut rows = permutation(available, streams.stream(purpose::PAIRS, 0));
    rows.truncate(n);
    Ok(all.select(&rows))
}

/// Draws the endpoints of `n` interpolations between training images: pairs 0, 2, 4 ... belong to images that pass the first
/// filter, pairs 1, 3, 5 ... to images that pass the second one, and no image is drawn twice. Filters are those of the data set,
/// as text ([`celeba::Filter`](gtn_data::celeba::Filter), [`hap::Filter`](gtn_data::hap::Filter)); every image passes an empty
/// one.
///
/// The attributes of the images come from the data in `data_dir`, which must be those that the run was trained on; `cache_dir`
/// is that of [`Job`](crate::Job).
///
/// # Errors
///
/// As [`draw_pairs`]; [`Error::NoFilters`] if the run's data set has no filters, [`Error::OtherData`] if the run was trained on
/// other data, [`Error::TooFewPassing`] if too few images pass a filter, [`Error::Data`] if a filter is invalid or the data
/// cannot be read.
pub fn draw_pairs_between(
    run: &RunFolder,
    n: usize,
    filters: [&str; 2],
    (data_dir, cache_dir): (&Path, &Path),
    streams: &Streams,
    observer: &mut dyn Observer,
) -> Result<RealPairs> {
    let all = AllPairs::read(run)?;
    let record = run.record()?;
    let no_filters = || Error::NoFilters { run: run.root().to_path_buf() };
    let Data::Images(source) = &record.config.data else { return Err(no_filters()) };
    let dataset = datasets::images(source);
    let of_dataset = dataset.filters().ok_or_else(no_filters)?;
    let passing = [of_dataset.passing(filters[0], data_dir)?, of_dataset.passing(filters[1], data_dir)?];
    let streams_of_run = Streams::new(record.config.split_seed());
    let images = dataset.read(&mut Reader { data_dir, cache_dir, streams: &streams_of_run, observer })?;
    if record.provenance.data_sha256.as_ref() != Some(&images.checksum)
        || images.split.train.len() != all.latents.nrows()
    {
        return Err(Error::OtherData { run: run.root().to_path_buf(), data_dir: data_dir.to_path_buf() });
    }

    let mut source_of = vec![None; all.latents.nrows()];
    all.assignment.iter().enumerate().for_each(|(source, &target)| source_of[target] = Some(source));
    let name = |target: usize| &images.names[images.split.train[target]];
    let passing: Vec<Vec<usize>> = passing
        .iter()
        .zip([purpose::PAIRS_FROM, purpose::PAIRS_TO])
        .map(|(passing, purpose)| {
            let shuffled = permutation(all.latents.nrows(), streams.stream(purpose, 0)).into_iter();
            let passing = shuffled.filter(|&row| passing.as_ref().is_none_or(|passing| passing.contains(name(row))));
            passing.filter_map(|row| source_of[row]).collect()
        })
        .collect();
    // The filter that fewer images pass draws first, so that the other one does not use them up.
    let order = if passing[0].len() <= passing[1].len() { [0, 1] } else { [1, 0] };
    let mut used = HashSet::new();
    let mut endpoints = [const { Vec::new() }; 2];
    for end in order {
        let free: Vec<usize> = passing[end].iter().copied().filter(|source| !used.contains(source)).collect();
        if free.len() < n {
            let filter = filters[end].to_owned();
            return Err(Error::TooFewPassing { filter, requested: n, available: free.len() });
        }
        endpoints[end] = free[..n].to_vec();
        used.extend(endpoints[end].iter().copied());
    }
    let rows: Vec<usize> = endpoints[0].iter().zip(&endpoints[1]).flat_map(|(&from, &to)| [from, to]).collect();
    Ok(all.select(&rows))
}

/// All training pairs of a run.
struct AllPairs {
    source: Array2<f32>,
    latents: Array2<f32>,
    /// The row of `latents` for each row of `source`.
    assignment: Vec<usize>,
    /// The component of each row of `source`.
    components: Vec<u32>,
}

impl AllPairs {
    fn read(run: &RunFolder) -> Result<Self> {
        if run.record()?.config.autoencoder.is_none() {
            return Err(gtn_models::Error::NoAutoencoder { run: run.root().to_path_buf() }.into());
        }
        for missing in [run.pairs(), run.latents()] {
            if !missing.exists() {
                return Err(Error::NoPairs { run: run.root().to_path_buf(), missing });
            }
        }
        let (pairs, stored_latents) = (Artifact::read(&run.pairs())?, Artifact::read(&run.latents())?);
        let SplitPairs { source, assignment, components } = SplitPairs::read(&pairs, &PairKeys::TRAIN)?;
        let latents = to_matrix(stored_latents.tensor(&latents::TRAIN)?);
        if assignment.len() != source.nrows()
            || components.len() != source.nrows()
            || assignment.iter().any(|&row| row >= latents.nrows())
        {
            let reason = "its matching does not fit its rows and those of the latents".to_owned();
            return Err(gtn_run::Error::Damaged { path: run.pairs(), reason }.into());
        }
        Ok(Self { source, latents, assignment, components })
    }

    fn select(&self, rows: &[usize]) -> RealPairs {
        let targets: Vec<usize> = rows.iter().map(|&row| self.assignment[row]).collect();
        let components = rows.iter().map(|&row| self.components[row]).collect();
        RealPairs {
            source: self.source.select(Axis(0), rows),
            components,
            target: self.latents.select(Axis(0), &targets),
        }
    }
}
