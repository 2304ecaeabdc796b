//! A process that matches one case: how long it takes, the memory it holds, and whether the matching is right.

use std::time::Instant;

use gtn_label::{Matcher, Matching, Precision, Strategy, match_rows, replay};
use ndarray::Array2;
use serde_json::{Value, json};

use super::case::Case;
use crate::commands::bench::process::{median, memory_from_here, peak_memory, repeated};
use crate::failure::Failure;

/// A check by `blocked` in full may take so many operations, about a minute; with few columns it is not they that take
/// the time, and columns count as at least [`COLUMNS`].
const OPERATIONS: f64 = 3e12;
const COLUMNS: f64 = 16.0;

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
        let (mut last, mut memory) = (None, None);
        let mut seconds = repeated(|| {
            // The one before must not count as memory that this one holds.
            last = None;
            let before = memory_from_here();
            let begun = Instant::now();
            let matched = match_rows(&source, &target)?;
            let seconds = begun.elapsed().as_secs_f64();
            let held = peak_memory().zip(before).map(|(peak, before)| peak.saturating_sub(before));
            // The first one finds memory that nobody held before.
            memory = memory.or(held);
            last = Some(matched);
            Ok(seconds)
        })?;
        let strategy = chosen(case);
        let checked = match last {
            Some(matched) if check => Some(checked(case, strategy, &source, &target, &matched)?),
            _ => None,
        };
        Ok(Self { strategy: name(strategy), seconds: median(&mut seconds), memory, checked })
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

/// What [`Strategy::Auto`] takes.
fn chosen(case: &Case) -> Strategy {
    match case.columns {
        1 => Strategy::Ordered,
        2 => Strategy::Angular,
        _ => Strategy::Blocked,
    }
}

fn name(strategy: Strategy) -> String {
    format!("{strategy:?}").to_lowercase()
}

/// Compares with `blocked` if that is another strategy and takes no more than a minute, and replays steps otherwise.
fn checked(
    case: &Case,
    strategy: Strategy,
    source: &Array2<f32>,
    target: &Array2<f32>,
    matched: &Matching,
) -> Result<String, Failure> {
    let failed = |reason: String| Failure::Machine(anyhow::anyhow!("the matching of {case} is wrong: {reason}"));
    let by_blocked = (case.rows as f64).powi(2) * COLUMNS.max(case.columns as f64) <= OPERATIONS;
    if strategy != Strategy::Blocked && by_blocked {
        let other = Matcher::new().strategy(Strategy::Blocked).match_rows(source, target)?;
        return if other == *matched {
            Ok("blocked, whole".to_owned())
        } else {
            Err(failed("`blocked` gives another".to_owned()))
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
        assert_eq!(read.checked.as_deref(), Some("blocked, whole"));
        assert!(Matched::of_line("killed").is_none());
    }

    #[test]
    fn a_matching_of_other_rows_is_found_wrong() {
        let [one, other] = [Data::Normal, Data::Decaying].map(|data| Case::new(200, 3, data));
        let (source, target) = one.draw();
        let matched = match_rows(&source, &target).unwrap();
        assert_eq!(checked(&one, Strategy::Blocked, &source, &target, &matched).unwrap(), "200 steps");
        let (source, target) = other.draw();
        for strategy in [Strategy::Auto, Strategy::Blocked] {
            let failure = checked(&other, strategy, &source, &target, &matched).unwrap_err();
            assert!(failure.to_string().contains("the matching of 200x3:decaying is wrong"), "{failure}");
        }
    }
}
