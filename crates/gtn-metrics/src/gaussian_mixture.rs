use nalgebra::DMatrix;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayView3, ArrayViewMut1, ArrayViewMut2, Axis, s};
use rand::Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use crate::gaussian::clamp_to_f32;
use crate::input_checks::{check_columns, check_counts, check_rows};
use crate::k_means::{draw_index, k_means};
use crate::{Error, SampleSet};

/// Maximum number of k-means iterations. k-means usually converges earlier.
const MAX_KMEANS_ITERATIONS: usize = 300;

/// Rows centered and multiplied at once.
const BLOCK_ROWS: usize = 512;

/// Settings for [`GaussianMixture::fit`].
///
/// ```
/// use gtn_metrics::GaussianMixtureParams;
///
/// let params = GaussianMixtureParams::new(10).with_tolerance(1e-4).with_max_iterations(500);
/// assert_eq!((params.n_components, params.regularization), (10, 1e-6));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GaussianMixtureParams {
    /// Number of components K, at least 1.
    pub n_components: usize,
    /// Value added to the diagonal of each covariance (scikit-learn's `reg_covar`), in the squared unit of the data. At
    /// least 0.
    pub regularization: f64,
    /// The fit stops when the mean log-likelihood per row changes by less than this (scikit-learn's `tol`). At least 0.
    pub tolerance: f64,
    /// Maximum number of EM iterations (scikit-learn's `max_iter`), at least 1.
    pub max_iterations: usize,
}

impl GaussianMixtureParams {
    /// The given number of components with scikit-learn's defaults: regularization 1e-6, tolerance 1e-3 and at most 100
    /// iterations.
    pub fn new(n_components: usize) -> Self {
        Self { n_components, regularization: 1e-6, tolerance: 1e-3, max_iterations: 100 }
    }

    /// Sets [`regularization`](Self::regularization).
    #[must_use]
    pub fn with_regularization(self, regularization: f64) -> Self {
        Self { regularization, ..self }
    }

    /// Sets [`tolerance`](Self::tolerance).
    #[must_use]
    pub fn with_tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// Sets [`max_iterations`](Self::max_iterations).
    #[must_use]
    pub fn with_max_iterations(self, max_iterations: usize) -> Self {
        Self { max_iterations, ..self }
    }

    /// Checks all settings, as [`GaussianMixture::fit`] does.
    ///
    /// # Errors
    ///
    /// [`Error::ZeroSetting`] or [`Error::InvalidSetting`], with the name of the setting.
    pub fn check(self) -> Result<(), Error> {
        check_counts([
            ("number of components", self.n_components),
            ("maximum number of iterations", self.max_iterations),
        ])?;
        for (setting, value) in [("regularization", self.regularization), ("tolerance", self.tolerance)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::InvalidSetting { setting, value });
            }
        }
        Ok(())
    }
}

