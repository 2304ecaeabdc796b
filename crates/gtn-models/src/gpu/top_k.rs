//! Candidates for Algorithm 1 from a GPU: one matrix product computes the similarities of a block of rows, and a kernel
//! selects the top k of each row.

use candle_core::{DType, Result, Tensor};
use gtn_label::{Candidate, Candidates, Proposer, ProposerError, UnitRows};

use super::backend::{Gemm, Gpu, Operand};
use super::kernels::MatrixDims;

/// Similarities in GPU memory at a time.
const MAX_SCORES: usize = 1 << 27;

/// Proposes the target rows with the highest dot products.
///
/// A dot product of `d` columns that is computed in f32, in any order, differs from the cosine of two unit rows by at
/// most (d + 3)·2⁻²⁴. The highest score that a list leaves out bounds all others that it leaves out, so the matching is
/// exactly that of the CPU.
#[derive(Debug)]
pub(crate) struct TopKProposer {
    gpu: Gpu,
    dim: usize,
    /// The free target rows, in their order on the GPU, where they are the first rows.
    free: Vec<u32>,
    /// The index on the GPU of each free target row.
    positions: Vec<u32>,
    targets: Option<Tensor>,
    scores: Option<Tensor>,
    max_scores: usize,
}

fn proposer_error(error: impl std::fmt::Display) -> ProposerError {
    ProposerError { reason: format!("the GPU failed: {error}") }
}

impl TopKProposer {
    pub(crate) fn new(gpu: Gpu) -> Self {
        let (free, positions) = (Vec::new(), Vec::new());
        Self { gpu, dim: 1, free, positions, targets: None, scores: None, max_scores: MAX_SCORES }
    }

    /// Limits the number of similarities in memory at a time.
    #[cfg(all(test, feature = "emulated-gpu"))]
    pub(super) fn with_max_scores(self, max_scores: usize) -> Self {
        Self { max_scores, ..self }
    }

    /// Replaces the removed rows with the last free rows. Returns the moves to make on the GPU: pairs of a destination
    /// and a source.
    fn fill_gaps(&mut self, removed: &[u32]) -> Vec<u32> {
        let remaining = self.free.len() - removed.len();
        let (mut gaps, mut moves) = (Vec::new(), Vec::new());
        for &target in removed {
            let position = self.positions[target as usize];
            self.free[position as usize] = u32::MAX;
            if (position as usize) < remaining {
                gaps.push(position);
            }
        }
        let last = (remaining..self.free.len()).filter(|&position| self.free[position] != u32::MAX);
        for (gap, from) in gaps.into_iter().zip(last.collect::<Vec<_>>()) {
            let target = self.free[from];
            self.free[gap as usize] = target;
            self.positions[target as usize] = gap;
            moves.extend([gap, from as u32]);
        }
        self.free.truncate(remaining);
        moves
    }

    #[allow(unsafe_code, reason = "the kernel does not check the row indices; `fill_gaps` returns only valid ones")]
    fn move_rows(&self, moves: &[u32]) -> Result<()> {
        let Some(targets) = self.targets.as_ref().filter(|_| !moves.is_empty()) else { return Ok(()) };
        let moves = Tensor::from_slice(moves, moves.len(), &self.gpu.device())?;
        // SAFETY: every index is that of a row which `begin` uploaded, and no row is both a source and a destination.
        unsafe { self.gpu.move_rows(self.dim, self.gpu.slice_of(&moves)?, self.gpu.slice_of(targets)?) }
    }

