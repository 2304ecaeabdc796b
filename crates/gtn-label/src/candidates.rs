//! The best few proposals of one source row, gathered tile by tile.

/// Proposals for one source row: every free target row that is not listed has a proposed score of at most [`bound`](Self::bound).
#[derive(Debug, Clone)]
pub(crate) struct Candidates {
    /// (proposed score, position among the free rows)
    list: Vec<(f32, u32)>,
    bound: f32,
    keep: usize,
}

impl Candidates {
    /// An empty list that will hold at least `keep` of the best proposals, and never more than twice as many.
    pub(crate) fn new(keep: usize) -> Self {
        let keep = keep.max(1);
        Self { list: Vec::with_capacity(2 * keep), bound: f32::NEG_INFINITY, keep }
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.bound = f32::NEG_INFINITY;
    }

    pub(crate) fn list(&self) -> &[(f32, u32)] {
        &self.list
    }

    pub(crate) fn bound(&self) -> f32 {
        self.bound
    }

    /// Takes in the proposed scores of the free rows `first..first + scores.len()`.
    pub(crate) fn offer(&mut self, first: u32, scores: &[f32]) {
        // Most chunks hold nothing above the bound, and their maximum is one vector instruction a lane.
        const CHUNK: usize = 32;
        for (index, chunk) in scores.chunks(CHUNK).enumerate() {
            let highest = chunk.iter().fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a });
            if highest <= self.bound {
                continue;
            }
            let start = first + (index * CHUNK) as u32;
            for (position, &score) in (start..).zip(chunk) {
                if score > self.bound {
                    if self.list.len() == 2 * self.keep {
                        self.prune();
                        if score <= self.bound {
                            continue;
                        }
                    }
                    self.list.push((score, position));
                }
            }
        }
    }

    /// Keeps the `keep` best; whatever is dropped now or skipped later scores at most the worst of them.
    fn prune(&mut self) {
        let (_, worst, _) = self.list.select_nth_unstable_by(self.keep - 1, |a, b| b.0.total_cmp(&a.0));
        self.bound = worst.0;
        self.list.truncate(self.keep);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Candidates;

    proptest! {
        #[test]
        fn whatever_is_not_listed_scores_at_most_the_bound(
            tiles in prop::collection::vec(prop::collection::vec(-8_i8..8, 0..100), 0..6),
            keep in 1_usize..20,
        ) {
            let mut candidates = Candidates::new(keep);
            let mut all = Vec::new();
            for tile in &tiles {
                let scores: Vec<f32> = tile.iter().map(|&score| f32::from(score)).collect();
                candidates.offer(all.len() as u32, &scores);
                all.extend(scores);
            }
            let mut listed = vec![false; all.len()];
            for &(score, position) in candidates.list() {
                prop_assert_eq!(score, all[position as usize]);
                prop_assert!(!listed[position as usize], "listed twice");
                listed[position as usize] = true;
            }
            prop_assert!(candidates.list().len() >= keep.min(all.len()));
            prop_assert!(candidates.list().len() <= 2 * keep);
            for (score, _) in all.iter().zip(&listed).filter(|(_, listed)| !**listed) {
                prop_assert!(*score <= candidates.bound());
            }
        }
    }
}
