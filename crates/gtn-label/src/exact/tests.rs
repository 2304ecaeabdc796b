use proptest::prelude::*;

use super::ExactRows;
use crate::problem::Problem;
use crate::score::{Scored, Targets, norm};
use crate::sharded::Shards;
use crate::{Element, Precision, Rows};

/// Entries of few values, so that scores tie, and some that nearly tie.
fn rows(dim: usize, len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    let entry = prop_oneof![4 => (-2_i8..=2).prop_map(f64::from), 1 => -1.0..1.0, 1 => Just(1.0 + f64::EPSILON)];
    prop::collection::vec(prop::collection::vec(entry, dim), len).prop_map(|rows| rows.concat())
}

fn check<T: Element>(
    (source, target): (&[T], &[T]),
    dim: usize,
    len: usize,
    removed: &[prop::sample::Index],
    precision: Precision,
) -> Result<(), TestCaseError> {
    let source = Rows::new(source, source.len() / dim, dim).unwrap();
    let target = Rows::new(target, target.len() / dim, dim).unwrap();
    let norms = |rows: &Rows<'_, T>| (0..rows.len()).map(|row| norm(rows.row(row))).collect::<Vec<_>>();
    let (source_norms, target_norms) = (norms(&source), norms(&target));
    let order: Vec<usize> = (0..source.len()).collect();
    let problem = Problem {
        source: &source,
        source_norms: &source_norms,
        targets: Targets { rows: &target, norms: &target_norms, precision },
        order: &order,
    };
    let mut taken = vec![false; target.len()];
    let mut rows = ExactRows::new(&problem, &taken);
    for removed in removed.chunks(5) {
        let mut gone: Vec<u64> = removed.iter().map(|index| index.index(taken.len()) as u64).collect();
        gone.sort_unstable();
        gone.dedup();
        gone.retain(|&row| !std::mem::replace(&mut taken[row as usize], true));
        rows.remove(&gone).unwrap();
        let lists = rows.preferences(&order, len).unwrap().remove(0);
        let free: Vec<usize> = (0..taken.len()).filter(|&row| !taken[row]).collect();
        for (&row, list) in order.iter().zip(lists) {
            let y_norm = source_norms[row];
            let mut expected: Vec<Scored> =
                free.iter().map(|&at| problem.targets.score(source.row(row), y_norm, at)).collect();
            expected.sort_by(Scored::preferred_first);
            expected.truncate(len);
            prop_assert_eq!(list.is_complete, free.len() <= len);
            prop_assert_eq!(list.ranked.len(), expected.len());
            for (found, expected) in list.ranked.iter().zip(&expected) {
                prop_assert_eq!(found.target, expected.target as u64);
                prop_assert_eq!(found.similarity.to_bits(), expected.similarity.to_bits());
                prop_assert_eq!((found.score, found.norm), expected.score_and_norm());
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn lists_are_those_of_the_definition(
        (dim, source, target) in (1_usize..7)
            .prop_flat_map(|dim| (Just(dim), rows(dim, 1..30), rows(dim, 1..80))),
        len in 1_usize..9,
        removed in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
        single in any::<bool>(),
    ) {
        let precision = if single { Precision::Single } else { Precision::Double };
        check((source.as_slice(), target.as_slice()), dim, len, &removed, precision)?;
        let single = |rows: &[f64]| -> Vec<f32> { rows.iter().map(|&entry| entry as f32).collect() };
        check((single(&source).as_slice(), single(&target).as_slice()), dim, len, &removed, precision)?;
    }
}
