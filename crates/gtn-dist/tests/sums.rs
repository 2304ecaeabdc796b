//! Sums over shards have the same bits on any number of processes.

use gtn_dist::{Error, Single, Threads, sum_shards};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn sums_do_not_depend_on_the_number_of_processes(
        vectors in (1_usize..5).prop_flat_map(|len| prop::collection::vec(prop::collection::vec(-1e3_f32..1e3, len), 1..20)),
        size in 1_usize..7,
    ) {
        let vector = |shard: usize, vector: &mut Vec<f32>| {
            vector.extend(&vectors[shard]);
            Ok::<_, Error>(())
        };
        let bits = |sum: Result<Vec<f32>, Error>| sum.unwrap().iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let alone = bits(sum_shards(&Single, vectors.len(), vector));
        for sum in Threads::run(size, |collective| sum_shards(collective, vectors.len(), vector)) {
            prop_assert_eq!(bits(sum), alone.clone());
        }
    }
}

#[test]
fn neighbors_are_added_first() {
    // In the order of the shards, 1 would be lost in each step.
    let values = [1e8_f32, 1.0, -1e8, 1.0];
    let sum = sum_shards(&Single, 4, |shard, vector| {
        vector.push(values[shard]);
        Ok::<_, Error>(())
    });
    let sum = sum.unwrap();
    assert_eq!(sum, [(1e8 + 1.0) + (-1e8 + 1.0)]);
}
