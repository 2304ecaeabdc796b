//! Sums over the shards of a batch that do not depend on how many processes computed them.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::message::{ArrayReader, push_array};
use crate::{Collective, Error, Result, part_of};

/// Sums vectors of the same length, one for each of `shards` shards, in a fixed binary tree: first neighbors, then neighboring sums, and so on.
/// So the sum has the same bits whichever process computed a vector.
///
/// `vector` appends that of a shard to an empty vector. Each process calls it for some shards that follow each other, in their order, and all
/// get the sum. With more processes than shards, the last ones compute nothing.
///
/// ```
/// use gtn_dist::{Collective, Single, Threads, sum_shards};
///
/// let vector = |shard: usize, vector: &mut Vec<f32>| {
///     vector.extend([0.1 * shard as f32, 1e-8]);
///     Ok::<_, gtn_dist::Error>(())
/// };
/// let alone = sum_shards(&Single, 8, vector)?;
/// for size in [2, 3, 8, 9] {
///     assert!(Threads::run(size, |collective| sum_shards(collective, 8, vector)).iter().all(|sum| sum.as_ref() == Ok(&alone)));
/// }
/// # Ok::<(), gtn_dist::Error>(())
/// ```
///
/// # Errors
///
/// An error of `vector`, which the other processes learn only if the caller tells them; [`Error::Lost`] if a process has ended.
///
/// # Panics
///
/// If there are no shards, or the vectors differ in length.
pub fn sum_shards<E: From<Error>>(
    collective: &dyn Collective,
    shards: usize,
    mut vector: impl FnMut(usize, &mut Vec<f32>) -> Result<(), E>,
) -> Result<Vec<f32>, E> {
    assert!(shards > 0, "there is something to sum");
    let (rank, size) = (collective.rank(), collective.size());
    // With more processes than shards, the last ones have none.
    let parts = size.min(shards);
    let own = if rank < parts { part_of(shards, rank, parts) } else { 0..0 };
    let owner = |shard: usize| (0..parts).find(|&rank| part_of(shards, rank, parts).contains(&shard)).unwrap_or(0);
    // The sums of this process, by level and index. That of level l and index i is of the shards from i·2^l on.
    let mut sums = BTreeMap::<(u32, usize), Vec<f32>>::new();
    // The memory of vectors that were added.
    let mut spare = Vec::new();
    for shard in own {
        let mut values: Vec<f32> = spare.pop().unwrap_or_default();
        values.clear();
        vector(shard, &mut values)?;
        sums.insert((0, shard), values);
        // Neighbors are added as soon as both are there, so that few vectors are held.
        let (mut level, mut index) = (0, shard);
        while index % 2 == 1 && sums.contains_key(&(level, index - 1)) {
            let right = sums.remove(&(level, index)).expect("it was just inserted");
            let mut left = sums.remove(&(level, index - 1)).expect("the loop checks it");
            add(&mut left, &right);
            spare.push(right);
            (level, index) = (level + 1, index / 2);
            sums.insert((level, index), left);
        }
    }
    let levels = shards.next_power_of_two().trailing_zeros();
    for level in 0..levels {
        for index in 0..shards.div_ceil(2 << level) {
            let (left, right) = (2 * index, 2 * index + 1);
            let (to, from) = (owner(left << level), (right << level < shards).then(|| owner(right << level)));
            let moved = match from {
                Some(from) if from == rank && to != rank => {
                    let sum = sums.remove(&(level, right)).expect("this process has it");
                    let mut message = Vec::new();
                    push_array(&mut message, &sum);
                    collective.send(to, &message)?;
                    None
                }
                Some(from) if to == rank && from != rank => {
                    let message = collective.receive(from)?;
                    Some(ArrayReader::new(&message).next_array::<f32>().ok_or(Error::Message { rank: from })?)
                }
                _ => sums.remove(&(level, right)),
            };
            if to == rank
                && let Some(mut sum) = sums.remove(&(level, left))
            {
                if let Some(right) = moved {
                    add(&mut sum, &right);
                }
                sums.insert((level + 1, index), sum);
            }
        }
    }
    let sum = sums.remove(&(levels, 0));
    if size == 1 {
        return Ok(sum.expect("the sums of all levels end here"));
    }
    let mut message = Vec::new();
    if rank == 0 {
        let sum = sum.expect("the sums of all levels end here");
        push_array(&mut message, &sum);
        collective.broadcast(&mut message)?;
        return Ok(sum);
    }
    collective.broadcast(&mut message)?;
    Ok(ArrayReader::new(&message).next_array().ok_or(Error::Message { rank: 0 })?)
}

fn add(sum: &mut [f32], other: &[f32]) {
    /// Values that one thread adds at a time.
    const CHUNK: usize = 1 << 16;
    assert_eq!(sum.len(), other.len(), "vectors of the same length");
    sum.par_chunks_mut(CHUNK).zip(other.par_chunks(CHUNK)).for_each(|(sum, other)| {
        sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
    });
}
