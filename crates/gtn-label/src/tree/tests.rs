use std::time::{Duration, Instant};

use proptest::prelude::*;
use pulp::{Arch, Simd, WithSimd};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::search::{Best, Query};
use super::{GROUP, Tree};
use crate::proposer::{Candidates, Proposer, ProposerError, UnitRows};
use crate::score::{dot, norm};

/// The rows divided by their norms.
fn units(rows: &[f32], dim: usize) -> Vec<f32> {
    let unit = |row: &[f32]| {
        let norm = norm(row);
        row.iter().map(|&x| if norm == 0.0 { 0.0 } else { (f64::from(x) / norm) as f32 }).collect::<Vec<_>>()
    };
    rows.chunks_exact(dim).flat_map(unit).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let norms = norm(a) * norm(b);
    if norms == 0.0 { 0.0 } else { dot(a, b) / norms }
}

/// Asserts what [`Candidates`] promises.
fn check(targets: UnitRows<'_>, free: &[bool], source: &[f32], keep: usize, candidates: &Candidates) {
    let mut unlisted = free.to_vec();
    for candidate in candidates.listed() {
        let target = candidate.target as usize;
        assert!(unlisted[target], "target row {target} is not free, or listed twice");
        unlisted[target] = false;
        let off = (f64::from(candidate.score) - cosine(source, targets.row(target))).abs();
        assert!(off <= f64::from(candidates.error()), "the score of target row {target} is off by {off}");
    }
    let mut left = 0;
    for target in (0..free.len()).filter(|&target| unlisted[target]) {
        left += 1;
        let cosine = cosine(source, targets.row(target));
        assert!(cosine <= f64::from(candidates.bound()), "target row {target} at {cosine} exceeds the bound");
    }
    assert_eq!(candidates.listed().len(), keep.min(free.iter().filter(|&&free| free).count()));
    assert!(
        left > 0
            || candidates.listed().is_empty()
            || candidates.listed().len() == keep
            || candidates.bound() == f32::NEG_INFINITY
    );
}

fn entry() -> impl Strategy<Value = f32> {
    prop_oneof![4 => (-2_i8..=2).prop_map(f32::from), 6 => -1.0_f32..1.0, 1 => prop::num::f32::SUBNORMAL]
}

/// Unit rows drawn afresh, repeated, or all but equal; and zero rows.
fn cloud(dim: usize, len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f32>> {
    let kind = prop_oneof![
        6 => prop::collection::vec(entry(), dim).prop_map(Ok),
        3 => any::<prop::sample::Index>().prop_map(|index| Err((index, 1.0))),
        3 => (any::<prop::sample::Index>(), 0.999_f32..1.001).prop_map(Err),
        1 => any::<prop::sample::Index>().prop_map(|index| Err((index, 0.0))),
    ];
    prop::collection::vec(kind, len).prop_map(move |kinds| {
        let mut rows: Vec<Vec<f32>> = Vec::new();
        for kind in kinds {
            rows.push(match kind {
                Ok(row) => row,
                Err(_) if rows.is_empty() => vec![0.0; dim],
                Err((index, scale)) => {
                    let bend =
                        |(column, &x): (usize, &f32)| if column % 2 == 0 || scale == 0.0 { x * scale } else { x };
                    index.get(&rows).iter().enumerate().map(bend).collect()
                }
            });
        }
        units(&rows.concat(), dim)
    })
}

fn keep() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0_usize..9, 1 => 9_usize..300]
}

#[derive(Debug, Clone)]
struct Case {
    dim: usize,
    targets: Vec<f32>,
    sources: Vec<f32>,
    /// How many to keep, and which of the free rows to take away thereafter.
    steps: Vec<(usize, Vec<prop::sample::Index>)>,
}

fn case() -> impl Strategy<Value = Case> {
    (1_usize..14, prop_oneof![1 => 0_usize..40, 2 => 0_usize..700]).prop_flat_map(|(dim, len)| {
        let steps = (keep(), prop::collection::vec(any::<prop::sample::Index>(), 0..=len / 2 + 1));
        (cloud(dim, len..len + 1), cloud(dim, 1..8), prop::collection::vec(steps, 1..6))
            .prop_map(move |(targets, sources, steps)| Case { dim, targets, sources, steps })
    })
}

