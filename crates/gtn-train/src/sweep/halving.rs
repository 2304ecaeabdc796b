//! Successive halving (Jamieson and Talwalkar, arXiv 1502.07943): which combinations run for how many epochs.

/// The numbers of epochs after which runs are compared, in ascending order. The last one is that of complete runs. Each is half of
/// the next, and there are as many as it takes to halve `combinations` down to one, unless fewer epochs are too few for that.
pub(super) fn rungs(combinations: usize, epochs: usize) -> Vec<usize> {
    let halvings = combinations.max(1).next_power_of_two().trailing_zeros();
    let mut rungs: Vec<usize> = (0..=halvings).rev().map(|halving| epochs.div_ceil(1 << halving)).collect();
    rungs.dedup();
    rungs
}

/// The better half of runs that can be compared, rounded up, in ascending order: those with the lowest penalties, and of equal ones
/// the first.
fn better_half(mut members: Vec<(usize, f64)>) -> Vec<usize> {
    members.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let kept = members.len().div_ceil(2);
    members.into_iter().take(kept).map(|(index, _)| index).collect()
}

/// What the schedule needs to know about the runs.
pub(super) trait Standings {
    /// Number of combinations.
    fn count(&self) -> usize;
    /// Whether a combination cannot be completed.
    fn has_failed(&self, index: usize) -> bool;
    /// Whether its run is complete, or has at least this number of epochs of ĥ.
    fn has_reached(&self, index: usize, epochs: Option<usize>) -> bool;
    /// How far its run is from the best value after this number of epochs.
    fn penalty_after(&self, index: usize, epochs: usize) -> f64;
    /// A number that combinations have in common if they can be compared before they are complete.
    fn group(&self, index: usize) -> usize;
}

/// What follows from the standings.
#[derive(Debug, PartialEq)]
pub(super) struct Schedule {
    /// The combination whose run is next, and the number of epochs after which it pauses, if it does.
    pub(super) next: Option<(usize, Option<usize>)>,
    /// The combinations that are left out.
    pub(super) left_out: Vec<usize>,
}

/// The next run. `rungs` has one entry without halving.
pub(super) fn schedule(standings: &impl Standings, rungs: &[usize]) -> Schedule {
    let mut live: Vec<usize> = (0..standings.count()).collect();
    for (position, &epochs) in rungs.iter().enumerate() {
        let is_last = position + 1 == rungs.len();
        let pause = (!is_last).then_some(epochs);
        let next = live.iter().find(|&&index| !standings.has_failed(index) && !standings.has_reached(index, pause));
        if let Some(&index) = next {
            return Schedule { next: Some((index, pause)), left_out: left_out(standings, &live) };
        }
        if !is_last {
            live = survivors(standings, &live, epochs);
        }
    }
    Schedule { next: None, left_out: left_out(standings, &live) }
}

/// The better half of each group, in ascending order.
fn survivors(standings: &impl Standings, live: &[usize], epochs: usize) -> Vec<usize> {
    let mut groups: Vec<(usize, Vec<(usize, f64)>)> = Vec::new();
    for &index in live.iter().filter(|&&index| !standings.has_failed(index)) {
        let (group, member) = (standings.group(index), (index, standings.penalty_after(index, epochs)));
        match groups.iter_mut().find(|(number, _)| *number == group) {
            Some((_, members)) => members.push(member),
            None => groups.push((group, vec![member])),
        }
    }
    let mut survivors: Vec<usize> = groups.into_iter().flat_map(|(_, members)| better_half(members)).collect();
    survivors.sort_unstable();
    survivors
}

