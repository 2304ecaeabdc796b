//! What the tree costs, apart from the arithmetic that decides: measured by hand, see [`times`] and [`costs`].

use std::time::{Duration, Instant};

use pulp::{Arch, Simd, WithSimd};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::search::{Best, Query};
use super::tests::{on, units};
use super::{GROUP, Tree};
use crate::proposer::{Candidates, Proposer, ProposerError, UnitRows};
use crate::score::norm;

/// What is labelled in the measurements.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Normal rows to normal rows.
    Normal,
    /// Normal rows to rows off the origin, whose columns have less and less variance.
    Decaying,
}

impl Kind {
    /// Source rows and target rows as unit rows, the source rows in their order.
    pub(super) fn rows(self, len: usize, dim: usize) -> (Vec<f32>, Vec<f32>) {
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

/// Seconds of a processor that this thread has for `work`: what a measurement on a busy machine can still tell.
fn spent(work: impl FnOnce()) -> f64 {
    let nanoseconds = || -> f64 {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        stat.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0.0)
    };
    let start = nanoseconds();
    work();
    (nanoseconds() - start) / 1e9
}

/// `cargo test --release -p gtn-label -- --ignored --nocapture tree::measure::times`, with `TREE=n,d,kind,keep,block,share`.
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
    let alone = || spent(|| drop(label(&mut Tree::new(), &sources, &targets, dim, keep, (block, share))));
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

/// `cargo test --release -p gtn-label -- --ignored --nocapture tree::measure::costs`, with `TREE=n,n,..;d,d,..`: the tree against
/// the scan, in seconds of one processor.
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
                // Long enough for the clock, which may be as coarse as 4 ms.
                let times = (200_000 / len).max(1);
                let tree = on(1, || {
                    let once = || drop(label(&mut Tree::new(), &sources, &targets, dim, 4, (4096, 16)));
                    spent(|| (0..times).for_each(|_| once())) / times as f64
                });
                let mut scan = Scan::default();
                scan.begin(UnitRows::new(&targets, dim)).unwrap();
                let few = 256;
                let times = (400_000_000 / (few * len)).max(1);
                let mut candidates = vec![Candidates::default(); few];
                let sources = UnitRows::new(&sources[..few * dim], dim);
                let scan = on(1, || {
                    let mut once = || scan.propose(sources, 4, &mut candidates).unwrap();
                    spent(|| (0..times).for_each(|_| once())) / (times * few) as f64
                });
                println!(
                    "d {dim:2} n {len:7} {kind:8?}: tree {:8.3} s, {:6.2} us a row; scan {:.3} ns a pair, {:8.3} s for n^2/2 pairs",
                    tree,
                    tree / len as f64 * 1e6,
                    scan / len as f64 * 1e9,
                    scan * len as f64 / 2.0,
                );
            }
        }
    }
}
