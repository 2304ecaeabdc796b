use crate::input_checks::check_and_sort;
use crate::{Error, SampleSet};

/// The Kolmogorov-Smirnov distance of a sample from a continuous distribution: D = supₓ |Fₙ(x) − F(x)|.
///
/// Use it for values whose distribution is known. It is the statistic of `scipy.stats.ks_1samp`.
///
/// `sample` contains n ≥ 1 values in any order, and Fₙ(x) is the fraction of them that are at most x. `cdf` is F, the
/// cumulative distribution function in the unit of the sample; it must be continuous and nondecreasing. It is called
/// once for each distinct value, in increasing order. The supremum is taken on both sides of every jump of Fₙ, so it is
/// exact up to the rounding of F and of one division, also with ties. If F itself jumps at a value of the sample, the
/// distance is too large by up to the height of that jump.
///
/// D has no unit and is between 1/(2n) and 1. For a sample from F itself, the mean of √n D converges to
/// √(π/2) ln 2 ≈ 0.869, and P(√n D > t) ≤ 2 exp(−2t²) for every n (Massart 1990). To measure the noise floor, pass a
/// real sample of n values.
///
/// Values are `f64` because they are usually derived: norms, angles, ranks. Values of type `f32` convert exactly.
///
/// Source: Kolmogorov 1933, *Sulla determinazione empirica di una legge di distribuzione*.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotFinite`]; [`Error::InvalidCdf`] if `cdf` returns NaN or a value outside [0, 1].
///
/// ```
/// // Uniform on (0, 1): the sample has no value below 0.5, where F is already 0.5.
/// let uniform = |x: f64| x.clamp(0.0, 1.0);
/// assert_eq!(gtn_metrics::ks_one_sample(&[0.75, 0.5], uniform)?, 0.5);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn ks_one_sample(sample: &[f64], cdf: impl Fn(f64) -> f64) -> Result<f64, Error> {
    let sorted = check_and_sort(SampleSet::Single, sample)?;
    let n = sorted.len() as f64;
    let (mut distance, mut below) = (0.0_f64, 0);
    for ties in sorted.chunk_by(|a, b| a == b) {
        let (at, up_to) = (ties[0], below + ties.len());
        let value = cdf(at);
        if !(0.0..=1.0).contains(&value) {
            return Err(Error::InvalidCdf { at, value });
        }
        distance = distance.max(value - below as f64 / n).max(up_to as f64 / n - value);
        below = up_to;
    }
    Ok(distance)
}

