//! Scores in integers of 8 bits: a quarter of the memory, and where the processor has AVX-512 VNNI four products in the time
//! of one.
//!
//! A unit row x is written as X + e, where X = s·q, s = max |xⱼ| / 127 and q = round(x / s) are integers of at most 127, and
//! likewise y = Y + f. Then x·y − X·Y = e·y + X·f, so by Cauchy and Schwarz
//!
//! |x·y − X·Y| ≤ ‖e‖‖y‖ + (‖x‖ + ‖e‖)‖f‖,
//!
//! where ‖e‖ and ‖f‖ are not estimated but computed from the rows at hand (the largest ‖e‖ of all target rows serves for
//! each), and X·Y is an integer times s·t: the integer is exact, and three roundings make a score of it. For 100 columns of
//! normal rows the bound is about 0.016, while the best of 20,000 cosines is 0.4 and the next lower by 0.02: a handful of
//! rows is left to be decided.

use super::panels::{LANES, Lists, Panels, Places, ROWS, Scale, Start, for_each_group};
use super::vnni;
use crate::{Candidates, Proposer, ProposerError, UnitRows};

/// Columns whose products are added up by one instruction.
pub(crate) const QUAD: usize = 4;
/// The largest integer.
const MOST: f32 = 127.0;
/// What is added to the integers of the target, since the instruction wants one of its operands unsigned.
const SHIFT: i32 = 128;
/// 1.5·2²³.
const NEAREST: f32 = 12_582_912.0;
/// Columns up to which a sum of products cannot leave 32 bits: 127·255·d < 2³¹.
const MOST_COLUMNS: usize = 65_536;

/// How the scores of a group are formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kernel {
    /// By AVX-512 VNNI.
    Vnni,
    /// By whatever there is.
    Portable,
}

/// Proposes by dot products of rows rounded to 8 bits.
#[derive(Debug)]
pub(crate) struct Narrow {
    kernel: Kernel,
    panels: Panels<u8, QUAD>,
    /// The s of the row at each position, filled up to whole panels.
    steps: Vec<f32>,
    places: Places,
    /// The largest ‖e‖ of a target row.
    remainder: f64,
    start: Start,
}

impl Default for Narrow {
    fn default() -> Self {
        let kernel = if vnni::is_there() { Kernel::Vnni } else { Kernel::Portable };
        Self {
            kernel,
            panels: Panels::default(),
            steps: Vec::new(),
            places: Places::default(),
            remainder: 0.0,
            start: Start::default(),
        }
    }
}

impl Narrow {
    /// Whether this processor has the instructions that make it worth while, for rows of `dim` columns.
    pub(crate) fn is_fast(dim: usize) -> bool {
        vnni::is_there() && Self::takes(dim)
    }

    /// Whether it takes rows of `dim` columns.
    pub(crate) fn takes(dim: usize) -> bool {
        dim <= MOST_COLUMNS
    }

    /// The same on a processor without special instructions.
    #[cfg(test)]
    pub(crate) fn portable() -> Self {
        Self { kernel: Kernel::Portable, ..Self::default() }
    }
}

/// The step of a row, and the norm of what is lost when its entries are rounded to multiples of it.
fn round(row: &[f32], mut write: impl FnMut(usize, i32)) -> (f32, f64) {
    let most = row.iter().fold(0.0_f32, |most, entry| most.max(entry.abs()));
    // A row of zeros has any step.
    let step = if most > 0.0 { most / MOST } else { 1.0 };
    let mut lost = 0.0;
    for (column, &entry) in row.iter().enumerate() {
        // To the nearest integer: sums of this size have no bits for less. (Where it matters, `round` is a call.)
        let integer = ((entry / step + NEAREST) - NEAREST).clamp(-MOST, MOST);
        let rest = f64::from(entry) - f64::from(integer) * f64::from(step);
        lost += rest * rest;
        write(column, integer as i32);
    }
    (step, lost.sqrt())
}

impl Proposer for Narrow {
    fn begin(&mut self, targets: UnitRows<'_>) -> Result<(), ProposerError> {
        self.places.reset(targets.len());
        self.start = Start::default();
        let rounded = self.panels.fill(targets.len(), targets.dim(), SHIFT as u8, |target, row| {
            round(targets.row(target), |column, integer| row[column] = (integer + SHIFT) as u8)
        });
        self.remainder = rounded.iter().fold(0.0, |most, &(_, lost)| lost.max(most));
        self.steps.clear();
        self.steps.extend(rounded.iter().map(|&(step, _)| step));
        self.steps.resize(targets.len().next_multiple_of(LANES), 1.0);
        Ok(())
    }

