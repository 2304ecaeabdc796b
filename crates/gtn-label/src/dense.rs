//! Proposers that score every free target row: all scores of a group of source rows are computed, one panel of target rows at a
//! time, and only those that reach the list of a source row ever leave the registers.

mod float32;
mod int8;
mod kernels;
mod panels;
mod portable;
mod quantized;
mod top_k;

pub(crate) use float32::{Float32Proposer, error as float32_error};
pub(crate) use int8::Int8Proposer;
pub(crate) use panels::{LANES, Panels, ROWS, pack};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::kernels::Kernel;
    use super::{Float32Proposer, Int8Proposer};
    use crate::{Candidates, Proposer, UnitRows};

    /// Unit rows, some of which are all zeros, copies of one another, or along an axis.
    fn unit_rows(dim: usize, len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f32>> {
        let entry = prop_oneof![4 => -1.0_f32..1.0, 1 => Just(0.0), 1 => Just(1.0)];
        prop::collection::vec((prop::collection::vec(entry, dim), 0..6), len).prop_map(move |rows| {
            let mut units: Vec<f32> = Vec::new();
            for (mut row, kind) in rows {
                match kind {
                    0 => row.fill(0.0),
                    1 if !units.is_empty() => row.copy_from_slice(&units[..dim]),
                    2 => row.iter_mut().skip(1).for_each(|entry| *entry = 0.0),
                    _ => {}
                }
                let norm = row.iter().map(|&entry| f64::from(entry).powi(2)).sum::<f64>().sqrt();
                units.extend(row.iter().map(|&entry| if norm > 0.0 { (f64::from(entry) / norm) as f32 } else { 0.0 }));
            }
            units
        })
    }

    fn point_sets() -> impl Strategy<Value = (usize, Vec<f32>, Vec<f32>)> {
        prop_oneof![1_usize..9, Just(33), Just(100), Just(300)]
            .prop_flat_map(|dim| (Just(dim), unit_rows(dim, 1..70), unit_rows(dim, 1..90)))
    }

    /// The second lists of `proposer` for all source rows, after a first proposal and the removal of some target rows.
    fn propose_after_removal(
        proposer: &mut dyn Proposer,
        (dim, source, target): (usize, &[f32], &[f32]),
        removed: &[u32],
        k: usize,
    ) -> Vec<Candidates> {
        let source = UnitRows::new(source, dim);
        let mut lists = vec![Candidates::default(); source.len()];
        proposer.begin(UnitRows::new(target, dim)).unwrap();
        proposer.propose(source, k, &mut lists).unwrap();
        for chunk in removed.chunks(7) {
            proposer.remove(chunk).unwrap();
        }
        proposer.propose(source, k, &mut lists).unwrap();
        lists
    }

    proptest! {
        #[test]
        fn proposers_keep_the_contract_of_candidates(
            (dim, source, target) in point_sets(),
            removed in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
            k in 1_usize..12,
        ) {
            let (sources, targets) = (UnitRows::new(&source, dim), UnitRows::new(&target, dim));
            let mut free = vec![true; targets.len()];
            let len = free.len();
            let removed: Vec<u32> = removed.iter().map(|index| index.index(len)).filter(|&target| {
                std::mem::replace(&mut free[target], false)
            }).map(|target| target as u32).collect();
            let mut proposers: Vec<(String, Box<dyn Proposer>)> =
                vec![("float32".to_owned(), Box::new(Float32Proposer::default()))];
            proposers.extend(Kernel::available().map(|kernel| {
                (format!("{kernel:?}"), Box::new(Int8Proposer::with(kernel)) as Box<dyn Proposer>)
            }));
            for (name, proposer) in &mut proposers {
                let lists = propose_after_removal(proposer.as_mut(), (dim, &source, &target), &removed, k);
                for (row, list) in lists.iter().enumerate() {
                    let mut unlisted = free.clone();
                    let cosine = |target: usize| -> f64 {
                        let rows = sources.row(row).iter().zip(targets.row(target));
                        rows.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
                    };
                    for candidate in list.listed() {
                        let target = candidate.target as usize;
                        prop_assert!(std::mem::replace(&mut unlisted[target], false), "{name}: a removed row, or listed twice");
                        let off = (cosine(target) - f64::from(candidate.score)).abs();
                        prop_assert!(off <= f64::from(list.error()), "{name}: off by {off}, not {}", list.error());
                    }
                    for target in (0..targets.len()).filter(|&target| unlisted[target]) {
                        prop_assert!(cosine(target) <= f64::from(list.bound()), "{name}: above the bound");
                    }
                }
            }
        }

        #[test]
        fn kernels_equal_the_portable_one(
            (dim, source, target) in point_sets(),
            k in 1_usize..12,
        ) {
            let all = (dim, source.as_slice(), target.as_slice());
            for kernel in Kernel::available() {
                let portable = propose_after_removal(&mut Int8Proposer::portable(kernel.max_source()), all, &[0], k);
                prop_assert_eq!(propose_after_removal(&mut Int8Proposer::with(kernel), all, &[0], k), portable, "{:?}", kernel);
            }
        }
    }
}
