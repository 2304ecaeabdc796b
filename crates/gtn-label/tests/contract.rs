//! Every strategy returns exactly the matching of the reference.

use std::ops::ControlFlow;

use gtn_label::{MatchError, Matcher, Matching, PointSet, Precision, Rows, RowsError, Strategy as By, match_rows};
use proptest::prelude::*;

mod common;
use common::{Cloud, assert_same, cloud, normal, precision, run_in};

/// A source and a target that is at least as large, of the same dimension.
fn pair_of_clouds() -> impl Strategy<Value = (Cloud, Cloud)> {
    prop_oneof![Just(1_usize), Just(2), Just(3), Just(17), Just(100)].prop_flat_map(|dim| {
        let max = if dim > 10 { 60 } else { 160 };
        (cloud(dim, 0..max), cloud(dim, 0..max)).prop_map(|(a, b)| if a.len() <= b.len() { (a, b) } else { (b, a) })
    })
}

fn run(strategy: By, source: &Cloud, target: &Cloud) -> Matching {
    run_in(Precision::Double, strategy, source, target)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_proposer_equals_reference(
        (source, target) in pair_of_clouds(),
        strategy in prop_oneof![Just(By::Dense), Just(By::Int8), Just(By::Tree)],
        threads in prop_oneof![Just(1_usize), Just(2), Just(7)],
        block_size in prop_oneof![1_usize..5, 5_usize..300],
        k in 1_usize..30,
        precision in precision(),
    ) {
        let reference = run_in(precision, By::Reference, &source, &target);
        let proposed = Matcher::new()
            .strategy(strategy)
            .precision(precision)
            .threads(threads)
            .block_size(block_size)
            .candidates_per_row(k)
            .match_rows(source.rows(), target.rows())
            .unwrap();
        assert_same(&proposed, &reference);
    }

    #[test]
    fn sorted_equals_reference(source in cloud(1, 0..120), target in cloud(1, 120..200)) {
        let reference = run(By::Reference, &source, &target);
        assert_same(&run(By::Sorted, &source, &target), &reference);
        assert_same(&run_in(Precision::Single, By::Reference, &source, &target), &reference);
        assert_same(&run(By::Auto, &source, &target), &reference);
    }

    #[test]
    fn target_rows_are_distinct_and_the_order_is_by_norm((source, target) in pair_of_clouds()) {
        let matched = run(By::Auto, &source, &target);
        let mut seen = vec![false; target.len()];
        for &taken in matched.assignment() {
            prop_assert!(!std::mem::replace(&mut seen[taken], true));
        }
        let norm = |i: usize| source.rows().row(i).iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        for pair in matched.order().windows(2) {
            prop_assert!((norm(pair[0]), pair[0]) < (norm(pair[1]), pair[1]));
        }
    }

    #[test]
    fn scaling_by_powers_of_two_does_not_change_the_matching(
        dim in prop_oneof![Just(1_usize), Just(2), Just(17)],
        seed in any::<u64>(),
        (a, b) in (-20_i32..20, -20_i32..20),
    ) {
        let (source, target) = (normal(40, dim, seed), normal(50, dim, seed ^ 1));
        let scaled = |cloud: &Cloud, power: i32| Cloud {
            dim,
            data: cloud.data.iter().map(|x| x * 2.0_f32.powi(power)).collect(),
        };
        for strategy in [By::Reference, By::Auto] {
            let plain = run(strategy, &source, &target);
            assert_same(&run(strategy, &scaled(&source, a), &scaled(&target, b)), &plain);
        }
    }
}

#[test]
fn many_ties_in_several_blocks_equal_reference() {
    for (n, m, dim) in [(2500, 2500, 5), (1200, 1700, 30), (1500, 1500, 2)] {
        let source = normal(n, dim, 1);
        let mut target = normal(m, dim, 2);
        // Every third row is a copy of the first: more ties than any candidate list can hold.
        let first = target.data[..dim].to_vec();
        for row in target.data.chunks_mut(dim).step_by(3) {
            row.copy_from_slice(&first);
        }
        let reference = run(By::Reference, &source, &target);
        for strategy in [By::Dense, By::Int8, By::Tree] {
            assert_same(&run(strategy, &source, &target), &reference);
        }
    }
}

#[test]
fn source_rows_with_few_directions_equal_reference() {
    // All of them compete for the same target rows, so blocks are truncated.
    for (spread, dim) in [(0.0, 5), (0.03, 5), (0.03, 40)] {
        let (mut source, target) = (normal(2500, dim, 1), normal(2600, dim, 2));
        for (index, x) in source.data.iter_mut().enumerate() {
            let length = 1.0 + (index / dim % 7) as f32;
            *x = length * (1.0 + spread * *x);
        }
        let reference = run(By::Reference, &source, &target);
        for strategy in [By::Dense, By::Int8, By::Tree] {
            assert_same(&run(strategy, &source, &target), &reference);
        }
    }
}

