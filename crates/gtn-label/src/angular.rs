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

use std::array::from_fn;
use std::cmp::Ordering;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::matching::Reporter;
use crate::order::{order_by_norm, sorted_by};
use crate::score::{Targets, norm, ratio, similarity};
use crate::task::{Assignments, Task};
use crate::{MatchError, Precision, parallel};

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
    let zeros = task.order.iter().take_while(|&&source| task.source_norms[source] == 0.0).count();
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

/// A number that never falls as the angle of a row that is not zero rises from 0 to 2π: equal only for near angles, which
/// it does not tell apart.
fn angle_key(row: [f32; 2]) -> u32 {
    let [x0, x1] = row.map(f64::from);
    // Between two diagonals the quotient rises with the angle, and rounding keeps the order. 8 is the whole circle.
    let angle = if x1.abs() > x0.abs() {
        (if x1 > 0.0 { 2.0 } else { 6.0 }) - x0 / x1
    } else if x0 < 0.0 {
        4.0 + x1 / x0
    } else {
        (if x1 < 0.0 { 8.0 } else { 0.0 }) + x1 / x0
    };
    const UNIT: f64 = (1_u32 << 29) as f64;
    (angle * UNIT) as u32
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

/// Adjacent places, each with one of its rows. The last node repeats its last place, with nothing free there.
struct Node {
    x0: [f32; FAN],
    x1: [f32; FAN],
    norm: [f64; FAN],
}

impl Node {
    #[inline(always)]
    fn row(&self, place: usize) -> [f32; 2] {
        [self.x0[place], self.x1[place]]
    }

    #[inline(always)]
    fn score(&self, place: usize, y: &[f32; 2]) -> f64 {
        ratio(&self.row(place), self.norm[place], y)
    }
}

/// Rows that score the same for every y.
#[derive(Clone, Default)]
struct Place {
    /// One of the rows, and its norm.
    row: [f32; 2],
    norm: f64,
    /// The rank of the first free row.
    first: u32,
    /// The part of `Circle::ranks` that comes after it.
    waiting: Range<u32>,
}

/// What a search has found.
#[derive(Clone, Copy, Default)]
struct Find {
    place: u32,
    /// `NONE` if there is no row left.
    rank: u32,
    similarity: f32,
    /// Whether it goes before a zero row.
    acute: bool,
}

/// The target rows that are not zero, by angle. A row is named by its rank: its position by ascending (norm, index).
#[derive(Default)]
struct Circle {
    nodes: Vec<Node>,
    /// The last row of each node.
    edges: Vec<[f32; 2]>,
    /// How many edges lie before each of some equal parts of the range of `angle_key`.
    parts: Vec<u32>,
    /// What to shift a key by to have its part.
    shift: u32,
    /// The ranks of the rows, place by place, ascending.
    ranks: Vec<u32>,
    /// For each place the part of `ranks` that comes after the first free row.
    waiting: Vec<Range<u32>>,
    /// For each place the rank of the first free row or `NONE`; then the minima of `FAN` of these each, and so on.
    minima: Vec<Vec<[u32; FAN]>>,
    /// Free rows.
    free: usize,
    /// Places with a free row.
    open: usize,
}

impl Circle {
    fn new(task: &Task<'_, '_>, by_norm: &[usize]) -> Self {
        let rows = parallel::map(by_norm.len(), |rank| plane(task.targets.rows.row(by_norm[rank])));
        let families = |a, b| by_angle(a, b).then_with(|| family(a).cmp(&family(b)));
        let ranks = sorted_by(rows.len(), |rank| angle_key(rows[rank]), |a, b| families(rows[a], rows[b]));
        let along = parallel::map(ranks.len(), |position| rows[ranks[position] as usize]);

        let mut places = Vec::with_capacity(rows.len());
        let mut start = 0;
        for members in along.chunk_by(|&a, &b| families(a, b).is_eq()) {
            let end = start + members.len();
            let row = members[0];
            places.push(Place { row, norm: norm(&row), first: ranks[start], waiting: start as u32 + 1..end as u32 });
            start = end;
        }
        let mut circle = Self { free: ranks.len(), ranks, ..Self::default() };
        circle.build(&places);
        circle
    }

    /// Whether there is little left where a search passes.
    fn sparse(&self) -> bool {
        self.nodes.len() > 1 && 2 * self.open <= FAN * (self.nodes.len() - 1)
    }

    /// Removes the places that have no free row.
    fn compact(&mut self) {
        let mut places = Vec::with_capacity(self.open);
        for (node, (firsts, waiting)) in self.nodes.iter().zip(self.minima[0].iter().zip(self.waiting.chunks(FAN))) {
            for (place, (&first, waiting)) in firsts.iter().zip(waiting).enumerate() {
                if first != NONE {
                    places.push(Place {
                        row: node.row(place),
                        norm: node.norm[place],
                        first,
                        waiting: waiting.clone(),
                    });
                }
            }
        }
        self.build(&places);
    }

    /// Sets all but `ranks` and `free`.
    fn build(&mut self, places: &[Place]) {
        self.open = places.len();
        self.waiting = places.iter().map(|place| place.waiting.clone()).collect();
        let node = |places: &[Place]| {
            let at = |index: usize| &places[index.min(places.len() - 1)];
            Node {
                x0: from_fn(|index| at(index).row[0]),
                x1: from_fn(|index| at(index).row[1]),
                norm: from_fn(|index| at(index).norm),
            }
        };
        self.nodes = places.chunks(FAN).map(node).collect();
        self.edges = self.nodes.iter().map(|node| node.row(FAN - 1)).collect();

        let parts = self.nodes.len().next_power_of_two();
        self.shift = u32::BITS - parts.ilog2();
        let mut counts = vec![0; parts + 1];
        for &edge in &self.edges {
            counts[self.part(edge) + 1] += 1;
        }
        let mut sum = 0;
        for count in &mut counts {
            sum += *count;
            *count = sum;
        }
        self.parts = counts;

        let group = |ranks: &[u32]| from_fn(|index| ranks.get(index).copied().unwrap_or(NONE));
        let mut level: Vec<u32> = places.iter().map(|place| place.first).collect();
        self.minima.clear();
        loop {
            let groups: Vec<[u32; FAN]> = level.chunks(FAN).map(group).collect();
            level = groups.iter().map(minimum).collect();
            self.minima.push(groups);
            // The first level is that of the nodes.
            if self.minima.len() > 1 && self.minima[self.minima.len() - 1].len() <= 1 {
                break;
            }
        }
    }

    fn part(&self, row: [f32; 2]) -> usize {
        (u64::from(angle_key(row)) >> self.shift) as usize
    }

    /// The node nearest to y.
    fn nearest(&self, y: [f32; 2]) -> usize {
        // An edge of a lower part lies before y, one of a higher part after it.
        let part = self.part(y);
        let (start, end) = (self.parts[part] as usize, self.parts[part + 1] as usize);
        let node = start + self.edges[start..end].partition_point(|&edge| by_angle(edge, y).is_lt());
        // Past the last place comes the first: both are next to y.
        node.min(self.nodes.len() - 1)
    }

    fn is_free(&self, find: &Find) -> bool {
        let place = find.place as usize;
        self.minima[0][place / FAN][place % FAN] == find.rank
    }

    /// Takes a free row.
    fn take(&mut self, find: &Find) {
        let mut index = find.place as usize;
        let mut rank = self.waiting[index].next().map_or(NONE, |next| self.ranks[next as usize]);
        self.free -= 1;
        self.open -= usize::from(rank == NONE);
        for level in &mut self.minima {
            let group = &mut level[index / FAN];
            // A minimum that was another row's stays.
            if group[index % FAN] != find.rank {
                break;
            }
            group[index % FAN] = rank;
            rank = minimum(group);
            index /= FAN;
        }
    }

    /// The place of the row that is the minimum `index` of `level`.
    fn place_of(&self, mut level: usize, mut index: usize, rank: u32) -> u32 {
        while level > 0 {
            level -= 1;
            let child = self.minima[level][index].iter().position(|&minimum| minimum == rank);
            index = index * FAN + child.expect("a minimum is one of the numbers below it");
        }
        index as u32
    }
}

fn minimum(ranks: &[u32; FAN]) -> u32 {
    ranks.iter().fold(NONE, |a, &b| a.min(b))
}

/// One source row on its way outwards.
struct Search<'s, 'r, 'a> {
    circle: &'s Circle,
    targets: &'s Targets<'r, 'a>,
    y: [f32; 2],
    y_norm: f64,
    tuning: Tuning,
    best: Best,
}