/// The Kolmogorov-Smirnov distance of two samples: D = supₓ |Fₙ(x) − Gₘ(x)|.
///
/// It is the statistic of `scipy.stats.ks_2samp`.
///
/// `real` contains n and `generated` m values, n and m ≥ 1, in any order. Fₙ(x) and Gₘ(x) are the fractions of them
/// that are at most x. D is a multiple of 1/(nm); it is computed in integers and divided once, so ties within and
/// between the samples are exact.
///
/// D has no unit and is in [0, 1]. For two samples of one continuous distribution, the mean of √(nm/(n + m)) D
/// converges to √(π/2) ln 2 ≈ 0.869. To measure the noise floor, pass a second real sample of m values as `generated`.
///
/// Source: Smirnov 1939, *On the estimation of the discrepancy between empirical curves of distribution for two
/// independent samples*.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotFinite`].
///
/// ```
/// // All of the first sample and a third of the second are at most 1.
/// assert_eq!(gtn_metrics::ks_two_sample(&[0.0, 1.0], &[1.0, 2.0, 3.0])?, 2.0 / 3.0);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn ks_two_sample(real: &[f64], generated: &[f64]) -> Result<f64, Error> {
    let a = check_and_sort(SampleSet::Real, real)?;
    let b = check_and_sort(SampleSet::Generated, generated)?;
    let (mut i, mut j, mut max_difference) = (0, 0, 0);
    // After the end of one sample, the difference can only decrease.
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        i += a[i..].iter().take_while(|&&y| y == x).count();
        j += b[j..].iter().take_while(|&&y| y == x).count();
        // |i/n − j/m| in units of 1/(nm)
        max_difference = max_difference.max((i as u128 * b.len() as u128).abs_diff(j as u128 * a.len() as u128));
    }
    Ok(max_difference as f64 / (a.len() as f64 * b.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniform(x: f64) -> f64 {
        x.clamp(0.0, 1.0)
    }

    #[test]
    fn the_distance_of_one_point_is_the_larger_side_of_its_jump() {
        for x in [-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0] {
            let expected = uniform(x).max(1.0 - uniform(x));
            assert_eq!(ks_one_sample(&[x], uniform), Ok(expected));
        }
    }

    #[test]
    fn small_samples_match_hand_computed_values() {
        // Jumps to 1/4, 2/4, 3/4, 1 at points where F is 1/8, 1/4, 5/8, 3/4: the widest gap is 2/4 − 1/4.
        assert_eq!(ks_one_sample(&[0.625, 0.125, 0.75, 0.25], uniform), Ok(0.25));
        // The midpoints of n equal cells have the smallest possible distance.
        assert_eq!(ks_one_sample(&[0.125, 0.375, 0.625, 0.875], uniform), Ok(0.125));
        // Below the jump: F is 0.75 before the first value.
        assert_eq!(ks_one_sample(&[0.75, 1.0], uniform), Ok(0.75));
    }

    #[test]
    fn ties_are_one_jump() {
        // One jump from 0 to 3/4 at 0.5, one to 1 at 0.75: the gaps are 1/2, 1/4, 0, 1/4.
        assert_eq!(ks_one_sample(&[0.5, 0.75, 0.5, 0.5], uniform), Ok(0.5));
        // Zeros of both signs are equal.
        assert_eq!(ks_one_sample(&[0.0, -0.0], |_| 0.5), Ok(0.5));
        assert_eq!(ks_two_sample(&[0.0, -0.0], &[-0.0]), Ok(0.0));
    }

    #[test]
    fn two_samples_match_hand_computed_values() {
        assert_eq!(ks_two_sample(&[1.0, 2.0], &[3.0]), Ok(1.0));
        assert_eq!(ks_two_sample(&[3.0], &[1.0, 2.0]), Ok(1.0));
        assert_eq!(ks_two_sample(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), Ok(0.0));
        // Repeating each value of a sample does not change its distribution function.
        assert_eq!(ks_two_sample(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0, 1.0, 2.0, 3.0]), Ok(0.0));
        // At 1: 1/2 against 0; at 2: 1/2 against 2/3; at 3: 1 against 2/3.
        assert_eq!(ks_two_sample(&[1.0, 3.0], &[2.0, 2.0, 4.0]), Ok(0.5));
    }

    #[test]
    fn invalid_input_is_an_error() {
        assert_eq!(ks_one_sample(&[], uniform), Err(Error::Empty { set: SampleSet::Single }));
        assert_eq!(
            ks_one_sample(&[0.5, f64::INFINITY], uniform),
            Err(Error::NotFinite { set: SampleSet::Single, row: 1 })
        );
        assert_eq!(ks_one_sample(&[2.0, 0.5], |x| x), Err(Error::InvalidCdf { at: 2.0, value: 2.0 }));
        assert_eq!(ks_one_sample(&[-0.5], |x| x), Err(Error::InvalidCdf { at: -0.5, value: -0.5 }));
        assert!(
            matches!(ks_one_sample(&[0.5], |_| f64::NAN), Err(Error::InvalidCdf { at: 0.5, value }) if value.is_nan())
        );
        assert_eq!(ks_two_sample(&[], &[1.0]), Err(Error::Empty { set: SampleSet::Real }));
        assert_eq!(ks_two_sample(&[1.0], &[]), Err(Error::Empty { set: SampleSet::Generated }));
        assert_eq!(ks_two_sample(&[1.0], &[f64::NAN]), Err(Error::NotFinite { set: SampleSet::Generated, row: 0 }));
    }
}