/// A mixture of K normal distributions with full covariances, fitted by expectation maximization (EM): a baseline
/// generator that also reproduces clusters.
///
/// It works like scikit-learn's `GaussianMixture(covariance_type="full")`.
///
/// ```
/// use gtn_metrics::{GaussianMixture, GaussianMixtureParams};
/// use ndarray::Array2;
/// use rand::{Rng, SeedableRng};
/// use rand_chacha::ChaCha8Rng;
///
/// // Two clusters. One has three quarters of the rows.
/// let seeded = ChaCha8Rng::seed_from_u64;
/// let mut rng = seeded(1);
/// let real = Array2::from_shape_fn((400, 2), |(i, _)| rng.random::<f32>() + if i % 4 == 0 { 5.0 } else { 0.0 });
/// let mixture = GaussianMixture::fit(real.view(), GaussianMixtureParams::new(2), &mut seeded(2))?;
/// let larger = mixture.weights().fold(0.0_f64, |max, &weight| max.max(weight));
/// assert!(mixture.converged() && (larger - 0.75).abs() < 1e-9);
///
/// let baseline = mixture.sample(1000, &mut seeded(3));
/// let between = baseline.column(0).iter().filter(|&&x| x > 2.0 && x < 4.0).count();
/// assert!(between < 10);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
///
/// The density is p(x) = Σₖ wₖ N(x; μₖ, Cₖ). Let xᵢ be the rows, i = 1 to n, and let the responsibility rᵢₖ be the
/// fraction of row i that belongs to component k. One iteration is
///
/// - expectation: rᵢₖ = wₖ N(xᵢ; μₖ, Cₖ) / p(xᵢ), computed in logarithms;
/// - maximization: nₖ = Σᵢ rᵢₖ, wₖ = nₖ/n, μₖ = 1/nₖ Σᵢ rᵢₖ xᵢ, Cₖ = 1/nₖ Σᵢ rᵢₖ (xᵢ − μₖ)(xᵢ − μₖ)ᵀ + ε I,
///
/// where ε is the [`regularization`](GaussianMixtureParams::regularization). The fit stops when the mean log-likelihood
/// 1/n Σᵢ ln p(xᵢ), computed in the expectation step, has changed by less than the
/// [`tolerance`](GaussianMixtureParams::tolerance) since the last iteration. Iterations and stopping rule are those of
/// scikit-learn. From the same responsibilities, both find the same mixture up to rounding.
///
/// EM finds a local maximum that depends on the initialization. For a better fit, try several seeds and keep the
/// mixture with the best [`mean_log_likelihood`](Self::mean_log_likelihood). ε is a variance in the squared unit of the
/// data: use a smaller one if the standard deviation of the data is not far above 0.001.
///
/// Everything is computed in `f64`, on the threads of the current rayon pool. Each sum is computed by one thread, so the
/// number of threads changes no bit. An iteration costs 2 n K d² multiplications.
///
/// Sources: Dempster, Laird and Rubin 1977, *Maximum Likelihood from Incomplete Data via the EM Algorithm*; Arthur and
/// Vassilvitskii 2007, *k-means++: The Advantages of Careful Seeding*; Lloyd 1982, *Least Squares Quantization in PCM*.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianMixture {
    weights: Array1<f64>,
    means: Array2<f64>,
    covariances: Array3<f64>,
    factors: Vec<CholeskyFactor>,
    log_likelihood_history: Vec<f64>,
    converged: bool,
}

/// The Cholesky factor L of a covariance C: L Lᵀ = C.
#[derive(Debug, Clone, PartialEq)]
struct CholeskyFactor {
    /// Lᵀ
    transposed: Array2<f64>,
    /// (L⁻¹)ᵀ
    transposed_inverse: Array2<f64>,
    /// ln det L
    log_determinant: f64,
}

impl GaussianMixture {
    /// Fits a mixture to n × d rows, n ≥ K and d ≥ 1, initialized by k-means.
    ///
    /// The K initial centers are rows, chosen by greedy k-means++. The first center is drawn uniformly. For each of the
    /// others, 2 + ⌊ln K⌋ candidates are drawn with probabilities proportional to the squared distances of the rows to
    /// their nearest center so far, and the candidate with the smallest sum of the resulting squared distances is kept.
    /// Then each row is assigned to its nearest center and each center moves to the mean of its rows, until no
    /// assignment changes. `rng` is used only for the centers: the same seed gives the same mixture.
    ///
    /// # Errors
    ///
    /// The errors of [`GaussianMixtureParams::check`];
    /// [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`], [`Error::TooFewSamplesForComponents`];
    /// [`Error::SingularCovariance`] if a covariance cannot be inverted, which happens only if the regularization is
    /// below 1e-16 of the variance of the data.
    pub fn fit(rows: ArrayView2<'_, f32>, params: GaussianMixtureParams, rng: &mut impl Rng) -> Result<Self, Error> {
        let rows = check_input(rows, params)?;
        Self::fit_until(&rows, params, MAX_KMEANS_ITERATIONS, rng, &|| false)
    }

    /// [`fit`](Self::fit) of rows that were checked, until `stop` returns true, which is an error.
    pub(crate) fn fit_until(
        rows: &Array2<f64>,
        params: GaussianMixtureParams,
        k_means_iterations: usize,
        rng: &mut impl Rng,
        stop: &dyn Fn() -> bool,
    ) -> Result<Self, Error> {
        let labels = k_means(rows, params.n_components, k_means_iterations, rng, stop).ok_or(Error::Stopped)?;
        Self::from_partition(rows, params, &labels)?.run_em(rows, params, stop)
    }

