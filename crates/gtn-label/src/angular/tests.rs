//! Every tuning gives the matching of the reference.

use std::ops::Range;

use proptest::prelude::*;

use super::circle::FANOUT;
use super::direction::{angle_key, by_angle};
use super::tuning::SINGLE_NODES;
use super::{BlockSize, Tuning};
use crate::{Matcher, Matching, Precision, Rows, Strategy as By};

/// Rows with few directions and many lengths, nearly equal directions, lattice points, and zero rows.
fn rows(len: Range<usize>) -> impl Strategy<Value = Vec<[f32; 2]>> {
    let row = prop_oneof![
        3 => (1_i32..3_000_000).prop_map(|t| [t as f32, 3.0 * t as f32]),
        2 => (1_i32..3_000_000).prop_map(|t| [-5.0 * t as f32, t as f32]),
        1 => (0.5_f32..2.0).prop_map(|t| [t, t]),
        1 => (0.5_f32..2.0, any::<bool>()).prop_map(|(t, next)| [-t, if next { t.next_up() } else { t }]),
        1 => [-3_i8..=3, -3_i8..=3].prop_map(|row| row.map(f32::from)),
        2 => [-1.0_f32..1.0, -1.0_f32..1.0],
    ];
    prop::collection::vec(row, len)
}

fn tuning() -> impl Strategy<Value = Tuning> {
    (1_usize..200, 1_usize..20, 1_usize..5, 0_usize..6, 1_usize..4).prop_map(
        |(block_size, rows_per_task, single_nodes, parallel_nodes, nodes_per_task)| Tuning {
            block_size,
            rows_per_task,
            single_nodes,
            parallel_nodes,
            nodes_per_task,
        },
    )
}

fn run(by: By, tuning: Tuning, precision: Precision, source: &[[f32; 2]], target: &[[f32; 2]]) -> Matching {
    let rows = |rows: &[[f32; 2]]| rows.concat();
    let (y, x) = (rows(source), rows(target));
    let rows = |data| Rows::new(data, data.len() / 2, 2).unwrap();
    Matcher::new().strategy(by).tuning(tuning).precision(precision).match_rows(rows(&y), rows(&x)).unwrap()
}

fn assert_equals_reference(tuning: Tuning, source: &[[f32; 2]], target: &[[f32; 2]]) {
    for precision in [Precision::Double, Precision::Single] {
        let reference = run(By::Reference, tuning, precision, source, target);
        let angular = run(By::Angular, tuning, precision, source, target);
        assert_eq!(angular, reference);
        let bits = |matching: &Matching| matching.similarity().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&angular), bits(&reference));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_tuning_equals_reference(a in rows(0..300), b in rows(0..300), tuning in tuning()) {
        let (source, target) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        assert_equals_reference(tuning, &source, &target);
    }

    #[test]
    fn an_angle_key_never_decreases_as_the_angle_increases(rows in rows(2..50), bits in any::<[[u32; 2]; 8]>()) {
        let any = bits.map(|row| row.map(f32::from_bits));
        let usable = |row: &[f32; 2]| row.iter().all(|x| x.is_finite()) && *row != [0.0, 0.0];
        let neighbors = rows.iter().map(|row| row.map(f32::next_up));
        let mut all: Vec<[f32; 2]> = rows.iter().copied().chain(neighbors).chain(any).filter(usable).collect();
        let axes = [[0.0, 1.0], [-0.0, -1.0], [1.0, -0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, -0.0]];
        all.extend(axes);
        all.extend(axes.map(|row| row.map(|x| if x == 0.0 { f32::from_bits(1) } else { x })));
        all.extend(axes.map(|row| row.map(|x| if x == 0.0 { -f32::from_bits(1) } else { x })));
        all.sort_by(|&a, &b| by_angle(a, b));
        for pair in all.windows(2) {
            let keys = [angle_key(pair[0]), angle_key(pair[1])];
            prop_assert!(keys[0] <= keys[1]);
            prop_assert!(by_angle(pair[0], pair[1]).is_lt() || keys[0] == keys[1]);
        }
    }
}

#[test]
fn near_tie_clusters_beyond_the_constants_equal_reference() {
    // Multiples of one row in more than SINGLE_NODES nodes and, with smaller constants, in enough nodes for all threads.
    let multiples = |len: u32, seed: u32| {
        let length = move |index: u32| (index.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 10) as f32 + 1.0;
        (0..len).map(move |index| [length(index), 3.0 * length(index)])
    };
    let around = |len: u32| (0..len).map(|index| [(index as f32).sin(), (index as f32 * 1.7).cos()]);
    let len = (4 * SINGLE_NODES * FANOUT) as u32;
    let target: Vec<_> = multiples(len, 1).chain(around(len / 2)).collect();
    for source in [around(len).collect::<Vec<_>>(), multiples(len, 2).collect(), target.clone()] {
        assert_equals_reference(Tuning::default(), &source, &target);
        assert_equals_reference(
            Tuning { parallel_nodes: 2 * SINGLE_NODES, nodes_per_task: 5, ..Tuning::default() },
            &source,
            &target,
        );
    }
}

#[test]
fn blocks_shrink_after_repeated_searches_and_grow_back() {
    let mut block_size = BlockSize { rows: 1024, credit: 0 };
    for _ in 0..20 {
        let rows = block_size.rows;
        block_size.adapt(rows, rows - 1, 1024);
    }
    assert!(block_size.rows <= 2);
    (0..100_000).for_each(|_| block_size.adapt(block_size.rows, 0, 1024));
    assert_eq!(block_size.rows, 1024);
}
