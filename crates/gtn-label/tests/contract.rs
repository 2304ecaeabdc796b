//! Every strategy returns the matching of the reference, whole.

use std::ops::ControlFlow;

use gtn_label::{MatchError, Matcher, Matching, Precision, Rows, RowsError, Side, Strategy as By, match_rows};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// A set of rows that is easy to shrink and rich in ties.
#[derive(Debug, Clone)]
struct Cloud {
    dim: usize,
    data: Vec<f32>,
}

impl Cloud {
    fn len(&self) -> usize {
        self.data.len() / self.dim
    }

    fn rows(&self) -> Rows<'_> {
        Rows::new(&self.data, self.len(), self.dim).unwrap()
    }
}

fn normal(len: usize, dim: usize, seed: u64) -> Cloud {
    let rng = ChaCha8Rng::seed_from_u64(seed);
    Cloud { dim, data: StandardNormal.sample_iter(rng).take(len * dim).collect() }
}

fn entry() -> impl Strategy<Value = f32> {
    prop_oneof![
        6 => (-3_i8..=3).prop_map(f32::from),
        4 => -1.0_f32..1.0,
        1 => Just(0.0_f32),
        1 => Just(-0.0_f32),
        1 => prop::num::f32::SUBNORMAL,
        1 => prop_oneof![Just(f32::MAX), Just(-3.0e38_f32), Just(1.0e30_f32)],
    ]
}

/// Rows drawn afresh, repeated, scaled copies of one another, all but equal, or zero.
fn cloud(dim: usize, len: std::ops::Range<usize>) -> impl Strategy<Value = Cloud> {
    let row = prop::collection::vec(entry(), dim);
    let pick = (any::<prop::sample::Index>(), prop_oneof![Just(1.0_f32), Just(2.0), Just(-0.5), Just(0.0), Just(3.0)]);
    let kind = prop_oneof![3 => row.prop_map(Ok), 2 => pick.prop_map(|pick| Err((pick, false))), 1 => {
        // A cluster: the row, but for its last bits.
        any::<prop::sample::Index>().prop_map(|index| Err(((index, 1.0), true)))
    }];
    prop::collection::vec(kind, len).prop_map(move |kinds| {
        let mut rows: Vec<Vec<f32>> = Vec::new();
        for kind in kinds {
            let next = match kind {
                Ok(row) => row,
                Err(_) if rows.is_empty() => vec![0.0; dim],
                Err(((index, scale), close)) => {
                    let row = index.get(&rows);
                    let shift = |at: usize, x: f32| if close && at.is_multiple_of(2) { x.next_up() } else { x * scale };
                    let scaled: Vec<f32> = row.iter().enumerate().map(|(at, &x)| shift(at, x)).collect();
                    if scaled.iter().all(|x| x.is_finite()) { scaled } else { row.clone() }
                }
            };
            rows.push(next);
        }
        Cloud { dim, data: rows.concat() }
    })
}

/// A source and a target at least as large, of one dimension.
fn pair_of_clouds() -> impl Strategy<Value = (Cloud, Cloud)> {
    prop_oneof![Just(1_usize), Just(2), Just(3), Just(17), Just(100)].prop_flat_map(|dim| {
        let most = if dim > 10 { 60 } else { 160 };
        (cloud(dim, 0..most), cloud(dim, 0..most)).prop_map(|(a, b)| if a.len() <= b.len() { (a, b) } else { (b, a) })
    })
}

fn run(strategy: By, source: &Cloud, target: &Cloud) -> Matching {
    run_in(Precision::Double, strategy, source, target)
}

fn run_in(precision: Precision, strategy: By, source: &Cloud, target: &Cloud) -> Matching {
    Matcher::new().strategy(strategy).precision(precision).match_rows(source.rows(), target.rows()).unwrap()
}

fn precision() -> impl Strategy<Value = Precision> {
    prop_oneof![Just(Precision::Double), Just(Precision::Single)]
}

