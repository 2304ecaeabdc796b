//! Algorithm 1 in the plane: the target rows lie on a circle by angle, and are searched outwards from the angle of y.
//!
//! Why the result is exact.
//!
//! *Order.* The angles themselves are never computed. Row a comes before row b of the same half plane if a₁b₀ < a₀b₁, and
//! both products of two `f32` are exact in `f64`; so is the order.
//!
//! *Bound.* Let u = 2⁻⁵³, and k = |y|·cos of the angle between x and y, as real numbers. The score of x is c = k(1 + η) with
//! |η| ≤ E = 3.5u + O(u²): one rounding for the sum of two exact products, half of one and one for the norm, one for the
//! quotient; nothing under- or overflows, and c = 0 just if k = 0. From y to −y, on either side, k falls. So a row x′
//! further from y than x on the same side has c′ ≤ `raise(c)` = c + 8u|c|, as (1 + E)/(1 − E) < 1 + 8u; rounding the sum to
//! `f64` cannot bring it below c′, which is an `f64`. A row nearer to y has a score of at least `lower(c)` = c − 8u|c|
//! likewise. What is compared (c itself, or the cosine as `f32`) never falls as c rises, so it keeps these bounds, wherever
//! on the circle they are taken.
//!
//! *Search.* Of some adjacent places between y and −y, the nearest gives an upper bound for all and the furthest a lower
//! one. If the upper bound is below the best found so far, that side of the circle is done. If both bounds agree, all these
//! places tie, and the free row of the lowest (norm, index) among them goes before the others, which a tree of minima
//! tells at once. Otherwise smaller stretches are looked at, down to single rows, whose scores are the contract's own.
//!
//! Rows that are powers of two times one another score the same bits for every y, as do all rows along one half of an axis
//! (c = ±y₀ or ±y₁): they share a place, and wait there by (norm, index).
//!
//! *Blocks.* Rows only disappear, so what a search finds stays right until somebody takes it. A block of source rows is
//! therefore searched for at once, on all threads, and served in order; a row whose find is gone by then searches again.
//! If that happens often the blocks become smaller.
//!
//! *Compaction.* Once half of the places have no free row left, the circle is built again without them. That costs O(m) in
//! all, and keeps what a search has to pass over in proportion to what is free.
//!
//! *Crowds.* Where neither bound decides, as among many multiples of one row, all places have to be scored. A search that
//! has looked at `CROWD` nodes one by one takes at once as many as it has looked at, and so on, cut off where the bound ends
//! them: with vector instructions across the places, and from `SHARE` nodes on all threads. A node more than needs be is a
//! loss of time only.

mod circle;
mod direction;
mod search;

use circle::{Circle, Find};
use direction::plane;
use search::Search;

use crate::matching::Reporter;
use crate::order::order_by_norm;
use crate::task::{Assignments, Task};
use crate::{MatchError, parallel};

/// Children of a node in the tree of minima, and places that are looked at together.
const FAN: usize = 16;
/// Bound on how far, relatively, the scores of two rows can lie on the wrong side of each other: 8u.
const SLACK: f64 = 4.0 * f64::EPSILON;
/// The rank of no row.
const NONE: u32 = u32::MAX;
/// Source rows between two reports.
const REPORT: usize = 256;

/// Nodes that a search looks at one by one before it takes many at once: 256 directions.
const CROWD: usize = 16;
/// Nodes taken at once from which they are shared among threads, as less is done sooner than other threads wake up: 32,768
/// directions.
const SHARE: usize = 2048;

/// What changes the time a matching takes, and nothing else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    /// Source rows that are searched for at once, at most.
    block: usize,
    /// Source rows that one thread searches for at a time.
    chunk: usize,
    /// As [`CROWD`]; at least 1.
    crowd: usize,
    /// As [`SHARE`].
    share: usize,
    /// Nodes that one thread takes at a time.
    piece: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { block: 1024, chunk: 64, crowd: CROWD, share: SHARE, piece: 512 }
    }
}

pub(crate) fn run(
    task: &Task<'_, '_>,
    tuning: Tuning,
    reporter: &mut Reporter<'_, '_>,
) -> Result<Assignments, MatchError> {
    parallel::inside(|| run_inside(task, tuning, reporter))
}