/// What a tree answers in the course of a case, checked.
fn play(case: &Case, tree: &mut Tree) -> Vec<Candidates> {
    let dim = case.dim;
    let targets = UnitRows::new(&case.targets, dim);
    let sources: Vec<f32> =
        case.sources.chunks(dim).filter(|row| row.iter().any(|&x| x != 0.0)).flatten().copied().collect();
    let sources = UnitRows::new(&sources, dim);
    let mut free = vec![true; targets.len()];
    let mut answers = Vec::new();
    tree.begin(targets).unwrap();
    for (keep, gone) in &case.steps {
        let mut candidates = vec![Candidates::default(); sources.len()];
        tree.propose(sources, *keep, &mut candidates).unwrap();
        for (index, candidates) in candidates.iter().enumerate() {
            check(targets, &free, sources.row(index), (*keep).max(1), candidates);
        }
        answers.extend(candidates);
        let mut taken = Vec::new();
        for index in gone {
            let left: Vec<u32> = (0..free.len() as u32).filter(|&target| free[target as usize]).collect();
            if !left.is_empty() {
                taken.push(*index.get(&left));
                free[taken[taken.len() - 1] as usize] = false;
            }
        }
        tree.remove(&taken).unwrap();
        assert_eq!(tree.len(), free.iter().filter(|&&free| free).count());
    }
    answers
}

/// Runs `f` on that many threads.
fn on<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    crate::parallel::on_threads(threads, f).unwrap()
}

proptest! {
    #[test]
    fn the_promise_holds_after_any_removals(case in case()) {
        play(&case, &mut Tree::new());
    }

    #[test]
    fn a_tree_that_was_used_before_answers_as_a_new_one_does(first in case(), then in case()) {
        let mut tree = Tree::new();
        play(&first, &mut tree);
        prop_assert_eq!(play(&then, &mut tree), play(&then, &mut Tree::new()));
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for (dim, kind) in [(3, Kind::Normal), (5, Kind::Decaying), (8, Kind::Normal)] {
        let (sources, targets) = kind.rows(20_000, dim);
        let answers = |threads: usize| {
            on(threads, || {
                let mut tree = Tree::new();
                tree.begin(UnitRows::new(&targets, dim)).unwrap();
                let mut all = Vec::new();
                for sources in sources.chunks(4096 * dim) {
                    let mut candidates = vec![Candidates::default(); sources.len() / dim];
                    tree.propose(UnitRows::new(sources, dim), 6, &mut candidates).unwrap();
                    let mut taken: Vec<u32> = candidates.iter().map(|listed| listed.listed()[0].target).collect();
                    taken.sort_unstable();
                    taken.dedup();
                    tree.remove(&taken).unwrap();
                    all.push(candidates);
                }
                all
            })
        };
        let one = answers(1);
        for threads in [2, 3, 7] {
            assert_eq!(one, answers(threads), "{threads} threads, {dim} columns");
        }
    }
}

#[test]
fn crowds_of_equal_and_of_zero_rows_neither_break_nor_stall_it() {
    for (dim, row) in [(2, vec![0.6, 0.8]), (5, vec![0.0, 0.0, -1.0, 0.0, 0.0])] {
        let mut targets = row.repeat(10_000);
        targets.extend(vec![0.0; 3000 * dim]);
        let opposite: Vec<f32> = row.iter().map(|x| -x).collect();
        targets.extend(&opposite);
        let targets = UnitRows::new(&targets, dim);
        let mut free = vec![true; targets.len()];
        let mut tree = Tree::new();
        tree.begin(targets).unwrap();
        let sources = [row.clone(), opposite].concat();
        while tree.len() > 0 {
            for keep in [1, 7, 5000] {
                let mut candidates = vec![Candidates::default(); 2];
                tree.propose(UnitRows::new(&sources, dim), keep, &mut candidates).unwrap();
                for (source, candidates) in sources.chunks(dim).zip(&candidates) {
                    check(targets, &free, source, keep, candidates);
                }
            }
            let taken: Vec<u32> = (0..free.len() as u32).filter(|&target| free[target as usize]).take(2000).collect();
            taken.iter().for_each(|&target| free[target as usize] = false);
            tree.remove(&taken).unwrap();
        }
    }
}

/// What is labelled in the measurements.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Normal rows to normal rows.
    Normal,
    /// Normal rows to rows off the origin, whose columns have less and less variance.
    Decaying,
}

