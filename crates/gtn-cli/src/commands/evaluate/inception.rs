//! The Inception networks and their weights.

use std::ops::Range;
use std::path::{Path, PathBuf};

use gtn_models::{Device, InceptionOutput, InceptionV3, InceptionVariant, describe_device};
use ndarray::{Array2, Axis, concatenate};

use super::feature_cache::CachedFeatures;
use super::image_stream::{BATCH_SIZE, ImageStream};
use crate::failure::Failure;
use crate::processes::{self, rows};
use crate::progress::Progress;

/// A network, and which of its outputs is used.
pub(super) struct Inception {
    network: InceptionV3,
    output: InceptionOutput,
    /// The file of the weights.
    weights: PathBuf,
    device: Device,
    cache_dir: PathBuf,
}

impl Inception {
    /// Loads the weights in a file. The inner error says why they do not serve this output.
    pub(super) fn load(
        weights: &Path,
        variant: InceptionVariant,
        output: InceptionOutput,
        device: &Device,
        cache_dir: &Path,
    ) -> Result<Result<Self, String>, Failure> {
        let network = InceptionV3::load(weights, variant, device)?;
        if let Some(lack) = network.lack(output) {
            let advice = match variant {
                InceptionVariant::Fid => "; pass complete weights, or fewer --inception-dims",
                InceptionVariant::Torchvision => "; pass complete weights",
            };
            let weights = weights.display();
            return Ok(Err(format!("{weights} {lack}{advice}")));
        }
        let (weights, cache_dir) = (weights.to_path_buf(), cache_dir.to_path_buf());
        Ok(Ok(Self { network, output, weights, device: device.clone(), cache_dir }))
    }

    /// Number of values of the output.
    pub(super) fn len(&self) -> usize {
        self.network.output_len(self.output)
    }

    /// The output in one word.
    pub(super) fn name(&self) -> String {
        match self.output {
            InceptionOutput::Logits => "logits".to_owned(),
            features => format!("inception-{features}"),
        }
    }

    /// What it computes, for the user.
    pub(super) fn describe(&self) -> String {
        let what = if self.output == InceptionOutput::Logits { "classes" } else { "dimensions" };
        format!("Inception, {} {what}, weights {}", self.len(), self.weights.display())
    }

    /// The output for all images, one row for each: from the cache, or computed and stored there. Each process computes a part of them, and
    /// all get all.
    pub(super) fn features(
        &self,
        images: &ImageStream,
        task: &str,
        progress: &mut Progress,
    ) -> Result<Array2<f32>, Failure> {
        let all = processes::all();
        let what = format!("the features of {task} images");
        let stored = if all.is_first() { self.stored(images, progress).map(Some) } else { Ok(None) };
        let stored = processes::agreed_at(all, &what, stored)?;
        let (file, stored) = stored.map_or((None, None), |(file, features)| (Some(file), features));
        if let Some(features) = rows::of_first(all, stored)? {
            return Ok(features);
        }
        let size = (images.len(), BATCH_SIZE);
        let computed = rows::computed(all, &what, size, |rows| self.compute(images, rows, task, progress))?;
        let written = match (&file, &computed) {
            (Some(file), Some(features)) => file.write(features),
            _ => Ok(()),
        };
        processes::agreed_at(all, &what, written)?;
        Ok(rows::of_first(all, computed)?.expect("process 0 has computed them"))
    }

    /// The file of the output in the cache, and the output, if it is there.
    fn stored(
        &self,
        images: &ImageStream,
        progress: &mut Progress,
    ) -> Result<(CachedFeatures, Option<Array2<f32>>), Failure> {
        let fingerprint = images.fingerprint(progress)?;
        let device = describe_device(&self.device);
        let of_weights = self.network.weights_sha256().unwrap_or_default();
        let variant = self.network.variant().name();
        let parts = [&fingerprint, of_weights, variant, self.output.name(), device.as_str()];
        let file = CachedFeatures::new(&self.cache_dir, &parts, (images.len(), self.len()));
        let features = file.read(progress);
        Ok((file, features))
    }

    /// The output for some of the images.
    fn compute(
        &self,
        images: &ImageStream,
        rows: Range<usize>,
        task: &str,
        progress: &mut Progress,
    ) -> Result<Array2<f32>, Failure> {
        let mut parts = Vec::new();
        images.for_each_part(rows, task, progress, |images| {
            parts.extend(self.network.forward(images.view(), &[self.output])?);
            Ok(())
        })?;
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        Ok(concatenate(Axis(0), &views)?)
    }
}