fn run_inside(task: &Task<'_, '_>, tuning: Tuning, reporter: &mut Reporter<'_, '_>) -> Result<Assignments, MatchError> {
    let mut out = Assignments::new(task.source.len());
    let by_norm = order_by_norm(task.targets.norms);
    // Source rows that are zero are served first, with the shortest rows of all.
    let zeros = task.zeros();
    for (&source, &target) in task.order[..zeros].iter().zip(&by_norm) {
        out.set(source, target, 0.0);
    }
    // Target rows that are zero score 0 for every y, so the first of them that is free stands for all.
    let target_zeros = by_norm.iter().take_while(|&&target| task.targets.norms[target] == 0.0).count();
    let (zero_rows, by_norm) = by_norm[zeros..].split_at(target_zeros.saturating_sub(zeros));
    let mut zero_rows = zero_rows.iter();
    let mut circle = Circle::new(task, by_norm);

    let order = &task.order[zeros..];
    let search = |circle: &Circle, index: usize| {
        let source = order[index];
        Search::new(circle, &task.targets, plane(task.source.row(source)), task.source_norms[source], tuning).best()
    };
    let mut finds = vec![Find::default(); tuning.block.min(order.len())];
    let (mut start, mut report_at) = (0, 0);
    let mut block = Block { size: tuning.block, calm: 0 };
    while start < order.len() {
        if start >= report_at {
            reporter.report(zeros + start)?;
            report_at = start + REPORT;
        }
        let size = block.size.min(order.len() - start).min((circle.free / 16).max(1));
        let finds = &mut finds[..size];
        parallel::fill(finds, tuning.chunk, |offset| search(&circle, start + offset));
        let mut gone = 0;
        for (index, find) in (start..).zip(finds) {
            if find.rank != NONE && !circle.is_free(find) {
                gone += 1;
                *find = search(&circle, index);
            }
            let source = order[index];
            match zero_rows.as_slice().first() {
                Some(&target) if find.rank == NONE || !find.acute => {
                    zero_rows.next();
                    out.set(source, target, 0.0);
                }
                _ => {
                    assert!(find.rank != NONE, "there are at least as many target rows as source rows");
                    circle.take(find);
                    out.set(source, by_norm[find.rank as usize], find.similarity);
                }
            }
        }
        start += size;
        block.adapt(size, gone, tuning.block);
        if circle.sparse() {
            circle.compact();
        }
    }
    Ok(out)
}

/// How many source rows are searched for at once.
struct Block {
    size: usize,
    /// Rises with every row, and falls with those that had to search again.
    calm: usize,
}

impl Block {
    /// Of `rows` rows, `again` had to search again.
    fn adapt(&mut self, rows: usize, again: usize, most: usize) {
        self.calm = (self.calm + rows).saturating_sub(16 * again);
        if again * 8 > rows {
            *self = Self { size: (rows / 2).max(1), calm: 0 };
        } else if self.calm >= 16 * self.size {
            *self = Self { size: (2 * self.size).min(most), calm: 0 };
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

    /// Rows of few directions and many lengths, all but equal directions, lattice points, and zero rows.
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
        (1_usize..200, 1_usize..20, 1_usize..5, 0_usize..6, 1_usize..4)
            .prop_map(|(block, chunk, crowd, share, piece)| Tuning { block, chunk, crowd, share, piece })
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
        fn blocks_and_crowds_of_any_size_equal_reference(a in rows(0..300), b in rows(0..300), tuning in tuning()) {
            let (source, target) = if a.len() <= b.len() { (a, b) } else { (b, a) };
            assert_equals_reference(tuning, &source, &target);
        }

        #[test]
        fn an_angle_key_never_falls_as_the_angle_rises(rows in rows(2..50), bits in any::<[[u32; 2]; 8]>()) {
            let any = bits.map(|row| row.map(f32::from_bits));
            let usable = |row: &[f32; 2]| row.iter().all(|x| x.is_finite()) && *row != [0.0, 0.0];
            let near = rows.iter().map(|row| row.map(f32::next_up));
            let mut all: Vec<[f32; 2]> = rows.iter().copied().chain(near).chain(any).filter(usable).collect();
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
    fn crowds_past_the_constants_equal_reference() {
        // Multiples of one row past CROWD nodes, and with smaller constants past what is shared among threads.
        let crowd = |len: u32, seed: u32| {
            let length = move |index: u32| (index.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 10) as f32 + 1.0;
            (0..len).map(move |index| [length(index), 3.0 * length(index)])
        };
        let around = |len: u32| (0..len).map(|index| [(index as f32).sin(), (index as f32 * 1.7).cos()]);
        let len = (4 * CROWD * FAN) as u32;
        let target: Vec<_> = crowd(len, 1).chain(around(len / 2)).collect();
        for source in [around(len).collect::<Vec<_>>(), crowd(len, 2).collect(), target.clone()] {
            assert_equals_reference(Tuning::default(), &source, &target);
            assert_equals_reference(Tuning { share: 2 * CROWD, piece: 5, ..Tuning::default() }, &source, &target);
        }
    }

    #[test]
    fn blocks_shrink_where_rows_search_again_and_grow_back() {
        let mut block = Block { size: 1024, calm: 0 };
        for _ in 0..20 {
            let rows = block.size;
            block.adapt(rows, rows - 1, 1024);
        }
        assert!(block.size <= 2);
        (0..100_000).for_each(|_| block.adapt(block.size, 0, 1024));
        assert_eq!(block.size, 1024);
    }
}