    fn remove(&mut self, targets: &[u32]) -> Result<(), ProposerError> {
        for &target in targets {
            let (to, from) = self.places.remove(target);
            self.panels.copy(from, to);
            self.steps[to] = self.steps[from];
        }
        self.panels.truncate(self.places.targets.len());
        self.steps.truncate(self.places.targets.len().next_multiple_of(LANES));
        Ok(())
    }

    fn propose(
        &mut self,
        sources: UnitRows<'_>,
        keep: usize,
        candidates: &mut [Candidates],
    ) -> Result<(), ProposerError> {
        let both = (sources, self.places.targets.as_slice());
        let pack = |rows: UnitRows<'_>| pack(rows, self.remainder);
        for_each_group(both, keep, &mut self.start, candidates, pack, |packed, lists| {
            let work = Work { panels: &self.panels.data, steps: &self.steps, packed };
            match self.kernel {
                Kernel::Vnni => vnni::scan(&work, lists),
                Kernel::Portable => scan(&work, lists),
            }
        });
        Ok(())
    }
}

/// Source rows of a group, rounded: [`ROWS`] together, and of these [`QUAD`] columns of a row, then those of the next.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) entries: Vec<[[i8; QUAD]; ROWS]>,
    /// Chunks of `entries` that make up [`ROWS`] rows.
    pub(crate) quads: usize,
    /// What the shift of the target's integers adds to each sum, negated.
    pub(crate) offsets: Vec<i32>,
}

/// All that the scores of a group are formed from.
pub(crate) struct Work<'w> {
    pub(crate) panels: &'w [u8],
    pub(crate) steps: &'w [f32],
    pub(crate) packed: &'w Packed,
}

/// Rounds source rows, the largest ‖e‖ of a target row being `e`.
fn pack(rows: UnitRows<'_>, e: f64) -> (Packed, Vec<Scale>) {
    let quads = rows.dim().div_ceil(QUAD);
    let filled = rows.len().next_multiple_of(ROWS);
    let mut entries = vec![[[0; QUAD]; ROWS]; filled / ROWS * quads];
    let mut offsets = vec![0; filled];
    let mut scales = Vec::with_capacity(rows.len());
    for (index, offset) in offsets.iter_mut().enumerate().take(rows.len()) {
        let group = &mut entries[index / ROWS * quads..][..quads];
        let mut sum = 0;
        let (step, f) = round(rows.row(index), |column, integer| {
            group[column / QUAD][index % ROWS][column % QUAD] = integer as i8;
            sum += integer;
        });
        *offset = -SHIFT * sum;
        // The norm of a unit row is at most 1 + 2⁻²³. From integer to cosine there are four roundings by 2⁻²⁴ of at most
        // ‖X‖‖Y‖.
        let one = 1.0 + 2.0_f64.powi(-23);
        let error = e * one + (one + e) * f + 2.0_f64.powi(-22) * (one + e) * (one + f);
        scales.push(Scale { factor: step, error: (error as f32).next_up() });
    }
    (Packed { entries, quads, offsets }, scales)
}

/// The scores without special instructions.
fn scan(work: &Work<'_>, lists: &mut Lists<'_>) {
    let Packed { entries, quads, offsets } = work.packed;
    let panels = work.panels.chunks_exact(quads * LANES * QUAD).zip(work.steps.chunks_exact(LANES));
    for (panel, (columns, steps)) in panels.enumerate() {
        for (row, &offset) in offsets.iter().enumerate() {
            let group = &entries[row / ROWS * quads..][..*quads];
            let mut sums = [offset; LANES];
            for (column, entries) in columns.chunks_exact(LANES * QUAD).zip(group) {
                for (sum, x) in sums.iter_mut().zip(column.chunks_exact(QUAD)) {
                    *sum += x.iter().zip(&entries[row % ROWS]).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum::<i32>();
                }
            }
            let scores: [f32; LANES] = std::array::from_fn(|lane| sums[lane] as f32 * steps[lane]);
            if scores.iter().any(|&score| score > lists.bounds[row]) {
                lists.offer(row, panel * LANES, &scores);
            }
        }
    }
}
