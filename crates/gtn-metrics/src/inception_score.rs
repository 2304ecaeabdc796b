use ndarray::{Array1, ArrayView1, ArrayView2};

use crate::input_checks::{check_counts, check_rows};
use crate::subsets::mean_and_std;
use crate::{Error, SampleSet};

/// Tolerance for the sum of the probabilities of a row.
const SUM_TOLERANCE: f64 = 1e-3;

/// The result of [`inception_score`]: mean and standard deviation over the splits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InceptionScore {
    /// The mean of the scores of the splits, the value that papers report.
    pub mean: f64,
    /// Their standard deviation, with the number of splits as divisor (as `numpy.std`).
    pub std: f64,
}

/// The Inception Score of images from the logits of a classifier: exp(1/n Σᵢ KL(p(y|xᵢ) ‖ p(y))), with p(y) = 1/n Σᵢ p(y|xᵢ).
///
/// It is high if each image clearly belongs to a class, and all classes occur. It looks at generated images only, and never
/// compares them with real ones: a generator that repeats one perfect image of each class has the best score. So compare it
/// with the score of as many real images, computed by the same function.
///
/// `logits` is n × c, the output of the classifier before the softmax, in the order in which the images were generated. The
/// score is computed for each of the `splits` (1 ≤ `splits` ≤ n), with the p(y) of that split. The range is [1, c]. With few
/// images in each split, p(y) resembles the p(y|xᵢ) that it is the mean of, and the score is too low. So compare only scores
/// with the same number of images and of splits; papers use 10 splits of 5,000 images.
///
/// **Splits** are contiguous: split i has the rows from ⌊i n / s⌋ up to ⌊(i + 1) n / s⌋, so that every row belongs to one.
/// This is the rule of Salimans et al. and of torch-fidelity, which shuffles the rows before unless `samples_shuffle` is
/// false. The PyTorch implementation that the authors of GTN use takes ⌊n / s⌋ rows for each split, and ignores up to s − 1
/// rows at the end; both rules agree if s divides n.
///
/// Everything is computed in `f64`, with logarithms of probabilities from the logits, so that large logits do not overflow.
///
/// Source: Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen 2016, *Improved Techniques for Training GANs*.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::ZeroSetting`] if `splits` is 0;
/// [`Error::TooManySplits`] if there are more splits than rows.
///
/// ```
/// use ndarray::array;
///
/// // Two images of one class and two of another one, all of them clear: as good as a score with two classes can be.
/// let logits = array![[30.0_f32, 0.0], [30.0, 0.0], [0.0, 30.0], [0.0, 30.0]];
/// let score = gtn_metrics::inception_score(logits.view(), 1)?;
/// assert!((score.mean - 2.0).abs() < 1e-9 && score.std == 0.0);
/// // Each split has one class only.
/// assert_eq!(gtn_metrics::inception_score(logits.view(), 2)?.mean, 1.0);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn inception_score(logits: ArrayView2<'_, f32>, splits: usize) -> Result<InceptionScore, Error> {
    score(logits, splits, |row, log_p| {
        let largest = row.iter().fold(f64::NEG_INFINITY, |max, &x| max.max(f64::from(x)));
        let log_sum = row.iter().map(|&x| (f64::from(x) - largest).exp()).sum::<f64>().ln();
        log_p.zip_mut_with(row, |log_p, &x| *log_p = f64::from(x) - largest - log_sum);
    })
}

/// [`inception_score`] from probabilities: n × c values of at least 0, and the sum of each row is 1 up to 0.001. Rows are
/// divided by their sum.
///
/// Probabilities in `f32` have lost those below 1e-45, which matters little. Prefer logits where you have them.
///
/// # Errors
///
/// Those of [`inception_score`], and [`Error::NotProbabilities`].
pub fn inception_score_from_probabilities(
    probabilities: ArrayView2<'_, f32>,
    splits: usize,
) -> Result<InceptionScore, Error> {
    check_rows(SampleSet::Generated, probabilities)?;
    let sum = |row: &ArrayView1<'_, f32>| row.iter().map(|&p| f64::from(p)).sum::<f64>();
    let is_invalid = |row: ArrayView1<'_, f32>| row.iter().any(|&p| p < 0.0) || (sum(&row) - 1.0).abs() > SUM_TOLERANCE;
    if let Some(row) = probabilities.outer_iter().position(is_invalid) {
        return Err(Error::NotProbabilities { row });
    }
    score(probabilities, splits, |row, log_p| {
        let log_sum = sum(row).ln();
        log_p.zip_mut_with(row, |log_p, &p| *log_p = f64::from(p).ln() - log_sum);
    })
}

