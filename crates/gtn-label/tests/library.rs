//! Features for programs that use the crate as a library: rows of `f64`, components, and reused memory.

use std::ops::ControlFlow;

use gtn_label::{MatchError, Matcher, PointSet, Rows, Strategy as By, Workspace, match_rows};
use proptest::prelude::*;

mod common;
use common::{assert_same, cloud, normal};

/// Algorithm 1 on rows of `f64`, by the definition.
fn oracle(source: &[Vec<f64>], target: &[Vec<f64>]) -> Vec<usize> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b);
    let norm = |a: &[f64]| dot(a, a).sqrt();
    let mut order: Vec<usize> = (0..source.len()).collect();
    order.sort_by(|&a, &b| norm(&source[a]).total_cmp(&norm(&source[b])));
    let mut free: Vec<usize> = (0..target.len()).collect();
    let mut assignment = vec![0; source.len()];
    for y in order {
        let score = |x: usize| {
            let zero = norm(&source[y]) == 0.0 || norm(&target[x]) == 0.0;
            if zero { 0.0 } else { dot(&target[x], &source[y]) / norm(&target[x]) }
        };
        let best = |&a: &usize, &b: &usize| {
            let by_norm = norm(&target[a]).total_cmp(&norm(&target[b]));
            score(b).partial_cmp(&score(a)).unwrap().then(by_norm).then(a.cmp(&b))
        };
        let taken = free.iter().copied().min_by(best).unwrap();
        free.retain(|&x| x != taken);
        assignment[y] = taken;
    }
    assignment
}

fn doubles(data: &[f64], dim: usize) -> Rows<'_, f64> {
    Rows::new(data, data.len() / dim, dim).unwrap()
}

