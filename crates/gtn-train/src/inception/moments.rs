//! Mean and covariance of the Inception features of many images, computed in parts that an interruption does not lose.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gtn_io::TensorFile;
use gtn_metrics::SampleMoments;
use gtn_models::{InceptionOutput, InceptionV3, InceptionVariant};
use gtn_run::Fingerprint;
use gtn_run::config::FidSettings;
use ndarray::{Array4, Ix1, Ix2};

use super::weights::load;
use crate::Result;
use crate::context::Context;

/// Images between two questions whether to stop. It decides how sums are divided, and so the last bits of the moments.
const PART: usize = 100;
/// The state is saved at the end of the part after which this time is over.
const SAVE_EVERY: Duration = Duration::from_secs(60);
/// It increases when other moments are computed of the same images.
const VERSION: &str = "1";

const MEAN: &str = "mean";
const COVARIANCE: &str = "covariance";
const SAMPLES: &str = "samples";

/// The network whose features FID compares.
pub(crate) struct FeatureNetwork {
    network: InceptionV3,
    output: InceptionOutput,
    device: String,
}

/// Images whose moments are wanted.
pub(crate) struct FeatureSet<'a> {
    /// The number of images, at least 2.
    pub(crate) len: usize,
    /// The images of a range.
    pub(crate) images: &'a dyn Fn(Range<usize>) -> Result<Array4<f32>>,
    /// What the moments depend on: [`FeatureNetwork::fingerprint`] of the images.
    pub(crate) inputs: Fingerprint,
    /// Where the moments are kept.
    pub(crate) path: PathBuf,
}

impl FeatureNetwork {
    pub(crate) fn load(settings: &FidSettings, context: &Context<'_>) -> Result<Self> {
        let output = output_of(settings.dims);
        let sha256 = settings.weights.as_deref().unwrap_or_default();
        let file = context.inception.fid.as_deref();
        let network = load(file, sha256, (InceptionVariant::Fid, output), &context.device)?;
        Ok(Self { network, output, device: gtn_models::describe_device(&context.device) })
    }

    /// What the features of images depend on that depend on these parts.
    pub(crate) fn fingerprint(&self, content: &[&str]) -> Fingerprint {
        let weights = self.network.weights_sha256().unwrap_or_default();
        let parts = [&[VERSION, weights, self.output.name(), self.device.as_str()], content].concat();
        Fingerprint::new("feature moments", &parts)
    }

    /// The moments of the features of a set. `progress` is called with the number of images that are done, and may stop the
    /// computation with an error; then, and once a minute, what is done is saved.
    pub(crate) fn moments(
        &self,
        set: &FeatureSet<'_>,
        progress: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<SampleMoments> {
        let mut moments = read(&set.path, &set.inputs).filter(|moments| moments.sample_count() <= set.len);
        let mut saved = Instant::now();
        loop {
            let done = moments.as_ref().map_or(0, SampleMoments::sample_count);
            if let Some(moments) = moments.as_ref().filter(|_| done == set.len) {
                return Ok(moments.clone());
            }
            if let Err(stop) = progress(done) {
                save(moments.as_ref(), &set.path, &set.inputs)?;
                return Err(stop);
            }
            // A part of one image would have no covariance.
            let end = if set.len - done == PART + 1 { set.len } else { set.len.min(done + PART) };
            let images = (set.images)(done..end)?;
            let features = self.network.forward(images.view(), &[self.output])?;
            let part = SampleMoments::from_rows(features[0].view())?;
            let merged = moments.map_or(Ok(part.clone()), |moments| moments.merged(&part))?;
            if end == set.len || saved.elapsed() >= SAVE_EVERY {
                save(Some(&merged), &set.path, &set.inputs)?;
                saved = Instant::now();
            }
            moments = Some(merged);
        }
    }
}

/// The output of the network with this number of features, which a checked configuration has.
fn output_of(dims: usize) -> InceptionOutput {
    match dims {
        64 => InceptionOutput::Features64,
        192 => InceptionOutput::Features192,
        768 => InceptionOutput::Features768,
        _ => InceptionOutput::Features2048,
    }
}

/// The moments in a file, if it has these inputs. A damaged file counts as missing.
fn read(path: &Path, inputs: &Fingerprint) -> Option<SampleMoments> {
    let file = TensorFile::read(path).ok()?;
    if file.input_fingerprint.as_deref() != Some(inputs.as_str()) {
        return None;
    }
    let mean = file.tensor::<f64>(MEAN)?.clone().into_dimensionality::<Ix1>().ok()?;
    let covariance = file.tensor::<f64>(COVARIANCE)?.clone().into_dimensionality::<Ix2>().ok()?;
    let samples = usize::try_from(file.metadata.get(SAMPLES)?.as_u64()?).ok()?;
    SampleMoments::new(mean, covariance, samples).ok()
}

fn save(moments: Option<&SampleMoments>, path: &Path, inputs: &Fingerprint) -> Result<()> {
    let Some(moments) = moments else { return Ok(()) };
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(gtn_io::Error::io("create", folder))?;
    let mut file = TensorFile::new(inputs.as_str());
    file.insert(MEAN, moments.mean().to_owned());
    file.insert(COVARIANCE, moments.covariance().to_owned());
    file.metadata.insert(SAMPLES.to_owned(), moments.sample_count().into());
    Ok(file.write(path)?)
}

#[cfg(test)]
mod tests {
    use gtn_models::{Device, Streams};
    use gtn_run::Stage;

