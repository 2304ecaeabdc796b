use nalgebra::DMatrix;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayView3, Axis};
use rand::Rng;
use rand_distr::StandardNormal;

use crate::gaussian::narrow;
use crate::input::{check_columns, check_rows};
use crate::{Error, Set};

/// Rows that are centered and multiplied at once.
const BLOCK: usize = 512;

/// Rounds of k-means at most; it mostly ends by itself.
const ROUNDS: usize = 300;

/// How a [`GaussianMixture`] is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Em {
    /// Components K, at least 1.
    pub components: usize,
    /// What is added to the diagonal of each covariance, in the squared unit of the data, at least 0.
    pub regularization: f64,
    /// The fit ends when the mean log-likelihood of a row changes by less than this, at least 0.
    pub tolerance: f64,
    /// Steps at most, at least 1.
    pub max_iterations: usize,
}

impl Em {
    /// The given number of components and the defaults of scikit-learn: regularization 1e-6, tolerance 1e-3 and at most
    /// 100 steps.
    pub fn new(components: usize) -> Self {
        Self { components, regularization: 1e-6, tolerance: 1e-3, max_iterations: 100 }
    }

    fn check(self) -> Result<(), Error> {
        if self.components == 0 {
            return Err(Error::NoComponents);
        }
        for (setting, value) in [("regularization", self.regularization), ("tolerance", self.tolerance)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::Setting { setting, value });
            }
        }
        if self.max_iterations == 0 { Err(Error::NoIterations) } else { Ok(()) }
    }
}

/// A mixture of K normal laws with full covariances, fitted by expectation maximization: the second baseline, which
/// knows of clusters too.
///
/// Its density is p(x) = Σₖ wₖ N(x; μₖ, Cₖ). With rows xᵢ, i = 1 to n, and responsibilities rᵢₖ, the share of row i that
/// belongs to component k, one step is
///
/// - expectation: rᵢₖ = wₖ N(xᵢ; μₖ, Cₖ) / p(xᵢ), in logarithms;
/// - maximization: nₖ = Σᵢ rᵢₖ, wₖ = nₖ/n, μₖ = 1/nₖ Σᵢ rᵢₖ xᵢ, Cₖ = 1/nₖ Σᵢ rᵢₖ (xᵢ − μₖ)(xᵢ − μₖ)ᵀ + ε I,
///
/// with ε = [`Em::regularization`]. It ends when the mean log-likelihood 1/n Σᵢ ln p(xᵢ), measured in the expectation,
/// has changed by less than [`Em::tolerance`] since the step before. Steps and stopping rule are those of
/// scikit-learn's `GaussianMixture(covariance_type="full")`, and from the same responsibilities both find the same
/// mixture but for rounding.
///
/// EM finds a local maximum that depends on the start; call it with several streams and keep the one of the best
/// [`mean_log_likelihood`](Self::mean_log_likelihood). ε is a variance in the data's own unit: data whose spread is not
/// far above 0.001 want a smaller one.
///
/// Everything is computed in `f64` on one thread. A step costs 2 n K d² multiplications.
///
/// Sources: Dempster, Laird and Rubin 1977, *Maximum Likelihood from Incomplete Data via the EM Algorithm*; Arthur and
/// Vassilvitskii 2007, *k-means++: The Advantages of Careful Seeding*; Lloyd 1982, *Least Squares Quantization in PCM*.
///
/// ```
/// use gtn_metrics::{Em, GaussianMixture};
/// use ndarray::Array2;
/// use rand::{Rng, SeedableRng};
/// use rand_chacha::ChaCha8Rng;
///
/// // Two clusters, one of three quarters of the rows.
/// let stream = ChaCha8Rng::seed_from_u64;
/// let mut rng = stream(1);
/// let real = Array2::from_shape_fn((400, 2), |(i, _)| rng.random::<f32>() + if i % 4 == 0 { 5.0 } else { 0.0 });
/// let mixture = GaussianMixture::fit(real.view(), Em::new(2), stream(2))?;
/// let larger = mixture.weights().fold(0.0_f64, |max, &weight| max.max(weight));
/// assert!(mixture.converged() && (larger - 0.75).abs() < 1e-9);
///
/// let baseline = mixture.sample(1000, stream(3));
/// let between = baseline.column(0).iter().filter(|&&x| x > 2.0 && x < 4.0).count();
/// assert!(between < 10);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianMixture {
    weights: Array1<f64>,
    means: Array2<f64>,
    covariances: Array3<f64>,
    /// For each component the transpose of L with L Lᵀ = C, and that of its inverse.
    factors: Vec<Factor>,
    history: Vec<f64>,
    converged: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Factor {
    transposed: Array2<f64>,
    transposed_inverse: Array2<f64>,
    /// ln det L
    log_determinant: f64,
}

