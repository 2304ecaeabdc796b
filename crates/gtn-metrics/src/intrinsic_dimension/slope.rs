//! The line that TwoNN fits.

/// The slope of the line through the origin that is nearest to (log μ, −log(1 − F)). Sorts the values.
pub(super) fn slope(logarithms: &mut [f64], discarded: f64) -> f64 {
    logarithms.sort_unstable_by(f64::total_cmp);
    let n = logarithms.len() as f64;
    let kept = (n * (1.0 - discarded)) as usize;
    let points = logarithms[..kept].iter().enumerate().map(|(index, &x)| (x, -(-(index as f64) / n).ln_1p()));
    let (products, squares) =
        points.fold((0.0, 0.0), |(products, squares), (x, y)| (products + x * y, squares + x * x));
    products / squares
}
