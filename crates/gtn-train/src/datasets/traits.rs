use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use gtn_run::MetricRecord;
use gtn_run::schema::Metric;
use ndarray::{Array2, ArrayView1, Axis};
use rand::RngCore;

use super::image_data::ImageData;
use super::reader::Reader;
use crate::Result;

/// A data set of images.
pub(crate) trait ImageDataset {
    /// Reads the images, and splits them.
    fn read(&self, reader: &mut Reader<'_>) -> Result<ImageData>;

    /// Images of a snapshot, and of each grid in the report.
    fn grid_size(&self) -> usize {
        100
    }

    /// The filters of the data set, if it has any.
    fn filters(&self) -> Option<&dyn Filters> {
        None
    }
}

/// Filters by the attributes of images.
pub(crate) trait Filters {
    /// The names of the images that pass a filter; `None` if it is empty, so that all images pass.
    fn passing(&self, filter: &str, data_dir: &Path) -> Result<Option<HashSet<String>>>;
}

/// Points from a known distribution.
pub(crate) trait PointDataset {
    /// `n` points, one per row.
    fn draw(&self, n: usize, rng: &mut dyn RngCore) -> Array2<f32>;

    /// The points in the plane, in which some metrics compare them.
    fn to_plane(&self, points: &Array2<f32>) -> Array2<f32> {
        points.clone()
    }

    /// h of Theorem 2.1, if it is known: from N(0, 1), which ĥ approximates.
    fn exact_h(&self) -> Option<fn(f64) -> f64> {
        None
    }

    /// Whether [`metrics`](Self::metrics) compares with what ĥ generated after its first epoch.
    fn compares_first_epoch(&self) -> bool {
        false
    }

    /// The component of the distribution that a point belongs to, if it has separate components; `None` for a point between them.
    fn component_of(&self, _point: ArrayView1<'_, f32>) -> Option<u32> {
        None
    }

    /// Metrics that the known distribution allows.
    fn metrics(&self, samples: &PointSamples) -> Result<Vec<MetricRecord>>;
}

/// Generated points and two independent sets of real ones. Generated points are compared with the first real set; the second
/// one, in their place, gives the noise floor.
pub(crate) struct PointSamples {
    /// The normal vectors of the generated points.
    pub(crate) source: Array2<f32>,
    pub(crate) generated: Array2<f32>,
    pub(crate) real: Array2<f32>,
    pub(crate) more_real: Array2<f32>,
    /// What ĥ generated after its first epoch, if it is needed.
    pub(crate) first_epoch: Option<Array2<f32>>,
}

/// The record of a metric of generated points, with its noise floor if it has one.
pub(crate) fn record(metric: Metric, value: f64, floor: Option<f64>, samples: usize) -> MetricRecord {
    debug_assert_eq!(metric.has_noise_floor(), floor.is_some());
    MetricRecord { metric, value, floor, baselines: BTreeMap::new(), samples }
}

impl PointSamples {
    /// A metric of the generated points, with that of the real ones as its noise floor.
    pub(super) fn measure(
        &self,
        metric: Metric,
        measure: impl Fn(&Array2<f32>) -> Result<f64>,
    ) -> Result<MetricRecord> {
        let (value, floor) = (measure(&self.generated)?, Some(measure(&self.more_real)?));
        Ok(record(metric, value, floor, self.generated.nrows()))
    }
}

pub(super) fn to_f64(column: ArrayView1<'_, f32>) -> Vec<f64> {
    column.iter().map(|&value| f64::from(value)).collect()
}

/// The fraction of the rows for which the condition is true.
pub(super) fn fraction(rows: &Array2<f32>, condition: impl Fn(ArrayView1<'_, f32>) -> bool) -> f64 {
    rows.axis_iter(Axis(0)).filter(|row| condition(row.view())).count() as f64 / rows.nrows().max(1) as f64
}
