//! The matching on several processes is that of one.

use std::ops::ControlFlow;

use gtn_dist::{Collective, Error, Part, Result, Threads, match_rows, part_of};
use gtn_label::{MatchError, Matcher, Matching, PointSet, Precision, Rows};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

fn normal(len: usize, dim: usize, seed: u64) -> Vec<f32> {
    StandardNormal.sample_iter(ChaCha8Rng::seed_from_u64(seed)).take(len * dim).collect()
}

fn matched(
    size: usize,
    dim: usize,
    source: &[f32],
    target: &[f32],
    precision: Precision,
    stop_after: usize,
) -> Vec<Result<Option<Matching>>> {
    Threads::run(size, |collective| {
        let own = |values: &[f32]| {
            let total = values.len() / dim;
            let rows = part_of(total, collective.rank(), size);
            (values[rows.start * dim..rows.end * dim].to_vec(), rows.len(), total)
        };
        let ((source, source_len, source_total), (target, target_len, target_total)) = (own(source), own(target));
        let source = Part { rows: Rows::new(&source, source_len, dim).unwrap(), total: source_total };
        let target = Part { rows: Rows::new(&target, target_len, dim).unwrap(), total: target_total };
        match_rows(collective, &source, &target, precision, |progress| {
            if progress.done >= stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    })
}

fn alone(dim: usize, source: &[f32], target: &[f32], precision: Precision) -> Matching {
    let rows = |values| Rows::new(values, <[f32]>::len(values) / dim, dim).unwrap();
    Matcher::new().precision(precision).match_rows(rows(source), rows(target)).unwrap()
}

#[test]
fn several_processes_return_the_matching_of_one() {
    for (len, target_len, dim) in [(2000, 2000, 5), (1000, 1300, 40), (500, 500, 1), (3, 2000, 4), (0, 5, 3)] {
        let (source, target) = (normal(len, dim, 1), normal(target_len, dim, 2));
        let expected = alone(dim, &source, &target, Precision::Double);
        for size in 1..=4 {
            let mut results = matched(size, dim, &source, &target, Precision::Double, usize::MAX);
            assert_eq!(results.remove(0), Ok(Some(expected.clone())), "{len} x {dim} on {size}");
            assert!(results.iter().all(|result| *result == Ok(None)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Entries of few values: many equal rows, multiples, and zero rows.
    #[test]
    fn ties_are_decided_as_by_one_process(
        dim in 1_usize..4,
        source in prop::collection::vec(-2_i8..=2, 0..120),
        target in prop::collection::vec(-2_i8..=2, 120..200),
        size in 1_usize..6,
        single in any::<bool>(),
    ) {
        let rows = |values: &[i8]| -> Vec<f32> {
            values[..values.len() / dim * dim].iter().map(|&value| f32::from(value)).collect()
        };
        let (source, target) = (rows(&source), rows(&target));
        let precision = if single { Precision::Single } else { Precision::Double };
        let expected = alone(dim, &source, &target, precision);
        prop_assert_eq!(&matched(size, dim, &source, &target, precision, usize::MAX)[0], &Ok(Some(expected)));
    }
}

#[test]
fn all_processes_learn_of_an_error_and_of_a_stop() {
    let (source, mut target) = (normal(100, 3, 3), normal(100, 3, 4));
    let results = matched(3, 3, &source, &target, Precision::Double, 0);
    assert_eq!(results[0], Err(Error::Match(MatchError::Cancelled { done: 0, total: 100 })));
    let reason = "stopped by the caller after 0 of 100 source rows".to_owned();
    assert_eq!(results[1..], vec![Err(Error::Remote { rank: 0, code: 0, reason }); 2]);

    target[50 * 3 + 2] = f32::NAN;
    let results = matched(3, 3, &source, &target, Precision::Double, usize::MAX);
    let error = MatchError::NotFinite { set: PointSet::Target, row: 50, column: 2 };
    assert_eq!(results[0], Err(Error::Remote { rank: 1, code: 0, reason: error.to_string() }));
    assert_eq!(results[1], Err(Error::Match(error)));

    let results = matched(2, 3, &normal(5, 3, 5), &normal(4, 3, 6), Precision::Double, usize::MAX);
    assert_eq!(results[0], Err(Error::Match(MatchError::SourceLarger { source_rows: 5, target_rows: 4 })));
    assert!(matches!(results[1], Err(Error::Remote { rank: 0, .. })));
}
