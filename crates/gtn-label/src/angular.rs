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
//! search has scored [`SINGLE_NODES`] nodes one by one, it takes batches of as many nodes as it has scored so far, cut off where
//! the bound ends them. A batch is scored with vector instructions across the slots, and from [`PARALLEL_NODES`] nodes on, on all
//! threads. Scoring more nodes than necessary costs only time.

mod circle;
mod direction;
mod search;

use circle::{Circle, SearchResult};
use direction::to_xy;
use search::Search;

use crate::matching::Reporter;
use crate::problem::{Assignment, Problem};
use crate::sort::argsort_by_norm;
use crate::{MatchError, parallel};

/// Children per node of the tree of minima, and slots per node of the circle.
const FANOUT: usize = 16;
/// Bound on the relative amount by which rounding can invert the order of two scores: 8u.
const SLACK: f64 = 4.0 * f64::EPSILON;
/// The rank that stands for no row.
const NO_ROW: u32 = u32::MAX;
/// Source rows between two progress reports.
const REPORT_INTERVAL: usize = 256;

/// Nodes that a search scores one by one before it takes batches: 256 directions.
const SINGLE_NODES: usize = 16;
/// Batches of at least this many nodes are split among threads; smaller ones take less time than waking the threads: 32,768
/// directions.
const PARALLEL_NODES: usize = 2048;

/// Parameters that change the time a matching takes, never its result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    /// Maximum number of source rows that are searched at once.
    block_size: usize,
    /// Source rows per task.
    rows_per_task: usize,
    /// See [`SINGLE_NODES`]; at least 1.
    single_nodes: usize,
    /// See [`PARALLEL_NODES`].
    parallel_nodes: usize,
    /// Nodes per task.
    nodes_per_task: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            block_size: 1024,
            rows_per_task: 64,
            single_nodes: SINGLE_NODES,
            parallel_nodes: PARALLEL_NODES,
            nodes_per_task: 512,
        }
    }
}

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
    // Source rows that are all zeros are processed first and take the shortest rows of all.
    let zeros = problem.zero_rows();
    for (&source, &target) in problem.order[..zeros].iter().zip(&by_norm) {
        out.set(source, target, 0.0);
    }
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

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::*;

    use super::direction::{angle_key, by_angle};
    use super::*;
    use crate::{Matcher, Matching, Precision, Rows, Strategy as By};

    /// Rows with few directions and many lengths, nearly equal directions, lattice points, and zero rows.
    fn rows(len: Range<usize>) -> impl Strategy<Value = Vec<[f32; 2]>> {
        let row = prop_oneof![
            3 => (1_i32..3_000_000).prop_map(|t| [t as f32, 3.0 * t as f32]),
            2 => (1_i32..3_000_000).prop_map(|t| [-5.0 * t as f32, t as f32]),
            1 => (0.5_f32..2.0).prop_map(|t| [t, t]),
            1 => (0.5_f32..2.0, any::<bool>()).prop_map(|(t, next)| [-t, if next { t.next_up() } else { t }]),
            1 => [-3_i8..=3, -3_i8..=3].prop_map(|row| row.map(f32::from)),
            2 => [-1.0_f32..1.0, -1.0_f32..1.0],
        ];
        prop::collection::vec(row, len)
    }

    fn tuning() -> impl Strategy<Value = Tuning> {
        (1_usize..200, 1_usize..20, 1_usize..5, 0_usize..6, 1_usize..4).prop_map(
            |(block_size, rows_per_task, single_nodes, parallel_nodes, nodes_per_task)| Tuning {
                block_size,
                rows_per_task,
                single_nodes,
                parallel_nodes,
                nodes_per_task,
            },
        )
    }

    fn run(by: By, tuning: Tuning, precision: Precision, source: &[[f32; 2]], target: &[[f32; 2]]) -> Matching {
        let rows = |rows: &[[f32; 2]]| rows.concat();
        let (y, x) = (rows(source), rows(target));
        let rows = |data| Rows::new(data, data.len() / 2, 2).unwrap();
        Matcher::new().strategy(by).tuning(tuning).precision(precision).match_rows(rows(&y), rows(&x)).unwrap()
    }

    fn assert_equals_reference(tuning: Tuning, source: &[[f32; 2]], target: &[[f32; 2]]) {
        for precision in [Precision::Double, Precision::Single] {
            let reference = run(By::Reference, tuning, precision, source, target);
            let angular = run(By::Angular, tuning, precision, source, target);
            assert_eq!(angular, reference);
            let bits = |matching: &Matching| matching.similarity().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&angular), bits(&reference));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn any_tuning_equals_reference(a in rows(0..300), b in rows(0..300), tuning in tuning()) {
            let (source, target) = if a.len() <= b.len() { (a, b) } else { (b, a) };
            assert_equals_reference(tuning, &source, &target);
        }

        #[test]
        fn an_angle_key_never_decreases_as_the_angle_increases(rows in rows(2..50), bits in any::<[[u32; 2]; 8]>()) {
            let any = bits.map(|row| row.map(f32::from_bits));
            let usable = |row: &[f32; 2]| row.iter().all(|x| x.is_finite()) && *row != [0.0, 0.0];
            let neighbors = rows.iter().map(|row| row.map(f32::next_up));
            let mut all: Vec<[f32; 2]> = rows.iter().copied().chain(neighbors).chain(any).filter(usable).collect();
            let axes = [[0.0, 1.0], [-0.0, -1.0], [1.0, -0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, -0.0]];
            all.extend(axes);
            all.extend(axes.map(|row| row.map(|x| if x == 0.0 { f32::from_bits(1) } else { x })));
            all.extend(axes.map(|row| row.map(|x| if x == 0.0 { -f32::from_bits(1) } else { x })));
            all.sort_by(|&a, &b| by_angle(a, b));
            for pair in all.windows(2) {
                let keys = [angle_key(pair[0]), angle_key(pair[1])];
                prop_assert!(keys[0] <= keys[1]);
                prop_assert!(by_angle(pair[0], pair[1]).is_lt() || keys[0] == keys[1]);
            }
        }
    }

    #[test]
    fn near_tie_clusters_beyond_the_constants_equal_reference() {
        // Multiples of one row in more than SINGLE_NODES nodes and, with smaller constants, in enough nodes for all threads.
        let multiples = |len: u32, seed: u32| {
            let length = move |index: u32| (index.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 10) as f32 + 1.0;
            (0..len).map(move |index| [length(index), 3.0 * length(index)])
        };
        let around = |len: u32| (0..len).map(|index| [(index as f32).sin(), (index as f32 * 1.7).cos()]);
        let len = (4 * SINGLE_NODES * FANOUT) as u32;
        let target: Vec<_> = multiples(len, 1).chain(around(len / 2)).collect();
        for source in [around(len).collect::<Vec<_>>(), multiples(len, 2).collect(), target.clone()] {
            assert_equals_reference(Tuning::default(), &source, &target);
            assert_equals_reference(
                Tuning { parallel_nodes: 2 * SINGLE_NODES, nodes_per_task: 5, ..Tuning::default() },
                &source,
                &target,
            );
        }
    }

    #[test]
    fn blocks_shrink_after_repeated_searches_and_grow_back() {
        let mut block_size = BlockSize { rows: 1024, credit: 0 };
        for _ in 0..20 {
            let rows = block_size.rows;
            block_size.adapt(rows, rows - 1, 1024);
        }
        assert!(block_size.rows <= 2);
        (0..100_000).for_each(|_| block_size.adapt(block_size.rows, 0, 1024));
        assert_eq!(block_size.rows, 1024);
    }
}
