//! Scores of rows quantized to 8-bit integers: a quarter of the memory, and on processors with AVX-512 VNNI, four products in the
//! time of one.
//!
//! A unit row x is written as X + e, where X = s·q, s = max |xⱼ| / 127 and q = round(x / s) are integers of at most 127, and
//! likewise y = Y + f. Then x·y − X·Y = e·y + X·f, so by Cauchy–Schwarz
//!
//! |x·y − X·Y| ≤ ‖e‖‖y‖ + (‖x‖ + ‖e‖)‖f‖,
//!
//! where ‖e‖ and ‖f‖ are not estimated but computed from the actual rows (the largest ‖e‖ of all target rows is used for each of
//! them), and X·Y is an integer times s·t, where t is the scale of y. The integer is exact, and three roundings turn it into a
//! score. For 100 columns of normal rows the bound is about 0.016, while the best of 20,000 cosines is 0.4 and the next is lower
//! by 0.02: a handful of rows is left to be decided.

use super::panels::{InitialBound, LANES, Lists, Panels, Positions, ROWS, ScoreScale, for_each_group};
use super::vnni;
use crate::{Candidates, Proposer, ProposerError, UnitRows};

/// Columns whose products one instruction adds up.
pub(crate) const QUAD: usize = 4;
/// The largest quantized magnitude.
const MAX_QUANTIZED: f32 = 127.0;
/// Added to the integers of the target, because the instruction needs one unsigned operand.
const ZERO_POINT: i32 = 128;
/// 1.5·2²³: adding and subtracting it rounds an `f32` of small magnitude to the nearest integer.
const ROUNDING_OFFSET: f32 = 12_582_912.0;
/// Maximum number of columns for which a sum of products fits into 32 bits: 127·255·d < 2³¹.
const MAX_COLUMNS: usize = 65_536;

/// How the scores of a group are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kernel {
    /// With AVX-512 VNNI.
    Vnni,
    /// With portable code.
    Portable,
}

/// Proposes candidates by dot products of rows quantized to 8 bits.
#[derive(Debug)]
pub(crate) struct Int8Proposer {
    kernel: Kernel,
    panels: Panels<u8, QUAD>,
    /// The scale s of the row at each position, padded to complete panels.
    scales: Vec<f32>,
    positions: Positions,
    /// The largest ‖e‖ of a target row.
    max_error_norm: f64,
    initial: InitialBound,
}

impl Default for Int8Proposer {
    fn default() -> Self {
        let kernel = if vnni::is_available() { Kernel::Vnni } else { Kernel::Portable };
        Self {
            kernel,
            panels: Panels::default(),
            scales: Vec::new(),
            positions: Positions::default(),
            max_error_norm: 0.0,
            initial: InitialBound::default(),
        }
    }
}

impl Int8Proposer {
    /// Whether this proposer is worthwhile for rows of `dim` columns: the processor must have AVX-512 VNNI.
    pub(crate) fn is_fast(dim: usize) -> bool {
        vnni::is_available() && Self::supports(dim)
    }

    /// Whether this proposer supports rows of `dim` columns.
    pub(crate) fn supports(dim: usize) -> bool {
        dim <= MAX_COLUMNS
    }

    /// The same proposer as on a processor without AVX-512 VNNI.
    #[cfg(test)]
    pub(crate) fn portable() -> Self {
        Self { kernel: Kernel::Portable, ..Self::default() }
    }
}

/// Quantizes a row, and passes each column with its integer to `write`. Returns the scale, and the norm of the quantization error.
fn quantize(row: &[f32], mut write: impl FnMut(usize, i32)) -> (f32, f64) {
    let max = row.iter().fold(0.0_f32, |max, entry| max.max(entry.abs()));
    // A row of zeros may have any scale.
    let scale = if max > 0.0 { max / MAX_QUANTIZED } else { 1.0 };
    let mut squared_error = 0.0;
    for (column, &entry) in row.iter().enumerate() {
        // Rounds to the nearest integer: sums of this magnitude have no bits for fractions. (Where speed matters, `f32::round` is
        // a function call.)
        let integer = ((entry / scale + ROUNDING_OFFSET) - ROUNDING_OFFSET).clamp(-MAX_QUANTIZED, MAX_QUANTIZED);
        let error = f64::from(entry) - f64::from(integer) * f64::from(scale);
        squared_error += error * error;
        write(column, integer as i32);
    }
    (scale, squared_error.sqrt())
}

