//! Scores of rows quantized to 8-bit integers: a quarter of the memory, and on processors with AVX-512 VNNI, four products in the
//! time of one.

use super::panels::{InitialBound, LANES, Lists, Panels, Positions, ROWS, for_each_group};
use super::quantized::{Packed, QUAD, ScanInput, ZERO_POINT, pack, quantize};
use super::vnni;
use crate::{Candidates, Proposer, ProposerError, UnitRows};

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

    fn propose(&mut self, sources: UnitRows<'_>, k: usize, candidates: &mut [Candidates]) -> Result<(), ProposerError> {
        let both = (sources, self.positions.targets.as_slice());
        let pack = |rows: UnitRows<'_>| pack(rows, self.max_error_norm);
        for_each_group(both, k, &mut self.initial, candidates, pack, |packed, lists| {
            let input = ScanInput { panels: &self.panels.data, scales: &self.scales, packed };
            match self.kernel {
                Kernel::Vnni => vnni::scan(&input, lists),
                Kernel::Portable => scan(&input, lists),
            }
        });
        Ok(())
    }
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
