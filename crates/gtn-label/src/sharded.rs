//! Algorithm 1 with the target rows divided into shards: for more rows than one machine holds, or for several machines.
//!
//! Each [`Shard`] has some of the target rows, and lists its best free rows for a source row, scored in `f64`, in the order of
//! preference of the definition on the [front page](crate). [`match_shards`] asks all shards for the lists of a block of source rows, resolves
//! conflicts from the lists alone, and tells the shards which rows are taken. It never sees a row, and the matching is the same
//! for any number of shards.
//!
//! # Why the result is exact
//!
//! A list holds the best free rows of its shard: every free row of the shard that is not listed is worse than the last that is. A
//! source row takes the best row among all lists that no earlier source row of the block holds. If all rows on the list of a shard
//! are held by earlier source rows, then the list is too short only if the best row of the other shards is worse than its last row;
//! then a longer list is requested. At most as many rows of a shard are held by earlier source rows as there are in the block, so that a
//! list longer than the block is never too short. Deferred acceptance does the rest, as within one process.

mod blocks;
mod preferences;
mod shard;

use std::ops::ControlFlow;

use crate::problem::Assignment;
use crate::sort::argsort_by_norm;
use crate::{MatchError, Matching, PointSet, Progress};
use blocks::{Block, BlockSizes};
pub use preferences::{LongerList, Preference, PreferenceList, Shards};
pub use shard::{LocalShards, Shard};

/// Runs Algorithm 1 on target rows that are divided into shards.
///
/// `source_norms` has the norm of each source row, as [`norms`](crate::norms) computes them, and `target_rows` is the number of rows of all
/// shards. `progress` is called before each block; `ControlFlow::Break` stops the work.
///
/// ```
/// use std::ops::ControlFlow;
/// use gtn_label::{LocalShards, Matcher, Precision, Rows, match_shards, norms};
///
/// let y = [0.0_f32, 2.0, 1.0, 0.0, -1.5, 0.5];
/// let x = [3.0_f32, 0.1, 1.0, 1.0, -0.2, 5.0, -1.0, 0.0];
/// let (source, target) = (Rows::new(&y, 3, 2)?, Rows::new(&x, 4, 2)?);
///
/// let mut shards = LocalShards::new(&source, &target, 2, Precision::Double)?;
/// let matched = match_shards(&norms(&source, 0)?, 4, &mut shards, |_| ControlFlow::Continue(()))?;
/// assert_eq!(matched, Matcher::new().match_rows(source, target)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`MatchError`] if there are more source rows than target rows, or more than 2³² − 1, or if the work is stopped; errors of the shards.
pub fn match_shards<S: Shards>(
    source_norms: &[f64],
    target_rows: u64,
    shards: &mut S,
    mut progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Matching, S::Error> {
    let total = source_norms.len();
    if total as u64 > target_rows {
        let target_rows = usize::try_from(target_rows).unwrap_or(usize::MAX);
        return Err(MatchError::SourceLarger { source_rows: total, target_rows }.into());
    }
    if u32::try_from(total).is_err() {
        return Err(MatchError::TooManyRows { set: PointSet::Source, rows: total }.into());
    }
    let order = argsort_by_norm(source_norms);
    let mut out = Assignment::new(total);
    let zeros = order.iter().take_while(|&&source| source_norms[source] == 0.0).count();
    if zeros > 0 {
        // They score 0 everywhere, and take the shortest rows.
        let mut shortest = shards.shortest(zeros)?.concat();
        shortest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        shortest.truncate(zeros);
        for (&source, &(_, target)) in order.iter().zip(&shortest) {
            out.set(source, target as usize, 0.0);
        }
        shards.remove(&shortest.iter().map(|&(_, target)| target).collect::<Vec<_>>())?;
    }
    match_blocks(&order, zeros, target_rows, shards, &mut out, |done| match progress(Progress { done, total }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(MatchError::Cancelled { done, total }.into()),
    })?;
    // After the last row, a request to stop comes too late to matter.
    let _ = progress(Progress { done: total, total });
    Ok(Matching { assignment: out.targets, order, similarity: out.similarity })
}

/// Matches the source rows of `order` after the first `done`, with `target_rows` rows of all shards. `report` is called before each block.
pub(crate) fn match_blocks<S: Shards>(
    order: &[usize],
    mut done: usize,
    target_rows: u64,
    shards: &mut S,
    out: &mut Assignment,
    mut report: impl FnMut(usize) -> Result<(), S::Error>,
) -> Result<(), S::Error> {
    let mut sizes = BlockSizes::new(shards.block_size(), shards.count());
    while done < order.len() {
        report(done)?;
        let sources = &order[done..];
        let len = sizes.next_block(target_rows - done as u64).min(sources.len());
        let mut block = Block::new(&sources[..len], shards.preferences(&sources[..len], sizes.list_len())?);
        let longer = block.resolve(shards)?;
        let taken = block.commit(out);
        shards.remove(&taken)?;
        sizes.adapt(taken.len(), len, longer);
        done += taken.len();
    }
    Ok(())
}
