//! A process that matches one case, measures time and memory, and verifies the matching.

use std::time::Instant;

use gtn_label::{Matcher, Matching, Precision, Strategy, Workspace, verify_steps};
use ndarray::Array2;
use serde_json::json;

use super::case::Case;
use crate::commands::bench::process::{median, peak_memory, repeated, reset_peak_memory};
use crate::failure::Failure;

/// Maximum number of operations of a check with another strategy: about two minutes with few columns, the slowest case.
const MAX_CHECK_OPERATIONS: f64 = 6e12;
/// Maximum number of rows with two columns for the tree, whose f32 scores distinguish close directions poorly.
const MAX_TREE_ROWS_2D: usize = 200_000;

/// Number of steps that are verified otherwise.
const VERIFIED_STEPS: usize = 1000;

/// The result of such a process.
pub(crate) struct Matched {
    pub(crate) strategy: String,
    /// The median.
    pub(crate) seconds: f64,
    /// Peak memory of the matching in bytes, minus the memory before it, which includes the rows.
    pub(crate) memory: Option<u64>,
    /// How the matching was verified.
    pub(crate) checked: Option<String>,
}

impl Matched {
    /// Matches in this process.
    pub(crate) fn measure(case: &Case, check: bool) -> Result<Self, Failure> {
        let (source, target) = case.draw();
        let (mut last, mut memory, mut strategy) = (None, None, Strategy::Auto);
        let mut seconds = repeated(|| {
            // The previous matching must not count for this one.
            last = None;
            let before = reset_peak_memory();
            let started = Instant::now();
            let mut workspace = Workspace::new();
            let matched = Matcher::new().match_rows_in(&mut workspace, &source, &target)?;
            let seconds = started.elapsed().as_secs_f64();
            let held = peak_memory().zip(before).map(|(peak, before)| peak.saturating_sub(before));
            // Later repetitions reuse memory of the first one.
            memory = memory.or(held);
            strategy = workspace.stats().strategy;
            last = Some(matched);
            Ok(seconds)
        })?;
        let checked = match last {
            Some(matched) if check => Some(verify(case, strategy, &source, &target, &matched)?),
            _ => None,
        };
        Ok(Self { strategy: strategy.name().to_owned(), seconds: median(&mut seconds), memory, checked })
    }

    /// As one line of JSON, for the parent process.
    pub(crate) fn to_line(&self) -> String {
        let Self { strategy, seconds, memory, checked } = self;
        json!([strategy, seconds, memory, checked]).to_string()
    }

    /// Reads [`to_line`](Self::to_line).
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let (strategy, seconds, memory, checked) = serde_json::from_str(line).ok()?;
        Some(Self { strategy, seconds, memory, checked })
    }
}

/// Another strategy that matches this case in minutes at most.
fn other_strategy(case: &Case, strategy: Strategy) -> Option<Strategy> {
    match (case.columns, strategy) {
        (1, _) => None,
        (2, _) => (case.rows <= MAX_TREE_ROWS_2D).then_some(Strategy::Tree),
        _ if case.operations() > MAX_CHECK_OPERATIONS => None,
        (_, Strategy::Dense) => Some(Strategy::Int8),
        _ => Some(Strategy::Dense),
    }
}

/// Compares the complete matching with another strategy if that takes minutes at most; otherwise verifies steps.
fn verify(
    case: &Case,
    strategy: Strategy,
    source: &Array2<f32>,
    target: &Array2<f32>,
    matched: &Matching,
) -> Result<String, Failure> {
    let failed = |reason: String| Failure::Machine(anyhow::anyhow!("the matching of {case} is wrong: {reason}"));
    if let Some(other) = other_strategy(case, strategy) {
        let again = Matcher::new().strategy(other).match_rows(source, target)?;
        return if again == *matched {
            Ok(format!("{}, complete", other.name()))
        } else {
            Err(failed(format!("strategy `{}` gives a different one", other.name())))
        };
    }
    let steps = spread_steps(case.rows);
    verify_steps(source, target, Precision::Double, matched, &steps).map_err(|error| failed(error.to_string()))?;
    Ok(format!("{} steps", steps.len()))
}

/// Steps spread over all rows without a period: multiples of the golden ratio.
fn spread_steps(rows: usize) -> Vec<usize> {
    if rows <= VERIFIED_STEPS {
        return (0..rows).collect();
    }
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let mut steps: Vec<usize> =
        (1..=VERIFIED_STEPS).map(|k| ((k as f64 * GOLDEN).fract() * rows as f64) as usize).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::super::case::Data;
    use super::*;

    #[test]
    fn steps_are_distinct_and_in_range() {
        for rows in [1, 999, 1000, 5000, 1_000_000] {
            let steps = spread_steps(rows);
            assert!(steps.windows(2).all(|pair| pair[0] < pair[1]) && steps[steps.len() - 1] < rows, "{rows}");
            assert!(steps.len() > rows.min(VERIFIED_STEPS) * 4 / 5, "{rows}: {}", steps.len());
        }
    }

    #[test]
    fn a_result_round_trips_as_a_line() {
        let found = Matched::measure(&Case::new(300, 2, Data::Decaying), true).unwrap();
        let read = Matched::of_line(&found.to_line()).unwrap();
        assert_eq!((read.seconds, read.memory, read.strategy), (found.seconds, found.memory, "angular".to_owned()));
        assert_eq!(read.checked.as_deref(), Some("tree, complete"));
        assert!(Matched::of_line("killed").is_none());
    }

    #[test]
    fn a_matching_of_other_rows_is_refused() {
        for (columns, by) in [(1, "200 steps"), (2, "tree, complete"), (3, "dense, complete")] {
            let [one, other] = [Data::Normal, Data::Decaying].map(|data| Case::new(200, columns, data));
            let (source, target) = one.draw();
            let matched = Matcher::new().match_rows(&source, &target).unwrap();
            assert_eq!(verify(&one, Strategy::Auto, &source, &target, &matched).unwrap(), by);
            let (source, target) = other.draw();
            let failure = verify(&other, Strategy::Auto, &source, &target, &matched).unwrap_err();
            assert!(failure.to_string().contains("is wrong"), "{failure}");
        }
    }
}
