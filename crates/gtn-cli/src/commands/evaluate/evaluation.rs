//! The state of one call, and the networks that it needs.

use std::collections::BTreeMap;
use std::path::Path;

use gtn_io::{atomic, feature_statistics};
use gtn_metrics::SampleMoments;
use gtn_models::{Device, InceptionOutput, InceptionVariant, Streams};
use gtn_run::schema::Metric;
use ndarray::Array2;

use super::comparison::Comparison;
use super::inception::Inception;
use super::measured::{self, Measured};
use super::request::Request;
use super::weights;
use crate::args::Evaluate;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{console, output, processes};

/// The metrics of the outputs of Inception networks.
pub(super) const OF_CLASSES: [Metric; 1] = [Metric::InceptionScore];
pub(super) const OF_FEATURES: [Metric; 2] = [Metric::Fid, Metric::KernelDistance];

/// The work of one call.
pub(super) struct Evaluation<'a> {
    pub(super) args: &'a Evaluate,
    pub(super) device: Device,
    pub(super) streams: Streams,
    pub(super) request: Request,
    /// What the metrics are computed of.
    pub(super) header: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) measured: BTreeMap<Metric, Measured>,
    pub(super) progress: Progress,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(args: &'a Evaluate, device: Device, progress: Progress) -> Self {
        Self {
            args,
            device,
            streams: Streams::new(args.seed),
            request: Request::new(&args.metrics),
            header: Vec::new(),
            warnings: Vec::new(),
            measured: BTreeMap::new(),
            progress,
        }
    }

    /// FID's network with these features, unless the command line asks for others; or why there is none.
    pub(super) fn feature_network(&mut self, default: InceptionOutput) -> Result<Result<Inception, String>, Failure> {
        let output = self.args.networks.inception_dims.unwrap_or(default);
        self.network(InceptionVariant::Fid, output, self.args.networks.fid_weights.as_deref())
    }

    pub(super) fn network(
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

    pub(super) fn warn_of_few_images(&mut self, network: &Inception, sides: &[(usize, &str)]) {
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
    pub(super) fn save_statistics(&mut self, features: &Array2<f32>) -> Result<(), Failure> {
        let Some(out) = self.args.save_stats.as_ref().filter(|_| processes::is_first()) else { return Ok(()) };
        let moments = SampleMoments::from_rows(features.view())?;
        atomic::write(out, output::existing(self.args.force), |file| {
            feature_statistics::write(file, moments.mean(), moments.covariance())
        })?;
        Ok(())
    }

    pub(super) fn print(&mut self, sides: &Comparison) -> Result<(), Failure> {
        self.progress.end();
        if self.measured.is_empty() && sides.generated.is_some() {
            return Err(Failure::users(self.request.last_reason()));
        }
        self.warnings.iter().cloned().chain(self.request.notes()).for_each(|line| console::status(&line));
        let in_order = self.request.in_order();
        let measured: Vec<Measured> = in_order.iter().filter_map(|metric| self.measured.get(metric)).cloned().collect();
        if self.args.json {
            let components = sides.baselines.mixture_components();
            measured.iter().for_each(|one| console::print(&one.to_json(components).to_string()));
        } else if !measured.is_empty() {
            self.header.iter().for_each(|line| console::print(line));
            if !sides.baselines.names().is_empty() {
                console::print(&format!("real: {}", sides.real_description));
            }
            if let Some(components) = sides.baselines.mixture_components() {
                let plural = if components == 1 { "" } else { "s" };
                console::print(&format!(
                    "mixture: {components} Gaussian{plural}, the best number for a tenth of the training latents"
                ));
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
pub(super) fn is_of_rows(metric: Metric) -> bool {
    !metric.is_of_inception()
}
