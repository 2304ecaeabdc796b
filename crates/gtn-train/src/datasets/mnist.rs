//! MNIST: handwritten digits.

use gtn_data::mnist;
use gtn_run::config::RandomSplit;

use super::image_data::{ImageData, TestSet};
use super::reader::Reader;
use super::split::{check_sizes, limited_test_set, split_at_random};
use super::traits::ImageDataset;
use crate::Result;

pub(super) struct Mnist<'a> {
    pub(super) split: &'a RandomSplit,
}

impl ImageDataset for Mnist<'_> {
    fn read(&self, &mut Reader { data_dir, streams, .. }: &mut Reader<'_>) -> Result<ImageData> {
        let &RandomSplit { limit, train_fraction } = self.split;
        let set = mnist::train(data_dir)?;
        let len = set.images.len();
        let split = split_at_random(len, train_fraction, limit, streams);
        check_sizes(split.train.len(), split.validation.len())?;
        let mut notes = Vec::new();
        let mut test_labels = Vec::new();
        let (test, test_is_original) = match mnist::test(data_dir) {
            Ok(test) => {
                let indices = limited_test_set(test.images.len(), limit, len, streams);
                test_labels = test.labels;
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
            let consequence = gtn_run::data_notes::NOT_COMPARABLE;
            notes.push(format!("the MNIST files are valid but not the original ones, so results are {consequence}'s"));
        }
        let labels = [set.labels, test_labels].map(|labels| labels.into_iter().map(u32::from).collect());
        let labels = Some(labels);
        Ok(ImageData {
            images: set.images,
            names: Vec::new(),
            split,
            checksum: set.sha256,
            test,
            labels,
            notes,
            cache_note: None,
        })
    }
}
