//! Real images with the normal vectors that Algorithm 1 gave them.

use std::collections::HashSet;
use std::path::Path;

use gtn_data::split::permutation;
use gtn_models::Streams;
use gtn_run::{Artifact, Observer, Provenance, RunFolder};
use ndarray::{Array2, Axis};

use crate::stages::prepare::{self, Prepared};
use crate::targets::into_matrix;
use crate::{Error, Job, Result};

/// Some training pairs (y, x_y) of a run: normal vectors and the latents, or data, that Algorithm 1 gave them, in their own
/// units, both of shape (n, d).
#[derive(Debug, Clone, PartialEq)]
pub struct RealPairs {
    /// The normal vectors y.
    pub source: Array2<f32>,
    /// Their targets x_y.
    pub target: Array2<f32>,
}

/// Draws `n` different training pairs of a run of images by the seed of `streams`.
///
/// # Errors
///
/// [`Error::NoPairs`] if the run has no pairs yet, or is a folder of weights without them; [`Error::TooFewPairs`] if there
/// are fewer; [`Error::NoAutoencoder`] if the run's data are no images.
pub fn draw_pairs(run: &RunFolder, n: usize, streams: &Streams) -> Result<RealPairs> {
    let all = AllPairs::read(run)?;
    let there = all.matching.len();
    if n > there {
        return Err(Error::TooFewPairs { asked: n, there });
    }
    let mut rows = permutation(there, streams.stream("pairs", 0));
    rows.truncate(n);
    Ok(all.of(&rows))
}

/// Draws `n` ways between training images of photographs by the seed of `streams`: pairs 0, 2, 4 ... are of images that the
/// first filter lets pass, pairs 1, 3, 5 ... of those that the second does, and no image is drawn twice. Filters are those of
/// the data set, as text ([`celeba::Filter`](gtn_data::celeba::Filter), [`hap::Filter`](gtn_data::hap::Filter)); an empty one
/// lets every image pass.
///
/// What an image shows is told by the data below `data_dir`, which must be those that the run was trained on; `cache_dir` is
/// that of [`Job`].
///
/// # Errors
///
/// As [`draw_pairs`]; [`Error::NoFilters`] if the run's images are not told apart by filters, [`Error::OtherData`] if the data
/// are others, [`Error::TooFewPassing`] if a filter leaves too few images, [`Error::Data`] if it or the data cannot be used.
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
    let mut passing = Vec::new();
    for filter in filters {
        let names = prepare::passing(&record.config.data, data_dir, filter)?;
        passing.push(names.ok_or_else(|| Error::NoFilters { run: run.root().to_path_buf() })?);
    }
    let job = Job {
        device: gtn_models::DeviceName::Cpu,
        config: record.config,
        data_dir: data_dir.to_path_buf(),
        cache_dir: cache_dir.to_path_buf(),
        provenance: Provenance::default(),
        force: false,
    };
    let prepared = prepare::run(&job, &Streams::new(job.config.seed), observer)?;
    let Prepared::Images(pictures) = prepared else {
        return Err(Error::NoFilters { run: run.root().to_path_buf() });
    };
    if record.provenance.data.as_ref() != Some(&pictures.fingerprint)
        || pictures.split.train.len() != all.latents.nrows()
    {
        return Err(Error::OtherData { run: run.root().to_path_buf(), data_dir: data_dir.to_path_buf() });
    }

    let mut source_of = vec![None; all.latents.nrows()];
    all.matching.iter().enumerate().for_each(|(source, &target)| source_of[target] = Some(source));
    let name = |target: usize| &pictures.names[pictures.split.train[target]];
    let passing: Vec<Vec<usize>> = passing
        .iter()
        .zip(["pairs/from", "pairs/to"])
        .map(|(passing, purpose)| {
            let shuffled = permutation(all.latents.nrows(), streams.stream(purpose, 0)).into_iter();
            let fitting = shuffled.filter(|&row| passing.as_ref().is_none_or(|passing| passing.contains(name(row))));
            fitting.filter_map(|row| source_of[row]).collect()
        })
        .collect();
    // The filter that leaves fewer images goes first, so that the other does not take them away.
    let order = if passing[0].len() <= passing[1].len() { [0, 1] } else { [1, 0] };
    let mut taken = HashSet::new();
    let mut ends = [const { Vec::new() }; 2];
    for end in order {
        let free: Vec<usize> = passing[end].iter().copied().filter(|source| !taken.contains(source)).collect();
        if free.len() < n {
            let filter = filters[end].to_owned();
            return Err(Error::TooFewPassing { filter, asked: n, there: free.len() });
        }
        ends[end] = free[..n].to_vec();
        taken.extend(ends[end].iter().copied());
    }
    let rows: Vec<usize> = ends[0].iter().zip(&ends[1]).flat_map(|(&from, &to)| [from, to]).collect();
    Ok(all.of(&rows))
}

/// All training pairs of a run.
struct AllPairs {
    source: Array2<f32>,
    latents: Array2<f32>,
    /// The row of `latents` for each row of `source`.
    matching: Vec<usize>,
}

impl AllPairs {
    fn read(run: &RunFolder) -> Result<Self> {
        if run.record()?.config.autoencoder.is_none() {
            return Err(Error::NoAutoencoder { run: run.root().to_path_buf() });
        }
        for missing in [run.pairs(), run.latents()] {
            if !missing.exists() {
                return Err(Error::NoPairs { run: run.root().to_path_buf(), missing });
            }
        }
        let (pairs, latents) = (Artifact::read(&run.pairs())?, Artifact::read(&run.latents())?);
        let source = into_matrix(pairs.f32("train.source")?);
        let latents = into_matrix(latents.f32("train")?);
        let matching: Vec<usize> = pairs.u64("train.matching")?.iter().map(|&row| row as usize).collect();
        if matching.len() != source.nrows() || matching.iter().any(|&row| row >= latents.nrows()) {
            let reason = "its matching is not one of its rows and the latents'".to_owned();
            return Err(gtn_run::Error::Damaged { path: run.pairs(), reason }.into());
        }
        Ok(Self { source, latents, matching })
    }

    fn of(&self, rows: &[usize]) -> RealPairs {
        let targets: Vec<usize> = rows.iter().map(|&row| self.matching[row]).collect();
        RealPairs { source: self.source.select(Axis(0), rows), target: self.latents.select(Axis(0), &targets) }
    }
}