#[test]
fn strided_rows_and_fortran_order_give_the_same_matching() {
    let (source, target) = (normal(50, 3, 5), normal(60, 3, 6));
    let plain = run(By::Auto, &source, &target);
    let padded: Vec<f32> = source.data.chunks(3).flat_map(|row| [row, &[f32::NAN, 7.0]].concat()).collect();
    let strided = Rows::with_stride(&padded, 50, 3, 5).unwrap();
    assert_same(&match_rows(strided, target.rows()).unwrap(), &plain);

    #[cfg(feature = "ndarray")]
    {
        use ndarray::{Array2, ShapeBuilder};
        let row_major = Array2::from_shape_vec((60, 3), target.data.clone()).unwrap();
        let mut fortran = Array2::zeros((60, 3).f());
        fortran.assign(&row_major);
        assert_same(&match_rows(source.rows(), &fortran).unwrap(), &plain);
    }
}

#[test]
fn invalid_input_is_an_error_that_names_the_row() {
    let rows = |data: &'static [f32], len, dim| Rows::new(data, len, dim).unwrap();
    assert_eq!(
        match_rows(rows(&[1.0, 2.0], 1, 2), rows(&[1.0], 1, 1)),
        Err(MatchError::DimensionMismatch { source_dim: 2, target_dim: 1 })
    );
    assert_eq!(
        match_rows(rows(&[1.0, 2.0], 2, 1), rows(&[1.0], 1, 1)),
        Err(MatchError::SourceLarger { source_rows: 2, target_rows: 1 })
    );
    assert_eq!(
        match_rows(rows(&[1.0, 2.0], 1, 2), rows(&[0.0, 1.0, 5.0, f32::NAN], 2, 2)),
        Err(MatchError::NotFinite { set: PointSet::Target, row: 1, column: 1 })
    );
    assert_eq!(
        match_rows(rows(&[f32::INFINITY, 2.0], 1, 2), rows(&[0.0, 1.0], 1, 2)),
        Err(MatchError::NotFinite { set: PointSet::Source, row: 0, column: 0 })
    );
    let sorted = Matcher::new().strategy(By::Sorted);
    assert_eq!(
        sorted.match_rows(rows(&[1.0, 2.0], 1, 2), rows(&[0.0, 1.0], 1, 2)),
        Err(MatchError::NeedsDimension { strategy: By::Sorted, needed: 1, dim: 2 })
    );
    let angular = Matcher::new().strategy(By::Angular);
    assert_eq!(
        angular.match_rows(rows(&[1.0, 2.0, 3.0], 1, 3), rows(&[0.0, 1.0, 2.0], 1, 3)),
        Err(MatchError::NeedsDimension { strategy: By::Angular, needed: 2, dim: 3 })
    );
    assert!(matches!(Rows::<f32>::new(&[], 0, 0), Err(RowsError::NoColumns)));
    assert!(matches!(Rows::new(&[1.0], usize::MAX, 2), Err(RowsError::TooShort { .. })));
    assert!(matches!(Rows::with_stride(&[1.0; 9], 2, 3, 2), Err(RowsError::StrideTooSmall { .. })));
    assert!(match_rows(rows(&[], 0, 4), rows(&[], 0, 4)).unwrap().is_empty());
    #[cfg(feature = "ndarray")]
    {
        let flat = ndarray::Array2::<f32>::zeros((2, 0));
        assert_eq!(match_rows(&flat, &flat), Err(MatchError::NoColumns { set: PointSet::Source }));
    }
    let many = Matcher::new().strategy(By::Dense).candidates_per_row(usize::MAX).block_size(usize::MAX);
    let few = rows(&[1.0, 2.0, -1.0, 0.5], 2, 2);
    assert_eq!(many.match_rows(few.clone(), few).unwrap().assignment(), [0, 1]);
}

#[test]
fn the_callback_receives_progress_and_can_stop_the_work() {
    let (source, target) = (normal(300, 4, 8), normal(300, 4, 9));
    for strategy in [By::Reference, By::Dense] {
        let mut seen = Vec::new();
        Matcher::new()
            .strategy(strategy)
            .block_size(64)
            .progress(|progress| {
                seen.push(progress.done);
                ControlFlow::Continue(())
            })
            .match_rows(source.rows(), target.rows())
            .unwrap();
        assert!(seen.is_sorted() && seen.first() == Some(&0) && seen.last() == Some(&300) && seen.len() > 3);

        let stopped = Matcher::new()
            .strategy(strategy)
            .block_size(64)
            .progress(|progress| if progress.done > 100 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            .match_rows(source.rows(), target.rows());
        assert!(matches!(stopped, Err(MatchError::Cancelled { done, total: 300 }) if done > 100 && done < 300));
    }
}
