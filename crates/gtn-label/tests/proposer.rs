//! Proposers from outside the crate: a right one changes nothing, a wrong one is an error.

use gtn_label::{
    Candidate, Candidates, MatchError, Matcher, Proposer, ProposerError, Strategy as By, UnitRows, Workspace,
};
use proptest::prelude::*;

mod common;
use common::{assert_same, cloud, normal, precision, run_in};

/// Scores in `f64`, spoilt by as much as it admits, and lists as few rows as it likes.
struct Coarse {
    targets: Vec<f32>,
    dim: usize,
    free: Vec<bool>,
    error: f32,
    /// Lists this share of what it is asked for.
    stingy: bool,
    asked: usize,
}

impl Coarse {
    fn new(error: f32, stingy: bool) -> Self {
        Self { targets: Vec::new(), dim: 1, free: Vec::new(), error, stingy, asked: 0 }
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

    fn propose(
        &mut self,
        sources: UnitRows<'_>,
        keep: usize,
        candidates: &mut [Candidates],
    ) -> Result<(), ProposerError> {
        assert_eq!(sources.len(), candidates.len());
        let keep = if self.stingy { keep.div_ceil(3) } else { keep };
        for (index, list) in candidates.iter_mut().enumerate() {
            self.asked += 1;
            let targets = UnitRows::new(&self.targets, self.dim);
            let mut scored: Vec<(f64, u32)> = (0..targets.len() as u32)
                .filter(|&target| self.free[target as usize])
                .map(|target| {
                    let rows = sources.row(index).iter().zip(targets.row(target as usize));
                    (rows.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum(), target)
                })
                .collect();
            scored.sort_by(|a, b| b.0.total_cmp(&a.0));
            let rest = scored.split_off(keep.min(scored.len()));
            list.clear();
            list.set_error(self.error + 1e-7);
            list.set_bound(rest.first().map_or(f32::NEG_INFINITY, |&(score, _)| (score as f32).next_up()));
            for (score, target) in scored {
                // As wrong as it may be, this way or that.
                let spoilt = if target.is_multiple_of(2) { self.error } else { -self.error };
                list.push(Candidate { score: score as f32 + spoilt, target });
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
        stingy in any::<bool>(),
        keep in 1_usize..9,
        precision in precision(),
    ) {
        let mut proposer = Coarse::new(error, stingy);
        let matched = Matcher::new()
            .precision(precision)
            .candidates(keep)
            .block(16)
            .proposer(&mut proposer)
            .match_rows(source.rows(), target.rows())
            .unwrap();
        assert_same(&matched, &run_in(precision, By::Reference, &source, &target));
    }
}

#[test]
fn statistics_tell_who_proposed_and_how_often_lists_were_too_short() {
    let (source, target) = (normal(300, 4, 1), normal(300, 4, 2));
    let mut workspace = Workspace::new();
    let mut proposer = Coarse::new(0.05, true);
    Matcher::new()
        .candidates(2)
        .proposer(&mut proposer)
        .match_rows_in(&mut workspace, source.rows(), target.rows())
        .unwrap();
    let statistics = workspace.statistics();
    assert_eq!(statistics.strategy, By::Proposed);
    assert!(statistics.rescored >= 300 && statistics.refills > 0, "{statistics:?}");
    assert_eq!(proposer.asked as u64, 300 + statistics.refills - statistics.exhausted);
}

/// Breaks its promise in one way or another.
enum Broken {
    Refuses,
    ListsTaken,
    ListsNobody,
    ListsNan,
}

impl Proposer for Broken {
    fn begin(&mut self, _: UnitRows<'_>) -> Result<(), ProposerError> {
        match self {
            Broken::Refuses => Err(ProposerError { reason: "the device is gone".to_owned() }),
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
                Broken::ListsNobody => Candidate { score: 0.5, target: 1000 },
                _ => Candidate { score: 0.5, target: 0 },
            });
        }
        Ok(())
    }
}

#[test]
fn a_proposer_that_fails_or_breaks_its_promise_is_an_error() {
    let (source, target) = (normal(9, 3, 1), normal(9, 3, 2));
    for (mut broken, says) in [
        (Broken::Refuses, "the device is gone"),
        (Broken::ListsTaken, "target row 0"),
        (Broken::ListsNobody, "target row 1000"),
        (Broken::ListsNan, "NaN"),
    ] {
        let found = Matcher::new().block(1).proposer(&mut broken).match_rows(source.rows(), target.rows());
        let error = found.unwrap_err();
        assert!(matches!(error, MatchError::Proposer { .. }) && error.to_string().contains(says), "{error}");
    }
    let none = Matcher::new().strategy(By::Proposed).match_rows(source.rows(), target.rows());
    assert_eq!(none, Err(MatchError::NoProposer));
}