    /// Fits a mixture from a given initial partition, for example that of another k-means program. `labels` contains a
    /// component from 0 to K − 1 for each row.
    ///
    /// A component without rows starts at the origin with weight and variance near 0, and usually stays empty.
    ///
    /// # Errors
    ///
    /// Those of [`fit`](Self::fit); [`Error::LabelCount`] if the number of labels differs from the number of rows;
    /// [`Error::LabelOutOfRange`] if a label is not below K.
    pub fn fit_from_labels(
        rows: ArrayView2<'_, f32>,
        params: GaussianMixtureParams,
        labels: &[usize],
    ) -> Result<Self, Error> {
        let rows = check_input(rows, params)?;
        if labels.len() != rows.nrows() {
            return Err(Error::LabelCount { labels: labels.len(), samples: rows.nrows() });
        }
        let components = params.n_components;
        match labels.iter().position(|&label| label >= components) {
            Some(row) => Err(Error::LabelOutOfRange { row, label: labels[row], components }),
            None => Self::from_partition(&rows, params, labels)?.run_em(&rows, params, &|| false),
        }
    }

    /// The mixture before the first iteration, in which each row belongs to one component.
    fn from_partition(rows: &Array2<f64>, params: GaussianMixtureParams, labels: &[usize]) -> Result<Self, Error> {
        let mut responsibilities = Array2::zeros((rows.nrows(), params.n_components));
        for (mut row, &label) in responsibilities.outer_iter_mut().zip(labels) {
            row[label] = 1.0;
        }
        Self::maximization_step(rows, &responsibilities, params.regularization)
    }

    /// Iterates from this mixture until it has converged, or until `stop` returns true, which is an error.
    pub(crate) fn run_em(
        self,
        rows: &Array2<f64>,
        params: GaussianMixtureParams,
        stop: &dyn Fn() -> bool,
    ) -> Result<Self, Error> {
        let mut responsibilities = Array2::zeros((rows.nrows(), self.factors.len()));
        let (mut mixture, mut log_likelihood_history, mut converged) = (self, Vec::new(), false);
        while !converged && log_likelihood_history.len() < params.max_iterations {
            if stop() {
                return Err(Error::Stopped);
            }
            let likelihood = mean(&mixture.expectation_step(rows, &mut responsibilities)?);
            mixture = Self::maximization_step(rows, &responsibilities, params.regularization)?;
            converged =
                log_likelihood_history.last().is_some_and(|last: &f64| (likelihood - last).abs() < params.tolerance);
            log_likelihood_history.push(likelihood);
        }
        Ok(Self { log_likelihood_history, converged, ..mixture })
    }

    /// The mixture with the maximum likelihood for these responsibilities.
    fn maximization_step(
        rows: &Array2<f64>,
        responsibilities: &Array2<f64>,
        regularization: f64,
    ) -> Result<Self, Error> {
        let ((n, d), components) = (rows.dim(), responsibilities.ncols());
        // As in scikit-learn: a component without rows still has a mean and a log weight.
        let sizes = responsibilities.sum_axis(Axis(0)) + 10.0 * f64::EPSILON;
        let mut means = Array2::zeros((components, d));
        let blocks =
            || rows.axis_chunks_iter(Axis(0), BLOCK_ROWS).zip(responsibilities.axis_chunks_iter(Axis(0), BLOCK_ROWS));
        for (rows, responsibilities) in blocks() {
            general_mat_mul(1.0, &responsibilities.t(), &rows, 1.0, &mut means);
        }
        means /= &sizes.view().insert_axis(Axis(1));
        let mut covariances = Array3::zeros((components, d, d));
        let each: Vec<_> = covariances.outer_iter_mut().enumerate().collect();
        each.into_par_iter().for_each(|(k, mut covariance)| {
            let mut scaled = Array2::zeros((BLOCK_ROWS, d));
            for (rows, responsibilities) in blocks() {
                let mut scaled = scaled.slice_mut(s![..rows.nrows(), ..]);
                center(rows, means.row(k), &mut scaled);
                for (mut row, &responsibility) in scaled.outer_iter_mut().zip(responsibilities.column(k)) {
                    let root = responsibility.sqrt();
                    slice_mut(&mut row).iter_mut().for_each(|x| *x *= root);
                }
                general_mat_mul(1.0, &scaled.t(), &scaled, 1.0, &mut covariance);
            }
            covariance /= sizes[k];
            covariance.diag_mut().mapv_inplace(|variance| variance + regularization);
        });
        let factors = covariances.outer_iter().map(CholeskyFactor::new).collect::<Result<_, _>>()?;
        // The sizes sum to n plus 10 ε for each component.
        let weights = &sizes / n as f64;
        let weights = &weights / weights.sum();
        Ok(Self { weights, means, covariances, factors, log_likelihood_history: Vec::new(), converged: false })
    }