impl GaussianMixture {
    /// The mixture for n × d rows, n ≥ K and d ≥ 1, from a partition by k-means.
    ///
    /// Its K centers are rows: the first is drawn uniformly; for each further one 2 + ⌊ln K⌋ candidates are drawn, with
    /// probabilities proportional to the squared distances of the rows to their nearest centers so far, and the one that
    /// leaves the smallest sum of these is kept (k-means++, in its greedy form). Then each row goes to its nearest
    /// center and each center to the mean of its rows, until no row moves. `rng` is drawn from for the centers alone:
    /// equal streams give equal mixtures.
    ///
    /// # Errors
    ///
    /// [`Error::NoComponents`], [`Error::Setting`], [`Error::NoIterations`] for what `em` cannot be;
    /// [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`], [`Error::TooFewForComponents`];
    /// [`Error::Degenerate`] if a covariance cannot be inverted, which needs a regularization below 1e-16 of the data's
    /// variance.
    pub fn fit(rows: ArrayView2<'_, f32>, em: Em, rng: impl Rng) -> Result<Self, Error> {
        let rows = checked(rows, em)?;
        let labels = k_means(&rows, em.components, rng);
        Self::climb(&rows, em, &labels)
    }

    /// The mixture from a given partition: `labels` has a component from 0 to K − 1 for each row.
    ///
    /// A component without rows starts at the origin with weight and variance near 0, and is lost as a rule.
    ///
    /// # Errors
    ///
    /// Those of [`fit`](Self::fit); [`Error::Labels`] if there are not as many labels as rows, [`Error::Label`] if one
    /// is not below K.
    pub fn fit_from(rows: ArrayView2<'_, f32>, em: Em, labels: &[usize]) -> Result<Self, Error> {
        let rows = checked(rows, em)?;
        if labels.len() != rows.nrows() {
            return Err(Error::Labels { labels: labels.len(), samples: rows.nrows() });
        }
        let components = em.components;
        match labels.iter().position(|&label| label >= components) {
            Some(row) => Err(Error::Label { row, label: labels[row], components }),
            None => Self::climb(&rows, em, labels),
        }
    }

    fn climb(rows: &Array2<f64>, em: Em, labels: &[usize]) -> Result<Self, Error> {
        let mut shares = Array2::zeros((rows.nrows(), em.components));
        for (mut share, &label) in shares.outer_iter_mut().zip(labels) {
            share[label] = 1.0;
        }
        let mut mixture = Self::maximized(rows, &shares, em.regularization)?;
        let (mut history, mut converged) = (Vec::new(), false);
        while !converged && history.len() < em.max_iterations {
            let likelihood = mixture.expectation(rows, &mut shares)?;
            mixture = Self::maximized(rows, &shares, em.regularization)?;
            converged = history.last().is_some_and(|last: &f64| (likelihood - last).abs() < em.tolerance);
            history.push(likelihood);
        }
        Ok(Self { history, converged, ..mixture })
    }

