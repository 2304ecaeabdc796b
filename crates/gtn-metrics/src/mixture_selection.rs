use ndarray::{ArrayView2, Axis};
use rand::Rng;
use rand::seq::index;

use crate::gaussian_mixture::to_f64;
use crate::input_checks::{check_counts, check_rows};
use crate::{Error, GaussianMixture, GaussianMixtureParams, SampleSet};

/// One row of this many is held out.
const HELD_OUT_EVERY: usize = 10;
/// A number of components needs on average so many fitted rows for each column of each component.
const ROWS_PER_COLUMN: usize = 2;
/// Maximum number of k-means iterations. With many components, k-means could take longer than EM, which refines its result.
const MAX_KMEANS_ITERATIONS: usize = 30;
/// The search ends when the held-out log-likelihood is below the best by more than this many standard errors.
const MARGIN_IN_STANDARD_ERRORS: f64 = 2.0;

/// The mixture that [`GaussianMixture::fit_best`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureSelection {
    /// The mixture with the best number of components, fitted to all rows.
    pub mixture: GaussianMixture,
    /// The numbers of components that were tried, in increasing order.
    pub candidates: Vec<MixtureCandidate>,
}

/// A number of components that [`GaussianMixture::fit_best`] tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixtureCandidate {
    /// Number of components.
    pub components: usize,
    /// Mean log-likelihood of the held-out rows, in nats.
    pub held_out_log_likelihood: f64,
}

impl GaussianMixture {
    /// Fits mixtures with each of the `counts` of components, and returns that with the highest likelihood of rows held
    /// out from the fit.
    ///
    /// `rng` first draws a tenth of the n × d rows, rounded to the nearest number and at least one, which is held out.
    /// The counts are tried in increasing order, each fitted to the other rows as by [`fit`](Self::fit), but with at
    /// most 30 iterations of k-means, and with `params`, whose number of components is ignored. The mixture with the
    /// highest mean log-likelihood of the held-out rows is chosen, the first if several have it. EM then continues from
    /// it on all rows, until it converges again.
    ///
    /// Not every count is tried:
    ///
    /// - A count is left out if the fit has fewer than 2 d rows for each component, because a covariance of d columns
    ///   needs more than d rows. If that leaves out all counts, only the smallest is tried.
    /// - The search ends after a count whose mean log-likelihood of the held-out rows is below the best so far by more
    ///   than two standard errors of the mean difference of their rows.
    /// - The search also ends, without an error, before a count whose covariances turn out to be singular, unless it is
    ///   the first.
    ///
    /// `stop` is called between iterations. If it returns true, the result is [`Error::Stopped`].
    ///
    /// ```
    /// use gtn_metrics::{GaussianMixture, GaussianMixtureParams};
    /// use ndarray::Array2;
    /// use rand::{Rng, SeedableRng};
    /// use rand_chacha::ChaCha8Rng;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// // Three squares in a row.
    /// let rows = Array2::from_shape_fn((600, 2), |(i, k)| rng.random::<f32>() + if k == 0 { (i % 3 * 4) as f32 } else { 0.0 });
    /// let params = GaussianMixtureParams::new(1);
    /// let best = GaussianMixture::fit_best(rows.view(), &[1, 2, 3], params, &mut rng, &|| false)?;
    /// assert_eq!(best.mixture.weights().len(), 3);
    /// assert_eq!(best.candidates.len(), 3);
    /// # Ok::<(), gtn_metrics::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`fit`](Self::fit) for the smallest count; [`Error::ZeroSetting`] if there are no counts;
    /// [`Error::TooFewSamples`] for a single row; [`Error::Stopped`].
    pub fn fit_best(
        rows: ArrayView2<'_, f32>,
        counts: &[usize],
        params: GaussianMixtureParams,
        rng: &mut impl Rng,
        stop: &dyn Fn() -> bool,
    ) -> Result<MixtureSelection, Error> {
        check_counts([("number of candidates", counts.len())])?;
        check_rows(SampleSet::Single, rows)?;
        let (n, d) = rows.dim();
        if n < 2 {
            return Err(Error::TooFewSamples { samples: n });
        }
        let mut is_held_out = vec![false; n];
        for row in index::sample(rng, n, ((n + HELD_OUT_EVERY / 2) / HELD_OUT_EVERY).max(1)) {
            is_held_out[row] = true;
        }
        let part = |held_out: bool| {
            let indices: Vec<usize> = (0..n).filter(|&row| is_held_out[row] == held_out).collect();
            rows.select(Axis(0), &indices)
        };
        let (fitted, held_out) = (to_f64(part(false).view()), part(true));
        let mut best: Option<(GaussianMixture, Vec<f64>)> = None;
        let mut candidates = Vec::new();
        for count in counts_to_try(counts, fitted.nrows(), d) {
            let params = GaussianMixtureParams { n_components: count, ..params };
            params.check()?;
            if fitted.nrows() < count {
                return Err(Error::TooFewSamplesForComponents { samples: fitted.nrows(), components: count });
            }
            let result = Self::fit_until(&fitted, params, MAX_KMEANS_ITERATIONS, rng, stop)
                .and_then(|mixture| Ok((mixture.log_likelihoods(held_out.view())?.0, mixture)));
            let (log_likelihoods, mixture) = match result {
                Err(Error::SingularCovariance) if best.is_some() => break,
                other => other?,
            };
            let mean = mean(&log_likelihoods);
            candidates.push(MixtureCandidate { components: count, held_out_log_likelihood: mean });
            match &best {
                Some((_, highest)) if is_clearly_below(&log_likelihoods, highest) => break,
                Some((_, highest)) if mean <= self::mean(highest) => {}
                _ => best = Some((mixture, log_likelihoods)),
            }
        }
        let (chosen, _) = best.expect("at least one count is tried");
        let mixture = chosen.run_em(&to_f64(rows), params, stop)?;
        Ok(MixtureSelection { mixture, candidates })
    }
}

