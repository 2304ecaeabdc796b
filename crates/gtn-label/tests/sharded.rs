//! Shards return exactly the matching of the reference, however the target rows are divided.

use std::ops::ControlFlow;

use gtn_label::{LocalShards, MatchError, Matching, PointSet, Precision, Shard, Strategy as By, match_shards, norms};
use proptest::prelude::*;

mod common;
use common::{Cloud, assert_same, cloud, normal, precision, run_in};

fn sharded(source: &Cloud, target: &Cloud, shards: usize, precision: Precision) -> Matching {
    let (source, target) = (source.rows(), target.rows());
    let norms = norms(&source, 0).unwrap();
    let rows = target.len() as u64;
    let mut shards = LocalShards::new(&source, &target, shards, precision).unwrap();
    match_shards(&norms, rows, &mut shards, |_| ControlFlow::Continue(())).unwrap()
}

fn pair_of_clouds() -> impl Strategy<Value = (Cloud, Cloud)> {
    prop_oneof![Just(1_usize), Just(2), Just(3), Just(17), Just(100)].prop_flat_map(|dim| {
        let max = if dim > 10 { 60 } else { 160 };
        (cloud(dim, 0..max), cloud(dim, 0..max)).prop_map(|(a, b)| if a.len() <= b.len() { (a, b) } else { (b, a) })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn shards_equal_the_reference(
        (source, target) in pair_of_clouds(),
        shards in 1_usize..6,
        precision in precision(),
    ) {
        let reference = run_in(precision, By::Reference, &source, &target);
        assert_same(&sharded(&source, &target, shards, precision), &reference);
    }
}

#[test]
fn many_rows_in_several_blocks_equal_one_process() {
    for (len, target_len, dim) in [(3000, 3000, 5), (2000, 2500, 100), (1500, 1500, 2), (700, 900, 1), (4000, 4000, 12)]
    {
        let (source, target) = (normal(len, dim, 1), normal(target_len, dim, 2));
        let reference = run_in(Precision::Double, By::Auto, &source, &target);
        for shards in [1, 2, 3, 7] {
            assert_same(&sharded(&source, &target, shards, Precision::Double), &reference);
        }
    }
}

#[test]
fn source_rows_that_compete_for_the_same_few_equal_one_process() {
    // A narrow cone of source rows, and target rows of three directions.
    let mut source = normal(900, 8, 3);
    source.data.iter_mut().enumerate().for_each(|(at, x)| *x = if at % 8 == 0 { 10.0 } else { *x * 1e-3 });
    let spread = normal(1000, 8, 4);
    let mut few = spread.clone();
    for row in 0..1000 {
        let scale = (row / 3 + 1) as f32;
        for column in 0..8 {
            few.data[row * 8 + column] = spread.data[row % 3 * 8 + column] * scale;
        }
    }
    for target in [spread, few] {
        for precision in [Precision::Double, Precision::Single] {
            let reference = run_in(precision, By::Reference, &source, &target);
            for shards in [1, 3] {
                assert_same(&sharded(&source, &target, shards, precision), &reference);
            }
        }
    }
}

#[test]
fn lists_are_the_best_rows_in_order() {
    let (source, target) = (normal(50, 10, 5), normal(400, 10, 6));
    let (source, target) = (source.rows(), target.rows());
    let mut shard = Shard::new(target, 1000, 50, Precision::Double).unwrap();
    shard.remove(&[3, 1007, 1399, 1400]).unwrap();
    let all = shard.longer(&source, 500).unwrap();
    for (len, lists) in
        [(1, shard.preferences(&source, 1)), (5, shard.preferences(&source, 5)), (40, shard.longer(&source, 40))]
    {
        for (list, all) in lists.unwrap().iter().zip(&all) {
            assert!(all.is_complete && all.ranked.len() == 398);
            assert!(!list.is_complete && (1..=len).contains(&list.ranked.len()));
            assert_eq!(list.ranked, all.ranked[..list.ranked.len()]);
            assert!(list.ranked.iter().all(|taken| ![1007, 1399].contains(&taken.target)));
        }
    }
    let norms: Vec<f64> = shard.shortest(500).iter().map(|&(norm, _)| norm).collect();
    assert_eq!(norms.len(), 398);
    assert!(norms.is_sorted());
}

#[test]
fn rows_may_have_any_ascending_indices() {
    let (source, target) = (normal(30, 6, 5), normal(90, 6, 6));
    let mut all = Shard::new(target.rows(), 0, 30, Precision::Double).unwrap();
    all.remove(&(0..90).filter(|row| row % 3 != 1).collect::<Vec<_>>()).unwrap();
    let third: Vec<f32> = target.data.chunks(6).skip(1).step_by(3).flatten().copied().collect();
    let third = Cloud { dim: 6, data: third };
    let indices = (1..90).step_by(3).collect();
    let mut listed = Shard::of_indices(third.rows(), indices, 30, Precision::Double).unwrap();
    for shard in [&mut all, &mut listed] {
        shard.remove(&[4, 88]).unwrap();
    }
    let source = source.rows();
    assert_eq!(listed.longer(&source, 90).unwrap(), all.longer(&source, 90).unwrap());
    assert_eq!(listed.shortest(90), all.shortest(90));
}

#[test]
fn errors_name_the_row_among_those_of_all_shards() {
    let mut target = normal(10, 3, 7);
    target.data[7 * 3 + 1] = f32::NAN;
    let rows = target.rows();
    let expected = MatchError::NotFinite { set: PointSet::Target, row: 107, column: 1 };
    assert_eq!(Shard::new(rows, 100, 10, Precision::Double).unwrap_err(), expected);
    let source = target.rows();
    let expected = MatchError::NotFinite { set: PointSet::Source, row: 17, column: 1 };
    assert_eq!(norms(&source, 10).unwrap_err(), expected);
}

#[test]
fn a_larger_source_is_refused_and_work_can_be_stopped() {
    let (small, large) = (normal(3, 2, 8), normal(4, 2, 9));
    let (small, large) = (small.rows(), large.rows());
    let mut shards = LocalShards::new(&large, &small, 2, Precision::Double).unwrap();
    let larger = match_shards(&norms(&large, 0).unwrap(), 3, &mut shards, |_| ControlFlow::Continue(()));
    assert_eq!(larger, Err(MatchError::SourceLarger { source_rows: 4, target_rows: 3 }));
    let mut shards = LocalShards::new(&small, &large, 2, Precision::Double).unwrap();
    let stopped = match_shards(&norms(&small, 0).unwrap(), 4, &mut shards, |_| ControlFlow::Break(()));
    assert_eq!(stopped, Err(MatchError::Cancelled { done: 0, total: 3 }));
}
