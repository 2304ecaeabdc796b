//! Verification accepts the matching of every strategy, and nothing else.

use gtn_label::{MatchError, MatchedPairs, Precision, Rows, Strategy as By, VerifyError, match_rows, verify_steps};
use proptest::prelude::*;

mod common;
use common::{Cloud, cloud, normal, precision, run_in};

/// The arrays of a matching, for tests to modify.
#[derive(Clone)]
struct Arrays {
    assignment: Vec<usize>,
    order: Vec<usize>,
    similarity: Vec<f32>,
}

impl Arrays {
    fn from_match(precision: Precision, source: &Cloud, target: &Cloud) -> Self {
        let matched = run_in(precision, By::Auto, source, target);
        Self {
            assignment: matched.assignment().to_vec(),
            order: matched.order().to_vec(),
            similarity: matched.similarity().to_vec(),
        }
    }

    fn pairs(&self) -> MatchedPairs<'_> {
        MatchedPairs { assignment: &self.assignment, order: &self.order, similarity: &self.similarity }
    }
}

fn pair_of_clouds() -> impl Strategy<Value = (Cloud, Cloud)> {
    prop_oneof![Just(1_usize), Just(2), Just(5), Just(17)].prop_flat_map(|dim| (cloud(dim, 2..50), cloud(dim, 50..70)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn all_steps_of_a_correct_matching_pass((source, target) in pair_of_clouds(), precision in precision()) {
        let arrays = Arrays::from_match(precision, &source, &target);
        let steps: Vec<usize> = (0..source.len()).collect();
        prop_assert_eq!(verify_steps(source.rows(), target.rows(), precision, arrays.pairs(), &steps), Ok(()));
    }

    #[test]
    fn two_swapped_pairs_fail_in_the_earlier_step(
        (source, target) in pair_of_clouds(),
        precision in precision(),
        (a, b) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let correct = Arrays::from_match(precision, &source, &target);
        let (a, b) = (a.index(source.len()), b.index(source.len()));
        prop_assume!(a != b);
        let (first, second) = (a.min(b), a.max(b));
        let mut wrong = correct.clone();
        wrong.assignment.swap(correct.order[first], correct.order[second]);
        let check = |steps: &[usize]| verify_steps(source.rows(), target.rows(), precision, wrong.pairs(), steps);
        let source_row = correct.order[first];
        let (expected, found) = (correct.assignment[source_row], wrong.assignment[source_row]);
        prop_assert_eq!(check(&[first]), Err(VerifyError::WrongTarget { step: first, source_row, expected, found }));
        // Earlier steps are still correct.
        prop_assert_eq!(check(&(0..first).collect::<Vec<_>>()), Ok(()));
    }
}

#[test]
fn arrays_that_are_not_a_matching_are_errors() {
    let (source, target) = (normal(20, 3, 1), normal(25, 3, 2));
    let correct = Arrays::from_match(Precision::Double, &source, &target);
    let check = |arrays: &Arrays, steps: &[usize]| {
        verify_steps(source.rows(), target.rows(), Precision::Double, arrays.pairs(), steps).unwrap_err()
    };
    let modified = |change: &dyn Fn(&mut Arrays)| {
        let mut arrays = correct.clone();
        change(&mut arrays);
        arrays
    };
    let [first, second] = [correct.order[0], correct.order[1]];

    let swapped = modified(&|arrays| arrays.order.swap(0, 1));
    assert_eq!(check(&swapped, &[]), VerifyError::WrongOrder { step: 0, expected: first, found: second });
    let twice = modified(&|arrays| arrays.assignment[second] = arrays.assignment[first]);
    assert_eq!(
        check(&twice, &[]),
        VerifyError::DuplicateTarget { target_row: correct.assignment[first], first, second }
    );
    let beyond = modified(&|arrays| arrays.assignment[first] = 25);
    let error = VerifyError::TargetOutOfRange { source_row: first, target_row: 25, target_rows: 25 };
    assert_eq!(check(&beyond, &[]), error);
    let short = modified(&|arrays| arrays.similarity.truncate(19));
    assert_eq!(check(&short, &[]), VerifyError::LengthMismatch { array: "similarity", len: 19, rows: 20 });
    assert_eq!(check(&correct, &[3, 20]), VerifyError::StepOutOfRange { step: 20, rows: 20 });
    let off = modified(&|arrays| arrays.similarity[first] = arrays.similarity[first].next_up());
    let (expected, found) = (correct.similarity[first], off.similarity[first]);
    assert_eq!(check(&off, &[0]), VerifyError::WrongSimilarity { source_row: first, expected, found });

    let one_column = Rows::new(&[1.0; 25], 25, 1).unwrap();
    assert_eq!(
        verify_steps(source.rows(), one_column, Precision::Double, correct.pairs(), &[]),
        Err(MatchError::DimensionMismatch { source_dim: 3, target_dim: 1 }.into())
    );
}

#[test]
fn point_sets_that_cannot_be_matched_cannot_be_replayed() {
    let rows = |len: usize| Rows::<f32>::new(&[1.0; 8], len, 2).unwrap();
    let matched = match_rows(rows(3), rows(4)).unwrap();
    let error = verify_steps(rows(3), rows(2), Precision::Double, &matched, &[]);
    let expected = MatchError::SourceLarger { source_rows: 3, target_rows: 2 };
    assert_eq!(error, Err(VerifyError::Rows(expected)));
}
