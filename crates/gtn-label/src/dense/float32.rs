//! Scores in `f32`, with vectors as wide as the processor has.

use std::array::from_fn;

use pulp::{Simd, WithSimd};

use super::panels::{InitialBound, LANES, Lists, Panels, Positions, ROWS, ScoreScale, for_each_group, pack};
use crate::instructions::arch;
use crate::score::gamma;
use crate::{Candidates, Proposer, ProposerError, UnitRows};

/// Proposes candidates by dot products of unit rows in `f32`.
///
/// Let u = 2⁻²⁴. The error of a sum of d products of `f32`, in any order, fused or not, is at most γ_d = du/(1 − du) times the sum
/// of the absolute products, and that sum is at most the product of the norms of the unit rows, which is below (1 + u)²: see
/// [`error`].
#[derive(Debug, Default)]
pub(crate) struct Float32Proposer {
    panels: Panels<f32, 1>,
    positions: Positions,
    initial: InitialBound,
}

/// Bound on |score − cosine of the unit rows| for rows of `dim` columns.
pub(crate) fn error(dim: usize) -> f32 {
    gamma(dim + 2)
}

impl Proposer for Float32Proposer {
    fn begin(&mut self, targets: UnitRows<'_>) -> Result<(), ProposerError> {
        self.positions.reset(targets.len());
        self.initial = InitialBound::default();
        self.panels.fill(targets.len(), targets.dim(), 0.0, |target, row| row.copy_from_slice(targets.row(target)));
        Ok(())
    }

    fn remove(&mut self, targets: &[u32]) -> Result<(), ProposerError> {
        for &target in targets {
            let (to, from) = self.positions.remove(target);
            self.panels.copy(from, to);
        }
        self.panels.truncate(self.positions.targets.len());
        Ok(())
    }

    fn propose(&mut self, sources: UnitRows<'_>, k: usize, candidates: &mut [Candidates]) -> Result<(), ProposerError> {
        let (dim, scale) = (sources.dim(), ScoreScale { factor: 1.0, error: error(sources.dim()) });
        let both = (sources, self.positions.targets.as_slice());
        let pack = |rows: UnitRows<'_>| (pack(rows.as_slice().chunks(dim), dim), vec![scale; rows.len()]);
        for_each_group(both, k, &mut self.initial, candidates, pack, |packed, lists| {
            arch().dispatch(Scan { panels: &self.panels.data, dim, packed, lists });
        });
        Ok(())
    }
}

/// Scores every panel with every source row of a group.
struct Scan<'s, 't> {
    panels: &'s [f32],
    dim: usize,
    packed: &'s [f32],
    lists: &'s mut Lists<'t>,
}

impl WithSimd for Scan<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.run::<S, ROWS, 1>(simd),
            8 => self.run::<S, { ROWS / 2 }, 2>(simd),
            4 => self.run::<S, { ROWS / 6 }, 4>(simd),
            _ => self.run::<S, { ROWS / 6 }, 16>(simd),
        }
    }
}

impl Scan<'_, '_> {
    /// Processes `R` source rows at a time; a column of a panel fills `N` registers.
    #[inline(always)]
    fn run<S: Simd, const R: usize, const N: usize>(self, simd: S) {
        let dim = self.dim;
        for (panel, columns) in self.panels.chunks_exact(dim * LANES).enumerate() {
            for (group, rows) in self.packed.chunks_exact(dim * ROWS).enumerate() {
                for part in (0..ROWS).step_by(R) {
                    let mut sums = [[simd.splat_f32s(0.0); N]; R];
                    for (column, row) in columns.chunks_exact(LANES).zip(rows.chunks_exact(ROWS)) {
                        let column: [S::f32s; N] = from_fn(|n| S::as_simd_f32s(column).0[n]);
                        let row = &row[part..part + R];
                        for r in 0..R {
                            let entry = simd.splat_f32s(row[r]);
                            for n in 0..N {
                                sums[r][n] = simd.mul_add_e_f32s(column[n], entry, sums[r][n]);
                            }
                        }
                    }
                    let first = group * ROWS + part;
                    for (row, sums) in (first..).zip(&sums) {
                        let bound = simd.splat_f32s(self.lists.bounds[row]);
                        let reaches =
                            |&sum: &S::f32s| simd.first_true_m32s(simd.less_than_f32s(bound, sum)) < S::F32_LANES;
                        if sums.iter().any(reaches) {
                            let mut scores = [0.0; LANES];
                            S::as_mut_simd_f32s(&mut scores).0.copy_from_slice(sums);
                            self.lists.offer(row, panel * LANES, &scores);
                        }
                    }
                }
            }
        }
    }
}
