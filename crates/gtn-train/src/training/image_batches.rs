//! Batches of images for training, on the host or on a GPU.

use std::ops::Range;
use std::sync::OnceLock;

use gtn_data::Images;
use gtn_data::split::SplitIndices;
use gtn_models::{Device, Mode, Tensor, to_tensor};
use ndarray::{Array4, Axis, Slice};

use super::device_images::DeviceImages;
use crate::Result;

/// Images, and which of them are for training and for validation.
#[derive(Debug)]
pub(super) struct ImageBatches<'a> {
    images: &'a Images,
    split: &'a SplitIndices,
    device: Device,
    /// The images on a GPU, copied when training asks for the first batch.
    device_images: OnceLock<Option<DeviceImages>>,
}

/// Images of a step.
#[derive(Debug)]
pub struct ImageBatch(Location);

#[derive(Debug)]
enum Location {
    Host(Array4<f32>),
    /// Indices of images on a GPU.
    Device(Vec<u32>),
}

impl ImageBatch {
    /// Some of the images.
    pub(super) fn part(&self, images: Range<usize>) -> Self {
        Self(match &self.0 {
            Location::Host(all) => Location::Host(all.slice_axis(Axis(0), Slice::from(images)).to_owned()),
            Location::Device(all) => Location::Device(all[images].to_vec()),
        })
    }
}

impl<'a> ImageBatches<'a> {
    pub(super) fn new(images: &'a Images, split: &'a SplitIndices, device: &Device) -> Self {
        Self { images, split, device: device.clone(), device_images: OnceLock::new() }
    }

    fn indices(&self, mode: Mode) -> &[usize] {
        match mode {
            Mode::Train => &self.split.train,
            Mode::Evaluate => &self.split.validation,
        }
    }

    /// The number of images.
    pub(super) fn len(&self, mode: Mode) -> usize {
        self.indices(mode).len()
    }

    /// Gathers images by their positions in the split.
    pub(super) fn gather(&self, mode: Mode, positions: &[usize]) -> ImageBatch {
        let of_mode = self.indices(mode);
        let indices: Vec<usize> = positions.iter().map(|&position| of_mode[position]).collect();
        ImageBatch(if self.device_images().is_some() {
            Location::Device(indices.into_iter().map(|index| index as u32).collect())
        } else {
            Location::Host(self.images.batch(&indices))
        })
    }

    /// The images on the device.
    pub(super) fn to_tensor(&self, batch: ImageBatch) -> Result<Tensor> {
        match (batch.0, self.device_images()) {
            (Location::Host(images), _) => Ok(to_tensor(images.view(), &self.device)?),
            (Location::Device(indices), Some(images)) => images.batch(&indices),
            (Location::Device(_), None) => unreachable!("`gather` returns indices only for images on the device"),
        }
    }

    fn device_images(&self) -> Option<&DeviceImages> {
        self.device_images.get_or_init(|| DeviceImages::new(self.images, &self.device)).as_ref()
    }
}
