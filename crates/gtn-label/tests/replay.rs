//! Steps replayed by the definition accept the matching of every strategy, and nothing else.

use gtn_label::{MatchError, Pairs, Precision, ReplayError, Rows, Strategy as By, match_rows, replay};
use proptest::prelude::*;

mod common;
use common::{Cloud, cloud, normal, precision, run_in};

/// Lists that may be tampered with.
#[derive(Clone)]
struct Lists {
    matching: Vec<usize>,
    order: Vec<usize>,
    similarity: Vec<f32>,
}

impl Lists {
    fn of(precision: Precision, source: &Cloud, target: &Cloud) -> Self {
        let matched = run_in(precision, By::Auto, source, target);
        Self {
            matching: matched.matching().to_vec(),
            order: matched.order().to_vec(),
            similarity: matched.similarity().to_vec(),
        }
    }

    fn pairs(&self) -> Pairs<'_> {
        Pairs { matching: &self.matching, order: &self.order, similarity: &self.similarity }
    }
}

fn pair_of_clouds() -> impl Strategy<Value = (Cloud, Cloud)> {
    prop_oneof![Just(1_usize), Just(2), Just(5), Just(17)].prop_flat_map(|dim| (cloud(dim, 2..50), cloud(dim, 50..70)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_right_matching_passes_whole((source, target) in pair_of_clouds(), precision in precision()) {
        let lists = Lists::of(precision, &source, &target);
        let steps: Vec<usize> = (0..source.len()).collect();
        prop_assert_eq!(replay(source.rows(), target.rows(), precision, lists.pairs(), &steps), Ok(()));
    }

    #[test]
    fn two_pairs_swapped_are_found_in_the_first_of_their_steps(
        (source, target) in pair_of_clouds(),
        precision in precision(),
        (a, b) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let right = Lists::of(precision, &source, &target);
        let (a, b) = (a.index(source.len()), b.index(source.len()));
        prop_assume!(a != b);
        let (first, second) = (a.min(b), a.max(b));
        let mut wrong = right.clone();
        wrong.matching.swap(right.order[first], right.order[second]);
        let check = |steps: &[usize]| replay(source.rows(), target.rows(), precision, wrong.pairs(), steps);
        let source_row = right.order[first];
        let (expected, found) = (right.matching[source_row], wrong.matching[source_row]);
        prop_assert_eq!(check(&[first]), Err(ReplayError::Pair { step: first, source_row, expected, found }));
        // What went before is still right.
        prop_assert_eq!(check(&(0..first).collect::<Vec<_>>()), Ok(()));
    }
}

#[test]
fn lists_that_are_no_matching_are_named() {
    let (source, target) = (normal(20, 3, 1), normal(25, 3, 2));
    let right = Lists::of(Precision::Double, &source, &target);
    let check = |lists: &Lists, steps: &[usize]| {
        replay(source.rows(), target.rows(), Precision::Double, lists.pairs(), steps).unwrap_err()
    };
    let tampered = |change: &dyn Fn(&mut Lists)| {
        let mut lists = right.clone();
        change(&mut lists);
        lists
    };
    let [first, second] = [right.order[0], right.order[1]];

    let swapped = tampered(&|lists| lists.order.swap(0, 1));
    assert_eq!(check(&swapped, &[]), ReplayError::Order { step: 0, expected: first, found: second });
    let twice = tampered(&|lists| lists.matching[second] = lists.matching[first]);
    assert_eq!(check(&twice, &[]), ReplayError::Twice { target_row: right.matching[first], first, second });
    let beyond = tampered(&|lists| lists.matching[first] = 25);
    let error = ReplayError::NoSuchTarget { source_row: first, target_row: 25, target_rows: 25 };
    assert_eq!(check(&beyond, &[]), error);
    let short = tampered(&|lists| lists.similarity.truncate(19));
    assert_eq!(check(&short, &[]), ReplayError::Length { list: "similarity", len: 19, rows: 20 });
    assert_eq!(check(&right, &[3, 20]), ReplayError::NoSuchStep { step: 20, rows: 20 });
    let off = tampered(&|lists| lists.similarity[first] = lists.similarity[first].next_up());
    let (expected, found) = (right.similarity[first], off.similarity[first]);
    assert_eq!(check(&off, &[0]), ReplayError::Similarity { source_row: first, expected, found });

    let narrow = Rows::new(&[1.0; 25], 25, 1).unwrap();
    assert_eq!(
        replay(source.rows(), narrow, Precision::Double, right.pairs(), &[]),
        Err(MatchError::DimensionMismatch { source_dim: 3, target_dim: 1 }.into())
    );
}

#[test]
fn sets_that_cannot_be_matched_cannot_be_replayed() {
    let rows = |len: usize| Rows::<f32>::new(&[1.0; 8], len, 2).unwrap();
    let matched = match_rows(rows(3), rows(4)).unwrap();
    let error = replay(rows(3), rows(2), Precision::Double, &matched, &[]);
    let expected = MatchError::SourceLarger { source_rows: 3, target_rows: 2 };
    assert_eq!(error, Err(ReplayError::Rows(expected)));
}
