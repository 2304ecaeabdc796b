//! Unit rows, for which candidates are proposed, and what their rounding means for scores.

use crate::{Element, Precision, parallel};

/// Bound on the difference between the cosine of two rows, exact or as computed in `f64`, and the cosine of their unit rows:
/// two roundings by 2⁻²⁴, plus a margin for those in `f64`.
pub(crate) const UNIT_ERROR: f64 = 1.2e-7;
/// Maximum length of a list; if it does not suffice, every free row is scored.
pub(crate) const MAX_LIST_LEN: usize = 2048;

/// Fills `units` with `len` unit rows; a zero row stays zero.
pub(crate) fn unit_rows<'t, T: Element>(
    units: &mut Vec<f32>,
    len: usize,
    dim: usize,
    row: impl Fn(usize) -> (&'t [T], f64) + Sync + Send,
) {
    const ROWS: usize = 64;
    units.clear();
    units.resize(len * dim, 0.0);
    let mut chunks: Vec<&mut [f32]> = units.chunks_mut(ROWS * dim).collect();
    parallel::for_each(&mut chunks, |chunk, units| {
        for (offset, unit) in units.chunks_mut(dim).enumerate() {
            let (row, norm) = row(chunk * ROWS + offset);
            if norm > 0.0 {
                for (unit, &entry) in unit.iter_mut().zip(row) {
                    *unit = (entry.into() / norm) as f32;
                }
            }
        }
    });
}

/// Maximum difference between cosines that tie.
pub(crate) fn tie_width(precision: Precision) -> f64 {
    match precision {
        Precision::Double => 0.0,
        // Two values that round to the same f32 are at most one f32 step apart, which is at most 2⁻²⁴ below 1.
        Precision::Single => f64::from(f32::EPSILON),
    }
}