    /// The mixture that is most likely with these shares of the components in each row.
    fn maximized(rows: &Array2<f64>, shares: &Array2<f64>, regularization: f64) -> Result<Self, Error> {
        let ((n, d), components) = (rows.dim(), shares.ncols());
        // As in scikit-learn, so that a component without rows has a mean and a logarithm.
        let sizes = shares.sum_axis(Axis(0)) + 10.0 * f64::EPSILON;
        let mut means = Array2::zeros((components, d));
        let blocks = || rows.axis_chunks_iter(Axis(0), BLOCK).zip(shares.axis_chunks_iter(Axis(0), BLOCK));
        for (rows, shares) in blocks() {
            general_mat_mul(1.0, &shares.t(), &rows, 1.0, &mut means);
        }
        means /= &sizes.view().insert_axis(Axis(1));
        let mut covariances = Array3::zeros((components, d, d));
        for (k, mut covariance) in covariances.outer_iter_mut().enumerate() {
            for (rows, shares) in blocks() {
                let roots = shares.column(k).mapv(f64::sqrt).insert_axis(Axis(1));
                let scaled = (&rows - &means.row(k)) * roots;
                general_mat_mul(1.0, &scaled.t(), &scaled, 1.0, &mut covariance);
            }
            covariance /= sizes[k];
            covariance.diag_mut().mapv_inplace(|variance| variance + regularization);
        }
        let factors = covariances.outer_iter().map(Factor::new).collect::<Result<_, _>>()?;
        // The sizes add up to n and the 10 ε of each component.
        let weights = &sizes / n as f64;
        let weights = &weights / weights.sum();
        Ok(Self { weights, means, covariances, factors, history: Vec::new(), converged: false })
    }

    /// The mean log-likelihood of the rows, and the share of each component in each of them.
    fn expectation(&self, rows: &Array2<f64>, shares: &mut Array2<f64>) -> Result<f64, Error> {
        let half_log_circle = 0.5 * rows.ncols() as f64 * (2.0 * std::f64::consts::PI).ln();
        let mut sum = 0.0;
        for (rows, mut shares) in rows.axis_chunks_iter(Axis(0), BLOCK).zip(shares.axis_chunks_iter_mut(Axis(0), BLOCK))
        {
            for (k, factor) in self.factors.iter().enumerate() {
                let constant = self.weights[k].ln() - factor.log_determinant - half_log_circle;
                let white = (&rows - &self.means.row(k)).dot(&factor.transposed_inverse);
                for (share, row) in shares.column_mut(k).iter_mut().zip(white.outer_iter()) {
                    *share = constant - 0.5 * row.dot(&row);
                }
            }
            for mut logs in shares.outer_iter_mut() {
                let largest = logs.fold(f64::NEG_INFINITY, |max, &log| max.max(log));
                let total = largest + logs.iter().map(|log| (log - largest).exp()).sum::<f64>().ln();
                logs.mapv_inplace(|log| (log - total).exp());
                sum += total;
            }
        }
        let mean = sum / rows.nrows() as f64;
        if mean.is_finite() { Ok(mean) } else { Err(Error::Degenerate) }
    }

    /// The shares wₖ of the components, K numbers that add up to 1.
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

    /// The mean log-likelihood of the fitted rows before each step, in nats. It never falls but by what the
    /// regularization adds and rounding.
    pub fn history(&self) -> &[f64] {
        &self.history
    }

    /// Whether the fit ended because the likelihood had ceased to change, and not for the number of its steps.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// 1/n Σᵢ ln p(xᵢ) for n × d rows, in nats: any finite number. The floor beside that of generated rows is that of
    /// rows held out from the fit; that of the fitted rows themselves is above it.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NotFinite`]; [`Error::ColumnsNeeded`] if the fitted rows had other columns;
    /// [`Error::Degenerate`] if a row is so far from all components that the result overflows.
    pub fn mean_log_likelihood(&self, rows: ArrayView2<'_, f32>) -> Result<f64, Error> {
        check_columns(Set::Only, rows, self.means.ncols())?;
        check_rows(Set::Only, rows)?;
        let mut shares = Array2::zeros((rows.nrows(), self.factors.len()));
        self.expectation(&rows.mapv(f64::from), &mut shares)
    }

    /// `count` independent rows: component k with probability wₖ, then x = μₖ + L z, where z is standard normal and L Lᵀ
    /// the Cholesky decomposition of Cₖ.
    ///
    /// Each row takes one uniform number and d normal ones from `rng`. What is beyond the range of `f32` becomes the
    /// largest number of its sign.
    pub fn sample(&self, count: usize, mut rng: impl Rng) -> Array2<f32> {
        let mut rows = Array2::zeros((count, self.means.ncols()));
        for mut row in rows.outer_iter_mut() {
            let k = draw(self.weights.iter().copied(), &mut rng);
            let normal = Array1::from_shape_simple_fn(row.len(), || rng.sample::<f64, _>(StandardNormal));
            let drawn = normal.dot(&self.factors[k].transposed) + self.means.row(k);
            row.zip_mut_with(&drawn, |x, &drawn| *x = narrow(drawn));
        }
        rows
    }
}