fn rows(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<f64>>> {
    let entry = prop_oneof![(-3_i8..=3).prop_map(f64::from), -1.0_f64..1.0, Just(1.0 / 3.0), Just(0.0)];
    let row = (prop::collection::vec(entry, 3), prop_oneof![Just(1.0_f64), Just(1.0 / 7.0), Just(1e-140), Just(1e140)]);
    let row = row.prop_map(|(row, scale)| row.into_iter().map(|entry| entry * scale).collect());
    let largest = |row: &Vec<f64>| row.iter().fold(0.0_f64, |max, entry| max.max(entry.abs()));
    let row = row.prop_filter("in range", move |row| largest(row) == 0.0 || (1e-150..=1e150).contains(&largest(row)));
    prop::collection::vec(row, len).prop_map(|mut rows: Vec<Vec<f64>>| {
        // Multiples of one another, whose scores differ only by rounding.
        for index in (3..rows.len()).step_by(4) {
            rows[index] = rows[index - 3].iter().map(|entry| entry * 0.7).collect();
        }
        rows
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn rows_of_f64_are_matched_by_the_definition(source in rows(0..30), target in rows(30..50)) {
        let expected = oracle(&source, &target);
        let (source, target) = (source.concat(), target.concat());
        for strategy in [By::Auto, By::Reference, By::Dense, By::Int8, By::Tree] {
            let matched = Matcher::new().strategy(strategy).match_rows(doubles(&source, 3), doubles(&target, 3)).unwrap();
            prop_assert_eq!(matched.assignment(), &expected);
        }
    }

    #[test]
    fn components_are_matched_separately(
        (source, target) in (cloud(3, 0..40), cloud(3, 40..90)),
        labels in prop::collection::vec(0_u32..3, 90),
    ) {
        // Each label has as many target rows as source rows; the remaining labels are arbitrary.
        let source_labels = &labels[..source.len()];
        let target_labels: Vec<u32> = source_labels.iter().chain(&labels).copied().take(target.len()).collect();
        let matched = Matcher::new()
            .match_components(source.rows(), source_labels, target.rows(), &target_labels)
            .unwrap();
        let mut order = Vec::new();
        for label in 0..3 {
            let rows_of_label = |labels: &[u32]| (0..labels.len()).filter(|&row| labels[row] == label).collect::<Vec<_>>();
            let (source_rows, target_rows) = (rows_of_label(source_labels), rows_of_label(&target_labels));
            let select = |cloud: &common::Cloud, rows: &[usize]| common::Cloud {
                dim: 3,
                data: rows.iter().flat_map(|&row| cloud.rows().row(row).to_vec()).collect(),
            };
            let (source, target) = (select(&source, &source_rows), select(&target, &target_rows));
            let alone = match_rows(source.rows(), target.rows()).unwrap();
            for (index, &row) in source_rows.iter().enumerate() {
                prop_assert_eq!(matched.assignment()[row], target_rows[alone.assignment()[index]]);
                prop_assert_eq!(matched.similarity()[row].to_bits(), alone.similarity()[index].to_bits());
            }
            order.extend(alone.order().iter().map(|&row| source_rows[row]));
        }
        prop_assert_eq!(matched.order(), &order);
    }
}

#[test]
fn a_reused_workspace_equals_a_new_one() {
    let mut workspace = Workspace::new();
    for (n, m, dim) in [(300, 400, 20), (50, 60, 3), (0, 4, 3), (500, 500, 20), (40, 40, 1)] {
        let (source, target) = (normal(n, dim, 3), normal(m, dim, 4));
        for strategy in [By::Auto, By::Dense, By::Int8, By::Tree, By::Reference] {
            let matcher = || Matcher::new().strategy(strategy);
            let used = matcher().match_rows_in(&mut workspace, source.rows(), target.rows()).unwrap();
            assert_same(&used, &matcher().match_rows(source.rows(), target.rows()).unwrap());
            let found = workspace.stats().strategy;
            assert!(if strategy == By::Auto { found != By::Auto } else { found == strategy });
        }
    }
}

#[test]
fn rows_that_cannot_be_matched_are_an_error_that_names_the_row() {
    let good = [1.0_f64, 0.0, 0.0, 1.0];
    for (bad, message) in [
        ([1.0, 0.0, 1e151, 1.0], "target row 1 is 1e151"),
        ([0.0, 1e-200, 1.0, 1.0], "target row 0 is 1e-200"),
        ([1.0, f64::INFINITY, 1.0, 1.0], "target row 0 holds NaN or an infinity in column 1"),
        ([f64::NAN, 1e300, 1.0, 1.0], "target row 0 holds NaN or an infinity in column 0"),
    ] {
        let error = match_rows(doubles(&good, 2), doubles(&bad, 2)).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert_eq!(match_rows(doubles(&good, 2), doubles(&[0.0, 0.0, -1e150, 1e-150], 2)).unwrap().assignment(), [0, 1]);
    for (strategy, dim) in [(By::Angular, 2), (By::Sorted, 1)] {
        let rows = || doubles(&good, dim);
        let error = Matcher::new().strategy(strategy).match_rows(rows(), rows());
        assert_eq!(error, Err(MatchError::NeedsF32 { strategy }));
    }

    let rows = || Rows::<f32>::new(&[1.0, 0.0, 0.0, 1.0], 2, 2).unwrap();
    let components = |source: &[u32], target: &[u32]| Matcher::new().match_components(rows(), source, rows(), target);
    assert_eq!(
        components(&[1], &[1, 1]),
        Err(MatchError::LabelCountMismatch { set: PointSet::Source, rows: 2, labels: 1 })
    );
    assert_eq!(
        components(&[1, 2], &[2, 3]),
        Err(MatchError::ComponentLarger { label: 1, source_rows: 1, target_rows: 0 })
    );
    assert_eq!(components(&[1, 2], &[2, 1]).unwrap().assignment(), [1, 0]);
}

#[test]
fn progress_counts_the_rows_of_all_components() {
    let (source, target) = (normal(60, 3, 1), normal(60, 3, 2));
    let labels: Vec<u32> = (0..60).map(|row| row % 3).collect();
    let mut seen = Vec::new();
    Matcher::new()
        .progress(|progress| {
            assert_eq!(progress.total, 60);
            seen.push(progress.done);
            ControlFlow::Continue(())
        })
        .match_components(source.rows(), &labels, target.rows(), &labels)
        .unwrap();
    assert!(seen.is_sorted() && seen.first() == Some(&0) && seen.last() == Some(&60), "{seen:?}");
}

#[test]
fn the_callback_can_stop_between_components() {
    let rows = || Rows::<f32>::new(&[1.0, 0.0, 0.0, 1.0], 2, 2).unwrap();
    for stop_at in 1..=3 {
        let mut calls = 0;
        let stopped = Matcher::new()
            .progress(|_| {
                calls += 1;
                if calls == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .match_components(rows(), &[1, 2], rows(), &[1, 2]);
        assert!(matches!(stopped, Err(MatchError::Cancelled { total: 2, .. })), "call {stop_at}");
    }
}

#[test]
fn component_errors_name_the_row_of_the_complete_set() {
    let good = Rows::<f32>::new(&[1.0; 6], 3, 2).unwrap();
    let bad = Rows::<f32>::new(&[1.0, 1.0, 1.0, 1.0, 1.0, f32::NAN], 3, 2).unwrap();
    let labels = [1, 1, 2];
    let error = Matcher::new().match_components(good.clone(), &labels, bad, &labels);
    assert_eq!(error, Err(MatchError::NotFinite { set: PointSet::Target, row: 2, column: 1 }));
    let one_column = Rows::<f32>::new(&[1.0; 3], 3, 1).unwrap();
    let error = Matcher::new().match_components(good, &labels, one_column, &labels);
    assert_eq!(error, Err(MatchError::DimensionMismatch { source_dim: 2, target_dim: 1 }));
}

#[test]
fn match_rows_uses_the_default_matcher() {
    let (source, target) = (normal(20, 3, 1), normal(20, 3, 2));
    let expected = Matcher::new().match_rows(source.rows(), target.rows()).unwrap();
    assert_same(&match_rows(source.rows(), target.rows()).unwrap(), &expected);
}
