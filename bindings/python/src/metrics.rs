//! Metrics on rows. Random numbers are those of the program for the same seed.

use gtn_metrics::{EstimatedDimension, Neighborhoods, Subsets};
use gtn_models::{Streams, purpose};
use numpy::PyReadonlyArray2;
use pyo3::marker::Ungil;
use pyo3::prelude::*;

use crate::errors;
use crate::threads::detached;

type Rows<'py> = PyReadonlyArray2<'py, f32>;

/// Measures without the lock of Python.
fn measured<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, gtn_metrics::Error> + Ungil) -> PyResult<T> {
    detached(py, work)?.map_err(|error| errors::of_metrics(&error))
}

#[pyfunction]
pub(crate) fn frechet_distance(py: Python<'_>, real: Rows<'_>, generated: Rows<'_>) -> PyResult<f64> {
    let (x, y) = (real.as_array(), generated.as_array());
    measured(py, || gtn_metrics::frechet_distance(x, y))
}

#[pyfunction]
pub(crate) fn energy_distance(py: Python<'_>, real: Rows<'_>, generated: Rows<'_>) -> PyResult<f64> {
    let (x, y) = (real.as_array(), generated.as_array());
    measured(py, || gtn_metrics::energy_distance(x, y))
}

#[pyfunction]
pub(crate) fn sliced_wasserstein(
    py: Python<'_>,
    real: Rows<'_>,
    generated: Rows<'_>,
    projections: usize,
    seed: u64,
) -> PyResult<f64> {
    let (x, y) = (real.as_array(), generated.as_array());
    let mut stream = Streams::new(seed).stream(purpose::EVALUATE_DIRECTIONS, 0);
    measured(py, || gtn_metrics::sliced_wasserstein(x, y, projections, &mut stream))
}

/// The mean and the standard deviation over subsets, given by their size and their number.
#[pyfunction]
pub(crate) fn kernel_distance(
    py: Python<'_>,
    real: Rows<'_>,
    generated: Rows<'_>,
    subsets: (usize, usize),
    seed: u64,
) -> PyResult<(f64, f64)> {
    let (x, y) = (real.as_array(), generated.as_array());
    let mut stream = Streams::new(seed).stream(purpose::EVALUATE_SUBSETS, 0);
    let subsets = Subsets { size: subsets.0, count: subsets.1 };
    measured(py, || gtn_metrics::kernel_distance(x, y, subsets, &mut stream)).map(|found| (found.mean, found.std))
}

/// Precision and recall.
#[pyfunction]
pub(crate) fn precision_recall(py: Python<'_>, real: Rows<'_>, generated: Rows<'_>, k: usize) -> PyResult<(f64, f64)> {
    let (x, y) = (real.as_array(), generated.as_array());
    measured(py, || gtn_metrics::precision_recall(x, y, k)).map(|found| (found.precision, found.recall))
}

/// Density and coverage.
#[pyfunction]
pub(crate) fn density_coverage(py: Python<'_>, real: Rows<'_>, generated: Rows<'_>, k: usize) -> PyResult<(f64, f64)> {
    let (x, y) = (real.as_array(), generated.as_array());
    measured(py, || gtn_metrics::density_coverage(x, y, k)).map(|found| (found.density, found.coverage))
}

#[pyfunction]
pub(crate) fn variance_kept(py: Python<'_>, real: Rows<'_>, generated: Rows<'_>) -> PyResult<f64> {
    let (x, y) = (real.as_array(), generated.as_array());
    measured(py, || gtn_metrics::variance_kept(x, y))
}

/// The ratio of median distances, the probability to be closer, and the fraction of near copies.
#[pyfunction]
pub(crate) fn memorization(
    py: Python<'_>,
    training: Rows<'_>,
    held_out: Rows<'_>,
    generated: Rows<'_>,
) -> PyResult<(f64, f64, f64)> {
    let (training, held_out, generated) = (training.as_array(), held_out.as_array(), generated.as_array());
    measured(py, || gtn_metrics::memorization(training, held_out, generated))
        .map(|found| (found.median_distance_ratio, found.closer_probability, found.near_copy_fraction))
}

/// An estimate: its name, its value, and the ends of its interval.
type Estimate = (&'static str, f64, f64, f64);

/// The estimates of `gtn dimension`, in its order, with intervals of the confidence 0.95.
#[pyfunction]
pub(crate) fn dimension(
    py: Python<'_>,
    rows: Rows<'_>,
    neighbors: usize,
    pca_neighbors: usize,
    queries: usize,
    seed: u64,
) -> PyResult<Vec<Estimate>> {
    let rows = rows.as_array();
    let estimated = || -> Result<Vec<Estimate>, gtn_metrics::Error> {
        let found = Neighborhoods::find(rows, neighbors.max(pca_neighbors).max(2), queries)?;
        let mut rng = Streams::new(seed).stream(purpose::DIMENSION_BOOTSTRAP, 0);
        let estimates = found.all_estimates(neighbors, pca_neighbors, &mut rng)?;
        let as_tuple = |found: EstimatedDimension| {
            let (low, high) = found.interval;
            (found.estimator.name(), found.value, low, high)
        };
        Ok(estimates.into_iter().map(as_tuple).collect())
    };
    measured(py, estimated)
}