/// The score, where `log_probabilities` computes those of a row.
fn score(
    rows: ArrayView2<'_, f32>,
    splits: usize,
    log_probabilities: impl Fn(&ArrayView1<'_, f32>, &mut Array1<f64>),
) -> Result<InceptionScore, Error> {
    check_counts([("number of splits", splits)])?;
    check_rows(SampleSet::Generated, rows)?;
    let (samples, classes) = rows.dim();
    if splits > samples {
        return Err(Error::TooManySplits { splits, samples });
    }
    // i n / s without overflow.
    let bound = |split: usize| (split as u128 * samples as u128 / splits as u128) as usize;
    let mut log_p = Array1::zeros(classes);
    let scores: Vec<f64> = (0..splits)
        .map(|split| {
            let of_split = rows.slice(ndarray::s![bound(split)..bound(split + 1), ..]);
            let n = of_split.nrows() as f64;
            // KL(p ‖ q) = Σ p ln p − Σ p ln q, and the mean of the second sum over the images is Σ q ln q.
            let (mut negative_entropies, mut q) = (0.0, Array1::<f64>::zeros(classes));
            for row in of_split.outer_iter() {
                log_probabilities(&row, &mut log_p);
                let mut negative_entropy = 0.0;
                q.zip_mut_with(&log_p, |q, &log_p| {
                    let p = log_p.exp();
                    *q += p;
                    negative_entropy += p_log_p(p, log_p);
                });
                negative_entropies += negative_entropy;
            }
            q /= n;
            let mean_divergence = negative_entropies / n - q.iter().map(|&q| p_log_p(q, q.ln())).sum::<f64>();
            // Rounding may make an exact 0 slightly negative.
            mean_divergence.max(0.0).exp()
        })
        .collect();
    let (mean, std) = mean_and_std(&scores);
    Ok(InceptionScore { mean, std })
}

/// p ln p, which is 0 at 0.
fn p_log_p(p: f64, log_p: f64) -> f64 {
    if p > 0.0 { p * log_p } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array, s};

    use super::*;

    #[test]
    fn equal_images_have_the_lowest_score_and_clear_classes_the_highest() {
        let equal = Array2::from_shape_fn((20, 7), |(_, k)| k as f32 / 3.0);
        let score = inception_score(equal.view(), 4).unwrap();
        assert!((score.mean - 1.0).abs() < 1e-12 && score.std < 1e-12, "{score:?}");
        // Logits that overflow without care.
        let clear = Array2::from_shape_fn((21, 7), |(i, k)| if i % 7 == k { f32::MAX } else { f32::MIN });
        let score = inception_score(clear.view(), 3).unwrap();
        assert!((score.mean - 7.0).abs() < 1e-12 && score.std < 1e-12, "{score:?}");
    }

    #[test]
    fn every_row_belongs_to_one_contiguous_split() {
        let logits = Array2::from_shape_fn((11, 4), |(i, k)| ((i * i * 7 + k * 5 + i * k * 3) % 11) as f32 / 2.0);
        // ⌊11 i / 3⌋
        let parts = [0..3, 3..7, 7..11].map(|rows| inception_score(logits.slice(s![rows, ..]), 1).unwrap().mean);
        let score = inception_score(logits.view(), 3).unwrap();
        let mean = parts.iter().sum::<f64>() / 3.0;
        let std = (parts.iter().map(|part| (part - mean).powi(2)).sum::<f64>() / 3.0).sqrt();
        assert_eq!(score, InceptionScore { mean, std });
    }

    #[test]
    fn probabilities_and_their_logits_have_the_same_score() {
        let probabilities = array![[0.5, 0.25, 0.25], [0.125, 0.875, 0.0], [0.0, 1.0, 0.0], [0.25, 0.5, 0.25]];
        // exp(−1000) is 0 in f64.
        let logits = probabilities.mapv(|p: f32| if p > 0.0 { p.ln() + 40.0 } else { -1000.0 });
        for splits in 1..=4 {
            let expected = inception_score(logits.view(), splits).unwrap();
            let score = inception_score_from_probabilities(probabilities.view(), splits).unwrap();
            assert!((score.mean - expected.mean).abs() < 1e-6, "{score:?}, {expected:?}");
        }
    }

    #[test]
    fn invalid_input_is_an_error() {
        let zeros = |n, c| Array2::<f32>::zeros((n, c));
        let score = |x: Array2<f32>, splits| inception_score(x.view(), splits);
        assert_eq!(score(zeros(0, 2), 1), Err(Error::Empty { set: SampleSet::Generated }));
        assert_eq!(score(zeros(3, 0), 1), Err(Error::NoColumns));
        assert_eq!(score(zeros(3, 2), 0), Err(Error::ZeroSetting { setting: "number of splits" }));
        assert_eq!(score(zeros(3, 2), 4), Err(Error::TooManySplits { splits: 4, samples: 3 }));
        assert_eq!(score(zeros(3, 2), usize::MAX), Err(Error::TooManySplits { splits: usize::MAX, samples: 3 }));
        let bad = array![[0.0, 1.0], [f32::NAN, 0.0]];
        assert_eq!(score(bad, 1), Err(Error::NotFinite { set: SampleSet::Generated, row: 1 }));
        for bad in [array![[0.5, 0.5], [0.5, 0.6]], array![[0.5, 0.5], [1.5, -0.5]], array![[1.0, 0.0], [0.0, 0.0]]] {
            assert_eq!(inception_score_from_probabilities(bad.view(), 1), Err(Error::NotProbabilities { row: 1 }));
        }
    }
}
