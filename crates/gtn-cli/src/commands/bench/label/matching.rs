//! A process that matches one case: how long it takes, the memory it holds, and whether the matching is right.

use std::time::Instant;

use gtn_label::{Matcher, Matching, Precision, Strategy, Workspace, replay};
use ndarray::Array2;
use serde_json::{Value, json};

use super::case::Case;
use crate::commands::bench::process::{median, memory_from_here, peak_memory, repeated};
use crate::failure::Failure;

/// A check by another strategy in full may take so many operations: about two minutes of the slowest, few columns.
const OPERATIONS: f64 = 6e12;
/// Rows of two columns up to which the tree, whose `f32` tells close directions badly apart, takes seconds.
const TREE_ROWS_IN_THE_PLANE: usize = 200_000;

/// Otherwise so many steps are replayed.
const STEPS: usize = 1000;

/// What such a process found.
pub(crate) struct Matched {
    pub(crate) strategy: String,
    /// The median.
    pub(crate) seconds: f64,
    /// Most bytes held while matching, beyond those held before, the rows among them.
    pub(crate) memory: Option<u64>,
    /// What the matching was compared with, and found equal.
    pub(crate) checked: Option<String>,
}

impl Matched {
    /// Matches in this process.
    pub(crate) fn measure(case: &Case, check: bool) -> Result<Self, Failure> {
        let (source, target) = case.draw();
        let (mut last, mut memory, mut strategy) = (None, None, Strategy::Auto);
        let mut seconds = repeated(|| {
            // The one before must not count as memory that this one holds.
            last = None;
            let before = memory_from_here();
            let begun = Instant::now();
            let mut workspace = Workspace::new();
            let matched = Matcher::new().match_rows_in(&mut workspace, &source, &target)?;
            let seconds = begun.elapsed().as_secs_f64();
            let held = peak_memory().zip(before).map(|(peak, before)| peak.saturating_sub(before));
            // The first one finds memory that nobody held before.
            memory = memory.or(held);
            strategy = workspace.statistics().strategy;
            last = Some(matched);
            Ok(seconds)
        })?;
        let checked = match last {
            Some(matched) if check => Some(checked(case, strategy, &source, &target, &matched)?),
            _ => None,
        };
        Ok(Self { strategy: strategy.name().to_owned(), seconds: median(&mut seconds), memory, checked })
    }

    /// As one line, for the process that started this one.
    pub(crate) fn to_line(&self) -> String {
        let Self { strategy, seconds, memory, checked } = self;
        json!({ "strategy": strategy, "seconds": seconds, "memory": memory, "checked": checked }).to_string()
    }

    /// Reads [`to_line`](Self::to_line).
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let found: Value = serde_json::from_str(line).ok()?;
        Some(Self {
            strategy: found["strategy"].as_str()?.to_owned(),
            seconds: found["seconds"].as_f64()?,
            memory: found["memory"].as_u64(),
            checked: found["checked"].as_str().map(str::to_owned),
        })
    }
}

/// A strategy that matches this case by other means, in minutes at most.
fn other(case: &Case, strategy: Strategy) -> Option<Strategy> {
    let operations = (case.rows as f64).powi(2) * case.columns as f64;
    match (case.columns, strategy) {
        (1, _) => None,
        (2, _) => (case.rows <= TREE_ROWS_IN_THE_PLANE).then_some(Strategy::Tree),
        _ if operations > OPERATIONS => None,
        (_, Strategy::Blocked) => Some(Strategy::Narrow),
        _ => Some(Strategy::Blocked),
    }
}

/// Compares with another strategy in full where that takes minutes at most, and replays steps otherwise.
fn checked(
    case: &Case,
    strategy: Strategy,
    source: &Array2<f32>,
    target: &Array2<f32>,
    matched: &Matching,
) -> Result<String, Failure> {
    let failed = |reason: String| Failure::Machine(anyhow::anyhow!("the matching of {case} is wrong: {reason}"));
    if let Some(other) = other(case, strategy) {
        let again = Matcher::new().strategy(other).match_rows(source, target)?;
        return if again == *matched {
            Ok(format!("{}, whole", other.name()))
        } else {
            Err(failed(format!("`{}` gives another", other.name())))
        };
    }
    let steps = spread(case.rows);
    replay(source, target, Precision::Double, matched, &steps).map_err(|error| failed(error.to_string()))?;
    Ok(format!("{} steps", steps.len()))
}

/// Steps spread over all, in step with no block: multiples of the golden ratio.
fn spread(rows: usize) -> Vec<usize> {
    if rows <= STEPS {
        return (0..rows).collect();
    }
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let mut steps: Vec<usize> = (1..=STEPS).map(|k| ((k as f64 * GOLDEN).fract() * rows as f64) as usize).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::super::case::Data;
    use super::*;

    #[test]
    fn steps_are_different_and_lie_within() {
        for rows in [1, 999, 1000, 5000, 1_000_000] {
            let steps = spread(rows);
            assert!(steps.windows(2).all(|pair| pair[0] < pair[1]) && steps[steps.len() - 1] < rows, "{rows}");
            assert!(steps.len() > rows.min(STEPS) * 4 / 5, "{rows}: {}", steps.len());
        }
    }

    #[test]
    fn what_is_found_goes_from_process_to_process_in_one_line() {
        let found = Matched::measure(&Case::new(300, 2, Data::Decaying), true).unwrap();
        let read = Matched::of_line(&found.to_line()).unwrap();
        assert_eq!((read.seconds, read.memory, read.strategy), (found.seconds, found.memory, "angular".to_owned()));
        assert_eq!(read.checked.as_deref(), Some("tree, whole"));
        assert!(Matched::of_line("killed").is_none());
    }

    #[test]
    fn a_matching_of_other_rows_is_found_wrong() {
        for (columns, by) in [(1, "200 steps"), (2, "tree, whole"), (3, "blocked, whole")] {
            let [one, other] = [Data::Normal, Data::Decaying].map(|data| Case::new(200, columns, data));
            let (source, target) = one.draw();
            let matched = Matcher::new().match_rows(&source, &target).unwrap();
            assert_eq!(checked(&one, Strategy::Auto, &source, &target, &matched).unwrap(), by);
            let (source, target) = other.draw();
            let failure = checked(&other, Strategy::Auto, &source, &target, &matched).unwrap_err();
            assert!(failure.to_string().contains("is wrong"), "{failure}");
        }
    }
}