impl Factor {
    fn new(covariance: ArrayView2<'_, f64>) -> Result<Self, Error> {
        let d = covariance.nrows();
        let cholesky = DMatrix::from_fn(d, d, |i, j| covariance[(i, j)]).cholesky().ok_or(Error::Degenerate)?;
        let lower = cholesky.l();
        let inverse = lower.solve_lower_triangular(&DMatrix::identity(d, d)).ok_or(Error::Degenerate)?;
        let transposed = |matrix: &DMatrix<f64>| Array2::from_shape_fn((d, d), |(i, j)| matrix[(j, i)]);
        let log_determinant = lower.diagonal().iter().map(|x| x.ln()).sum();
        Ok(Self { transposed: transposed(&lower), transposed_inverse: transposed(&inverse), log_determinant })
    }
}

fn checked(rows: ArrayView2<'_, f32>, em: Em) -> Result<Array2<f64>, Error> {
    em.check()?;
    check_rows(Set::Only, rows)?;
    if rows.nrows() < em.components {
        return Err(Error::TooFewForComponents { samples: rows.nrows(), components: em.components });
    }
    Ok(rows.mapv(f64::from))
}

/// An index with a probability proportional to its weight; uniform if all weights are 0.
fn draw(weights: impl ExactSizeIterator<Item = f64> + Clone, rng: &mut impl Rng) -> usize {
    let total: f64 = weights.clone().sum();
    let (share, last) = (rng.random::<f64>(), weights.len() - 1);
    if total == 0.0 {
        return ((share * weights.len() as f64) as usize).min(last);
    }
    let mut left = share * total;
    let passed = |weight: f64| {
        left -= weight;
        left < 0.0
    };
    // Rounding may leave something of the last one.
    weights
        .clone()
        .position(passed)
        .unwrap_or_else(|| weights.enumerate().fold(0, |k, (i, w)| if w > 0.0 { i } else { k }))
}

/// The component of each row, for at least as many rows as components.
fn k_means(rows: &Array2<f64>, components: usize, mut rng: impl Rng) -> Vec<usize> {
    let mut centers = Array2::zeros((components, rows.ncols()));
    let mut nearest = vec![f64::INFINITY; rows.nrows()];
    for k in 0..components {
        // Before the first center all rows are alike.
        let candidates = if k == 0 { 1 } else { 2 + (components as f64).ln() as usize };
        let mut best = f64::INFINITY;
        let before = nearest.clone();
        for _ in 0..candidates {
            let chosen = draw(before.iter().map(|&square| if k == 0 { 0.0 } else { square }), &mut rng);
            let center = rows.row(chosen);
            let after = before.iter().zip(rows.outer_iter()).map(|(&old, row)| old.min(square(row, center)));
            let after: Vec<f64> = after.collect();
            let left = after.iter().sum();
            if left < best {
                centers.row_mut(k).assign(&center);
                (best, nearest) = (left, after);
            }
        }
    }
    let mut labels = vec![usize::MAX; rows.nrows()];
    for _ in 0..ROUNDS {
        let mut moved = false;
        for (label, row) in labels.iter_mut().zip(rows.outer_iter()) {
            let mut best = (0, f64::INFINITY);
            for (k, center) in centers.outer_iter().enumerate() {
                let square = square(row, center);
                if square < best.1 {
                    best = (k, square);
                }
            }
            moved |= *label != best.0;
            *label = best.0;
        }
        if !moved {
            break;
        }
        let (mut sums, mut sizes) = (Array2::<f64>::zeros(centers.dim()), vec![0_u32; components]);
        for (&label, row) in labels.iter().zip(rows.outer_iter()) {
            sums.row_mut(label).zip_mut_with(&row, |sum, x| *sum += x);
            sizes[label] += 1;
        }
        for ((mut center, sum), &size) in centers.outer_iter_mut().zip(sums.outer_iter()).zip(&sizes) {
            // A center without rows stays where it is.
            if size > 0 {
                center.assign(&(&sum / f64::from(size)));
            }
        }
    }
    labels
}

fn square(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}
