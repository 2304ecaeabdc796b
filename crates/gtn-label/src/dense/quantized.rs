//! Rows quantized to 8-bit integers, and the bound on the error of their scores.
//!
//! A unit row x is written as X + e, where X = s·q, s = max |xⱼ| / 127 and q = round(x / s) are integers of at most 127, and
//! likewise y = Y + f (with integers of at most 64 where the instructions of the processor demand it). Then x·y − X·Y = e·y + X·f, so by Cauchy–Schwarz
//!
//! |x·y − X·Y| ≤ ‖e‖‖y‖ + (‖x‖ + ‖e‖)‖f‖,
//!
//! where ‖e‖ and ‖f‖ are not estimated but computed from the actual rows (the largest ‖e‖ of all target rows is used for each of
//! them), and X·Y is an integer times s·t, where t is the scale of y. The integer is exact, and three roundings turn it into a
//! score. For 100 columns of normal rows the bound is about 0.016, while the best of 20,000 cosines is 0.4 and the next is lower
//! by 0.02: a handful of rows is left to be decided.

use super::panels::{ROWS, ScoreScale};
use crate::UnitRows;

/// Columns whose products one instruction adds up.
pub(super) const QUAD: usize = 4;
/// The largest magnitude of an integer of a target row.
pub(super) const MAX_QUANTIZED: i8 = 127;
/// Added to the integers of the target, because the instruction needs one unsigned operand.
pub(super) const ZERO_POINT: i32 = 128;
/// 1.5·2²³: adding and subtracting it rounds an `f32` of small magnitude to the nearest integer.
const ROUNDING_OFFSET: f32 = 12_582_912.0;

/// Quantizes a row to integers of at most `largest`, and passes each column with its integer to `write`. Returns the scale, and the norm of the quantization error.
pub(super) fn quantize(row: &[f32], largest: i8, mut write: impl FnMut(usize, i32)) -> (f32, f64) {
    let largest = f32::from(largest);
    let max = row.iter().fold(0.0_f32, |max, entry| max.max(entry.abs()));
    // A row of zeros may have any scale.
    let scale = if max > 0.0 { max / largest } else { 1.0 };
    let mut squared_error = 0.0;
    for (column, &entry) in row.iter().enumerate() {
        // Rounds to the nearest integer: sums of this magnitude have no bits for fractions. (Where speed matters, `f32::round` is
        // a function call.)
        let integer = ((entry / scale + ROUNDING_OFFSET) - ROUNDING_OFFSET).clamp(-largest, largest);
        let error = f64::from(entry) - f64::from(integer) * f64::from(scale);
        squared_error += error * error;
        write(column, integer as i32);
    }
    (scale, squared_error.sqrt())
}

/// The quantized source rows of a group, in subgroups of [`ROWS`]: [`QUAD`] columns of one row, then those of the next.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) entries: Vec<[[i8; QUAD]; ROWS]>,
    /// Entries of `entries` per subgroup of [`ROWS`] rows.
    pub(super) quads: usize,
    /// The correction for [`ZERO_POINT`]: what it adds to each sum, negated.
    pub(super) offsets: Vec<i32>,
}

/// The input for the scores of a group.
pub(super) struct ScanInput<'i> {
    pub(super) panels: &'i [u8],
    pub(super) scales: &'i [f32],
    pub(super) packed: &'i Packed,
}

/// Quantizes source rows to integers of at most `largest`, where `e` is the largest ‖e‖ of a target row.
pub(super) fn pack(rows: UnitRows<'_>, largest: i8, e: f64) -> (Packed, Vec<ScoreScale>) {
    let quads = rows.dim().div_ceil(QUAD);
    let padded = rows.len().next_multiple_of(ROWS);
    let mut entries = vec![[[0; QUAD]; ROWS]; padded / ROWS * quads];
    let mut offsets = vec![0; padded];
    let mut scales = Vec::with_capacity(rows.len());
    for (index, offset) in offsets.iter_mut().enumerate().take(rows.len()) {
        let group = &mut entries[index / ROWS * quads..][..quads];
        let mut sum = 0;
        let (scale, f) = quantize(rows.row(index), largest, |column, integer| {
            group[column / QUAD][index % ROWS][column % QUAD] = integer as i8;
            sum += integer;
        });
        *offset = -ZERO_POINT * sum;
        // The norm of a unit row is at most 1 + 2⁻²³. From integer to cosine there are four roundings by 2⁻²⁴ of a value of at
        // most ‖X‖‖Y‖.
        let one = 1.0 + 2.0_f64.powi(-23);
        let error = e * one + (one + e) * f + 2.0_f64.powi(-22) * (one + e) * (one + f);
        scales.push(ScoreScale { factor: scale, error: (error as f32).next_up() });
    }
    (Packed { entries, quads, offsets }, scales)
}
