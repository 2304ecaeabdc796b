//! The Inception networks and their weights.

use std::path::{Path, PathBuf};

use gtn_models::{Device, InceptionOutput, InceptionV3, InceptionVariant, describe_device};
use ndarray::{Array2, Axis, concatenate};

use super::feature_cache::CachedFeatures;
use super::image_stream::ImageStream;
use crate::failure::Failure;
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

    /// The output for all images, one row for each: from the cache, or computed and stored there.
    pub(super) fn features(
        &self,
        images: &ImageStream,
        task: &str,
        progress: &mut Progress,
    ) -> Result<Array2<f32>, Failure> {
        let fingerprint = images.fingerprint(progress)?;
        let device = describe_device(&self.device);
        let of_weights = self.network.weights_sha256().unwrap_or_default();
        let variant = self.network.variant().name();
        let parts = [&fingerprint, of_weights, variant, self.output.name(), device.as_str()];
        let cached = CachedFeatures::new(&self.cache_dir, &parts, (images.len(), self.len()));
        if let Some(features) = cached.read(progress) {
            return Ok(features);
        }
        let mut parts = Vec::new();
        images.for_each_part(images.len(), task, progress, |images| {
            parts.extend(self.network.forward(images.view(), &[self.output])?);
            Ok(())
        })?;
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        let features = concatenate(Axis(0), &views)?;
        cached.write(&features)?;
        Ok(features)
    }
}