    use super::*;
    use crate::Error;

    /// The first layers with random weights.
    fn network() -> FeatureNetwork {
        let variant = InceptionVariant::Fid;
        let mut weights = variant.random_weights(&Streams::new(1));
        weights.retain(|name, _| name.starts_with("Conv2d_1") || name.starts_with("Conv2d_2"));
        let network = InceptionV3::new(variant, &weights, &Device::Cpu).unwrap();
        FeatureNetwork { network, output: InceptionOutput::Features64, device: "CPU".to_owned() }
    }

    #[test]
    fn an_interrupted_computation_ends_with_the_same_moments() {
        let network = network();
        let folder = tempfile::tempdir().unwrap();
        let pixel = |image: usize, c: usize, y: usize, x: usize| {
            ((image * 31 + c * 17 + y * 5 + x * 3) % 19) as f32 / 9.5 - 1.0
        };
        let images = |range: Range<usize>| {
            Ok(Array4::from_shape_fn((range.len(), 3, 6, 6), |(n, c, y, x)| pixel(range.start + n, c, y, x)))
        };
        // The last part has one image more than the others.
        let set = |name: &str, content: &[&str]| FeatureSet {
            len: 2 * PART + 1,
            images: &images,
            inputs: network.fingerprint(content),
            path: folder.path().join("new").join(name),
        };
        let mut seen = Vec::new();
        let mut watch = |done| {
            seen.push(done);
            Ok(())
        };
        let expected = network.moments(&set("first", &["a"]), &mut watch).unwrap();
        assert_eq!((seen, expected.sample_count()), (vec![0, PART], 2 * PART + 1));
        // What is complete is read, and other content is computed.
        let refuse = &mut |_| Err(Error::Stopped { stage: Stage::Evaluate });
        assert_eq!(network.moments(&set("first", &["a"]), refuse).unwrap(), expected);
        assert!(matches!(network.moments(&set("first", &["b"]), refuse), Err(Error::Stopped { .. })));
        // What was done before a stop is kept.
        let mut stop_late = |done| if done == 0 { Ok(()) } else { Err(Error::Stopped { stage: Stage::Evaluate }) };
        assert!(network.moments(&set("second", &["a"]), &mut stop_late).is_err());
        let mut seen = Vec::new();
        let mut watch = |done| {
            seen.push(done);
            Ok(())
        };
        assert_eq!(network.moments(&set("second", &["a"]), &mut watch).unwrap(), expected);
        assert_eq!(seen, [PART]);
        // A damaged file counts as missing.
        let small = FeatureSet { len: 3, ..set("third", &["a"]) };
        let expected = network.moments(&small, &mut |_| Ok(())).unwrap();
        std::fs::write(&small.path, "damaged").unwrap();
        assert_eq!(network.moments(&small, &mut |_| Ok(())).unwrap(), expected);
    }
}
