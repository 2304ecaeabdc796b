//! Images on both sides.

use std::collections::BTreeMap;

use gtn_models::{InceptionOutput, InceptionVariant, purpose};
use gtn_run::schema::Metric;
use ndarray::{Array2, Axis};

use super::comparison::Comparison;
use super::evaluation::{Evaluation, OF_CLASSES, OF_FEATURES, is_of_rows};
use super::feature_metrics::{self, BaselineFeatures, FeaturesOrMoments, SPLITS};
use super::halves::Halves;
use super::image_stream::ImageStream;
use super::inception::Inception;
use super::measured::{AtFloor, Estimate, Measured};
use super::vectors::shape_text;
use crate::args::{Features, METRICS};
use crate::failure::Failure;

/// Maximum number of Inception features of each side for metrics whose cost is quadratic in it.
const MAX_FEATURE_ROWS: usize = 5_000;

/// Inception features of both sides, and those of the baselines.
struct ImageFeatures {
    real: Array2<f32>,
    generated: Array2<f32>,
    baselines: BaselineFeatures,
    /// What they are, as `inception-2048`.
    name: String,
}

impl Evaluation<'_> {
    pub(super) fn compare_images(
        &mut self,
        sides: &Comparison,
        real: &ImageStream,
        generated: &ImageStream,
    ) -> Result<(), Failure> {
        self.refuse_other_order(real.shape(), generated.shape())?;
        let wants_rows = METRICS.iter().any(|&metric| is_of_rows(metric) && self.request.wants(metric));
        let needs_features = self.args.save_stats.is_some()
            || OF_FEATURES.iter().any(|&metric| self.request.wants(metric))
            || (wants_rows && self.args.features != Some(Features::Values));
        let mut features = None;
        if needs_features {
            match self.feature_network(InceptionOutput::Features2048)? {
                Ok(network) => features = Some(self.image_features(&network, sides, real, generated)?),
                Err(reason) if self.args.features == Some(Features::Inception) || self.args.save_stats.is_some() => {
                    return Err(Failure::users(reason));
                }
                Err(reason) => self.request.refuse(&OF_FEATURES, &reason)?,
            }
        }
        if let Some(features) = &features {
            self.save_statistics(&features.real)?;
            self.measure_features(features)?;
        }
        self.measure_classes(sides, real, generated)?;
        match features.filter(|_| self.args.features != Some(Features::Values)) {
            _ if !wants_rows => Ok(()),
            Some(features) => self.measure_feature_rows(&features),
            None => self.compare_pixels(sides, real, generated),
        }
    }

    /// The same lengths in another order are the same images with their axes exchanged, which a network reads without a complaint.
    fn refuse_other_order(&self, of_real: [usize; 3], of_generated: [usize; 3]) -> Result<(), Failure> {
        let sorted = |mut shape: [usize; 3]| {
            shape.sort_unstable();
            shape
        };
        if of_real == of_generated || sorted(of_real) != sorted(of_generated) {
            return Ok(());
        }
        let generated = self.args.generated.as_deref().unwrap_or(&self.args.real);
        Err(Failure::users(format!(
            "the axes of the images are in another order: {} has {}, {} has {}; transpose one of them",
            self.args.real.display(),
            shape_text(of_real),
            generated.display(),
            shape_text(of_generated)
        )))
    }

    /// The features of all images, and those of as many images of each baseline as a half has.
    fn image_features(
        &mut self,
        network: &Inception,
        sides: &Comparison,
        real: &ImageStream,
        generated: &ImageStream,
    ) -> Result<ImageFeatures, Failure> {
        self.header.push(format!("features: {}", network.describe()));
        let halves = Halves::draw(real.len(), generated.len(), &self.streams).filter(|halves| halves.len() > 1);
        let mut baselines = BTreeMap::new();
        for (baseline, halves) in
            sides.baselines.names().into_iter().filter_map(|baseline| Some((baseline, halves.as_ref()?)))
        {
            if let Some(images) = sides.baselines.images(baseline, &halves.second)? {
                baselines.insert(baseline, network.features(&images, baseline.name(), &mut self.progress)?);
            }
        }
        let real = network.features(real, "real", &mut self.progress)?;
        let generated = network.features(generated, "generated", &mut self.progress)?;
        if self.request.wants(Metric::Fid) {
            self.warn_of_few_images(network, &[(real.nrows(), "real"), (generated.nrows(), "generated")]);
        }
        Ok(ImageFeatures { real, generated, baselines, name: network.name() })
    }

    /// FID and KID.
    fn measure_features(&mut self, features: &ImageFeatures) -> Result<(), Failure> {
        let ImageFeatures { real, generated, baselines, name } = features;
        let halves = Halves::draw(real.nrows(), generated.nrows(), &self.streams);
        if self.request.wants(Metric::Fid) {
            let sides = [real, generated].map(FeaturesOrMoments::Features);
            let fid = feature_metrics::fid(sides[0], sides[1], halves.as_ref(), baselines, name.clone())?;
            self.measured.insert(Metric::Fid, fid);
        }
        if self.request.wants(Metric::KernelDistance) {
            let kid = feature_metrics::kid(real, generated, halves.as_ref(), baselines, &self.streams, name.clone())?;
            self.measured.insert(Metric::KernelDistance, kid);
        }
        Ok(())
    }

    /// The Inception Score.
    fn measure_classes(
        &mut self,
        sides: &Comparison,
        real: &ImageStream,
        generated: &ImageStream,
    ) -> Result<(), Failure> {
        if !self.request.wants(Metric::InceptionScore) {
            return Ok(());
        }
        if generated.len() < SPLITS {
            let n = generated.len();
            let reason = format!("{n} generated images are too few for the {SPLITS} splits of the Inception Score");
            return self.request.refuse(&OF_CLASSES, &reason);
        }
        let weights = self.args.networks.is_weights.as_deref();
        let network = match self.network(InceptionVariant::Torchvision, InceptionOutput::Logits, weights)? {
            Ok(network) => network,
            Err(reason) => return self.request.refuse(&OF_CLASSES, &reason),
        };
        self.header.push(format!("classes: {}", network.describe()));
        let n = real.len().min(generated.len());
        let positions: Vec<usize> = (0..n).collect();
        let mut baselines = BTreeMap::new();
        for baseline in sides.baselines.names() {
            if let Some(images) = sides.baselines.images(baseline, &positions)? {
                baselines.insert(baseline, network.features(&images, baseline.name(), &mut self.progress)?);
            }
        }
        let real = network.features(real, "real", &mut self.progress)?;
        let generated = network.features(generated, "generated", &mut self.progress)?;
        let is = feature_metrics::is(&real, &generated, &baselines, network.name())?;
        self.measured.insert(Metric::InceptionScore, is);
        Ok(())
    }

    /// The metrics of rows, of Inception features: of all of them, and of halves.
    fn measure_feature_rows(&mut self, features: &ImageFeatures) -> Result<(), Failure> {
        let ImageFeatures { real, generated, baselines, name } = features;
        // The Fréchet distance of these features is FID.
        let wants = |metric: Metric| {
            is_of_rows(metric)
                && if metric == Metric::FrechetDistance {
                    self.request.is_named(metric)
                } else {
                    self.request.wants(metric)
                }
        };
        let metrics: Vec<Metric> = METRICS.into_iter().filter(|&metric| wants(metric)).collect();
        let halves = match self.halves_for_rows(real.nrows(), generated.nrows()) {
            Ok(halves) => halves,
            Err(reason) => return self.request.refuse(&metrics, &reason),
        };
        let select = |rows: &Array2<f32>, indices: &[usize]| {
            rows.select(Axis(0), &indices[..indices.len().min(MAX_FEATURE_ROWS)])
        };
        let all = |rows: &Array2<f32>, purpose: &str| {
            let n = rows.nrows();
            match n <= MAX_FEATURE_ROWS {
                true => rows.clone(),
                false => select(rows, &gtn_data::split::permutation(n, self.streams.stream(purpose, 0))),
            }
        };
        let (all_real, all_generated) =
            (all(real, purpose::EVALUATE_SPLIT), all(generated, purpose::EVALUATE_GENERATED));
        let [first, second] = [&halves.first, &halves.second].map(|half| select(real, half));
        let of_generated = select(generated, &halves.generated);
        let of_baselines: Vec<Array2<f32>> =
            baselines.values().map(|rows| select(rows, &(0..rows.nrows()).collect::<Vec<_>>())).collect();
        let mut pairs = vec![(all_real.view(), all_generated.view()), (first.view(), second.view())];
        pairs.push((first.view(), of_generated.view()));
        pairs.extend(of_baselines.iter().map(|rows| (first.view(), rows.view())));
        let mut values = self.measure_pairs(&metrics, &pairs)?.into_iter();
        let (value, floor, at_floor) = (values.next(), values.next(), values.next());
        let of_baselines: Vec<_> = baselines.keys().copied().zip(values).collect();
        for metric in metrics {
            let of =
                |values: &Option<BTreeMap<Metric, f64>>| values.as_ref()?.get(&metric).copied().map(Estimate::from);
            let (Some(value), Some(floor)) = (of(&value), of(&floor)) else { continue };
            let of_each = of_baselines.iter();
            let baselines =
                of_each.filter_map(|(name, values)| Some((*name, Estimate::from(*values.get(&metric)?)))).collect();
            let at_floor = Some(AtFloor { samples: first.nrows(), value: of(&at_floor), floor, baselines });
            let samples = [Some(all_real.nrows()), Some(all_generated.nrows())];
            let features = name.clone();
            self.measured.insert(metric, Measured { metric, value, samples, at_floor, features });
        }
        Ok(())
    }
}
