//! Scores of rows quantized to 8-bit integers: a quarter of the memory, and several products in the time of one: four with AVX-512 VNNI,
//! two with AVX2.

use super::kernels::{self, Kernel};
use super::panels::{InitialBound, LANES, Panels, Positions, for_each_group};
use super::quantized::{MAX_QUANTIZED, QUAD, ScanInput, ZERO_POINT, pack, quantize};
use crate::{Candidates, Proposer, ProposerError, UnitRows};

/// Maximum number of columns for which a sum of products fits into 32 bits: 127·255·d < 2³¹.
const MAX_COLUMNS: usize = 65_536;

/// Proposes candidates by dot products of rows quantized to 8 bits.
#[derive(Debug)]
pub(crate) struct Int8Proposer {
    kernel: Kernel,
    /// The largest magnitude of an integer of a source row.
    max_source: i8,
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
        Self::with(Kernel::fastest())
    }
}

impl Int8Proposer {
    pub(super) fn with(kernel: Kernel) -> Self {
        Self {
            kernel,
            max_source: kernel.max_source(),
            panels: Panels::default(),
            scales: Vec::new(),
            positions: Positions::default(),
            max_error_norm: 0.0,
            initial: InitialBound::default(),
        }
    }

    /// Whether this proposer is worthwhile for rows of `dim` columns: the processor must have instructions for products of bytes.
    pub(crate) fn is_fast(dim: usize) -> bool {
        Kernel::fastest() != Kernel::Portable && Self::supports(dim)
    }

    /// Whether this proposer supports rows of `dim` columns.
    pub(crate) fn supports(dim: usize) -> bool {
        dim <= MAX_COLUMNS
    }

    /// The portable proposer that has the same scores as another with this limit.
    #[cfg(test)]
    pub(super) fn portable(max_source: i8) -> Self {
        Self { max_source, ..Self::with(Kernel::Portable) }
    }
}

impl Proposer for Int8Proposer {
    fn begin(&mut self, targets: UnitRows<'_>) -> Result<(), ProposerError> {
        self.positions.reset(targets.len());
        self.initial = InitialBound::default();
        let quantized = self.panels.fill(targets.len(), targets.dim(), ZERO_POINT as u8, |target, row| {
            quantize(targets.row(target), MAX_QUANTIZED, |column, integer| row[column] = (integer + ZERO_POINT) as u8)
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
        let pack = |rows: UnitRows<'_>| pack(rows, self.max_source, self.max_error_norm);
        for_each_group(both, k, &mut self.initial, candidates, pack, |packed, lists| {
            let input = ScanInput { panels: &self.panels.data, scales: &self.scales, packed };
            kernels::scan(self.kernel, &input, lists);
        });
        Ok(())
    }
}
