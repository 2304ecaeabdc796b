//! `gtn evaluate`: generated samples against real ones.

mod feature_cache;
mod feature_metrics;
mod halves;
mod image_stream;
mod inception;
mod measured;
mod request;
mod row_metrics;
mod sides;
mod weights;

use std::collections::BTreeMap;
use std::path::Path;

use gtn_io::{atomic, feature_statistics};
use gtn_metrics::SampleMoments;
use gtn_models::{Device, InceptionOutput, InceptionVariant, Streams, purpose};
use gtn_run::schema::{Baseline, Metric};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use self::feature_metrics::{BaselineFeatures, FeaturesOrMoments, SPLITS};
use self::halves::Halves;
use self::image_stream::ImageStream;
use self::inception::Inception;
use self::measured::{AtFloor, Estimate, Measured};
use self::request::Request;
use self::row_metrics::K_DENSITY;
use self::sides::{Side, Sides};
use crate::args::{Evaluate, Features, METRICS};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{console, output, stop};

/// Maximum number of Inception features of each side for metrics whose cost is quadratic in it.
const MAX_FEATURE_ROWS: usize = 5_000;

const OF_CLASSES: [Metric; 1] = [Metric::InceptionScore];
const OF_FEATURES: [Metric; 2] = [Metric::Fid, Metric::KernelDistance];

pub(crate) fn run(args: &Evaluate) -> Result<(), Failure> {
    if let Some(out) = &args.save_stats {
        output::refuse_existing(out, args.force)?;
    }
    stop::listen();
    let device = args.on.open()?;
    let mut progress = Progress::new();
    let sides = sides::open(args, &device, &mut progress)?;
    check_image_counts(args, &sides)?;
    let mut evaluation = Evaluation {
        args,
        device,
        streams: Streams::new(args.seed),
        request: Request::new(&args.metrics),
        header: Vec::new(),
        warnings: Vec::new(),
        measured: BTreeMap::new(),
        progress,
    };
    evaluation.compare(&sides)?;
    evaluation.print(&sides)
}

/// A covariance needs two images.
fn check_image_counts(args: &Evaluate, sides: &Sides) -> Result<(), Failure> {
    let generated = sides.generated.as_ref().zip(args.generated.as_deref()).map(|((side, _), path)| (side, path));
    for (side, path) in [(&sides.real, args.real.as_path())].into_iter().chain(generated) {
        if let Side::Images(images) = side
            && images.len() < 2
        {
            let path = path.display();
            return Err(Failure::users(format!("{path}: one image is not enough; pass at least 2 images")));
        }
    }
    Ok(())
}

/// The work of one call.
struct Evaluation<'a> {
    args: &'a Evaluate,
    device: Device,
    streams: Streams,
    request: Request,
    /// What the metrics are computed of.
    header: Vec<String>,
    warnings: Vec<String>,
    measured: BTreeMap<Metric, Measured>,
    progress: Progress,
}

/// Reads or draws as many rows of a baseline as a half has.
type BaselineRows<'a> = dyn Fn(Baseline, &Halves, &mut Progress) -> Result<Option<Array2<f32>>, Failure> + 'a;

/// Inception features of both sides, and those of the baselines.
struct ImageFeatures {
    real: Array2<f32>,
    generated: Array2<f32>,
    baselines: BaselineFeatures,
    /// What they are, as `inception-2048`.
    name: String,
}

