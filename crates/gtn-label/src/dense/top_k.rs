//! The best few scores of one source row, selected as they arrive.

use crate::Candidate;

/// Keeps at least `k` of the best rows offered above the initial bound, and at most twice as many; all other rows score at
/// most [`bound`](Self::bound).
#[derive(Debug)]
pub(crate) struct TopK {
    listed: Vec<Candidate>,
    k: usize,
    bound: f32,
}

impl TopK {
    /// Creates an empty list that reuses the memory of `listed` and rejects scores up to `bound`.
    pub(crate) fn new(mut listed: Vec<Candidate>, k: usize, bound: f32) -> Self {
        listed.clear();
        Self { listed, k: k.max(1), bound }
    }

    /// A row that scores at most this bound need not be offered.
    pub(crate) fn bound(&self) -> f32 {
        self.bound
    }

    pub(crate) fn offer(&mut self, candidate: Candidate) {
        if candidate.score > self.bound {
            if self.listed.len() >= 2 * self.k {
                self.prune();
                if candidate.score <= self.bound {
                    return;
                }
            }
            self.listed.push(candidate);
        }
    }

    /// Keeps the best `k` rows. All rows dropped now or rejected later score at most the worst of them.
    fn prune(&mut self) {
        let (_, worst, _) = self.listed.select_nth_unstable_by(self.k - 1, |a, b| b.score.total_cmp(&a.score));
        self.bound = worst.score;
        self.listed.truncate(self.k);
    }

    pub(crate) fn finish(self) -> (Vec<Candidate>, f32) {
        (self.listed, self.bound)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Candidate, TopK};

    proptest! {
        #[test]
        fn unlisted_rows_score_at_most_the_bound(
            scores in prop::collection::vec(-8_i8..8, 0..300),
            k in 1_usize..20,
            initial in prop_oneof![Just(f32::NEG_INFINITY), (-8_i8..8).prop_map(f32::from)],
        ) {
            let mut list = TopK::new(Vec::new(), k, initial);
            for (&score, target) in scores.iter().zip(0..) {
                list.offer(Candidate { score: f32::from(score), target });
            }
            let (listed, bound) = list.finish();
            let mut seen = vec![false; scores.len()];
            for candidate in &listed {
                prop_assert_eq!(candidate.score, f32::from(scores[candidate.target as usize]));
                prop_assert!(!std::mem::replace(&mut seen[candidate.target as usize], true), "listed twice");
            }
            let above = scores.iter().filter(|&&score| f32::from(score) > initial).count();
            prop_assert!(listed.len() >= k.min(above) && listed.len() <= 2 * k);
            for (&score, _) in scores.iter().zip(&seen).filter(|(_, seen)| !**seen) {
                prop_assert!(f32::from(score) <= bound);
            }
        }
    }
}
