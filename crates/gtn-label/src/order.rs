//! Sorting by a key of 32 bits, which is cheap, and exactly only where keys agree.

use std::cmp::Ordering;

use crate::parallel;

/// Keys that are put in order together where some of them agree.
const PART: usize = 1 << 14;

/// Indices by ascending (norm, index).
pub(crate) fn order_by_norm(norms: &[f64]) -> Vec<usize> {
    // Norms are not negative, and no root of a sum of squares is -0: bits of `f32` are ordered as these are, and rounding
    // a norm to `f32` keeps the order.
    let key = |index: usize| (norms[index] as f32).to_bits();
    let sorted = keyed(norms.len(), key, |a, b| norms[a].total_cmp(&norms[b]));
    parallel::map(sorted.len(), |position| index(sorted[position]))
}

/// The numbers below `len` by `key`, then `exact`, then themselves; of two that `exact` tells apart, the lesser must not
/// have the greater key.
pub(crate) fn sorted_by(
    len: usize,
    key: impl Fn(usize) -> u32 + Sync + Send,
    exact: impl Fn(usize, usize) -> Ordering + Sync + Send,
) -> Vec<u32> {
    let sorted = keyed(len, key, exact);
    parallel::map(len, |position| sorted[position] as u32)
}

fn index(keyed: u64) -> usize {
    keyed as u32 as usize
}

/// As [`sorted_by`], each number in the lower half and its key in the upper.
fn keyed(
    len: usize,
    key: impl Fn(usize) -> u32 + Sync + Send,
    exact: impl Fn(usize, usize) -> Ordering + Sync + Send,
) -> Vec<u64> {
    debug_assert!(u32::try_from(len).is_ok());
    let mut sorted = parallel::map(len, |index| (u64::from(key(index)) << 32) | index as u64);
    parallel::sort(&mut sorted, u64::cmp);

    let agree = |a: &u64, b: &u64| a >> 32 == b >> 32;
    let compare = |&a: &u64, &b: &u64| exact(index(a), index(b)).then(a.cmp(&b));
    let mut parts: Vec<&mut [u64]> = Vec::new();
    let mut rest = sorted.as_mut_slice();
    while !rest.is_empty() {
        let mut end = PART.min(rest.len());
        // Keys that agree stay together.
        let last = rest[end - 1];
        end += rest[end..].partition_point(|next| agree(next, &last));
        let (part, after) = rest.split_at_mut(end);
        parts.push(part);
        rest = after;
    }
    parallel::for_each(&mut parts, |_, part| {
        for run in part.chunk_by_mut(agree) {
            if run.len() > PART {
                parallel::sort(run, compare);
            } else if run.len() > 1 {
                run.sort_unstable_by(compare);
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
        fn norms_are_sorted_stably(
            norms in prop::collection::vec(prop_oneof![Just(0.0_f64), Just(1e300), 0.0..2.0, 1.0..1.0 + 1e-12], 0..300),
        ) {
            let mut expected: Vec<usize> = (0..norms.len()).collect();
            expected.sort_by(|&a, &b| norms[a].total_cmp(&norms[b]));
            prop_assert_eq!(order_by_norm(&norms), expected);
        }
    }

    #[test]
    fn more_keys_than_a_part_are_sorted() {
        let len = 5 * PART;
        // Few keys, each of more numbers than are put in order together, or of few.
        for few in [2, 3, 1000] {
            let value = |index: usize| index * 7919 % 10_007;
            let sorted = sorted_by(len, |index| (value(index) * few / 10_007) as u32, |a, b| value(a).cmp(&value(b)));
            let mut expected: Vec<u32> = (0..len as u32).collect();
            expected.sort_by_key(|&index| value(index as usize));
            assert_eq!(sorted, expected);
        }
    }
}