impl Proposer for Int8Proposer {
    fn begin(&mut self, targets: UnitRows<'_>) -> Result<(), ProposerError> {
        self.positions.reset(targets.len());
        self.initial = InitialBound::default();
        let quantized = self.panels.fill(targets.len(), targets.dim(), ZERO_POINT as u8, |target, row| {
            quantize(targets.row(target), |column, integer| row[column] = (integer + ZERO_POINT) as u8)
        });
        self.max_error_norm = quantized.iter().fold(0.0, |max, &(_, error)| error.max(max));
        self.scales.clear();
        self.scales.extend(quantized.iter().map(|&(scale, _)| scale));
        self.scales.resize(targets.len().next_multiple_of(LANES), 1.0);
        Ok(())
    }

    fn remove(&mut self, targets: &[u32]) -> Result<(), ProposerError> {
        for &target in targets {
            let (to, from) = self.positions.remove(target);
            self.panels.copy(from, to);
            self.scales[to] = self.scales[from];
        }
        self.panels.truncate(self.positions.targets.len());
        self.scales.truncate(self.positions.targets.len().next_multiple_of(LANES));
        Ok(())
    }

    fn propose(
        &mut self,
        sources: UnitRows<'_>,
        keep: usize,
        candidates: &mut [Candidates],
    ) -> Result<(), ProposerError> {
        let both = (sources, self.positions.targets.as_slice());
        let pack = |rows: UnitRows<'_>| pack(rows, self.max_error_norm);
        for_each_group(both, keep, &mut self.initial, candidates, pack, |packed, lists| {
            let input = ScanInput { panels: &self.panels.data, scales: &self.scales, packed };
            match self.kernel {
                Kernel::Vnni => vnni::scan(&input, lists),
                Kernel::Portable => scan(&input, lists),
            }
        });
        Ok(())
    }
}

/// The quantized source rows of a group, in subgroups of [`ROWS`]: [`QUAD`] columns of one row, then those of the next.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) entries: Vec<[[i8; QUAD]; ROWS]>,
    /// Entries of `entries` per subgroup of [`ROWS`] rows.
    pub(crate) quads: usize,
    /// The correction for [`ZERO_POINT`]: what it adds to each sum, negated.
    pub(crate) offsets: Vec<i32>,
}

/// The input for the scores of a group.
pub(crate) struct ScanInput<'i> {
    pub(crate) panels: &'i [u8],
    pub(crate) scales: &'i [f32],
    pub(crate) packed: &'i Packed,
}

/// Quantizes source rows, where `e` is the largest ‖e‖ of a target row.
fn pack(rows: UnitRows<'_>, e: f64) -> (Packed, Vec<ScoreScale>) {
    let quads = rows.dim().div_ceil(QUAD);
    let padded = rows.len().next_multiple_of(ROWS);
    let mut entries = vec![[[0; QUAD]; ROWS]; padded / ROWS * quads];
    let mut offsets = vec![0; padded];
    let mut scales = Vec::with_capacity(rows.len());
    for (index, offset) in offsets.iter_mut().enumerate().take(rows.len()) {
        let group = &mut entries[index / ROWS * quads..][..quads];
        let mut sum = 0;
        let (scale, f) = quantize(rows.row(index), |column, integer| {
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

/// Offers all scores, computed with portable code.
fn scan(input: &ScanInput<'_>, lists: &mut Lists<'_>) {
    let Packed { entries, quads, offsets } = input.packed;
    let panels = input.panels.chunks_exact(quads * LANES * QUAD).zip(input.scales.chunks_exact(LANES));
    for (panel, (columns, scales)) in panels.enumerate() {
        for (row, &offset) in offsets.iter().enumerate() {
            let group = &entries[row / ROWS * quads..][..*quads];
            let mut sums = [offset; LANES];
            for (column, entries) in columns.chunks_exact(LANES * QUAD).zip(group) {
                for (sum, x) in sums.iter_mut().zip(column.chunks_exact(QUAD)) {
                    *sum += x.iter().zip(&entries[row % ROWS]).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum::<i32>();
                }
            }
            let scores: [f32; LANES] = std::array::from_fn(|lane| sums[lane] as f32 * scales[lane]);
            if scores.iter().any(|&score| score > lists.bounds[row]) {
                lists.offer(row, panel * LANES, &scores);
            }
        }
    }
}
