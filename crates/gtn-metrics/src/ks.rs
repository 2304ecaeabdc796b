use crate::input::sorted;
use crate::{Error, Set};

/// The Kolmogorov-Smirnov distance of a sample from a continuous law: D = sup over x of |Fₙ(x) − F(x)|.
///
/// `sample` holds n ≥ 1 numbers in any order, Fₙ(x) is the share of them at or below x, and `cdf` is F: continuous,
/// never decreasing, in the units of the sample. It is asked once for each distinct number, in increasing order. The
/// supremum is taken at both sides of every jump of Fₙ, so it is exact, ties included, but for the rounding of F and of
/// one division. If F has a jump of its own, at a number of the sample, the distance comes out too large by up to that
/// jump.
///
/// D has no unit and lies between 1/(2n) and 1. For a sample of the law itself the mean of √n D tends to √(π/2) ln 2,
/// which is 0.869, and P(√n D > t) ≤ 2 exp(−2t²) for every n (Massart 1990). The floor is measured by giving a real
/// sample of n numbers in place of the generated one.
///
/// Numbers are `f64`, since they are mostly derived ones: norms, angles, ranks. A column of `f32` widens without loss.
///
/// Source: Kolmogorov 1933, *Sulla determinazione empirica di una legge di distribuzione*.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotFinite`]; [`Error::Cdf`] if `cdf` gives NaN or a number outside [0, 1].
///
/// ```
/// // Uniform on (0, 1): the sample has nothing below 0.5, where F has risen to a half.
/// let uniform = |x: f64| x.clamp(0.0, 1.0);
/// assert_eq!(gtn_metrics::ks_from_cdf(&[0.75, 0.5], uniform)?, 0.5);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn ks_from_cdf(sample: &[f64], cdf: impl Fn(f64) -> f64) -> Result<f64, Error> {
    let sorted = sorted(Set::Only, sample)?;
    let n = sorted.len() as f64;
    let (mut distance, mut below) = (0.0_f64, 0);
    for ties in sorted.chunk_by(|a, b| a == b) {
        let (at, up_to) = (ties[0], below + ties.len());
        let value = cdf(at);
        if !(0.0..=1.0).contains(&value) {
            return Err(Error::Cdf { at, value });
        }
        distance = distance.max(value - below as f64 / n).max(up_to as f64 / n - value);
        below = up_to;
    }
    Ok(distance)
}

/// The Kolmogorov-Smirnov distance of two samples: D = sup over x of |Fₙ(x) − Gₘ(x)|.
///
/// `real` and `generated` hold n and m ≥ 1 numbers in any order, of which Fₙ and Gₘ are the shares at or below x. D is
/// a multiple of 1/(nm), computed as such in integers and then divided once; ties within and between the samples are
/// exact.
///
/// D has no unit and lies in [0, 1]. For two samples of one continuous law the mean of √(nm/(n + m)) D tends to
/// √(π/2) ln 2 ≈ 0.869. The floor is measured by giving a second real sample of m numbers as `generated`.
///
/// Source: Smirnov 1939, *On the estimation of the discrepancy between empirical curves of distribution for two
/// independent samples*.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotFinite`].
///
/// ```
/// // At 1 all of the one sample and a third of the other have been passed.
/// assert_eq!(gtn_metrics::ks_between(&[0.0, 1.0], &[1.0, 2.0, 3.0])?, 2.0 / 3.0);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn ks_between(real: &[f64], generated: &[f64]) -> Result<f64, Error> {
    let a = sorted(Set::Real, real)?;
    let b = sorted(Set::Generated, generated)?;
    let (mut i, mut j, mut widest) = (0, 0, 0);
    // Beyond the end of the shorter sample the difference can only shrink.
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        i += a[i..].iter().take_while(|&&y| y == x).count();
        j += b[j..].iter().take_while(|&&y| y == x).count();
        // |i/n − j/m| in units of 1/(nm)
        widest = widest.max((i as u128 * b.len() as u128).abs_diff(j as u128 * a.len() as u128));
    }
    Ok(widest as f64 / (a.len() as f64 * b.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniform(x: f64) -> f64 {
        x.clamp(0.0, 1.0)
    }

    #[test]
    fn one_point_is_as_far_as_the_larger_side_of_its_jump() {
        for x in [-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0] {
            let expected = uniform(x).max(1.0 - uniform(x));
            assert_eq!(ks_from_cdf(&[x], uniform), Ok(expected));
        }
    }

    #[test]
    fn small_samples_by_hand() {
        // Jumps to 1/4, 2/4, 3/4, 1 at points where F is 1/8, 1/4, 5/8, 3/4: the widest gap is 2/4 − 1/4.
        assert_eq!(ks_from_cdf(&[0.625, 0.125, 0.75, 0.25], uniform), Ok(0.25));
        // The middles of n equal cells are as near as n points can be.
        assert_eq!(ks_from_cdf(&[0.125, 0.375, 0.625, 0.875], uniform), Ok(0.125));
        // Below the jump: F has risen to 0.75 where nothing has been passed.
        assert_eq!(ks_from_cdf(&[0.75, 1.0], uniform), Ok(0.75));
    }

    #[test]
    fn ties_are_one_jump() {
        // One jump from 0 to 3/4 at 0.5, one to 1 at 0.75: the gaps are 1/2, 1/4, 0, 1/4.
        assert_eq!(ks_from_cdf(&[0.5, 0.75, 0.5, 0.5], uniform), Ok(0.5));
        // Zeros of both signs are one number.
        assert_eq!(ks_from_cdf(&[0.0, -0.0], |_| 0.5), Ok(0.5));
        assert_eq!(ks_between(&[0.0, -0.0], &[-0.0]), Ok(0.0));
    }

    #[test]
    fn two_samples_by_hand() {
        assert_eq!(ks_between(&[1.0, 2.0], &[3.0]), Ok(1.0));
        assert_eq!(ks_between(&[3.0], &[1.0, 2.0]), Ok(1.0));
        assert_eq!(ks_between(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), Ok(0.0));
        // A sample and each of its numbers twice have one distribution function.
        assert_eq!(ks_between(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0, 1.0, 2.0, 3.0]), Ok(0.0));
        // At 1: 1/2 against 0; at 2: 1/2 against 2/3; at 3: 1 against 2/3.
        assert_eq!(ks_between(&[1.0, 3.0], &[2.0, 2.0, 4.0]), Ok(0.5));
    }

    #[test]
    fn what_cannot_be_computed_is_an_error() {
        assert_eq!(ks_from_cdf(&[], uniform), Err(Error::Empty { set: Set::Only }));
        assert_eq!(ks_from_cdf(&[0.5, f64::INFINITY], uniform), Err(Error::NotFinite { set: Set::Only, row: 1 }));
        assert_eq!(ks_from_cdf(&[2.0, 0.5], |x| x), Err(Error::Cdf { at: 2.0, value: 2.0 }));
        assert_eq!(ks_from_cdf(&[-0.5], |x| x), Err(Error::Cdf { at: -0.5, value: -0.5 }));
        assert!(matches!(ks_from_cdf(&[0.5], |_| f64::NAN), Err(Error::Cdf { at: 0.5, value }) if value.is_nan()));
        assert_eq!(ks_between(&[], &[1.0]), Err(Error::Empty { set: Set::Real }));
        assert_eq!(ks_between(&[1.0], &[]), Err(Error::Empty { set: Set::Generated }));
        assert_eq!(ks_between(&[1.0], &[f64::NAN]), Err(Error::NotFinite { set: Set::Generated, row: 0 }));
    }
}
