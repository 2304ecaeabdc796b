//! Algorithm 1 in blocks of source rows, whose size adapts to how often they compete for the same target rows.

mod block;

use std::time::Instant;

use block::{Block, MIN_BLOCK_SIZE, UNHELD};
pub(crate) use block::{Buffers, MAX_LIST_LEN, UNIT_ERROR, tie_width, unit_rows};

use crate::matching::Reporter;
use crate::problem::{Assignment, Problem};
use crate::sort::argsort_by_norm;
use crate::stats::MatchStats;
use crate::{Element, MatchError, Proposer, UnitRows};

/// Maximum number of candidates in a block, which bounds their memory.
const MAX_BLOCK_CANDIDATES: usize = 1 << 22;

/// Parameters of the blocks, which change the time taken, never the matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockParams {
    /// Maximum number of source rows that candidates are proposed for at a time.
    pub(crate) block_size: usize,
    /// Initial number of candidates per source row.
    pub(crate) k: usize,
    /// Free target rows per source row of a block. The more there are, the less often two source rows compete for the same one.
    pub(crate) free_per_row: usize,
}

impl BlockParams {
    // Measured; see the [cost model](crate::cost_model).
    pub(crate) const DENSE: Self = Self { block_size: 4096, k: 8, free_per_row: 32 };
    pub(crate) const DENSE_FEW_COLUMNS: Self = Self { block_size: 4096, k: 4, free_per_row: 32 };
    pub(crate) const INT8: Self = Self { block_size: 4096, k: 16, free_per_row: 32 };
    pub(crate) const TREE: Self = Self { block_size: 1024, k: 4, free_per_row: 16 };
    pub(crate) const PROPOSED: Self = Self { block_size: 4096, k: 16, free_per_row: 32 };

    /// Source rows of the next block: a multiple of [`MIN_BLOCK_SIZE`] where possible, so that all threads get equal work.
    fn next_block(self, free: usize, k: usize) -> usize {
        let max = (MAX_BLOCK_CANDIDATES / k).max(MIN_BLOCK_SIZE);
        (free / self.free_per_row).max(1).min(max).next_multiple_of(MIN_BLOCK_SIZE).min(self.block_size)
    }
}

/// A proposer, and a fallback for when its lists are too short too often.
pub(crate) struct Proposers<'p> {
    pub(crate) first: (&'p mut dyn Proposer, BlockParams),
    pub(crate) fallback: Option<(&'p mut dyn Proposer, BlockParams)>,
}

pub(crate) fn run<T: Element>(
    problem: &Problem<'_, '_, T>,
    proposers: Proposers<'_>,
    buffers: &mut Buffers,
    stats: &mut MatchStats,
    reporter: &mut Reporter<'_, '_>,
) -> Result<Assignment, MatchError> {
    let started = Instant::now();
    let dim = problem.source.dim();
    let mut out = Assignment::new(problem.source.len());
    let mut taken = vec![false; problem.targets.rows.len()];
    let by_norm = if problem.zero_rows() > 0 { argsort_by_norm(problem.targets.norms) } else { Vec::new() };
    let zero_rows = problem.assign_zero_rows(&by_norm, &mut out);
    by_norm[..zero_rows].iter().for_each(|&target| taken[target] = true);
    unit_rows(&mut buffers.targets, problem.targets.rows.len(), dim, |target| {
        (problem.targets.rows.row(target), problem.targets.norms[target])
    });
    buffers.holders.clear();
    buffers.holders.resize(taken.len(), UNHELD);
    let Proposers { first: (mut proposer, mut params), mut fallback } = proposers;
    begin(proposer, &buffers.targets, dim, &taken)?;
    stats.prepare += started.elapsed();

    let mut k = params.k;
    // The first block is short, to find out early whether the lists are long enough.
    let mut max_block = MIN_BLOCK_SIZE;
    let mut done = zero_rows;
    while done < problem.order.len() {
        reporter.report(done)?;
        let sources = &problem.order[done..];
        let proposed = params.next_block(taken.len() - done, k).min(max_block).min(sources.len());
        let mut block = Block {
            problem,
            sources: &sources[..proposed],
            k,
            taken: &taken,
            buffers: &mut *buffers,
            stats: &mut *stats,
        };
        block.propose(proposer)?;
        let refilled = block.resolve_conflicts(proposer)?;
        let removed = block.commit(&mut out);
        for &target in &removed {
            taken[target as usize] = true;
        }
        proposer.remove(&removed)?;
        let processed = removed.len();
        done += processed;
        if processed < proposed {
            // Too many source rows competed for the same few target rows.
            max_block = processed.max(MIN_BLOCK_SIZE);
            continue;
        }
        // As free rows become rare, or where many source rows compete for the same few, longer lists are cheaper than refills.
        let (many_refills, some_refills) = (refilled > processed / 4, refilled > processed / 16);
        let longer = k.saturating_mul(if many_refills { 4 } else { 2 }).min(MAX_LIST_LEN / 8).max(k);
        max_block = if many_refills {
            (max_block / 4).max(MIN_BLOCK_SIZE)
        } else if some_refills {
            max_block
        } else {
            max_block.saturating_mul(2)
        };
        if many_refills
            && longer == k
            && let Some(next) = fallback.take()
        {
            let started = Instant::now();
            (proposer, params) = next;
            k = params.k;
            begin(proposer, &buffers.targets, dim, &taken)?;
            stats.prepare += started.elapsed();
        } else if some_refills {
            k = longer;
        }
    }
    Ok(out)
}

/// Passes the target rows to a proposer, and removes those that are taken.
fn begin(proposer: &mut dyn Proposer, targets: &[f32], dim: usize, taken: &[bool]) -> Result<(), MatchError> {
    proposer.begin(UnitRows::new(targets, dim))?;
    let removed: Vec<u32> = (0..).zip(taken).filter(|&(_, &taken)| taken).map(|(target, _)| target).collect();
    Ok(proposer.remove(&removed)?)
}