    /// Returns the log-likelihood of each row, and writes the responsibilities.
    pub(crate) fn expectation_step(
        &self,
        rows: &Array2<f64>,
        responsibilities: &mut Array2<f64>,
    ) -> Result<Vec<f64>, Error> {
        let half_d_log_2pi = 0.5 * rows.ncols() as f64 * (2.0 * std::f64::consts::PI).ln();
        let mut log_likelihoods = vec![0.0; rows.nrows()];
        let blocks = rows.axis_chunks_iter(Axis(0), BLOCK_ROWS).zip(log_likelihoods.chunks_mut(BLOCK_ROWS));
        let blocks: Vec<_> = blocks.zip(responsibilities.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS)).collect();
        blocks.into_par_iter().for_each(|((rows, log_likelihoods), mut responsibilities)| {
            let mut centered = Array2::zeros(rows.dim());
            let mut whitened = Array2::zeros(rows.dim());
            for (k, factor) in self.factors.iter().enumerate() {
                let constant = self.weights[k].ln() - factor.log_determinant - half_d_log_2pi;
                center(rows, self.means.row(k), &mut centered.view_mut());
                general_mat_mul(1.0, &centered, &factor.transposed_inverse, 0.0, &mut whitened);
                for (log, row) in responsibilities.column_mut(k).iter_mut().zip(whitened.outer_iter()) {
                    *log = constant - 0.5 * row.dot(&row);
                }
            }
            for (mut logs, log_likelihood) in responsibilities.outer_iter_mut().zip(log_likelihoods) {
                let logs = slice_mut(&mut logs);
                let largest = logs.iter().fold(f64::NEG_INFINITY, |max, &log| max.max(log));
                let total = largest + logs.iter().map(|log| (log - largest).exp()).sum::<f64>().ln();
                logs.iter_mut().for_each(|log| *log = (*log - total).exp());
                *log_likelihood = total;
            }
        });
        if mean(&log_likelihoods).is_finite() { Ok(log_likelihoods) } else { Err(Error::SingularCovariance) }
    }

    /// The weights wₖ of the components: K values that sum to 1.
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.weights.view()
    }

    /// The means μₖ, K × d.
    pub fn means(&self) -> ArrayView2<'_, f64> {
        self.means.view()
    }

    /// The covariances Cₖ, K × d × d, regularized.
    pub fn covariances(&self) -> ArrayView3<'_, f64> {
        self.covariances.view()
    }

    /// The mean log-likelihood of the fitted rows before each iteration, in nats. Only the regularization and rounding
    /// can make it decrease.
    pub fn log_likelihood_history(&self) -> &[f64] {
        &self.log_likelihood_history
    }

    /// Whether the fit stopped because the log-likelihood had converged, and not because of the maximum number of
    /// iterations.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// The mean log-likelihood 1/n Σᵢ ln p(xᵢ) of n × d rows, in nats. It can be any finite number.
    ///
    /// If you evaluate generated rows, the noise floor is the value for rows held out from the fit. The value for the
    /// fitted rows themselves is higher.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NotFinite`]; [`Error::WrongColumnCount`] if the number of columns differs from the
    /// fitted rows; [`Error::SingularCovariance`] if a row is so far from all components that the result overflows.
    pub fn mean_log_likelihood(&self, rows: ArrayView2<'_, f32>) -> Result<f64, Error> {
        Ok(mean(&self.log_likelihoods(rows)?.0))
    }

    /// The component of each of n × d rows: that with the highest responsibility, and the first of them if several have
    /// it.
    ///
    /// # Errors
    ///
    /// As [`mean_log_likelihood`](Self::mean_log_likelihood).
    pub fn assign(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<usize>, Error> {
        let (_, responsibilities) = self.log_likelihoods(rows)?;
        let largest = |row: ArrayView1<'_, f64>| {
            let first = (0, f64::NEG_INFINITY);
            row.iter().enumerate().fold(first, |best, (k, &value)| if value > best.1 { (k, value) } else { best }).0
        };
        Ok(responsibilities.outer_iter().map(largest).collect())
    }

    /// The log-likelihood and the responsibilities of each row.
    pub(crate) fn log_likelihoods(&self, rows: ArrayView2<'_, f32>) -> Result<(Vec<f64>, Array2<f64>), Error> {
        check_columns(SampleSet::Single, rows, self.means.ncols())?;
        check_rows(SampleSet::Single, rows)?;
        let mut responsibilities = Array2::zeros((rows.nrows(), self.factors.len()));
        let log_likelihoods = self.expectation_step(&to_f64(rows), &mut responsibilities)?;
        Ok((log_likelihoods, responsibilities))
    }

    /// Draws `count` independent rows: component k with probability wₖ, then x = μₖ + L z, where z is standard normal
    /// and L Lᵀ is the Cholesky decomposition of Cₖ.
    ///
    /// For each row, `rng` supplies one uniform value and d normal values. Values outside the range of `f32` are
    /// clamped to it.
    pub fn sample(&self, count: usize, rng: &mut impl Rng) -> Array2<f32> {
        let mut rows = Array2::zeros((count, self.means.ncols()));
        for mut row in rows.outer_iter_mut() {
            let k = draw_index(self.weights.iter().copied(), rng);
            let normal = Array1::from_shape_simple_fn(row.len(), || rng.sample::<f64, _>(StandardNormal));
            let sample = normal.dot(&self.factors[k].transposed) + self.means.row(k);
            row.zip_mut_with(&sample, |x, &value| *x = clamp_to_f32(value));
        }
        rows
    }
}

