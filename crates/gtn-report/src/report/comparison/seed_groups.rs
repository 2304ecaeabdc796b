//! Runs that differ only in their seed.

use std::collections::BTreeSet;

use gtn_run::Config;

use super::compared_run::ComparedRun;

/// Positions of the runs that differ only in their seed, for each such group of at least two.
pub(super) fn seed_groups(runs: &[ComparedRun]) -> Vec<Vec<usize>> {
    let without_seed = |run: &ComparedRun| {
        let mut config: Config = run.config().clone();
        config.seed = 0;
        config
    };
    let configs: Vec<Config> = runs.iter().map(without_seed).collect();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, config) in configs.iter().enumerate() {
        match groups.iter_mut().find(|group| configs[group[0]] == *config) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    // The same seed twice is not a sample of seeds.
    let seeds = |group: &[usize]| group.iter().map(|&index| runs[index].config().seed).collect::<BTreeSet<_>>().len();
    groups.into_iter().filter(|group| group.len() > 1 && seeds(group) == group.len()).collect()
}