    /// The highest `keep` scores of each source row in each block of free rows, their positions, and bounds on the
    /// others.
    fn top_k(&mut self, sources: UnitRows<'_>, keep: usize) -> Result<TopK> {
        let (n, free) = (sources.len(), self.free.len());
        let width = (self.max_scores / n).clamp(1, free);
        let blocks: Vec<_> = (0..free).step_by(width).map(|start| start..free.min(start + width)).collect();
        let keep = keep.min(width);
        let Some(targets) = &self.targets else { candle_core::bail!("`propose` was called before `begin`") };
        let targets = self.gpu.slice_of(targets)?;
        let source = Tensor::from_slice(sources.as_slice(), sources.as_slice().len(), &self.gpu.device())?;
        let source = Operand::new(self.gpu.slice_of(&source)?, n, self.dim);
        let scores = self.gpu.reserve(&mut self.scores, n * width)?;
        let len = blocks.len() * n * keep;
        let (top, positions) = (self.gpu.empty(len, DType::F32)?, self.gpu.empty(len, DType::U32)?);
        let bounds = self.gpu.empty(blocks.len() * n, DType::F32)?;
        for (index, block) in blocks.iter().enumerate() {
            let targets = targets.slice(block.start * self.dim..block.end * self.dim);
            let targets = Operand::new(targets, block.len(), self.dim).transposed();
            let scores = scores.slice(0..n * block.len());
            self.gpu.gemm(&Gemm::new(scores, source, targets).full_precision())?;
            let lists = index * n * keep..(index + 1) * n * keep;
            let lists = (self.gpu.slice_of(&top)?.slice(lists.clone()), self.gpu.slice_of(&positions)?.slice(lists));
            let bounds = self.gpu.slice_of(&bounds)?.slice(index * n..(index + 1) * n);
            self.gpu.top_k_rows(MatrixDims { n, width: block.len() }, keep, scores, lists, bounds)?;
        }
        Ok(TopK {
            block_starts: blocks.iter().map(|block| block.start).collect(),
            keep,
            scores: top.to_vec1()?,
            positions: positions.to_vec1()?,
            bounds: bounds.to_vec1()?,
        })
    }
}

/// The results of the GPU, as arrays of shape (block of free rows, source row, rank), and for the bounds (block, source
/// row).
struct TopK {
    block_starts: Vec<usize>,
    keep: usize,
    scores: Vec<f32>,
    /// Positions within the block.
    positions: Vec<u32>,
    bounds: Vec<f32>,
}

impl Proposer for TopKProposer {
    fn begin(&mut self, targets: UnitRows<'_>) -> std::result::Result<(), ProposerError> {
        self.dim = targets.dim();
        self.free = (0..targets.len() as u32).collect();
        self.positions = self.free.clone();
        let rows = targets.as_slice();
        self.targets = Some(Tensor::from_slice(rows, rows.len(), &self.gpu.device()).map_err(proposer_error)?);
        Ok(())
    }

    fn remove(&mut self, targets: &[u32]) -> std::result::Result<(), ProposerError> {
        let moves = self.fill_gaps(targets);
        self.move_rows(&moves).map_err(proposer_error)
    }

    fn propose(
        &mut self,
        sources: UnitRows<'_>,
        keep: usize,
        candidates: &mut [Candidates],
    ) -> std::result::Result<(), ProposerError> {
        candidates.iter_mut().for_each(Candidates::clear);
        if sources.is_empty() || self.free.is_empty() {
            return Ok(());
        }
        let top_k = self.top_k(sources, keep.max(1)).map_err(proposer_error)?;
        let n = sources.len();
        let error = (self.dim + 3) as f32 * 2.0_f32.powi(-24);
        for (row, list) in candidates.iter_mut().enumerate() {
            let mut bound = f32::NEG_INFINITY;
            for (block, start) in top_k.block_starts.iter().enumerate() {
                let ranks = (block * n + row) * top_k.keep..(block * n + row + 1) * top_k.keep;
                for (score, position) in top_k.scores[ranks.clone()].iter().zip(&top_k.positions[ranks]) {
                    if *score > f32::NEG_INFINITY {
                        list.push(Candidate { score: *score, target: self.free[start + *position as usize] });
                    }
                }
                bound = bound.max(top_k.bounds[block * n + row]);
            }
            list.set_error(error);
            if bound > f32::NEG_INFINITY {
                list.set_bound((bound + error).next_up());
            }
        }
        Ok(())
    }
}