impl Evaluation<'_> {
    fn compare(&mut self, sides: &Sides) -> Result<(), Failure> {
        if let (Some(_), Side::Vectors(_) | Side::Statistics(_)) = (&self.args.save_stats, &sides.real) {
            let real = self.args.real.display();
            return Err(Failure::users(format!(
                "--save-stats writes Inception features of images, and {real} holds none; pass images as --real"
            )));
        }
        let Some((generated, _)) = &sides.generated else {
            let Side::Images(real) = &sides.real else { return Ok(()) };
            let network = self.feature_network(InceptionOutput::Features2048)?.map_err(Failure::users)?;
            let features = network.features(real, "real", &mut self.progress)?;
            self.warn_of_few_images(&network, &[(features.nrows(), "real")]);
            return self.save_statistics(&features);
        };
        match (&sides.real, generated) {
            (Side::Images(real), Side::Images(generated)) => self.compare_images(sides, real, generated),
            (Side::Vectors(real), Side::Vectors(generated)) => {
                let images = [OF_FEATURES.as_slice(), &OF_CLASSES].concat();
                self.request.refuse(&images, "fid, kid and is need images, and these samples are vectors")?;
                if self.args.features == Some(Features::Inception) {
                    return Err(Failure::users("--features inception needs images, and these samples are vectors"));
                }
                let baseline =
                    |baseline, halves: &Halves, _: &mut Progress| Ok(sides.baselines.vectors(baseline, halves.len()));
                self.compare_vectors(real, generated, &baseline, &sides.baselines.names())
            }
            (Side::Vectors(rows), Side::Images(images)) => {
                let generated = images.rows(images.len(), &mut self.progress)?;
                self.compare_pixels_with_vectors(rows, &generated)
            }
            (Side::Images(images), Side::Vectors(rows)) => {
                let real = images.rows(images.len(), &mut self.progress)?;
                self.compare_pixels_with_vectors(&real, rows)
            }
            (Side::Statistics(real), Side::Statistics(generated)) => {
                self.refuse_all_but_fid()?;
                self.header.push("features: mean and covariance from files".to_owned());
                self.compare_moments(FeaturesOrMoments::Moments(real), FeaturesOrMoments::Moments(generated), "file")
            }
            (Side::Statistics(real), Side::Vectors(generated)) => {
                self.refuse_all_but_fid()?;
                self.header.push("features: values".to_owned());
                self.compare_moments(FeaturesOrMoments::Moments(real), FeaturesOrMoments::Features(generated), "values")
            }
            (Side::Vectors(real), Side::Statistics(generated)) => {
                self.refuse_all_but_fid()?;
                self.header.push("features: values".to_owned());
                self.compare_moments(FeaturesOrMoments::Features(real), FeaturesOrMoments::Moments(generated), "values")
            }
            (Side::Statistics(moments), Side::Images(images)) => {
                self.refuse_all_but_fid()?;
                let network = self.network_for(moments)?;
                let features = network.features(images, "generated", &mut self.progress)?;
                self.warn_of_few_images(&network, &[(features.nrows(), "generated")]);
                let (real, generated) = (FeaturesOrMoments::Moments(moments), FeaturesOrMoments::Features(&features));
                self.compare_moments(real, generated, &network.name())
            }
            (Side::Images(images), Side::Statistics(moments)) => {
                self.refuse_all_but_fid()?;
                let network = self.network_for(moments)?;
                let features = network.features(images, "real", &mut self.progress)?;
                self.warn_of_few_images(&network, &[(features.nrows(), "real")]);
                self.save_statistics(&features)?;
                let (real, generated) = (FeaturesOrMoments::Features(&features), FeaturesOrMoments::Moments(moments));
                self.compare_moments(real, generated, &network.name())
            }
        }
    }

    /// FID alone: mean and covariance on at least one side.
    fn compare_moments(
        &mut self,
        real: FeaturesOrMoments<'_>,
        generated: FeaturesOrMoments<'_>,
        name: &str,
    ) -> Result<(), Failure> {
        if self.request.wants(Metric::Fid) {
            let halves = real.features().and_then(|real| Halves::draw(real.nrows(), real.nrows(), &self.streams));
            let measured = feature_metrics::fid(real, generated, halves.as_ref(), &BTreeMap::new(), name.to_owned())?;
            self.measured.insert(Metric::Fid, measured);
        }
        Ok(())
    }

    /// Mean and covariance suffice for FID alone.
    fn refuse_all_but_fid(&mut self) -> Result<(), Failure> {
        let others: Vec<Metric> = METRICS.into_iter().filter(|&metric| metric != Metric::Fid).collect();
        self.request.refuse(&others, "mean and covariance are enough for fid alone; pass samples on both sides")
    }

    /// The network whose features have the mean in a file.
    fn network_for(&mut self, moments: &SampleMoments) -> Result<Inception, Failure> {
        let dims = moments.mean().len();
        let fitting = dims.to_string().parse().ok().filter(|&output| output != InceptionOutput::Logits);
        let Some(output) = fitting else {
            return Err(Failure::users(format!(
                "the mean has {dims} values, and Inception has 64, 192, 768 or 2048 features; pass statistics of its features"
            )));
        };
        if let Some(wanted) = self.args.inception_dims.filter(|&wanted| wanted != output) {
            return Err(Failure::users(format!(
                "--inception-dims {wanted} does not fit the mean in the file, which has {dims} values; leave out the option"
            )));
        }
        let network = self.feature_network(output)?.map_err(Failure::users)?;
        self.header.push(format!("features: {}", network.describe()));
        Ok(network)
    }

    /// FID's network with these features, unless the command line asks for others; or why there is none.
    fn feature_network(&mut self, default: InceptionOutput) -> Result<Result<Inception, String>, Failure> {
        let output = self.args.inception_dims.unwrap_or(default);
        self.network(InceptionVariant::Fid, output, self.args.fid_weights.as_deref())
    }

    fn network(
        &mut self,
        variant: InceptionVariant,
        output: InceptionOutput,
        option: Option<&Path>,
    ) -> Result<Result<Inception, String>, Failure> {
        match weights::find(option, &self.args.data.data_dir, variant) {
            Ok(path) => Inception::load(&path, variant, output, &self.device, &self.args.cache.path()),
            Err(reason) => Ok(Err(reason)),
        }
    }

    fn compare_images(&mut self, sides: &Sides, real: &ImageStream, generated: &ImageStream) -> Result<(), Failure> {
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

    /// The features of all images, and those of as many images of each baseline as a half has.
    fn image_features(
        &mut self,
        network: &Inception,
        sides: &Sides,
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
    fn measure_classes(&mut self, sides: &Sides, real: &ImageStream, generated: &ImageStream) -> Result<(), Failure> {
        if !self.request.wants(Metric::InceptionScore) {
            return Ok(());
        }
        if generated.len() < SPLITS {
            let n = generated.len();
            let reason = format!("{n} generated images are too few for the {SPLITS} splits of the Inception Score");
            return self.request.refuse(&OF_CLASSES, &reason);
        }
        let weights = self.args.is_weights.as_deref();
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

    /// The metrics of rows, of pixels.
    fn compare_pixels(&mut self, sides: &Sides, real: &ImageStream, generated: &ImageStream) -> Result<(), Failure> {
        if real.values_per_image() != generated.values_per_image() {
            return self.refuse_other_kind(real.values_per_image(), generated.values_per_image());
        }
        // One half of the real images is compared with the generated ones.
        let needed = if sides.is_drawn { (real.len() / 2).max(1) } else { generated.len() };
        let real = real.rows(real.len(), &mut self.progress)?;
        let generated = generated.rows(needed.min(generated.len()), &mut self.progress)?;
        let baseline = |baseline, halves: &Halves, progress: &mut Progress| {
            let images = sides.baselines.images(baseline, &halves.second)?;
            images.map(|images| images.rows(images.len(), progress)).transpose()
        };
        self.compare_vectors(&real, &generated, &baseline, &sides.baselines.names())
    }

    /// Pixels on one side, rows of their values on the other one.
    fn compare_pixels_with_vectors(&mut self, real: &Array2<f32>, generated: &Array2<f32>) -> Result<(), Failure> {
        let images = [OF_FEATURES.as_slice(), &OF_CLASSES].concat();
        self.request.refuse(&images, "fid, kid and is need images on both sides, and one side has vectors")?;
        if self.args.features == Some(Features::Inception) {
            return Err(Failure::users("--features inception needs images on both sides, and one side has vectors"));
        }
        self.compare_vectors(real, generated, &|_, _, _| Ok(None), &[])
    }

    /// The metrics of rows, of the values of the samples. One half of the real rows is compared with generated ones, with the
    /// other half, and with each baseline.
    fn compare_vectors(
        &mut self,
        real: &Array2<f32>,
        generated: &Array2<f32>,
        baseline: &BaselineRows<'_>,
        baselines: &[Baseline],
    ) -> Result<(), Failure> {
        if real.ncols() != generated.ncols() {
            return self.refuse_other_kind(real.ncols(), generated.ncols());
        }
        let metrics: Vec<Metric> =
            METRICS.into_iter().filter(|&metric| is_of_rows(metric) && self.request.wants(metric)).collect();
        let halves = match self.halves_for_rows(real.nrows(), generated.nrows()) {
            Ok(halves) => halves,
            Err(reason) => return self.request.refuse(&metrics, &reason),
        };
        self.header.push(match self.header.is_empty() {
            true => format!("features: values, {} per sample", real.ncols()),
            false => format!("others: values, {} per sample", real.ncols()),
        });
        let [first, second] = [&halves.first, &halves.second].map(|rows| real.select(Axis(0), rows));
        let generated = generated.select(Axis(0), &halves.generated);
        let mut of_baselines = Vec::new();
        for &name in baselines {
            of_baselines.extend(baseline(name, &halves, &mut self.progress)?.map(|rows| (name, rows)));
        }
        let mut pairs = vec![(first.view(), generated.view()), (first.view(), second.view())];
        pairs.extend(of_baselines.iter().map(|(_, rows)| (first.view(), rows.view())));
        let mut values = self.measure_pairs(&metrics, &pairs)?.into_iter();
        let (value, floor) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
        let of_baselines: Vec<_> = of_baselines.iter().map(|(name, _)| *name).zip(values).collect();
        for metric in metrics {
            let (Some(&value), Some(&floor)) = (value.get(&metric), floor.get(&metric)) else { continue };
            let of_each = of_baselines.iter();
            let baselines =
                of_each.filter_map(|(name, values)| Some((*name, (*values.get(&metric)?).into()))).collect();
            let samples = halves.len();
            let at_floor = Some(AtFloor { samples, value: Some(value.into()), floor: floor.into(), baselines });
            let (value, samples, features) = (value.into(), [Some(samples); 2], "values".to_owned());
            self.measured.insert(metric, Measured { metric, value, samples, at_floor, features });
        }
        Ok(())
    }

    /// The metrics of pairs of sets, in parallel.
    fn measure_pairs(
        &self,
        metrics: &[Metric],
        pairs: &[(ArrayView2<'_, f32>, ArrayView2<'_, f32>)],
    ) -> Result<Vec<BTreeMap<Metric, f64>>, Failure> {
        pairs.par_iter().map(|(real, other)| row_metrics::measure(metrics, *real, *other, &self.streams)).collect()
    }

    /// Halves that are large enough for all metrics of rows, or why there are none.
    fn halves_for_rows(&self, real: usize, generated: usize) -> Result<Halves, String> {
        let halves = Halves::draw(real, generated, &self.streams).filter(|halves| halves.len() > K_DENSITY);
        halves.ok_or_else(|| {
            format!(
                "{real} real and {generated} generated samples are too few; pass at least {} and {}",
                2 * (K_DENSITY + 1),
                K_DENSITY + 1,
            )
        })
    }

    fn refuse_other_kind(&mut self, of_real: usize, of_generated: usize) -> Result<(), Failure> {
        let generated = self.args.generated.as_deref().unwrap_or(&self.args.real);
        let reason = format!(
            "samples differ in size: {} has {of_real} values per sample, {} has {of_generated}; compare samples of the same kind",
            self.args.real.display(),
            generated.display(),
        );
        let metrics: Vec<Metric> = METRICS.into_iter().filter(|&metric| is_of_rows(metric)).collect();
        self.request.refuse(&metrics, &reason)
    }

    fn warn_of_few_images(&mut self, network: &Inception, sides: &[(usize, &str)]) {
        let dims = network.len();
        if sides.iter().all(|(images, _)| *images > dims) {
            return;
        }
        let counts: Vec<String> = sides.iter().map(|(images, side)| format!("{images} {side}")).collect();
        self.warnings.push(format!(
            "warning: fewer images than dimensions: {} images, {dims} dimensions; the covariances are singular, and FID is too \
             high. Compare it with values of as many images only, or use fewer --inception-dims",
            counts.join(" and ")
        ));
    }

    /// Writes mean and covariance of the features of the real images, if the command line asks for it.
    fn save_statistics(&mut self, features: &Array2<f32>) -> Result<(), Failure> {
        let Some(out) = &self.args.save_stats else { return Ok(()) };
        let moments = SampleMoments::from_rows(features.view())?;
        atomic::write(out, output::existing(self.args.force), |file| {
            feature_statistics::write(file, moments.mean(), moments.covariance())
        })?;
        Ok(())
    }

    fn print(&mut self, sides: &Sides) -> Result<(), Failure> {
        self.progress.end();
        if self.measured.is_empty() && sides.generated.is_some() {
            return Err(Failure::users(self.request.last_reason()));
        }
        self.warnings.iter().cloned().chain(self.request.notes()).for_each(|line| console::status(&line));
        let in_order = self.request.in_order();
        let measured: Vec<Measured> = in_order.iter().filter_map(|metric| self.measured.get(metric)).cloned().collect();
        if self.args.json {
            measured.iter().for_each(|one| console::print(&one.to_json().to_string()));
        } else if !measured.is_empty() {
            self.header.iter().for_each(|line| console::print(line));
            if !sides.baselines.names().is_empty() {
                console::print(&format!("real: {}", sides.real_description));
            }
            measured::print_table(&measured);
        }
        if let (Some(out), false) = (&self.args.save_stats, self.args.json) {
            console::print(&out.display().to_string());
        }
        Ok(())
    }
}

/// Whether a metric compares rows of any kind.
fn is_of_rows(metric: Metric) -> bool {
    !metric.is_of_inception()
}
