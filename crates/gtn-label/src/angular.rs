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

use std::array::from_fn;
use std::cmp::Ordering;
use std::ops::Range;

use crate::matcher::{Assignments, Reporter, Task};
use crate::order::order_by_norm;
use crate::score::{Targets, ratio};
use crate::{MatchError, parallel};

/// Children of a node in the tree of minima, and places that are looked at together.
const FAN: usize = 16;
/// Bound on how far, relatively, the scores of two rows can lie on the wrong side of each other: 8u.
const SLACK: f64 = 4.0 * f64::EPSILON;
/// The rank of no row.
const NONE: u32 = u32::MAX;

pub(crate) fn run(task: &Task<'_, '_>, reporter: &mut Reporter<'_, '_>) -> Result<Assignments, MatchError> {
    let mut out = Assignments::new(task.source.len());
    let (zeros, taken) = task.serve_zero_rows(&mut out);
    let by_norm = order_by_norm(task.targets.norms);
    let mut circle = Circle::new(task, &by_norm, &taken);
    // Zero rows score 0 for every y, so the first of them that is free stands for all.
    let is_zero = |target: &usize| task.targets.norms[*target] == 0.0;
    let mut zero_rows = by_norm.iter().copied().take_while(is_zero).filter(|&target| !taken[target]).peekable();

    let order = &task.order[zeros..];
    let arcs = parallel::map(order.len(), |index| circle.arc(plane(task.source.row(order[index]))));
    for (index, (&source, arc)) in order.iter().zip(arcs).enumerate() {
        if index % 256 == 0 {
            reporter.report(zeros + index)?;
        }
        let y = task.source.row(source);
        let y_norm = task.source_norms[source];
        let score = |target| task.targets.score(y, y_norm, target);
        let rank = Search::new(&circle, &task.targets, plane(y), y_norm).best(arc);
        let nearest = rank.map(|rank| score(by_norm[rank as usize]));
        let zero = zero_rows.peek().copied().map(score);
        let scored = match (rank, nearest, zero) {
            (Some(rank), Some(nearest), zero) if zero.is_none_or(|zero| nearest.beats(&zero)) => {
                circle.take(rank);
                nearest
            }
            (.., zero) => {
                zero_rows.next();
                zero.expect("there are at least as many target rows as source rows")
            }
        };
        out.set(source, scored.target, scored.similarity);
    }
    Ok(out)
}

fn plane(row: &[f32]) -> [f32; 2] {
    [row[0], row[1]]
}

fn lower_half([x0, x1]: [f32; 2]) -> bool {
    x1 < 0.0 || (x1 == 0.0 && x0 < 0.0)
}

/// Compares the angles of two non-zero rows, from 0 to 2π, exactly.
fn by_angle(a: [f32; 2], b: [f32; 2]) -> Ordering {
    let product = |x: f32, y: f32| f64::from(x) * f64::from(y);
    let half = lower_half(a).cmp(&lower_half(b));
    // IEEE comparison, in which -0 equals +0; no operand is ever NaN.
    half.then_with(|| product(a[1], b[0]).partial_cmp(&product(a[0], b[1])).unwrap_or(Ordering::Equal))
}

/// Equal for two rows of one direction only if they score the same for every y.
fn family([x0, x1]: [f32; 2]) -> u64 {
    const SIGNIFICAND: u64 = (1 << (f64::MANTISSA_DIGITS - 1)) - 1;
    // Any f32 but 0 is a normal f64. Rows of one direction and one first significand differ by a power of two.
    if x0 == 0.0 || x1 == 0.0 { 0 } else { f64::from(x0).to_bits() & SIGNIFICAND }
}

fn raise(score: f64) -> f64 {
    score + score.abs() * SLACK
}

fn lower(score: f64) -> f64 {
    score - score.abs() * SLACK
}

/// A target row and its rank.
type Ranked = ([f32; 2], u32);

/// Adjacent places, each with one of its rows. The last node repeats its last place, with nothing free there.
struct Node {
    x0: [f32; FAN],
    x1: [f32; FAN],
    norm: [f64; FAN],
}