impl CholeskyFactor {
    fn new(covariance: ArrayView2<'_, f64>) -> Result<Self, Error> {
        let d = covariance.nrows();
        let cholesky = DMatrix::from_fn(d, d, |i, j| covariance[(i, j)]).cholesky().ok_or(Error::SingularCovariance)?;
        let lower = cholesky.l();
        let inverse = lower.solve_lower_triangular(&DMatrix::identity(d, d)).ok_or(Error::SingularCovariance)?;
        let transposed = |matrix: &DMatrix<f64>| Array2::from_shape_fn((d, d), |(i, j)| matrix[(j, i)]);
        let log_determinant = lower.diagonal().iter().map(|x| x.ln()).sum();
        Ok(Self { transposed: transposed(&lower), transposed_inverse: transposed(&inverse), log_determinant })
    }
}

/// Writes rows minus a mean. Both are in row-major order, as all arrays here: slices are several times faster than arrays
/// if there are few columns.
fn center(rows: ArrayView2<'_, f64>, mean: ArrayView1<'_, f64>, centered: &mut ArrayViewMut2<'_, f64>) {
    let (rows, mean) = (rows.to_slice().expect("contiguous rows"), mean.to_slice().expect("contiguous means"));
    let centered = centered.as_slice_mut().expect("contiguous buffer");
    for (centered, row) in centered.chunks_exact_mut(mean.len()).zip(rows.chunks_exact(mean.len())) {
        centered.iter_mut().zip(row.iter().zip(mean)).for_each(|(centered, (x, mean))| *centered = x - mean);
    }
}

fn slice_mut<'a>(row: &'a mut ArrayViewMut1<'_, f64>) -> &'a mut [f64] {
    row.as_slice_mut().expect("a row in row-major order")
}

fn mean(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value) / values.len() as f64
}

fn check_input(rows: ArrayView2<'_, f32>, params: GaussianMixtureParams) -> Result<Array2<f64>, Error> {
    params.check()?;
    check_rows(SampleSet::Single, rows)?;
    if rows.nrows() < params.n_components {
        return Err(Error::TooFewSamplesForComponents { samples: rows.nrows(), components: params.n_components });
    }
    Ok(to_f64(rows))
}

/// The rows in row-major order.
pub(crate) fn to_f64(rows: ArrayView2<'_, f32>) -> Array2<f64> {
    rows.mapv(f64::from).as_standard_layout().into_owned()
}
