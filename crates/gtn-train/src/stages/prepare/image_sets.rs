//! Images with an official split: CelebA and 11K Hands.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gtn_data::image_set::{CacheState, ImageSet, SplitCounts};
use gtn_data::split::{SplitIndices, permutation};
use gtn_data::{celeba, hap};
use gtn_models::{Streams, purpose};
use gtn_run::config::{self, Data};
use gtn_run::{Fingerprint, Observer, Stage, StageProgress};

use super::{ImageData, TestSet, limited, refuse_too_few};
use crate::{Job, Result};

pub(super) fn read(
    settings: &config::OfficialSplit,
    job: &Job,
    streams: &Streams,
    observer: &mut dyn Observer,
) -> Result<ImageData> {
    let mut progress = |done: usize, total: usize| {
        observer.progress(&StageProgress::new(Stage::Prepare, done, total));
        if observer.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let filter = settings.filter.as_deref().unwrap_or_default();
    let (name, read) = match &job.config.data {
        Data::Hap(_) => {
            let cache = cache_path(job, "hap", filter);
            ("11K Hands", hap::read(&job.data_dir, &filter.parse()?, &cache, &mut progress))
        }
        _ => {
            let cache = cache_path(job, "celeba", filter);
            ("CelebA", celeba::read(&job.data_dir, &filter.parse()?, &cache, &mut progress))
        }
    };
    let set = read?;
    let notes = notes(name, &set);
    let split = limit(set.split, settings.limit, streams);
    refuse_too_few(split.train.len(), split.validation.len())?;
    let total = set.images.len();
    let test = set.test.zip(set.test_fingerprint).map(|(images, checksum)| {
        let indices = limited(images.len(), settings.limit, total, streams);
        TestSet { images, indices, checksum }
    });
    Ok(ImageData { images: set.images, names: set.names, split, checksum: set.fingerprint, test, notes })
}

/// The file of decoded images. Each filter has its own, so that runs do not overwrite each other's.
fn cache_path(job: &Job, set: &str, filter: &str) -> PathBuf {
    let filter = match filter {
        "" => String::new(),
        filter => format!("-{}", &Fingerprint::new(filter, &[]).as_str()[..8]),
    };
    job.cache_dir.join(format!("{set}-64{filter}.images"))
}

/// The names of the images that pass a filter, or `Some(None)` if it is empty; `None` for data without filters.
pub(crate) fn passing(data: &Data, data_dir: &Path, filter: &str) -> Result<Option<Option<HashSet<String>>>> {
    Ok(match data {
        Data::Celeba(_) => Some(celeba::filtered_names(data_dir, &filter.parse()?)?),
        Data::Hap(_) => Some(hap::filtered_names(data_dir, &filter.parse()?)?),
        _ => None,
    })
}

/// At most `limit` training and validation images together, drawn in the proportion of the split. Without a limit, the order of
/// the official lists stays.
fn limit(split: SplitIndices, limit: Option<usize>, streams: &Streams) -> SplitIndices {
    let total = split.train.len() + split.validation.len();
    let Some(limit) = limit.filter(|&limit| limit < total) else { return split };
    let fraction = split.validation.len() as f64 / total as f64;
    let validation = ((limit as f64 * fraction).round() as usize).clamp(1, limit.saturating_sub(2).max(1));
    let draw = |part: Vec<usize>, len: usize, purpose: &str| {
        let order = permutation(part.len(), streams.stream(purpose, 0));
        order.into_iter().take(len).map(|index| part[index]).collect()
    };
    SplitIndices {
        train: draw(split.train, limit - validation, purpose::LIMIT_TRAIN),
        validation: draw(split.validation, validation, purpose::LIMIT_VALIDATION),
    }
}

/// What the user should know about the files.
fn notes(name: &str, set: &ImageSet) -> Vec<String> {
    let mut notes = Vec::new();
    let SplitCounts { listed, present, selected } = set.counts.total();
    if present < listed {
        notes.push(format!(
            "{} of the {listed} images in the lists of {name} are missing; continuing with {present}",
            listed - present
        ));
    } else if !set.is_complete {
        notes.push(format!(
            "these {present} images are not all of {name}, so results are not comparable with the paper's"
        ));
    }
    if selected < present {
        notes.push(format!("{selected} images pass the filter"));
    }
    if set.test.is_none() {
        notes.push("no test images found; continuing without the official test set".to_owned());
    }
    if let CacheState::Recreated(reason) = &set.cache {
        notes.push(format!("recreated the image cache, because the cached file {reason}"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_keeps_the_proportion_of_the_split_and_draws_no_image_twice() {
        let streams = Streams::new(1);
        let split = || SplitIndices { train: (0..80).collect(), validation: (80..100).collect() };
        for at_most in [None, Some(100), Some(1000)] {
            let all = limit(split(), at_most, &streams);
            assert_eq!((all.train, all.validation), ((0..80).collect(), (80..100).collect()));
        }
        for (at_most, sizes) in [(50, (40, 10)), (10, (8, 2)), (3, (2, 1))] {
            let some = limit(split(), Some(at_most), &streams);
            assert_eq!((some.train.len(), some.validation.len()), sizes);
            assert!(some.train.iter().all(|&index| index < 80));
            assert!(some.validation.iter().all(|&index| (80..100).contains(&index)));
            let mut all = [some.train, some.validation].concat();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), at_most);
        }
    }
}
