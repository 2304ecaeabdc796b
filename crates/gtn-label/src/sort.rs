//! Sorting by a 32-bit key, which is cheap, and by an exact comparison only among equal keys.

use std::cmp::Ordering;

use crate::parallel;

/// Keys per chunk when runs of equal keys are sorted exactly.
const CHUNK: usize = 1 << 14;

/// Indices by ascending (norm, index).
pub(crate) fn argsort_by_norm(norms: &[f64]) -> Vec<usize> {
    // Norms are not negative, and no root of a sum of squares is -0. So the bits of such an `f32` have the order of the values,
    // and rounding a norm to `f32` keeps the order.
    let key = |index: usize| (norms[index] as f32).to_bits();
    let sorted = keyed_argsort(norms.len(), key, |a, b| norms[a].total_cmp(&norms[b]));
    parallel::map(sorted.len(), |position| index(sorted[position]))
}

/// The indices below `len`, sorted by `key`, then by `exact`, then by index. If `exact` orders one index before another, its key
/// must not be greater.
pub(crate) fn argsort_by(
    len: usize,
    key: impl Fn(usize) -> u32 + Sync + Send,
    exact: impl Fn(usize, usize) -> Ordering + Sync + Send,
) -> Vec<u32> {
    let sorted = keyed_argsort(len, key, exact);
    parallel::map(len, |position| sorted[position] as u32)
}

fn index(keyed: u64) -> usize {
    keyed as u32 as usize
}

/// Like [`argsort_by`], with each index in the lower half and its key in the upper half.
fn keyed_argsort(
    len: usize,
    key: impl Fn(usize) -> u32 + Sync + Send,
    exact: impl Fn(usize, usize) -> Ordering + Sync + Send,
) -> Vec<u64> {
    debug_assert!(u32::try_from(len).is_ok());
    let mut sorted = parallel::map(len, |index| (u64::from(key(index)) << 32) | index as u64);
    parallel::sort(&mut sorted, u64::cmp);

    let same_key = |a: &u64, b: &u64| a >> 32 == b >> 32;
    let compare = |&a: &u64, &b: &u64| exact(index(a), index(b)).then(a.cmp(&b));
    let mut chunks: Vec<&mut [u64]> = Vec::new();
    let mut rest = sorted.as_mut_slice();
    while !rest.is_empty() {
        let mut end = CHUNK.min(rest.len());
        // Equal keys stay in one chunk.
        let last = rest[end - 1];
        end += rest[end..].partition_point(|next| same_key(next, &last));
        let (chunk, after) = rest.split_at_mut(end);
        chunks.push(chunk);
        rest = after;
    }
    parallel::for_each(&mut chunks, |_, chunk| {
        for ties in chunk.chunk_by_mut(same_key) {
            if ties.len() > CHUNK {
                parallel::sort(ties, compare);
            } else if ties.len() > 1 {
                ties.sort_unstable_by(compare);
            }
        }
    });
    sorted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn argsort_by_norm_equals_a_stable_sort(
            norms in prop::collection::vec(prop_oneof![Just(0.0_f64), Just(1e300), 0.0..2.0, 1.0..1.0 + 1e-12], 0..300),
        ) {
            let mut expected: Vec<usize> = (0..norms.len()).collect();
            expected.sort_by(|&a, &b| norms[a].total_cmp(&norms[b]));
            prop_assert_eq!(argsort_by_norm(&norms), expected);
        }
    }

    #[test]
    fn argsort_by_sorts_several_chunks() {
        let len = 5 * CHUNK;
        // A few distinct keys, each shared by more indices than fit into a chunk, or by only some.
        for keys in [2, 3, 1000] {
            let value = |index: usize| index * 7919 % 10_007;
            let sorted = argsort_by(len, |index| (value(index) * keys / 10_007) as u32, |a, b| value(a).cmp(&value(b)));
            let mut expected: Vec<u32> = (0..len as u32).collect();
            expected.sort_by_key(|&index| value(index as usize));
            assert_eq!(sorted, expected);
        }
    }
}