/// The counts for which there are enough rows, in increasing order and at least one.
fn counts_to_try(counts: &[usize], rows: usize, d: usize) -> Vec<usize> {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let enough = sorted.partition_point(|&count| count.saturating_mul(ROWS_PER_COLUMN * d) <= rows);
    sorted.truncate(enough.max(1));
    sorted
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Whether the mean of the values is below that of the highest by more than the margin. Differences of the same rows have
/// a much smaller variance than the values themselves.
fn is_clearly_below(values: &[f64], highest: &[f64]) -> bool {
    let differences: Vec<f64> = values.iter().zip(highest).map(|(value, high)| value - high).collect();
    let (count, mean) = (differences.len() as f64, mean(&differences));
    let squares: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
    let standard_error = (squares / (count - 1.0).max(1.0) / count).sqrt();
    mean < -MARGIN_IN_STANDARD_ERRORS * standard_error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_with_too_few_rows_are_left_out_except_the_smallest() {
        assert_eq!(counts_to_try(&[1, 3, 10, 30, 100], 43_200, 5), [1, 3, 10, 30, 100]);
        assert_eq!(counts_to_try(&[1, 3, 10, 30, 100], 13_433, 100), [1, 3, 10, 30]);
        assert_eq!(counts_to_try(&[10, 1, 3, 3], 60, 10), [1, 3]);
        assert_eq!(counts_to_try(&[10, 5], 60, 10), [5]);
        assert_eq!(counts_to_try(&[1, usize::MAX], 60, 10), [1]);
    }

    #[test]
    fn a_difference_within_its_noise_does_not_end_the_search() {
        let highest = [1.0, 2.0, 3.0, 4.0];
        assert!(!is_clearly_below(&highest, &highest));
        // The mean difference is −0.5 with a standard error of 0.5.
        assert!(!is_clearly_below(&[0.0, 3.0, 2.0, 3.0], &highest));
        // All rows fall alike.
        assert!(is_clearly_below(&[0.9, 1.9, 2.9, 3.9], &highest));
        assert!(!is_clearly_below(&[1.1, 2.1, 3.1, 4.1], &highest));
        assert!(is_clearly_below(&[0.5], &[1.0]));
    }
}
