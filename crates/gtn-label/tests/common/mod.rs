//! Point sets with many ties, and assertions on matchings.
#![allow(dead_code, reason = "each test file uses a different part of this module")]

use gtn_label::{Matcher, Matching, Precision, Rows, Strategy as By};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// A point set that is easy to shrink and has many ties.
#[derive(Debug, Clone)]
pub(crate) struct Cloud {
    pub(crate) dim: usize,
    pub(crate) data: Vec<f32>,
}

impl Cloud {
    pub(crate) fn len(&self) -> usize {
        self.data.len() / self.dim
    }

    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows::new(&self.data, self.len(), self.dim).unwrap()
    }
}

pub(crate) fn normal(len: usize, dim: usize, seed: u64) -> Cloud {
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

/// Rows that are random, repeated, scaled copies of one another, nearly equal, or all zeros.
pub(crate) fn cloud(dim: usize, len: std::ops::Range<usize>) -> impl Strategy<Value = Cloud> {
    let row = prop::collection::vec(entry(), dim);
    let pick = (any::<prop::sample::Index>(), prop_oneof![Just(1.0_f32), Just(2.0), Just(-0.5), Just(0.0), Just(3.0)]);
    let kind = prop_oneof![3 => row.prop_map(Ok), 2 => pick.prop_map(|pick| Err((pick, false))), 1 => {
        // A near-tie cluster: the same row except for its last bits.
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

pub(crate) fn run_in(precision: Precision, strategy: By, source: &Cloud, target: &Cloud) -> Matching {
    Matcher::new().strategy(strategy).precision(precision).match_rows(source.rows(), target.rows()).unwrap()
}

pub(crate) fn precision() -> impl Strategy<Value = Precision> {
    prop_oneof![Just(Precision::Double), Just(Precision::Single)]
}

/// Compares similarities bit by bit, because `==` would accept -0 for 0.
pub(crate) fn assert_same(a: &Matching, b: &Matching) {
    assert_eq!(a.order(), b.order());
    assert_eq!(a.assignment(), b.assignment());
    let bits = |m: &Matching| m.similarity().iter().map(|s| s.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(a), bits(b));
}
