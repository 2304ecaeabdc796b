//! Directions in the plane, compared exactly.

use std::cmp::Ordering;

/// Bound on the relative amount by which rounding can invert the order of two scores: 8u.
const SLACK: f64 = 4.0 * f64::EPSILON;

pub(super) fn to_xy(row: &[f32]) -> [f32; 2] {
    [row[0], row[1]]
}

pub(super) fn lower_half([x0, x1]: [f32; 2]) -> bool {
    x1 < 0.0 || (x1 == 0.0 && x0 < 0.0)
}

/// Compares the angles of two non-zero rows, from 0 to 2π, exactly.
pub(super) fn by_angle(a: [f32; 2], b: [f32; 2]) -> Ordering {
    let product = |x: f32, y: f32| f64::from(x) * f64::from(y);
    let half = lower_half(a).cmp(&lower_half(b));
    // IEEE comparison, in which -0 equals +0; no operand is ever NaN.
    half.then_with(|| product(a[1], b[0]).partial_cmp(&product(a[0], b[1])).unwrap_or(Ordering::Equal))
}

/// A key that never decreases as the angle of a non-zero row increases from 0 to 2π. Only nearby angles share a key.
pub(super) fn angle_key(row: [f32; 2]) -> u32 {
    let [x0, x1] = row.map(f64::from);
    // Between two diagonals the quotient increases with the angle, and rounding keeps the order. 8 is the full circle.
    let angle = if x1.abs() > x0.abs() {
        (if x1 > 0.0 { 2.0 } else { 6.0 }) - x0 / x1
    } else if x0 < 0.0 {
        4.0 + x1 / x0
    } else {
        (if x1 < 0.0 { 8.0 } else { 0.0 }) + x1 / x0
    };
    const UNIT: f64 = (1_u32 << 29) as f64;
    (angle * UNIT) as u32
}

/// Equal keys of two rows of the same direction imply that they score the same for every y.
pub(super) fn tie_key([x0, x1]: [f32; 2]) -> u64 {
    const SIGNIFICAND: u64 = (1 << (f64::MANTISSA_DIGITS - 1)) - 1;
    // Any f32 except 0 is a normal f64. Rows with the same direction and the same first significand differ by a power of two.
    if x0 == 0.0 || x1 == 0.0 { 0 } else { f64::from(x0).to_bits() & SIGNIFICAND }
}

/// The upper bound on the score of any row further from y on the same side, see the [module](super).
pub(super) fn upper_bound(score: f64) -> f64 {
    score + score.abs() * SLACK
}

/// The lower bound on the score of any row nearer to y on the same side, see the [module](super).
pub(super) fn lower_bound(score: f64) -> f64 {
    score - score.abs() * SLACK
}
