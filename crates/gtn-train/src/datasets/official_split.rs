//! Images with an official split.

use std::collections::HashSet;
use std::path::Path;

use gtn_data::image_set::{ImageSet, MAX_UNREADABLE, ProgressFn, SplitCounts};
use gtn_data::split::{SplitIndices, permutation};
use gtn_models::{Streams, purpose};
use gtn_run::config::OfficialSplit;

use super::file_notes::{cache_note, unreadable};
use super::image_data::{ImageData, TestSet};
use super::reader::Reader;
use super::split::{check_sizes, limited_test_set};
use super::traits::{Filters, ImageDataset};
use crate::Result;

/// A data set of images with an official split and filters.
pub(super) struct OfficialSet<'a> {
    /// Its name in messages.
    pub(super) title: &'static str,
    /// Its name in the image cache.
    pub(super) cache_name: &'static str,
    pub(super) split: &'a OfficialSplit,
    /// Reads the images that pass a filter, of which a fraction may be unreadable.
    pub(super) read: fn((&Path, f64), &str, &Path, ProgressFn<'_>) -> gtn_data::Result<ImageSet>,
    /// The names of the images that pass a filter, unless it is empty.
    pub(super) filtered_names: fn(&Path, &str) -> gtn_data::Result<Option<HashSet<String>>>,
}

impl ImageDataset for OfficialSet<'_> {
    fn read(&self, reader: &mut Reader<'_>) -> Result<ImageData> {
        let filter = self.split.filter.as_deref().unwrap_or_default();
        let cache = reader.cache_path(self.cache_name, filter);
        let source = (reader.data_dir, self.split.max_unreadable.unwrap_or(MAX_UNREADABLE));
        let set = (self.read)(source, filter, &cache, &mut |done, total| reader.progress(done, total))?;
        let (notes, cache_note) = (notes(self.title, &set), cache_note(&set.cache));
        let split = limit(set.split, self.split.limit, reader.streams);
        check_sizes(split.train.len(), split.validation.len())?;
        let total = set.images.len();
        let test = set.test.zip(set.test_fingerprint).map(|(images, checksum)| {
            let indices = limited_test_set(images.len(), self.split.limit, total, reader.streams);
            TestSet { images, indices, checksum }
        });
        Ok(ImageData {
            images: set.images,
            names: set.names,
            split,
            checksum: set.fingerprint,
            test,
            labels: None,
            notes,
            cache_note,
        })
    }

    /// As many as the paper judges.
    fn grid_size(&self) -> usize {
        200
    }

    fn filters(&self) -> Option<&dyn Filters> {
        Some(self)
    }
}

impl Filters for OfficialSet<'_> {
    fn passing(&self, filter: &str, data_dir: &Path) -> Result<Option<HashSet<String>>> {
        Ok((self.filtered_names)(data_dir, filter)?)
    }
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
            "these {present} images are not all of {name}, so results are {}'s",
            gtn_run::data_notes::NOT_COMPARABLE
        ));
    }
    notes.extend(set.passed_over.clone());
    notes.extend(unreadable(&set.unreadable));
    if selected < present {
        notes.push(format!("{selected} images pass the filter"));
    }
    if set.test.is_none() {
        notes.push("no test images found; continuing without the official test set".to_owned());
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
