//! FID and the Inception Score of generated images, if the weights of their networks exist.

use std::ops::Range;

use gtn_metrics::frechet_distance_from_moments;
use gtn_models::purpose;
use gtn_run::config::{FidSettings, InceptionScoreSettings, InceptionSettings};
use gtn_run::schema::{Baseline, Metric};
use gtn_run::{Fingerprint, MetricRecord, Stage, StageProgress};
use ndarray::{Array2, Array4, s};

use super::images::sample_by_flow;
use super::values::{SampleSet, ValuesBySet, records};
use crate::Result;
use crate::baselines::MAX_LATENTS;
use crate::context::Context;
use crate::datasets::ImageData;
use crate::inception::{FeatureNetwork, FeatureSet, InceptionScorer};
use crate::results::Results;

/// What the metrics depend on.
pub(super) fn settings(settings: &InceptionSettings) -> String {
    serde_json::to_string(settings).unwrap_or_default()
}

/// The metrics that the configuration asks for. `inputs` is what the whole evaluation depends on.
pub(super) fn measure(
    results: Results<'_>,
    images: &ImageData,
    inputs: &Fingerprint,
    context: &mut Context<'_>,
) -> Result<Vec<MetricRecord>> {
    let Some(settings) = &results.config.inception else { return Ok(Vec::new()) };
    let mut metrics = Vec::new();
    if let Some(score) = &settings.score {
        metrics.extend(inception_score(score, results, images, context)?);
    }
    if let Some(fid) = &settings.fid {
        metrics.extend(frechet_inception_distance(fid, results, images, (inputs, context))?);
    }
    Ok(metrics)
}

/// Images of a set: real ones by their indices, or decoded latents.
enum Set<'a> {
    Real(&'a [usize]),
    Decoded(Array2<f32>),
}

impl Set<'_> {
    fn len(&self) -> usize {
        match self {
            Set::Real(indices) => indices.len(),
            Set::Decoded(latents) => latents.nrows(),
        }
    }

    fn images(&self, range: Range<usize>, results: Results<'_>, data: &ImageData) -> Result<Array4<f32>> {
        match self {
            Set::Real(indices) => Ok(data.images.batch(&indices[range])),
            Set::Decoded(latents) => Ok(results.trained.generator()?.decode(latents.slice(s![range, ..]))?),
        }
    }
}

/// The generated images and the baselines, `n` of each. A baseline draws at most [`MAX_LATENTS`] latents.
fn generated_sets<'a>(n: usize, results: Results<'_>, context: &Context<'_>) -> Result<Vec<(SampleSet, Set<'a>)>> {
    let generator = results.trained.generator()?;
    let stream = &mut context.streams.stream(purpose::SAMPLE, 0);
    let mut sets = vec![(SampleSet::Generated, Set::Decoded(generator.sample_latents(n, stream)?))];
    if n > MAX_LATENTS {
        return Ok(sets);
    }
    if let Some(by_flow) = sample_by_flow(generator, n, context)? {
        sets.push((SampleSet::Baseline(Baseline::Flow), Set::Decoded(by_flow)));
    }
    if let Some(baselines) = results.baselines.samples(Stage::Evaluate, context)? {
        let first = |latents: &Array2<f32>| Set::Decoded(latents.slice(s![..n, ..]).to_owned());
        sets.push((SampleSet::Baseline(Baseline::Gaussian), first(&baselines.gaussian)));
        sets.push((SampleSet::Baseline(Baseline::Mixture), first(&baselines.mixture)));
    }
    Ok(sets)
}