impl Kind {
    /// Source rows and target rows as unit rows, the source rows in their order.
    fn rows(self, len: usize, dim: usize) -> (Vec<f32>, Vec<f32>) {
        let draw = |seed| -> Vec<f32> {
            StandardNormal.sample_iter(ChaCha8Rng::seed_from_u64(seed)).take(len * dim).collect()
        };
        let (sources, mut targets) = (draw(1), draw(2));
        if matches!(self, Self::Decaying) {
            for row in targets.chunks_mut(dim) {
                for (column, x) in row.iter_mut().enumerate() {
                    *x = (*x + 0.3) / ((column + 1) as f32).sqrt();
                }
            }
        }
        let mut sources: Vec<&[f32]> = sources.chunks(dim).collect();
        sources.sort_by(|a, b| norm(a).total_cmp(&norm(b)));
        (units(&sources.concat(), dim), units(&targets, dim))
    }
}

#[derive(Debug, Default)]
struct Times {
    begin: Duration,
    propose: Duration,
    again: Duration,
    remove: Duration,
    total: Duration,
    asked_again: usize,
}

/// Labels with the proposals of `proposer`: the highest score is taken, ties to the first; what is asked again is asked alone,
/// with four times as many.
fn label(
    proposer: &mut dyn Proposer,
    sources: &[f32],
    targets: &[f32],
    dim: usize,
    keep: usize,
    block: (usize, usize),
) -> (Vec<u32>, Times) {
    let mut times = Times::default();
    let start = Instant::now();
    proposer.begin(UnitRows::new(targets, dim)).unwrap();
    times.begin = start.elapsed();
    let mut free = vec![true; targets.len() / dim];
    let mut matching = Vec::new();
    let mut candidates = vec![Candidates::default(); block.0];
    let mut alone = vec![Candidates::default()];
    let len = sources.len() / dim;
    let mut done = 0;
    while done < len {
        let block = ((free.len() - done) / block.1).clamp(64, block.0).min(len - done);
        let rows = UnitRows::new(&sources[done * dim..][..block * dim], dim);
        let at = Instant::now();
        proposer.propose(rows, keep, &mut candidates[..block]).unwrap();
        times.propose += at.elapsed();
        let mut taken = Vec::new();
        for (index, candidates) in candidates[..block].iter().enumerate() {
            let pick = |candidates: &Candidates, free: &[bool]| {
                let best = candidates
                    .listed()
                    .iter()
                    .filter(|candidate| free[candidate.target as usize])
                    .max_by(|a, b| a.score.total_cmp(&b.score).then(b.target.cmp(&a.target)))?;
                (best.score - 2.0 * candidates.error() > candidates.bound() || candidates.bound() == f32::NEG_INFINITY)
                    .then_some(best.target)
            };
            let mut keep = keep;
            let target = pick(candidates, &free).unwrap_or_else(|| {
                let at = Instant::now();
                let target = loop {
                    times.asked_again += 1;
                    proposer.remove(&taken).unwrap();
                    taken.clear();
                    proposer.propose(UnitRows::new(rows.row(index), dim), keep, &mut alone).unwrap();
                    if let Some(target) = pick(&alone[0], &free) {
                        break target;
                    }
                    keep *= 4;
                };
                times.again += at.elapsed();
                target
            });
            free[target as usize] = false;
            taken.push(target);
            matching.push(target);
        }
        let at = Instant::now();
        proposer.remove(&taken).unwrap();
        times.remove += at.elapsed();
        done += block;
    }
    times.total = start.elapsed();
    (matching, times)
}

/// Seconds of a processor that this thread has had: what a measurement on a busy machine can still tell.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok()).unwrap_or(0.0) / 1e9
}

/// `cargo test --release -p gtn-label -- --ignored --nocapture tree::tests::times`, with `TREE=n,d,kind,keep,block,share`.
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
fn times() {
    let setting = std::env::var("TREE").unwrap_or_else(|_| "20000,5,0,8,1024,16".into());
    let setting: Vec<usize> = setting.split(',').map(|part| part.parse().unwrap()).collect();
    let [len, dim, kind, keep, block, share] = setting[..] else { panic!("six numbers") };
    let kind = if kind == 0 { Kind::Normal } else { Kind::Decaying };
    let (sources, targets) = kind.rows(len, dim);
    let mut tree = Tree::new();
    let alone = || {
        let start = cpu();
        label(&mut Tree::new(), &sources, &targets, dim, keep, (block, share));
        cpu() - start
    };
    let alone = on(1, || (0..3).map(|_| alone()).fold(f64::INFINITY, f64::min));
    println!("{len} x {dim} {kind:?} keep {keep} block {block} share {share}: {:.1} ms of one processor", alone * 1e3);
    for _ in 0..2 {
        let (_, times) = label(&mut tree, &sources, &targets, dim, keep, (block, share));
        println!("{len} x {dim} {kind:?} keep {keep} block {block} share {share}: {times:.2?}");
    }
}