impl Node {
    fn row(&self, place: usize) -> [f32; 2] {
        [self.x0[place], self.x1[place]]
    }

    fn score(&self, place: usize, y: &[f32; 2]) -> f64 {
        ratio(&self.row(place), self.norm[place], y)
    }
}

/// The target rows that are not zero, by angle. A row is named by its rank: its position by ascending (norm, index).
struct Circle {
    nodes: Vec<Node>,
    /// The ranks of the rows, place by place, ascending.
    ranks: Vec<u32>,
    /// For each place the part of `ranks` that comes after the first free row.
    waiting: Vec<Range<u32>>,
    /// For each place the rank of the first free row or `NONE`; then the minima of `FAN` of these each, and so on.
    minima: Vec<Vec<u32>>,
    /// The place of each rank.
    place: Vec<u32>,
}

/// Where a direction and its opposite lie on the circle.
#[derive(Clone, Default)]
struct Arc {
    /// The node of the first level that is nearest to y.
    near: u32,
    /// The node of the first level that is nearest to −y.
    far: u32,
    /// Whether the end of the circle is met on the way from y to −y by increasing angle.
    wraps: bool,
}

impl Circle {
    fn new(task: &Task<'_, '_>, by_norm: &[usize], taken: &[bool]) -> Self {
        let mut rows: Vec<Ranked> = (0..)
            .zip(by_norm)
            .filter(|&(_, &target)| !taken[target] && task.targets.norms[target] > 0.0)
            .map(|(rank, &target)| (plane(task.targets.rows.row(target)), rank))
            .collect();
        let families = |a, b| by_angle(a, b).then_with(|| family(a).cmp(&family(b)));
        parallel::sort(&mut rows, |&(a, a_rank), &(b, b_rank)| families(a, b).then(a_rank.cmp(&b_rank)));

        let mut place = vec![NONE; by_norm.len()];
        let mut firsts: Vec<Ranked> = Vec::new();
        let mut waiting: Vec<Range<u32>> = Vec::new();
        for members in rows.chunk_by(|&(a, _), &(b, _)| families(a, b).is_eq()) {
            for &(_, rank) in members {
                place[rank as usize] = firsts.len() as u32;
            }
            let start = waiting.last().map_or(0, |before| before.end);
            waiting.push(start + 1..start + members.len() as u32);
            firsts.push(members[0]);
        }
        let node = |places: &[Ranked]| {
            let at = |index: usize| places[index.min(places.len() - 1)];
            Node {
                x0: from_fn(|index| at(index).0[0]),
                x1: from_fn(|index| at(index).0[1]),
                norm: from_fn(|index| task.targets.norms[by_norm[at(index).1 as usize]]),
            }
        };
        let nodes: Vec<Node> = firsts.chunks(FAN).map(node).collect();
        let mut minima = vec![firsts.into_iter().map(|(_, rank)| rank).collect::<Vec<u32>>()];
        minima[0].resize(nodes.len() * FAN, NONE);
        while minima.len() < 2 || minima[minima.len() - 1].len() > 1 {
            minima.push(minima[minima.len() - 1].chunks(FAN).map(minimum).collect());
        }
        Self { nodes, ranks: rows.into_iter().map(|(_, rank)| rank).collect(), waiting, minima, place }
    }

    fn arc(&self, y: [f32; 2]) -> Arc {
        let nearest = |y| {
            let node = self.nodes.partition_point(|node| by_angle(node.row(FAN - 1), y).is_lt());
            // Past the last place comes the first: both are next to y.
            node.min(self.nodes.len().saturating_sub(1)) as u32
        };
        Arc { near: nearest(y), far: nearest(y.map(|entry| -entry)), wraps: lower_half(y) }
    }

    fn take(&mut self, rank: u32) {
        let mut index = self.place[rank as usize] as usize;
        self.minima[0][index] = self.waiting[index].next().map_or(NONE, |next| self.ranks[next as usize]);
        for level in 1..self.minima.len() {
            index /= FAN;
            let children = &self.minima[level - 1][index * FAN..];
            self.minima[level][index] = minimum(&children[..children.len().min(FAN)]);
        }
    }
}