/// The Inception Score of as many images as decide which epoch is the best, but of others; beside it those of real images, of the same
/// ones decoded, and of baselines. Nothing if there are fewer held-out images than splits.
fn inception_score(
    settings: &InceptionScoreSettings,
    results: Results<'_>,
    data: &ImageData,
    context: &mut Context<'_>,
) -> Result<Vec<MetricRecord>> {
    let held_out = &data.split.validation;
    let n = settings.images.min(held_out.len());
    if n < settings.splits {
        return Ok(Vec::new());
    }
    let scorer = InceptionScorer::load(settings, &context.inception, &context.device)?;
    let mut sets = generated_sets(n, results, context)?;
    sets.push((SampleSet::NoiseFloor, Set::Real(&held_out[..n])));
    let decoded = results.targets.validation.slice(s![..n, ..]).to_owned();
    sets.push((SampleSet::Baseline(Baseline::Decoded), Set::Decoded(decoded)));
    let mut values: ValuesBySet<1> = ValuesBySet::new();
    for (done, (name, set)) in sets.iter().enumerate() {
        context.observer.progress(&StageProgress::new(Stage::Evaluate, done, sets.len()));
        let stop = || context.observer.stop_requested();
        let images = |range| set.images(range, results, data);
        let score = scorer.score(set.len(), &images, (Stage::Evaluate, &stop))?;
        values.insert(*name, [(Metric::InceptionScore, Some(score))]);
    }
    Ok(records(&values, n))
}

/// FID of generated images against as many training images, in their order; beside it, if there are enough, that of other training
/// images, of the same ones decoded, and of baselines.
fn frechet_inception_distance(
    settings: &FidSettings,
    results: Results<'_>,
    data: &ImageData,
    (inputs, context): (&Fingerprint, &mut Context<'_>),
) -> Result<Vec<MetricRecord>> {
    let train = &data.split.train;
    let n = settings.images.unwrap_or(train.len()).min(train.len());
    if n < 2 {
        return Ok(Vec::new());
    }
    let network = FeatureNetwork::load(settings, context)?;
    let mut sets = generated_sets(n, results, context)?;
    if 2 * n <= train.len() {
        sets.push((SampleSet::NoiseFloor, Set::Real(&train[n..2 * n])));
        let decoded = results.targets.train.slice(s![n..2 * n, ..]).to_owned();
        sets.push((SampleSet::Baseline(Baseline::Decoded), Set::Decoded(decoded)));
    }
    let total = n * (1 + sets.len());
    let mut finished = 0;
    let mut moments = |set: &Set<'_>, (inputs, path), context: &mut Context<'_>| {
        let images = |range| set.images(range, results, data);
        let set = FeatureSet { len: set.len(), images: &images, inputs, path };
        let moments = network.moments(&set, &mut |done| {
            context.observer.progress(&StageProgress::new(Stage::Evaluate, finished + done, total));
            context.check_stop(Stage::Evaluate)
        });
        finished += n;
        moments
    };
    // Other runs on the same images compare with the same moments.
    let features = context.cache_dir.join("features");
    let of_real = |indices: &[usize]| {
        let indices = serde_json::to_string(indices).unwrap_or_default();
        let inputs = network.fingerprint(&[&data.checksum, &indices]);
        let path = features.join(format!("moments-{}.safetensors", inputs.as_str()));
        (inputs, path)
    };
    let reference = moments(&Set::Real(&train[..n]), of_real(&train[..n]), context)?;
    let mut values: ValuesBySet<1> = ValuesBySet::new();
    for (name, set) in &sets {
        let kept = match set {
            Set::Real(indices) => of_real(indices),
            Set::Decoded(_) => {
                let name = set_name(*name);
                (network.fingerprint(&[name, inputs.as_str()]), context.run.feature_moments(name))
            }
        };
        let of_set = moments(set, kept, context)?;
        values.insert(*name, [(Metric::Fid, Some(frechet_distance_from_moments(&reference, &of_set)?))]);
    }
    for path in context.run.all_feature_moments() {
        std::fs::remove_file(&path).map_err(gtn_io::Error::io("remove", &path))?;
    }
    Ok(records(&values, n))
}

fn set_name(set: SampleSet) -> &'static str {
    match set {
        SampleSet::Generated => "generated",
        SampleSet::NoiseFloor => "real",
        SampleSet::Baseline(baseline) => baseline.name(),
    }
}