/// The best row so far.
#[derive(Clone, Copy)]
struct Best {
    /// What is compared.
    value: f64,
    rank: u32,
    place: u32,
}

impl Default for Best {
    fn default() -> Self {
        Self { value: f64::NEG_INFINITY, rank: NONE, place: 0 }
    }
}

impl Best {
    fn offer(&mut self, other: Self) {
        if other.value > self.value || (other.value == self.value && other.rank < self.rank) {
            *self = other;
        }
    }
}

impl<'s, 'r, 'a> Search<'s, 'r, 'a> {
    fn new(circle: &'s Circle, targets: &'s Targets<'r, 'a>, y: [f32; 2], y_norm: f64, tuning: Tuning) -> Self {
        Self { circle, targets, y, y_norm, tuning, best: Best::default() }
    }

    /// The best free row that is not zero.
    fn best(mut self) -> Find {
        let nodes = self.circle.nodes.len();
        if nodes == 0 {
            return Find { rank: NONE, ..Find::default() };
        }
        let near = self.circle.nearest(self.y);
        let far = self.circle.nearest(self.y.map(|entry| -entry));
        self.look_at(near);
        // Both walks stay between the node of y and that of −y. They may be the same, and one walk goes all around; in the
        // lower half the end of the circle is met on the way from y to −y by increasing angle.
        let met = if lower_half(self.y) {
            let up = self.walk(near + 1..nodes, true) && self.walk(0..far, true);
            self.walk(far + 1..near, false) || up
        } else {
            let up = self.walk(near + 1..far, true);
            (self.walk(0..near, false) && self.walk(far + 1..nodes, false)) || up
        };
        if met && far != near {
            self.look_at(far);
        }
        let Best { value, rank, place } = self.best;
        let node = &self.circle.nodes[place as usize / FAN];
        let similarity = similarity(node.score(place as usize % FAN, &self.y), self.y_norm);
        Find { place, rank, similarity, acute: value > 0.0 }
    }