/// A look at all rows.
struct All<'q, 't, 's>(&'q mut Query<'t>, &'s [f32]);

impl WithSimd for All<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.best.clear();
        for leaf in 0..self.0.tree.points.len() / self.1.len() {
            self.0.visit(simd, leaf, self.1);
        }
    }
}

/// A plain scan of all free rows, to compare with: the tree without its branches.
#[derive(Default)]
struct Scan {
    tree: Tree,
}

impl Proposer for Scan {
    fn begin(&mut self, targets: UnitRows<'_>) -> Result<(), ProposerError> {
        self.tree.begin(targets)
    }

    fn remove(&mut self, targets: &[u32]) -> Result<(), ProposerError> {
        self.tree.remove(targets)
    }

    fn propose(
        &mut self,
        sources: UnitRows<'_>,
        keep: usize,
        candidates: &mut [Candidates],
    ) -> Result<(), ProposerError> {
        let (tree, dim) = (&self.tree, sources.dim());
        let mut groups: Vec<_> = sources.as_slice().chunks(GROUP * dim).zip(candidates.chunks_mut(GROUP)).collect();
        crate::parallel::for_each(&mut groups, |_, (sources, candidates)| {
            let mut query = Query { tree, stack: Vec::new(), best: Best::new(keep, dim) };
            for (source, candidates) in sources.chunks_exact(dim).zip(candidates.iter_mut()) {
                Arch::new().dispatch(All(&mut query, source));
                query.best.list(candidates, crate::blocked::proposal_error(dim));
            }
        });
        Ok(())
    }
}

/// `cargo test --release -p gtn-label -- --ignored --nocapture tree::tests::costs`, with `TREE=n,n,..;d,d,..`: the tree against
/// the scan.
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
fn costs() {
    let setting = std::env::var("TREE").unwrap_or_else(|_| "5000,20000;3,5,8,10,12,16".into());
    let (lens, dims) = setting.split_once(';').unwrap();
    let numbers = |list: &str| list.split(',').map(|part| part.parse().unwrap()).collect::<Vec<usize>>();
    for dim in numbers(dims) {
        for len in numbers(lens) {
            for kind in [Kind::Normal, Kind::Decaying] {
                let (sources, targets) = kind.rows(len, dim);
                let (keep, block) = (6, (1024, 16));
                let mut tree = Tree::new();
                let mut runs: Vec<Times> =
                    (0..3).map(|_| label(&mut tree, &sources, &targets, dim, keep, block).1).collect();
                runs.sort_by_key(|times| times.total);
                let times = &runs[0];
                let mut scan = Scan::default();
                scan.begin(UnitRows::new(&targets, dim)).unwrap();
                let few = (1_000_000_000 / len).clamp(64, 1024);
                let mut candidates = vec![Candidates::default(); few];
                let mut pair = f64::INFINITY;
                for _ in 0..3 {
                    let at = Instant::now();
                    scan.propose(UnitRows::new(&sources[..few * dim], dim), keep, &mut candidates).unwrap();
                    pair = pair.min(at.elapsed().as_secs_f64() / (few * len) as f64);
                }
                println!(
                    "d {dim:2} n {len:7} {kind:8?}: tree {:8.1} ms (begin {:.1}, propose {:.1}, again {:.1} for {}, remove {:.1}); scan {:.3} ns a pair, {:.0} ms in all",
                    times.total.as_secs_f64() * 1e3,
                    times.begin.as_secs_f64() * 1e3,
                    times.propose.as_secs_f64() * 1e3,
                    times.again.as_secs_f64() * 1e3,
                    times.asked_again,
                    times.remove.as_secs_f64() * 1e3,
                    pair * 1e9,
                    pair * (len * len / 2) as f64 * 1e3,
                );
            }
        }
    }
}