/// `==` on similarities would take -0 for 0; the contract speaks of bits.
fn assert_same(a: &Matching, b: &Matching) {
    assert_eq!(a.order(), b.order());
    assert_eq!(a.matching(), b.matching());
    let bits = |m: &Matching| m.similarity().iter().map(|s| s.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(a), bits(b));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn blocked_equals_reference(
        (source, target) in pair_of_clouds(),
        threads in prop_oneof![Just(1_usize), Just(2), Just(7)],
        block in prop_oneof![1_usize..5, 5_usize..300],
        keep in 1_usize..30,
        precision in precision(),
    ) {
        let reference = run_in(precision, By::Reference, &source, &target);
        let blocked = Matcher::new()
            .strategy(By::Blocked)
            .precision(precision)
            .threads(threads)
            .block(block)
            .candidates(keep)
            .match_rows(source.rows(), target.rows())
            .unwrap();
        assert_same(&blocked, &reference);
    }

    #[test]
    fn ordered_equals_reference(source in cloud(1, 0..120), target in cloud(1, 120..200)) {
        let reference = run(By::Reference, &source, &target);
        assert_same(&run(By::Ordered, &source, &target), &reference);
        assert_same(&run_in(Precision::Single, By::Reference, &source, &target), &reference);
        assert_same(&run(By::Auto, &source, &target), &reference);
    }

    #[test]
    fn no_target_row_is_taken_twice_and_the_order_is_by_norm((source, target) in pair_of_clouds()) {
        let matched = run(By::Auto, &source, &target);
        let mut seen = vec![false; target.len()];
        for &taken in matched.matching() {
            prop_assert!(!std::mem::replace(&mut seen[taken], true));
        }
        let norm = |i: usize| source.rows().row(i).iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        for pair in matched.order().windows(2) {
            prop_assert!((norm(pair[0]), pair[0]) < (norm(pair[1]), pair[1]));
        }
    }

    #[test]
    fn scaling_by_powers_of_two_changes_nothing(
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
fn a_mixed_set_larger_than_a_block_and_a_tile_equals_reference() {
    for (n, m, dim) in [(2500, 2500, 5), (1200, 1700, 30), (1500, 1500, 2)] {
        let source = normal(n, dim, 1);
        let mut target = normal(m, dim, 2);
        // Every third row is a copy of the first: more ties than any candidate list holds.
        let first = target.data[..dim].to_vec();
        for row in target.data.chunks_mut(dim).step_by(3) {
            row.copy_from_slice(&first);
        }
        assert_same(&run(By::Blocked, &source, &target), &run(By::Reference, &source, &target));
    }
}

#[test]
fn rows_with_a_stride_and_columns_in_fortran_order_are_the_same_rows() {
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
fn bad_input_is_an_error_that_names_the_place() {
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
        Err(MatchError::NotFinite { side: Side::Target, row: 1, column: 1 })
    );
    assert_eq!(
        match_rows(rows(&[f32::INFINITY, 2.0], 1, 2), rows(&[0.0, 1.0], 1, 2)),
        Err(MatchError::NotFinite { side: Side::Source, row: 0, column: 0 })
    );
    let ordered = Matcher::new().strategy(By::Ordered);
    assert_eq!(
        ordered.match_rows(rows(&[1.0, 2.0], 1, 2), rows(&[0.0, 1.0], 1, 2)),
        Err(MatchError::OrderedNeedsOneColumn { dim: 2 })
    );
    assert!(matches!(Rows::new(&[], 0, 0), Err(RowsError::NoColumns)));
    assert!(matches!(Rows::new(&[1.0], usize::MAX, 2), Err(RowsError::TooShort { .. })));
    assert!(matches!(Rows::with_stride(&[1.0; 9], 2, 3, 2), Err(RowsError::StrideTooSmall { .. })));
    assert!(match_rows(rows(&[], 0, 4), rows(&[], 0, 4)).unwrap().is_empty());
    #[cfg(feature = "ndarray")]
    {
        let flat = ndarray::Array2::<f32>::zeros((2, 0));
        assert_eq!(match_rows(&flat, &flat), Err(MatchError::NoColumns { side: Side::Source }));
    }
    let many = Matcher::new().strategy(By::Blocked).candidates(usize::MAX).block(usize::MAX);
    let few = rows(&[1.0, 2.0, -1.0, 0.5], 2, 2);
    assert_eq!(many.match_rows(few.clone(), few).unwrap().matching(), [0, 1]);
}

#[test]
fn the_callback_sees_progress_and_can_stop_the_work() {
    let (source, target) = (normal(300, 4, 8), normal(300, 4, 9));
    for strategy in [By::Reference, By::Blocked] {
        let mut seen = Vec::new();
        Matcher::new()
            .strategy(strategy)
            .block(64)
            .progress(|progress| {
                seen.push(progress.done);
                ControlFlow::Continue(())
            })
            .match_rows(source.rows(), target.rows())
            .unwrap();
        assert!(seen.is_sorted() && seen.first() == Some(&0) && seen.last() == Some(&300) && seen.len() > 3);

        let stopped = Matcher::new()
            .strategy(strategy)
            .block(64)
            .progress(|progress| if progress.done > 100 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            .match_rows(source.rows(), target.rows());
        assert!(matches!(stopped, Err(MatchError::Cancelled { done, total: 300 }) if done > 100 && done < 300));
    }
}