fn minimum(ranks: &[u32]) -> u32 {
    ranks.iter().copied().min().unwrap_or(NONE)
}

/// One source row on its way outwards.
struct Search<'s, 'r, 'a> {
    circle: &'s Circle,
    targets: &'s Targets<'r, 'a>,
    y: [f32; 2],
    y_norm: f64,
    /// What is compared, of the best row so far.
    value: f64,
    /// The rank of the best row so far.
    rank: u32,
}

impl<'s, 'r, 'a> Search<'s, 'r, 'a> {
    fn new(circle: &'s Circle, targets: &'s Targets<'r, 'a>, y: [f32; 2], y_norm: f64) -> Self {
        Self { circle, targets, y, y_norm, value: f64::NEG_INFINITY, rank: NONE }
    }

    /// The rank of the best free row that is not zero.
    fn best(mut self, arc: Arc) -> Option<u32> {
        let nodes = self.circle.nodes.len();
        let (near, far) = (arc.near as usize, arc.far as usize);
        if nodes > 0 {
            self.look_at(near);
            // Both walks stay between the node of y and that of −y. They may be the same, and one walk goes all around.
            let met = if arc.wraps {
                let up = self.walk(near + 1..nodes, true) && self.walk(0..far, true);
                self.walk(far + 1..near, false) || up
            } else {
                let up = self.walk(near + 1..far, true);
                (self.walk(0..near, false) && self.walk(far + 1..nodes, false)) || up
            };
            if met && far != near {
                self.look_at(far);
            }
        }
        (self.rank != NONE).then_some(self.rank)
    }

    /// Searches nodes of the first level, all on one side between y and −y, from the first on (`up`) or from the last on.
    /// Returns whether rows still further away might be better than the best.
    fn walk(&mut self, mut nodes: Range<usize>, up: bool) -> bool {
        let circle = self.circle;
        let (mut level, mut width) = (1, 1);
        while !nodes.is_empty() {
            let first = if up { nodes.start } else { nodes.end - width };
            let rank = circle.minima[level][first / width];
            if rank != NONE {
                let low = circle.nodes[first].score(0, &self.y);
                let high = circle.nodes[first + width - 1].score(FAN - 1, &self.y);
                let (near, far) = if up { (low, high) } else { (high, low) };
                let most = self.compared(raise(near));
                if most < self.value {
                    return false;
                }
                if most > self.value || rank < self.rank {
                    let least = self.compared(lower(far));
                    if least == most {
                        (self.value, self.rank) = (most, rank);
                    } else if level > 1 {
                        (level, width) = (level - 1, width / FAN);
                        continue;
                    } else {
                        self.look_at(first);
                    }
                }
            }
            let edge = if up {
                nodes.start += width;
                nodes.start
            } else {
                nodes.end -= width;
                nodes.end
            };
            while edge.is_multiple_of(width * FAN) && nodes.len() >= width * FAN {
                (level, width) = (level + 1, width * FAN);
            }
            while nodes.len() < width && level > 1 {
                (level, width) = (level - 1, width / FAN);
            }
        }
        true
    }

    /// Scores the free rows of one node of the first level.
    fn look_at(&mut self, index: usize) {
        let node = &self.circle.nodes[index];
        let ranks = &self.circle.minima[0][index * FAN..][..FAN];
        let scores: [f64; FAN] = from_fn(|place| node.score(place, &self.y));
        let highest = scores.into_iter().fold(f64::NEG_INFINITY, |a, b| if a > b { a } else { b });
        if self.compared(highest) < self.value {
            return;
        }
        for (&rank, score) in ranks.iter().zip(scores) {
            if rank != NONE {
                let value = self.compared(score);
                if value > self.value || (value == self.value && rank < self.rank) {
                    (self.value, self.rank) = (value, rank);
                }
            }
        }
    }

    fn compared(&self, score: f64) -> f64 {
        self.targets.compared(score, self.y_norm)
    }
}
