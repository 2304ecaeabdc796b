//! Algorithm 1 in blocks of source rows, whose size adapts to how often they compete for the same target rows.
//!
//! Where lists of candidates are too short again and again, the cause decides what follows: of equal target rows the proposer is given
//! one each ([`equal`]); for source rows in a narrow cone, candidates are those of their center ([`around`]); and where cosines are too close to
//! each other for a proposer, the next one takes over, or in the end all free rows are scored exactly ([`crate::exact`]).

mod around;
mod block;
mod dots;
mod equal;
mod sizes;

use std::time::Instant;

use around::Around;
pub(crate) use block::Buffers;
use block::{Block, UNHELD, is_free};
use equal::EqualRows;
pub(crate) use sizes::BlockParams;
use sizes::{Outcome, Sizes};

use crate::exact::ExactRows;
use crate::matching::Reporter;
use crate::problem::{Assignment, Problem};
use crate::sharded::match_blocks;
use crate::sort::argsort_by_norm;
use crate::stats::MatchStats;
use crate::units::unit_rows;
use crate::{Element, MatchError, Proposer, UnitRows};

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
    let Proposers { first: (mut proposer, params), mut fallback } = proposers;
    begin(proposer, &buffers.targets, dim, |target| is_free(&taken, None, target))?;
    stats.prepare += started.elapsed();

    let mut sizes = Sizes::new(params);
    let mut around = Around::default();
    let (mut equal, mut looked_for_equal) = (None, false);
    let mut done = zero_rows;
    while done < problem.order.len() {
        reporter.report(done)?;
        let sources = &problem.order[done..];
        let free = taken.len() - done;
        let around_block = around.block_size(free);
        let proposed = around_block.unwrap_or_else(|| sizes.next_block(free)).min(sources.len());
        let (rescored, scanned) = (stats.rescored, stats.full_scans);
        let mut block = Block {
            problem,
            sources: &sources[..proposed],
            k: sizes.k,
            taken: &taken,
            equal: equal.as_ref(),
            buffers: &mut *buffers,
            stats: &mut *stats,
        };
        if around_block.is_none() {
            block.propose(proposer)?;
        } else if !block.propose_around(&mut around)? {
            continue;
        }
        let refilled = block.resolve_conflicts(proposer)?;
        let removed = block.commit(&mut out);
        for &target in &removed {
            taken[target as usize] = true;
        }
        match &mut equal {
            None => proposer.remove(&removed)?,
            Some(equal) => proposer.remove(&EqualRows::take(equal, &removed))?,
        }
        let processed = removed.len();
        done += processed;
        let outcome = Outcome {
            proposed,
            processed,
            refilled,
            rescored: stats.rescored - rescored,
            scanned: stats.full_scans - scanned,
            free: free - processed,
        };
        if around_block.is_some() {
            if outcome.many_refills() {
                around.extend();
            }
            continue;
        }
        if outcome.ended_early() || outcome.many_refills() {
            around.begin();
            if !std::mem::replace(&mut looked_for_equal, true) {
                let started = Instant::now();
                let found = EqualRows::find(problem, &taken);
                if found.are_worthwhile(outcome.free) {
                    begin(proposer, &buffers.targets, dim, |target| is_free(&taken, Some(&found), target))?;
                    equal = Some(found);
                }
                stats.prepare += started.elapsed();
                if equal.is_some() {
                    continue;
                }
            }
        }
        let lists_are_too_short = sizes.adapt(&outcome);
        if !(outcome.too_close() || lists_are_too_short) {
            continue;
        }
        let started = Instant::now();
        if let Some((next, params)) = fallback.take() {
            proposer = next;
            sizes.restart(params);
            begin(proposer, &buffers.targets, dim, |target| is_free(&taken, equal.as_ref(), target))?;
            stats.prepare += started.elapsed();
        } else if outcome.too_close() {
            let mut rows = ExactRows::new(problem, &taken);
            let report = |done| reporter.report(done);
            match_blocks(problem.order, done, taken.len() as u64, &mut rows, &mut out, report)?;
            stats.full_scans += rows.scanned;
            stats.decide += started.elapsed();
            break;
        }
    }
    Ok(out)
}

/// Passes the target rows to a proposer, and removes all but those that it may propose.
fn begin(
    proposer: &mut dyn Proposer,
    targets: &[f32],
    dim: usize,
    may_propose: impl Fn(usize) -> bool,
) -> Result<(), MatchError> {
    let targets = UnitRows::new(targets, dim);
    proposer.begin(targets)?;
    let removed: Vec<u32> = (0..targets.len() as u32).filter(|&target| !may_propose(target as usize)).collect();
    Ok(proposer.remove(&removed)?)
}
