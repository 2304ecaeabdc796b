//! What each value of a setting does: the best and the median run that has it.

use gtn_run::sweep::{CombinationState, SweepRecord, SweptSetting};

/// The complete runs with one value of a setting.
#[derive(Debug, PartialEq)]
pub(super) struct OfValue {
    pub(super) setting: SweptSetting,
    pub(super) value: String,
    pub(super) runs: usize,
    /// The best value of the ranking, and the median: of an even number of runs, the better one in the middle.
    pub(super) best: f64,
    pub(super) median: f64,
}

/// The values of settings that vary. Values without a complete run are left out.
pub(super) fn by_setting(record: &SweepRecord) -> Vec<OfValue> {
    let (ranking, grid) = (record.ranking(), record.grid.values());
    let complete = || record.combinations.iter().filter(|combination| combination.state == CombinationState::Done);
    let of_value = |setting: SweptSetting, value: &String| {
        let has_value = complete().filter(|combination| combination.settings.get(&setting) == Some(value));
        let mut found: Vec<f64> = has_value.filter_map(|combination| combination.value(ranking)).collect();
        found.sort_by(|a, b| ranking.penalty(*a).total_cmp(&ranking.penalty(*b)));
        let (best, median) = (*found.first()?, found[(found.len() - 1) / 2]);
        Some(OfValue { setting, value: value.clone(), runs: found.len(), best, median })
    };
    let settings = record.varying().into_iter();
    settings
        .flat_map(|setting| grid[&setting].iter().filter_map(move |value| of_value(setting, value)).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::example::record;
    use super::*;

    #[test]
    fn values_have_the_best_and_the_median_of_their_complete_runs() {
        let of = |setting: SweptSetting, value: &str, runs: usize, best: f64, median: f64| OfValue {
            setting,
            value: value.to_owned(),
            runs,
            best,
            median,
        };
        let (width, rate) = (SweptSetting::Width, SweptSetting::LearningRate);
        let expected =
            [of(width, "4", 1, 0.5, 0.5), of(width, "6", 1, 0.125, 0.125), of(rate, "1e-2", 2, 0.125, 0.125)];
        assert_eq!(by_setting(&record()), expected);
    }
}
