use proptest::prelude::*;
use pulp::{Scalar, Simd};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::Tree;
use super::search::{Query, Search, TopKHeap};
use crate::proposer::{Candidates, Proposer, UnitRows};
use crate::score::{dot, norm};

/// Divides the rows by their norms.
pub(super) fn units(rows: &[f32], dim: usize) -> Vec<f32> {
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

/// Asserts the contract of [`Candidates`].
fn assert_contract(targets: UnitRows<'_>, free: &[bool], source: &[f32], k: usize, candidates: &Candidates) {
    let mut unlisted = free.to_vec();
    for candidate in candidates.listed() {
        let target = candidate.target as usize;
        assert!(unlisted[target], "target row {target} is not free, or is listed twice");
        unlisted[target] = false;
        let off = (f64::from(candidate.score) - cosine(source, targets.row(target))).abs();
        assert!(off <= f64::from(candidates.error()), "the score of target row {target} is off by {off}");
    }
    let mut unlisted_count = 0;
    for target in (0..free.len()).filter(|&target| unlisted[target]) {
        unlisted_count += 1;
        let cosine = cosine(source, targets.row(target));
        assert!(cosine <= f64::from(candidates.bound()), "target row {target} at {cosine} exceeds the bound");
    }
    assert_eq!(candidates.listed().len(), k.min(free.iter().filter(|&&free| free).count()));
    if unlisted_count == 0 {
        assert_eq!(candidates.bound(), f32::NEG_INFINITY, "every free row is listed");
    }
}

fn entry() -> impl Strategy<Value = f32> {
    prop_oneof![4 => (-2_i8..=2).prop_map(f32::from), 6 => -1.0_f32..1.0, 1 => prop::num::f32::SUBNORMAL]
}

/// Unit rows that are random, repeated, nearly equal, or all zeros.
fn cloud(dim: usize, len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f32>> {
    let kind = prop_oneof![
        6 => prop::collection::vec(entry(), dim).prop_map(Ok),
        3 => any::<prop::sample::Index>().prop_map(|index| Err((index, 1.0))),
        // Not a range of `f32`: proptest 1.12 fails an assertion of its own for some values from 0.999 to 1.001.
        3 => (any::<prop::sample::Index>(), (-1000_i16..=1000).prop_map(|step| 1.0 + f32::from(step) * 1e-6)).prop_map(Err),
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

fn k_values() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0_usize..9, 1 => 9_usize..300]
}

#[derive(Debug, Clone)]
struct Case {
    dim: usize,
    targets: Vec<f32>,
    sources: Vec<f32>,
    /// The number of candidates, and the free rows to remove afterward.
    steps: Vec<(usize, Vec<prop::sample::Index>)>,
}

fn case() -> impl Strategy<Value = Case> {
    (1_usize..14, prop_oneof![1 => 0_usize..40, 2 => 0_usize..700]).prop_flat_map(|(dim, len)| {
        let steps = (k_values(), prop::collection::vec(any::<prop::sample::Index>(), 0..=len / 2 + 1));
        (cloud(dim, len..len + 1), cloud(dim, 1..8), prop::collection::vec(steps, 1..6))
            .prop_map(move |(targets, sources, steps)| Case { dim, targets, sources, steps })
    })
}

/// All lists of a tree for a case; asserts the contract of each.
fn run_case(case: &Case, tree: &mut Tree) -> Vec<Candidates> {
    let dim = case.dim;
    let targets = UnitRows::new(&case.targets, dim);
    let sources: Vec<f32> =
        case.sources.chunks(dim).filter(|row| row.iter().any(|&x| x != 0.0)).flatten().copied().collect();
    let sources = UnitRows::new(&sources, dim);
    let mut free = vec![true; targets.len()];
    let mut lists = Vec::new();
    tree.begin(targets).unwrap();
    for (k, removed) in &case.steps {
        for k in [*k, tree.len()] {
            let mut candidates = vec![Candidates::default(); sources.len()];
            tree.propose(sources, k, &mut candidates).unwrap();
            for (index, candidates) in candidates.iter().enumerate() {
                assert_contract(targets, &free, sources.row(index), k.max(1), candidates);
            }
            lists.extend(candidates);
        }
        let mut taken = Vec::new();
        for index in removed {
            let still_free: Vec<u32> = (0..free.len() as u32).filter(|&target| free[target as usize]).collect();
            if !still_free.is_empty() {
                taken.push(*index.get(&still_free));
                free[taken[taken.len() - 1] as usize] = false;
            }
        }
        tree.remove(&taken).unwrap();
        assert_eq!(tree.len(), free.iter().filter(|&&free| free).count());
    }
    lists
}

/// Runs `f` on the given number of threads.
fn on_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    crate::parallel::with_threads(threads, f).unwrap()
}

proptest! {
    #[test]
    fn the_contract_holds_after_any_removals(case in case()) {
        run_case(&case, &mut Tree::default());
    }

    #[test]
    fn a_reused_tree_equals_a_new_one(first in case(), second in case()) {
        let mut tree = Tree::default();
        run_case(&first, &mut tree);
        prop_assert_eq!(run_case(&second, &mut tree), run_case(&second, &mut Tree::default()));
    }
}

/// Normal source rows, and target rows whose column k has standard deviation k to the power `decay`, and a nonzero mean unless
/// `decay` is 0.
fn rows(len: usize, dim: usize, decay: f32) -> (Vec<f32>, Vec<f32>) {
    let draw =
        |seed| -> Vec<f32> { StandardNormal.sample_iter(ChaCha8Rng::seed_from_u64(seed)).take(len * dim).collect() };
    let (sources, mut targets) = (draw(1), draw(2));
    let mean = if decay == 0.0 { 0.0 } else { 0.3 };
    for row in targets.chunks_mut(dim) {
        for (k, x) in (1_u8..).zip(row) {
            *x = (*x + mean) * f32::from(k).powf(decay);
        }
    }
    (units(&sources, dim), units(&targets, dim))
}

#[test]
fn the_number_of_threads_does_not_change_the_lists() {
    for (dim, decay) in [(3, 0.0), (5, -0.5), (8, 0.0)] {
        let (sources, targets) = rows(20_000, dim, decay);
        let lists = |threads: usize| {
            on_threads(threads, || {
                let mut tree = Tree::default();
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
        let one = lists(1);
        for threads in [2, 3, 7] {
            assert_eq!(one, lists(threads), "{threads} threads, {dim} columns");
        }
    }
}

#[test]
fn many_equal_and_zero_rows_keep_the_contract() {
    for (dim, row) in [(2, vec![0.6, 0.8]), (5, vec![0.0, 0.0, -1.0, 0.0, 0.0])] {
        let mut targets = row.repeat(10_000);
        targets.extend(vec![0.0; 3000 * dim]);
        let opposite: Vec<f32> = row.iter().map(|x| -x).collect();
        targets.extend(&opposite);
        let targets = UnitRows::new(&targets, dim);
        let mut free = vec![true; targets.len()];
        let mut tree = Tree::default();
        tree.begin(targets).unwrap();
        let sources = [row.clone(), opposite].concat();
        while tree.len() > 0 {
            for k in [1, 7, 5000] {
                let mut candidates = vec![Candidates::default(); 2];
                tree.propose(UnitRows::new(&sources, dim), k, &mut candidates).unwrap();
                for (source, candidates) in sources.chunks(dim).zip(&candidates) {
                    assert_contract(targets, &free, source, k, candidates);
                }
            }
            let taken: Vec<u32> = (0..free.len() as u32).filter(|&target| free[target as usize]).take(2000).collect();
            taken.iter().for_each(|&target| free[target as usize] = false);
            tree.remove(&taken).unwrap();
        }
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn vectors_of_any_width_give_the_same_lists() {
    use pulp::x86::{V3, V4};

    let dim = 6;
    let (sources, targets) = rows(3000, dim, -0.5);
    let mut tree = Tree::default();
    tree.begin(UnitRows::new(&targets, dim)).unwrap();
    let mut query = Query { tree: &tree, stack: Vec::new(), best: TopKHeap::new(9, dim) };
    let mut listed = |run: &dyn Fn(Search<'_, '_, '_>)| {
        let list = |source| {
            query.best.clear();
            run(Search(&mut query, source));
            let mut candidates = Candidates::default();
            query.best.write_to(&mut candidates, 0.0);
            candidates
        };
        sources.chunks(dim).take(200).map(list).collect::<Vec<_>>()
    };
    let scalar = listed(&|search| Simd::vectorize(Scalar, search));
    if let Some(v3) = V3::try_new() {
        assert_eq!(scalar, listed(&|search| Simd::vectorize(v3, search)));
    }
    if let Some(v4) = V4::try_new() {
        assert_eq!(scalar, listed(&|search| Simd::vectorize(v4, search)));
    }
}
