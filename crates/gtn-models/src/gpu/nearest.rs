//! Candidates for Algorithm 1 from a GPU: similarities of blocks of rows by one product, and the best of each row picked there.

use candle_core::{DType, Result, Tensor};
use gtn_label::{Candidate, Candidates, Proposer, ProposerError, UnitRows};

use super::kernels::Rows;
use super::machine::{Factor, Gpu, Product};

/// Similarities that are in memory at a time.
const SCORES: usize = 1 << 27;

/// Proposes the target rows of the highest dot products.
///
/// A dot product of `d` columns, formed in f32 in whatever order, differs from the cosine of two rows of norm 1 by (d + 3)·2⁻²⁴ at
/// most. The rows that a list leaves out are bounded by the best of them, so that the matching is the CPU's, whole.
#[derive(Debug)]
pub(crate) struct Nearest {
    gpu: Gpu,
    dim: usize,
    /// The free target rows, in the order in which they lie on the GPU; the first so many rows there.
    free: Vec<u32>,
    /// Where each target row lies, while it is free.
    places: Vec<u32>,
    targets: Option<Tensor>,
    scores: Option<Tensor>,
    /// Similarities that may be in memory at a time.
    most: usize,
}

fn failed(error: impl std::fmt::Display) -> ProposerError {
    ProposerError { reason: format!("the GPU failed: {error}") }
}

impl Nearest {
    pub(crate) fn new(gpu: Gpu) -> Self {
        Self { gpu, dim: 1, free: Vec::new(), places: Vec::new(), targets: None, scores: None, most: SCORES }
    }

    /// The same with as many similarities in memory at a time.
    #[cfg(all(test, feature = "emulated-gpu"))]
    pub(super) fn with_most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Fills the holes that rows leave with the last rows; what lies where afterwards.
    fn close_holes(&mut self, removed: &[u32]) -> Vec<u32> {
        let left = self.free.len() - removed.len();
        let (mut holes, mut moves) = (Vec::new(), Vec::new());
        for &target in removed {
            let place = self.places[target as usize];
            self.free[place as usize] = u32::MAX;
            if (place as usize) < left {
                holes.push(place);
            }
        }
        let last = (left..self.free.len()).filter(|&place| self.free[place] != u32::MAX);
        for (hole, from) in holes.into_iter().zip(last.collect::<Vec<_>>()) {
            let target = self.free[from];
            self.free[hole as usize] = target;
            self.places[target as usize] = hole;
            moves.extend([hole, from as u32]);
        }
        self.free.truncate(left);
        moves
    }

    #[allow(unsafe_code, reason = "a kernel moves rows by their numbers, which are those of rows that are there")]
    fn move_rows(&self, moves: &[u32]) -> Result<()> {
        let Some(targets) = self.targets.as_ref().filter(|_| !moves.is_empty()) else { return Ok(()) };
        let moves = Tensor::from_slice(moves, moves.len(), &self.gpu.device())?;
        // SAFETY: every number is a place among those of `begin`; places to write are none of those to read.
        unsafe { self.gpu.move_rows(self.dim, self.gpu.span(&moves)?, self.gpu.span(targets)?) }
    }

    /// Scores of the best `keep` free rows of each part of them, their places, and a bound on the others.
    fn best(&mut self, sources: UnitRows<'_>, keep: usize) -> Result<Best> {
        let (n, free) = (sources.len(), self.free.len());
        let width = (self.most / n).clamp(1, free);
        let parts: Vec<_> = (0..free).step_by(width).map(|start| start..free.min(start + width)).collect();
        let keep = keep.min(width);
        let Some(targets) = &self.targets else { candle_core::bail!("`begin` comes first") };
        let targets = self.gpu.span(targets)?;
        let source = Tensor::from_slice(sources.as_slice(), sources.as_slice().len(), &self.gpu.device())?;
        let source = Factor::new(self.gpu.span(&source)?, n, self.dim);
        let scores = self.gpu.fit(&mut self.scores, n * width)?;
        let listed = parts.len() * n * keep;
        let (best, places) = (self.gpu.empty(listed, DType::F32)?, self.gpu.empty(listed, DType::U32)?);
        let bounds = self.gpu.empty(parts.len() * n, DType::F32)?;
        for (index, part) in parts.iter().enumerate() {
            let targets = targets.part(part.start * self.dim..part.end * self.dim);
            let targets = Factor::new(targets, part.len(), self.dim).transposed();
            let scores = scores.part(0..n * part.len());
            self.gpu.multiply(&Product::new(scores, source, targets).precise())?;
            let lists = index * n * keep..(index + 1) * n * keep;
            let lists = (self.gpu.span(&best)?.part(lists.clone()), self.gpu.span(&places)?.part(lists));
            let bounds = self.gpu.span(&bounds)?.part(index * n..(index + 1) * n);
            self.gpu.best_of_rows(Rows { n, width: part.len() }, keep, scores, lists, bounds)?;
        }
        Ok(Best {
            starts: parts.iter().map(|part| part.start).collect(),
            keep,
            scores: best.to_vec1()?,
            places: places.to_vec1()?,
            bounds: bounds.to_vec1()?,
        })
    }
}

/// What the GPU found, part after part of the free rows, and in each row after row of the sources.
struct Best {
    /// Where each part begins.
    starts: Vec<usize>,
    keep: usize,
    scores: Vec<f32>,
    places: Vec<u32>,
    bounds: Vec<f32>,
}

impl Proposer for Nearest {
    fn begin(&mut self, targets: UnitRows<'_>) -> std::result::Result<(), ProposerError> {
        self.dim = targets.dim();
        self.free = (0..targets.len() as u32).collect();
        self.places = self.free.clone();
        let rows = targets.as_slice();
        self.targets = Some(Tensor::from_slice(rows, rows.len(), &self.gpu.device()).map_err(failed)?);
        Ok(())
    }

    fn remove(&mut self, targets: &[u32]) -> std::result::Result<(), ProposerError> {
        let moves = self.close_holes(targets);
        self.move_rows(&moves).map_err(failed)
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
        let found = self.best(sources, keep.max(1)).map_err(failed)?;
        let n = sources.len();
        let error = (self.dim + 3) as f32 * 2.0_f32.powi(-24);
        for (row, list) in candidates.iter_mut().enumerate() {
            let mut bound = f32::NEG_INFINITY;
            for (part, start) in found.starts.iter().enumerate() {
                let lists = (part * n + row) * found.keep..(part * n + row + 1) * found.keep;
                for (score, place) in found.scores[lists.clone()].iter().zip(&found.places[lists]) {
                    if *score > f32::NEG_INFINITY {
                        list.push(Candidate { score: *score, target: self.free[start + *place as usize] });
                    }
                }
                bound = bound.max(found.bounds[part * n + row]);
            }
            list.set_error(error);
            if bound > f32::NEG_INFINITY {
                list.set_bound((bound + error).next_up());
            }
        }
        Ok(())
    }
}
