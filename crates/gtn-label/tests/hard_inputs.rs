//! Inputs whose rows compete for the same target rows, or whose cosines are too close to each other for lists of candidates.

mod common;

use common::{assert_same, normal};
use gtn_label::{Element, Matcher, Precision, Rows, Strategy, Workspace};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Source and target rows.
struct Hard {
    name: &'static str,
    source: Vec<f64>,
    target: Vec<f64>,
}

/// Changes normal source and target rows.
type Change<'c> = &'c dyn Fn(&mut [f64], &mut [f64], &mut ChaCha8Rng);

const LEN: usize = 1000;

fn doubles(dim: usize, seed: u64) -> Vec<f64> {
    normal(LEN, dim, seed).data.into_iter().map(f64::from).collect()
}

/// `rows` moved close to one direction.
fn cone(rows: &mut [f64], dim: usize, spread: f64) {
    for row in rows.chunks_mut(dim) {
        for (column, entry) in row.iter_mut().enumerate() {
            *entry = (column as f64 + 1.0).cos() + spread * *entry;
        }
    }
}

fn hard(dim: usize) -> Vec<Hard> {
    let mut all = Vec::new();
    let mut add = |name, change: Change<'_>| {
        let (mut source, mut target) = (doubles(dim, 1), doubles(dim, 2));
        change(&mut source, &mut target, &mut ChaCha8Rng::seed_from_u64(3));
        all.push(Hard { name, source, target });
    };
    add("sources in a cone", &|source, _, _| cone(source, dim, 0.01));
    add("sources in a narrow cone", &|source, _, _| cone(source, dim, 1e-5));
    add("targets in a cone", &|_, target, _| cone(target, dim, 1e-3));
    add("both in a cone", &|source, target, _| {
        cone(source, dim, 0.01);
        cone(target, dim, 0.01);
    });
    add("multiples of one row", &|_, target, rng| {
        cone(target, dim, 0.0);
        target.chunks_mut(dim).for_each(|row| {
            let factor = rng.random_range(0.5..2.0);
            row.iter_mut().for_each(|entry| *entry *= factor);
        });
    });
    add("equal rows", &|_, target, rng| {
        let (kept, others) = target.split_at_mut(20 * dim);
        others.chunks_mut(dim).for_each(|row| row.copy_from_slice(&kept[rng.random_range(0..20) * dim..][..dim]));
    });
    add("equal rows, sources in a cone", &|source, target, rng| {
        cone(source, dim, 0.01);
        let (kept, others) = target.split_at_mut(20 * dim);
        others.chunks_mut(dim).for_each(|row| row.copy_from_slice(&kept[rng.random_range(0..20) * dim..][..dim]));
    });
    add("zero rows", &|source, target, _| {
        target.chunks_mut(dim).step_by(2).for_each(|row| row.fill(0.0));
        target.chunks_mut(dim).step_by(6).for_each(|row| row.fill(-0.0));
        source.chunks_mut(dim).step_by(4).for_each(|row| row.fill(0.0));
    });
    add("integers", &|_, target, _| target.iter_mut().for_each(|entry| *entry = entry.round()));
    all
}

fn assert_equal_reference<T: Element>(hard: &Hard, dim: usize, convert: impl Fn(f64) -> T) -> u64 {
    let values = |rows: &[f64]| -> Vec<T> { rows.iter().map(|&entry| convert(entry)).collect() };
    let (source, target) = (values(&hard.source), values(&hard.target));
    let rows = |values| Rows::new(values, LEN, dim).unwrap();
    let mut scans = 0;
    for precision in [Precision::Double, Precision::Single] {
        let run = |strategy: Strategy, workspace: &mut Workspace| {
            let matcher = Matcher::new().strategy(strategy).precision(precision);
            matcher.match_rows_in(workspace, rows(&source), rows(&target)).unwrap()
        };
        let expected = run(Strategy::Reference, &mut Workspace::new());
        for strategy in [Strategy::Dense, Strategy::Int8, Strategy::Tree, Strategy::Auto] {
            let mut workspace = Workspace::new();
            let found = run(strategy, &mut workspace);
            assert_eq!(found.assignment(), expected.assignment(), "{}, d = {dim}, {strategy}", hard.name);
            assert_same(&found, &expected);
            scans += workspace.stats().full_scans;
        }
    }
    scans
}

#[test]
fn hard_inputs_equal_reference() {
    for dim in [1, 2, 5, 33] {
        for hard in hard(dim) {
            assert_equal_reference(&hard, dim, |entry| entry as f32);
            let scans = assert_equal_reference(&hard, dim, |entry| entry);
            if hard.name == "multiples of one row" {
                assert!(scans > LEN as u64, "{} source rows scanned: nothing else can tell these rows apart", scans);
            }
        }
    }
}

#[test]
fn equal_rows_and_cones_need_few_longer_lists() {
    // Each refill proposes candidates for a source row once more.
    for hard in hard(33).iter().filter(|hard| hard.name.starts_with("equal") || hard.name.ends_with("narrow cone")) {
        let rows = |values| Rows::new(values, LEN, 33).unwrap();
        let mut workspace = Workspace::new();
        Matcher::new().match_rows_in(&mut workspace, rows(&hard.source), rows(&hard.target)).unwrap();
        let stats = workspace.stats();
        assert!(stats.refills < LEN as u64 / 2 && stats.full_scans < 100, "{}: {stats:?}", hard.name);
    }
}