    /// Searches nodes of the first level, all on one side between y and −y, from the first on (`up`) or from the last on.
    /// Returns whether rows still further away might be better than the best.
    fn walk(&mut self, mut nodes: Range<usize>, up: bool) -> bool {
        let circle = self.circle;
        let (mut level, mut width) = (1, 1);
        let mut looked = 0;
        while !nodes.is_empty() {
            if looked >= self.tuning.crowd {
                let (some, done) = self.crowd(&nodes, looked, up);
                self.scan(some.clone());
                if done {
                    return false;
                }
                looked += some.len();
                (level, width) = (1, 1);
                if up {
                    nodes.start = some.end;
                } else {
                    nodes.end = some.start;
                }
                continue;
            }
            let first = if up { nodes.start } else { nodes.end - width };
            let index = first / width;
            let rank = circle.minima[level][index / FAN][index % FAN];
            if rank != NONE {
                let low = circle.nodes[first].score(0, &self.y);
                let high = circle.nodes[first + width - 1].score(FAN - 1, &self.y);
                let (near, far) = if up { (low, high) } else { (high, low) };
                let most = self.compared(raise(near));
                if most < self.best.value {
                    return false;
                }
                if most > self.best.value || rank < self.best.rank {
                    let least = self.compared(lower(far));
                    if least == most {
                        self.best = Best { value: most, rank, place: circle.place_of(level, index, rank) };
                    } else if level > 1 {
                        (level, width) = (level - 1, width / FAN);
                        continue;
                    } else {
                        self.look_at(first);
                        looked += 1;
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

    /// The first `most` of `nodes` on this walk, or those of them that might hold a row better than the best and whether that
    /// was all.
    fn crowd(&self, nodes: &Range<usize>, most: usize, up: bool) -> (Range<usize>, bool) {
        let count = most.min(nodes.len());
        let node = |step: usize| if up { nodes.start + step } else { nodes.end - 1 - step };
        let near = if up { 0 } else { FAN - 1 };
        // Where this holds, it holds further on.
        let below = |step| {
            let score = self.circle.nodes[node(step)].score(near, &self.y);
            self.compared(raise(score)) < self.best.value
        };
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low.midpoint(high);
            if below(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let some = if up { nodes.start..nodes.start + high } else { nodes.end - high..nodes.end };
        (some, high < count)
    }

    /// Scores the free rows of adjacent nodes.
    fn scan(&mut self, nodes: Range<usize>) {
        let piece = self.tuning.piece;
        let scan = |nodes: Range<usize>| {
            let scan = Scan {
                first: nodes.start,
                nodes: &self.circle.nodes[nodes.clone()],
                ranks: &self.circle.minima[0][nodes],
                y: self.y.map(f64::from),
                y_norm: self.y_norm,
                precision: self.targets.precision,
            };
            Arch::new().dispatch(scan)
        };
        if nodes.len() < self.tuning.share {
            let found = scan(nodes);
            self.best.offer(found);
        } else {
            let mut found = vec![Best::default(); nodes.len().div_ceil(piece)];
            parallel::fill(&mut found, 1, |index| {
                let start = nodes.start + index * piece;
                scan(start..nodes.end.min(start + piece))
            });
            found.into_iter().for_each(|found| self.best.offer(found));
        }
    }

    /// Scores the free rows of one node of the first level.
    fn look_at(&mut self, index: usize) {
        let node = &self.circle.nodes[index];
        let scores: [f64; FAN] = from_fn(|place| node.score(place, &self.y));
        let highest = scores.into_iter().fold(f64::NEG_INFINITY, |a, b| if a > b { a } else { b });
        if self.compared(highest) < self.best.value {
            return;
        }
        for (place, (&rank, score)) in self.circle.minima[0][index].iter().zip(scores).enumerate() {
            if rank != NONE {
                let place = (index * FAN + place) as u32;
                self.best.offer(Best { value: self.compared(score), rank, place });
            }
        }
    }

    fn compared(&self, score: f64) -> f64 {
        self.targets.compared(score, self.y_norm)
    }
}

/// Scores many nodes, sixteen places at a time.
struct Scan<'s> {
    first: usize,
    nodes: &'s [Node],
    ranks: &'s [[u32; FAN]],
    y: [f64; 2],
    y_norm: f64,
    precision: Precision,
}

impl Scan<'_> {
    #[inline(always)]
    fn best(&self, compared: impl Fn(f64) -> f64) -> Best {
        // The best of each lane, so that no lane waits for another. Whole arrays are set at once to stay in registers.
        let mut values = [f64::NEG_INFINITY; FAN];
        let mut ranks = [NONE; FAN];
        let mut at = [0_u32; FAN];
        for (index, (node, free)) in (self.first as u32..).zip(self.nodes.iter().zip(self.ranks)) {
            let offered: [f64; FAN] = from_fn(|lane| {
                // The arithmetic of `ratio`.
                let sum = 0.0 + f64::from(node.x0[lane]) * self.y[0] + f64::from(node.x1[lane]) * self.y[1];
                let value = compared(sum / node.norm[lane]);
                if free[lane] == NONE { f64::NEG_INFINITY } else { value }
            });
            let better: [bool; FAN] = from_fn(|lane| {
                (offered[lane] > values[lane]) | ((offered[lane] == values[lane]) & (free[lane] < ranks[lane]))
            });
            values = from_fn(|lane| if better[lane] { offered[lane] } else { values[lane] });
            ranks = from_fn(|lane| if better[lane] { free[lane] } else { ranks[lane] });
            at = from_fn(|lane| if better[lane] { index } else { at[lane] });
        }
        let lanes: [Best; FAN] =
            from_fn(|lane| Best { value: values[lane], rank: ranks[lane], place: at[lane] * FAN as u32 + lane as u32 });
        lanes.into_iter().fold(Best::default(), |mut best, lane| {
            best.offer(lane);
            best
        })
    }
}

impl WithSimd for Scan<'_> {
    type Output = Best;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Best {
        match self.precision {
            Precision::Double => self.best(|score| score),
            Precision::Single => self.best(|score| f64::from(similarity(score, self.y_norm))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Matcher, Matching, Rows, Strategy as By};

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
