//! Algorithm 1 in the plane: the target rows are on a circle, sorted by angle, and are searched outward from the angle of y.
//!
//! # Why the result is exact
//!
//! *Order.* The angles themselves are never computed. Row a comes before row b of the same half plane if a₁b₀ < a₀b₁. Both
//! products of two `f32` are exact in `f64`, and so is the order.
//!
//! *Bound.* Let u = 2⁻⁵³, and k = |y|·cos of the angle between x and y, as real numbers. The score of x is c = k(1 + η) with
//! |η| ≤ E = 3.5u + O(u²): one rounding for the sum of two exact products, half of one and one for the norm, one for the
//! quotient. Nothing overflows or underflows, and c = 0 if and only if k = 0. From y to −y, on either side, k decreases. So a
//! row x′ further from y than x on the same side has c′ ≤ `upper_bound(c)` = c + 8u|c|, as (1 + E)/(1 − E) < 1 + 8u; rounding the
//! sum to `f64` cannot bring it below c′, which is an `f64`. Likewise, a row nearer to y has a score of at least
//! `lower_bound(c)` = c − 8u|c|. The compared value (c itself, or the cosine as `f32`) never decreases as c increases, so these
//! bounds also hold for it, from any point of the circle.
//!
//! *Search.* Among adjacent slots between y and −y, the nearest gives an upper bound for all and the furthest a lower bound. If
//! the upper bound is below the best value found so far, that side of the circle is finished. If both bounds are equal, all these
//! slots tie, and the free row with the lowest (norm, index) among them is the best; a tree of minima returns it directly.
//! Otherwise the search descends to smaller ranges, down to single rows, which are scored exactly as the contract defines.
//!
//! Rows that are powers of two times one another have bit-identical scores for every y, as do all rows along one half of an axis
//! (c = ±y₀ or ±y₁): they share a slot, and are queued there by (norm, index).
//!
//! *Blocks.* Rows only disappear, so the result of a search stays valid until its row is taken. Therefore a block of source
//! rows is searched at once, on all threads, and then processed in order. If the row that a search found has been taken by then,
//! the search is repeated. If that happens often, the blocks become smaller.
//!
//! *Compaction.* Once half of the slots have no free row left, the circle is rebuilt without them. This costs O(m) in
//! total, and keeps the slots that a search has to pass in proportion to the free rows.
//!
//! *Near-tie clusters.* Where neither bound decides, as among many multiples of one row, all slots have to be scored. After a
//! search has scored [`SINGLE_NODES`](tuning::SINGLE_NODES) nodes one by one, it takes batches of as many nodes as it has scored so far, cut off where
//! the bound ends them. A batch is scored with vector instructions across the slots, and from [`PARALLEL_NODES`](tuning::PARALLEL_NODES) nodes on, on all
//! threads. Scoring more nodes than necessary costs only time.

mod circle;
mod direction;
mod search;
#[cfg(test)]
mod tests;
mod tuning;

use circle::{Circle, NO_ROW, SearchResult};
use direction::to_xy;
use search::Search;
pub(crate) use tuning::Tuning;

use crate::matching::Reporter;
use crate::problem::{Assignment, Problem};
use crate::sort::argsort_by_norm;
use crate::{MatchError, parallel};

/// Source rows between two progress reports.
const REPORT_INTERVAL: usize = 256;

pub(crate) fn run(
    problem: &Problem<'_, '_>,
    tuning: Tuning,
    reporter: &mut Reporter<'_, '_>,
) -> Result<Assignment, MatchError> {
    parallel::in_pool(|| run_in_pool(problem, tuning, reporter))
}

fn run_in_pool(
    problem: &Problem<'_, '_>,
    tuning: Tuning,
    reporter: &mut Reporter<'_, '_>,
) -> Result<Assignment, MatchError> {
    let mut out = Assignment::new(problem.source.len());
    let by_norm = argsort_by_norm(problem.targets.norms);
    let zeros = problem.assign_zero_rows(&by_norm, &mut out);
    // Target rows that are all zeros score 0 for every y, so the first free one represents all of them.
    let target_zeros = by_norm.iter().take_while(|&&target| problem.targets.norms[target] == 0.0).count();
    let (zero_rows, by_norm) = by_norm[zeros..].split_at(target_zeros.saturating_sub(zeros));
    let mut zero_rows = zero_rows.iter();
    let mut circle = Circle::new(problem, by_norm);

    let order = &problem.order[zeros..];
    let search = |circle: &Circle, index: usize| {
        let source = order[index];
        let y = to_xy(problem.source.row(source));
        Search::new(circle, &problem.targets, y, problem.source_norms[source], tuning).best()
    };
    let mut results = vec![SearchResult::default(); tuning.block_size.min(order.len())];
    let (mut start, mut report_at) = (0, 0);
    let mut block_size = BlockSize { rows: tuning.block_size, credit: 0 };
    while start < order.len() {
        if start >= report_at {
            reporter.report(zeros + start)?;
            report_at = start + REPORT_INTERVAL;
        }
        let rows = block_size.rows.min(order.len() - start).min((circle.free / 16).max(1));
        let results = &mut results[..rows];
        parallel::fill(results, tuning.rows_per_task, |offset| search(&circle, start + offset));
        let mut repeated = 0;
        for (index, result) in (start..).zip(results) {
            if result.rank != NO_ROW && !circle.is_free(result) {
                repeated += 1;
                *result = search(&circle, index);
            }
            let source = order[index];
            match zero_rows.as_slice().first() {
                Some(&target) if result.rank == NO_ROW || !result.beats_zero_rows => {
                    zero_rows.next();
                    out.set(source, target, 0.0);
                }
                _ => {
                    assert!(result.rank != NO_ROW, "there are at least as many target rows as source rows");
                    circle.take(result);
                    out.set(source, by_norm[result.rank as usize], result.similarity);
                }
            }
        }
        start += rows;
        block_size.adapt(rows, repeated, tuning.block_size);
        if circle.is_sparse() {
            circle.compact();
        }
    }
    Ok(out)
}

/// The number of source rows that are searched at once.
struct BlockSize {
    rows: usize,
    /// Increases with every processed row, and decreases with repeated searches.
    credit: usize,
}

impl BlockSize {
    /// Updates the size after a block of `rows` rows, `repeated` of which had to repeat the search.
    fn adapt(&mut self, rows: usize, repeated: usize, max: usize) {
        self.credit = (self.credit + rows).saturating_sub(16 * repeated);
        if repeated * 8 > rows {
            *self = Self { rows: (rows / 2).max(1), credit: 0 };
        } else if self.credit >= 16 * self.rows {
            *self = Self { rows: (2 * self.rows).min(max), credit: 0 };
        }
    }
}
