//! Proposers from outside the crate: a correct one does not change the matching, an incorrect one is an error.

use gtn_label::{
    Candidate, Candidates, MatchError, Matcher, Proposer, ProposerError, Strategy as By, UnitRows, Workspace,
};
use proptest::prelude::*;

mod common;
use common::{assert_same, cloud, normal, precision, run_in};

/// Scores in `f64`, perturbed by the error that it declares, and may list fewer rows than requested.
struct Coarse {
    targets: Vec<f32>,
    dim: usize,
    free: Vec<bool>,
    error: f32,
    /// Whether to list only a third of the requested rows.
    short_lists: bool,
    requests: usize,
}

impl Coarse {
    fn new(error: f32, short_lists: bool) -> Self {
        Self { targets: Vec::new(), dim: 1, free: Vec::new(), error, short_lists, requests: 0 }
    }
}

impl Proposer for Coarse {
    fn begin(&mut self, targets: UnitRows<'_>) -> Result<(), ProposerError> {
        self.targets = targets.as_slice().to_vec();
        self.dim = targets.dim();
        self.free = vec![true; targets.len()];
        Ok(())
    }

    fn remove(&mut self, targets: &[u32]) -> Result<(), ProposerError> {
        for &target in targets {
            assert!(std::mem::replace(&mut self.free[target as usize], false), "removed twice");
        }
        Ok(())
    }

    fn propose(&mut self, sources: UnitRows<'_>, k: usize, candidates: &mut [Candidates]) -> Result<(), ProposerError> {
        assert_eq!(sources.len(), candidates.len());
        let k = if self.short_lists { k.div_ceil(3) } else { k };
        for (index, list) in candidates.iter_mut().enumerate() {
            self.requests += 1;
            let targets = UnitRows::new(&self.targets, self.dim);
            let mut scored: Vec<(f64, u32)> = (0..targets.len() as u32)
                .filter(|&target| self.free[target as usize])
                .map(|target| {
                    let rows = sources.row(index).iter().zip(targets.row(target as usize));
                    (rows.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum(), target)
                })
                .collect();
            scored.sort_by(|a, b| b.0.total_cmp(&a.0));
            let rest = scored.split_off(k.min(scored.len()));
            list.clear();
            list.set_error(self.error + 1e-7);
            list.set_bound(rest.first().map_or(f32::NEG_INFINITY, |&(score, _)| (score as f32).next_up()));
            for (score, target) in scored {
                // The maximum error, in alternating directions.
                let perturbation = if target.is_multiple_of(2) { self.error } else { -self.error };
                list.push(Candidate { score: score as f32 + perturbation, target });
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_coarse_proposer_gives_the_matching_of_the_reference(
        (source, target) in prop_oneof![Just(1_usize), Just(3), Just(17)]
            .prop_flat_map(|dim| (cloud(dim, 0..60), cloud(dim, 60..120))),
        error in prop_oneof![Just(0.0_f32), Just(1e-3), Just(0.1), Just(3.0)],
        short_lists in any::<bool>(),
        k in 1_usize..9,
        precision in precision(),
    ) {
        let mut proposer = Coarse::new(error, short_lists);
        let matched = Matcher::new()
            .precision(precision)
            .candidates_per_row(k)
            .block_size(16)
            .proposer(&mut proposer)
            .match_rows(source.rows(), target.rows())
            .unwrap();
        assert_same(&matched, &run_in(precision, By::Reference, &source, &target));
    }
}

#[test]
fn stats_contain_the_strategy_and_the_refills() {
    let (source, target) = (normal(300, 4, 1), normal(300, 4, 2));
    let mut workspace = Workspace::new();
    let mut proposer = Coarse::new(0.05, true);
    Matcher::new()
        .candidates_per_row(2)
        .proposer(&mut proposer)
        .match_rows_in(&mut workspace, source.rows(), target.rows())
        .unwrap();
    let stats = workspace.stats();
    assert_eq!(stats.strategy, By::Proposed);
    assert!(stats.rescored >= 300 && stats.refills > 0, "{stats:?}");
    assert_eq!(proposer.requests as u64, 300 + stats.refills - stats.full_scans);
}

/// Breaks the contract, in the manner that the variant names.
enum Broken {
    Fails,
    ListsTaken,
    ListsOutOfRange,
    ListsNan,
}

impl Proposer for Broken {
    fn begin(&mut self, _: UnitRows<'_>) -> Result<(), ProposerError> {
        match self {
            Broken::Fails => Err(ProposerError { reason: "the device was lost".to_owned() }),
            _ => Ok(()),
        }
    }

    fn remove(&mut self, _: &[u32]) -> Result<(), ProposerError> {
        Ok(())
    }

    fn propose(&mut self, _: UnitRows<'_>, _: usize, candidates: &mut [Candidates]) -> Result<(), ProposerError> {
        for list in candidates {
            list.clear();
            list.push(match self {
                Broken::ListsNan => Candidate { score: f32::NAN, target: 1 },
                Broken::ListsOutOfRange => Candidate { score: 0.5, target: 1000 },
                _ => Candidate { score: 0.5, target: 0 },
            });
        }
        Ok(())
    }
}

#[test]
fn a_proposer_that_fails_or_breaks_the_contract_is_an_error() {
    let (source, target) = (normal(9, 3, 1), normal(9, 3, 2));
    for (mut broken, message) in [
        (Broken::Fails, "the device was lost"),
        (Broken::ListsTaken, "target row 0"),
        (Broken::ListsOutOfRange, "target row 1000"),
        (Broken::ListsNan, "NaN"),
    ] {
        let result = Matcher::new().block_size(1).proposer(&mut broken).match_rows(source.rows(), target.rows());
        let error = result.unwrap_err();
        assert!(matches!(error, MatchError::Proposer { .. }) && error.to_string().contains(message), "{error}");
    }
    let none = Matcher::new().strategy(By::Proposed).match_rows(source.rows(), target.rows());
    assert_eq!(none, Err(MatchError::NoProposer));
}
