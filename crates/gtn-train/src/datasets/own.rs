//! Images of your own.

use gtn_data::own_images::{self, Options};
use gtn_data::split::SplitIndices;
use gtn_models::Streams;
use gtn_run::config::{OwnImages, ResizeSetting};

use super::file_notes::{cache_note, listed, unreadable};
use super::image_data::ImageData;
use super::reader::Reader;
use super::split::{check_sizes, split_at_random};
use super::traits::ImageDataset;
use crate::Result;

/// With fewer images, a run is possible, but its samples are close to the training images.
const FEW_IMAGES: usize = 200;

pub(super) struct Own<'a> {
    pub(super) settings: &'a OwnImages,
}

impl ImageDataset for Own<'_> {
    fn read(&self, reader: &mut Reader<'_>) -> Result<ImageData> {
        let settings = self.settings;
        let options = options(settings);
        let path = reader.data_dir;
        let cache = own_images::cache_path(reader.cache_dir, path, &options);
        let set = own_images::read(path, &options, &cache, &mut |done, total| reader.progress(done, total))?;
        let (notes, cache_note) = (notes(&set, settings.flip), cache_note(&set.cache));
        let mut split = split(settings, set.images.len(), reader.streams);
        check_sizes(split.train.len(), split.validation.len())?;
        let mut labels = set.classes.map(|classes| classes.labels);
        if settings.flip {
            // An image and its mirror image are in the same part of the split.
            split.train.extend(split.train.clone().into_iter().map(|index| set.images.mirrored(index)));
            labels.iter_mut().for_each(|labels| labels.extend_from_within(..));
        }
        Ok(ImageData {
            images: set.images,
            names: set.names,
            split,
            checksum: set.fingerprint,
            test: None,
            labels: labels.map(|labels| [labels, Vec::new()]),
            notes,
            cache_note,
        })
    }
}

/// How the files of a run on own images are read.
#[must_use]
pub fn options(settings: &OwnImages) -> Options {
    Options {
        side: settings.side,
        resize: match settings.resize {
            ResizeSetting::Crop => own_images::Resize::Crop,
            ResizeSetting::Fit => own_images::Resize::Fit,
            ResizeSetting::Stretch => own_images::Resize::Stretch,
        },
        background: settings.background,
        max_unreadable: settings.max_unreadable,
    }
}

/// The split of so many images, without mirror images.
pub(crate) fn split(settings: &OwnImages, images: usize, streams: &Streams) -> SplitIndices {
    split_at_random(images, settings.train_fraction, settings.limit, streams)
}

/// What the user should know about the files.
fn notes(set: &own_images::OwnImages, flip: bool) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(unreadable(&set.unreadable));
    if !set.duplicates.is_empty() {
        let names = set.duplicates.iter().map(|(name, first)| format!("{name} (as {first})")).collect();
        notes.push(format!(
            "{} images occur more than once and are used once: {}",
            set.duplicates.len(),
            listed(names)
        ));
    }
    if set.images.len() < FEW_IMAGES {
        notes.push(format!(
            "{} {}: samples will be like the mean of several of them, or copies; use {FEW_IMAGES} or more{}",
            set.images.len(),
            gtn_run::data_notes::FEW_IMAGES,
            if flip { "" } else { ", or double them with --flip" }
        ));
    }
    if let Some(classes) = &set.classes {
        notes.push(format!("the subfolders are classes ({}): {}", classes.names.len(), listed(classes.names.clone())));
    }
    notes
}
