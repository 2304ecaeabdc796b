//! FID with mean and covariance on at least one side.

use std::collections::BTreeMap;

use gtn_metrics::SampleMoments;
use gtn_models::InceptionOutput;
use gtn_run::schema::Metric;

use super::evaluation::Evaluation;
use super::feature_metrics::{self, FeaturesOrMoments};
use super::halves::Halves;
use super::inception::Inception;
use crate::args::METRICS;
use crate::failure::Failure;

impl Evaluation<'_> {
    /// FID alone: mean and covariance on at least one side.
    pub(super) fn compare_moments(
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
    pub(super) fn refuse_all_but_fid(&mut self) -> Result<(), Failure> {
        let others: Vec<Metric> = METRICS.into_iter().filter(|&metric| metric != Metric::Fid).collect();
        self.request.refuse(&others, "mean and covariance are enough for fid alone; pass samples on both sides")
    }

    /// The network whose features have the mean in a file.
    pub(super) fn network_for(&mut self, moments: &SampleMoments) -> Result<Inception, Failure> {
        let dims = moments.mean().len();
        let fitting = dims.to_string().parse().ok().filter(|&output| output != InceptionOutput::Logits);
        let Some(output) = fitting else {
            return Err(Failure::users(format!(
                "the mean has {dims} values, and Inception has 64, 192, 768 or 2048 features; pass statistics of its features"
            )));
        };
        if let Some(wanted) = self.args.networks.inception_dims.filter(|&wanted| wanted != output) {
            return Err(Failure::users(format!(
                "--inception-dims {wanted} does not fit the mean in the file, which has {dims} values; leave out the option"
            )));
        }
        let network = self.feature_network(output)?.map_err(Failure::users)?;
        self.header.push(format!("features: {}", network.describe()));
        Ok(network)
    }
}
