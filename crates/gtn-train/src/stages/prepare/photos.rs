//! Photographs with an official split: CelebA and 11K Hands.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gtn_data::photos::{CacheState, Count, Photos};
use gtn_data::split::{Split, permutation};
use gtn_data::{celeba, hap};
use gtn_models::Streams;
use gtn_run::config::{self, Data};
use gtn_run::{Fingerprint, Observer, Stage, Step};

use super::{Pictures, TestSet, limited, refuse_too_few};
use crate::{Job, Result};

pub(super) fn read(
    settings: &config::Photos,
    job: &Job,
    streams: &Streams,
    observer: &mut dyn Observer,
) -> Result<Pictures> {
    let mut progress = |done: usize, total: usize| {
        let (done, total) = (done as u64, total as u64);
        observer.step(&Step { stage: Stage::Prepare, done, total, epoch: None, loss: None });
        if observer.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let filter = settings.filter.as_deref().unwrap_or_default();
    let (name, read) = match &job.config.data {
        Data::Hap(_) => {
            let cache = cache(job, "hap", filter);
            ("11K Hands", hap::read(&job.data_dir, &filter.parse()?, &cache, &mut progress))
        }
        _ => {
            let cache = cache(job, "celeba", filter);
            ("CelebA", celeba::read(&job.data_dir, &filter.parse()?, &cache, &mut progress))
        }
    };
    let photos = read?;
    let notes = notes(name, &photos);
    let split = limit(photos.split, settings.limit, streams);
    refuse_too_few(split.train.len(), split.validation.len())?;
    let chosen = photos.images.len();
    let test = photos.test.zip(photos.test_fingerprint).map(|(images, fingerprint)| {
        let indices = limited(images.len(), settings.limit, chosen, streams);
        TestSet { images, indices, fingerprint }
    });
    Ok(Pictures { images: photos.images, names: photos.names, split, fingerprint: photos.fingerprint, test, notes })
}

/// The file of decoded images: each filter has one, so that they do not replace one another's.
fn cache(job: &Job, set: &str, filter: &str) -> PathBuf {
    let of_filter = match filter {
        "" => String::new(),
        filter => format!("-{}", &Fingerprint::of(filter, &[]).as_str()[..8]),
    };
    job.cache_dir.join(format!("{set}-64{of_filter}.photos"))
}

/// The names of the images that a filter lets pass, or `None` if it is empty; nothing of data that have no filters.
pub(crate) fn passing(data: &Data, data_dir: &Path, filter: &str) -> Result<Option<Option<HashSet<String>>>> {
    Ok(match data {
        Data::Celeba(_) => Some(celeba::passing(data_dir, &filter.parse()?)?),
        Data::Hap(_) => Some(hap::passing(data_dir, &filter.parse()?)?),
        _ => None,
    })
}

/// At most `limit` images of both parts, drawn from each in its share; the order of the official lists otherwise.
fn limit(split: Split, limit: Option<usize>, streams: &Streams) -> Split {
    let total = split.train.len() + split.validation.len();
    let Some(limit) = limit.filter(|&limit| limit < total) else { return split };
    let share = split.validation.len() as f64 / total as f64;
    let validation = ((limit as f64 * share).round() as usize).clamp(1, limit.saturating_sub(2).max(1));
    let draw = |part: Vec<usize>, len: usize, purpose: &str| {
        let drawn = permutation(part.len(), streams.stream(purpose, 0));
        drawn.into_iter().take(len).map(|position| part[position]).collect()
    };
    Split {
        train: draw(split.train, limit - validation, "limit/train"),
        validation: draw(split.validation, validation, "limit/validation"),
    }
}

/// What the user should know of the files.
fn notes(name: &str, photos: &Photos) -> Vec<String> {
    let mut notes = Vec::new();
    let Count { listed, there, chosen } = photos.counts.all();
    if there < listed {
        notes.push(format!(
            "{} of the {listed} images that the lists of {name} name are not there; the run goes on with {there}",
            listed - there
        ));
    } else if !photos.original {
        notes.push(format!("these {there} images are not all of {name}; results will not compare with the paper's"));
    }
    if chosen < there {
        notes.push(format!("{chosen} images pass the filter"));
    }
    if photos.test.is_none() {
        notes.push("there is no test image; the run goes on without".to_owned());
    }
    if let CacheState::Remade(reason) = &photos.cache {
        notes.push(format!("the decoded images were made anew: the file that was there {reason}"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_of_each_part_its_share_and_nothing_twice() {
        let streams = Streams::new(1);
        let split = || Split { train: (0..80).collect(), validation: (80..100).collect() };
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