fn left_out(standings: &impl Standings, live: &[usize]) -> Vec<usize> {
    (0..standings.count()).filter(|index| !live.contains(index) && !standings.has_failed(*index)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs whose penalties are fixed, and that are executed in memory.
    struct Runs {
        penalties: Vec<f64>,
        groups: Vec<usize>,
        epochs: Vec<usize>,
        done: Vec<bool>,
        failed: Vec<bool>,
    }

    impl Runs {
        fn new(penalties: &[f64], groups: &[usize]) -> Self {
            let count = penalties.len();
            let (epochs, done, failed) = (vec![0; count], vec![false; count], vec![false; count]);
            Self { penalties: penalties.to_vec(), groups: groups.to_vec(), epochs, done, failed }
        }

        /// Executes the schedule, and returns its steps.
        fn execute(&mut self, rungs: &[usize], fails: Option<usize>) -> Vec<(usize, Option<usize>)> {
            let mut steps = Vec::new();
            while let Some((index, pause)) = schedule(self, rungs).next {
                steps.push((index, pause));
                if fails == Some(index) {
                    self.failed[index] = true;
                    continue;
                }
                self.epochs[index] = pause.unwrap_or(rungs[rungs.len() - 1]);
                self.done[index] = pause.is_none();
            }
            steps
        }
    }

    impl Standings for Runs {
        fn count(&self) -> usize {
            self.penalties.len()
        }
        fn has_failed(&self, index: usize) -> bool {
            self.failed[index]
        }
        fn has_reached(&self, index: usize, epochs: Option<usize>) -> bool {
            self.done[index] || epochs.is_some_and(|epochs| self.epochs[index] >= epochs)
        }
        fn penalty_after(&self, index: usize, _epochs: usize) -> f64 {
            self.penalties[index]
        }
        fn group(&self, index: usize) -> usize {
            self.groups[index]
        }
    }

    #[test]
    fn rungs_double_up_to_all_epochs() {
        assert_eq!(rungs(8, 80), [10, 20, 40, 80]);
        assert_eq!(rungs(18, 10_000), [313, 625, 1250, 2500, 5000, 10_000]);
        assert_eq!(rungs(5, 20), [3, 5, 10, 20]);
        assert_eq!(rungs(1, 20), [20]);
        // With few epochs, fewer runs are left out.
        assert_eq!(rungs(8, 3), [1, 2, 3]);
        assert_eq!(rungs(1000, 1), [1]);
    }

    #[test]
    fn without_halving_every_run_is_completed_in_order() {
        let mut runs = Runs::new(&[3.0, 1.0, 2.0], &[0, 0, 0]);
        assert_eq!(runs.execute(&[20], None), [(0, None), (1, None), (2, None)]);
        assert_eq!(schedule(&runs, &[20]), Schedule { next: None, left_out: vec![] });
    }

    #[test]
    fn the_better_half_continues() {
        let mut runs = Runs::new(&[3.0, 1.0, 2.0, 1.0, 9.0], &[0; 5]);
        let steps = runs.execute(&[5, 10, 20], None);
        let first = (0..5).map(|index| (index, Some(5)));
        let expected: Vec<_> =
            first.chain([(1, Some(10)), (2, Some(10)), (3, Some(10)), (1, None), (3, None)]).collect();
        assert_eq!(steps, expected);
        assert_eq!(schedule(&runs, &[5, 10, 20]).left_out, [0, 2, 4]);
    }

    #[test]
    fn runs_are_compared_within_their_group_only() {
        let mut runs = Runs::new(&[1.0, 2.0, 30.0, 20.0], &[0, 0, 1, 1]);
        let steps = runs.execute(&[5, 10], None);
        assert_eq!(steps[4..], [(0, None), (3, None)]);
    }

    #[test]
    fn failed_runs_are_not_compared() {
        let mut runs = Runs::new(&[1.0, 2.0, 3.0, 4.0], &[0; 4]);
        let steps = runs.execute(&[5, 10], Some(0));
        assert_eq!(steps[4..], [(1, None), (2, None)]);
        assert_eq!(schedule(&runs, &[5, 10]).left_out, [3]);
    }

    #[test]
    fn an_interrupted_sweep_continues_with_the_same_steps() {
        let rungs = [2, 4, 8];
        let steps = Runs::new(&[4.0, 3.0, 2.0, 1.0], &[0; 4]).execute(&rungs, None);
        for interrupted in 0..steps.len() {
            let mut runs = Runs::new(&[4.0, 3.0, 2.0, 1.0], &[0; 4]);
            for &(index, pause) in &steps[..interrupted] {
                runs.epochs[index] = pause.unwrap_or(8);
                runs.done[index] = pause.is_none();
            }
            assert_eq!(runs.execute(&rungs, None), steps[interrupted..]);
        }
    }
}
