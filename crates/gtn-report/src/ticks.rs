//! Where an axis has its marks, and what is written at them.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, KeyPointWeight, NoDefaultFormatting, Ranged, ValueFormatter};

/// A value axis: linear, or logarithmic when the values are spread over more than a small factor.
#[derive(Clone)]
pub(crate) struct Scale {
    log: bool,
    /// First and last position: the values, or their logarithms.
    range: (f64, f64),
    /// Values that carry a label.
    ticks: Vec<(f64, String)>,
}

/// Ratio of the largest to the smallest value from which on a logarithmic axis reads better.
const LOG_FROM: f64 = 4.0;

/// Most labels of an axis.
const MOST: usize = 9;

impl Scale {
    /// The axis for finite values between `low` and `high`.
    pub(crate) fn of(low: f64, high: f64) -> Self {
        let log = low > 0.0 && high / low >= LOG_FROM;
        let (a, b) = if log { (low.log10(), high.log10()) } else { (low, high) };
        let pad = (0.06 * (b - a)).max(1e-6 * a.abs()).max(1e-6);
        let range = (a - pad, b + pad);
        let ticks = if log { log_ticks(range) } else { linear_ticks(range, 0.0, MOST) };
        Self { log, range, ticks }
    }

    /// The axis for whole numbers (epochs) from `first` to `last`.
    pub(crate) fn of_whole(first: usize, last: usize) -> Self {
        let (first, last) = (first as f64, last as f64);
        let pad = (0.02 * (last - first)).max(0.5);
        Self { log: false, range: (first - pad, last + pad), ticks: linear_ticks((first, last), 1.0, MOST) }
    }

    /// The linear axis from just `low` to just `high`, which are finite, with about `most` labels at most.
    pub(crate) fn exactly(low: f64, high: f64, most: usize) -> Self {
        Self { log: false, range: (low, high), ticks: linear_ticks((low, high), 0.0, most.max(2)) }
    }

    /// The linear axis from just `low` to just `high` with labels at places of one's own.
    pub(crate) fn marked(low: f64, high: f64, ticks: impl IntoIterator<Item = (f64, String)>) -> Self {
        Self { log: false, range: (low, high), ticks: ticks.into_iter().collect() }
    }

    /// Where a value lies on the axis: 0 at its start, 1 at its end.
    pub(crate) fn share(&self, value: f64) -> f64 {
        let position = if self.log { value.log10() } else { value };
        (position - self.range.0) / (self.range.1 - self.range.0)
    }

    pub(crate) fn is_log(&self) -> bool {
        self.log
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let share = self.share(*value);
        // Numbers too large to be told apart leave no width to take a share of.
        let share = if share.is_nan() { 0.5 } else { share.clamp(-1.0, 2.0) };
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight() {
            KeyPointWeight::Bold => self.ticks.iter().map(|(value, _)| *value).collect(),
            KeyPointWeight::Any => Vec::new(),
        }
    }

    fn range(&self) -> Range<f64> {
        let value = |position: f64| if self.log { 10_f64.powf(position) } else { position };
        value(self.range.0)..value(self.range.1)
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        let found = self.ticks.iter().find(|(tick, _)| tick == value);
        found.map(|(_, label)| label.clone()).unwrap_or_default()
    }
}

/// Multiples of 1, 2 or 5 times a power of ten, at least `least` apart.
fn linear_ticks((low, high): (f64, f64), least: f64, most: usize) -> Vec<(f64, String)> {
    let rough = ((high - low) / (most as f64 - 1.0)).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough).unwrap_or(rough).max(least);
    let decimals = (-(step.log10() + 1e-9).floor()).clamp(0.0, 15.0) as usize;
    let first = (low / step).ceil();
    // Counted, not run until `high`: with huge values a step may be too small to lead anywhere.
    let ticks = (0..=most).map(|i| (first + i as f64) * step).filter(|tick| *tick <= high);
    ticks
        .map(|tick| {
            let plain = tick.abs() < 1e6 && (step >= 1e-4 || tick == 0.0);
            (tick, if plain { format!("{tick:.decimals$}") } else { format!("{tick:.2e}") })
        })
        .collect()
}

/// 1, 2 and 5 times powers of ten, or only the powers, or only some of them.
fn log_ticks((low, high): (f64, f64)) -> Vec<(f64, String)> {
    let exponents = low.floor() as i32..=high.ceil() as i32;
    let mut ticks = Vec::new();
    for mantissas in [&[1.0, 2.0, 5.0][..], &[1.0]] {
        let all = exponents.clone().flat_map(|exponent| mantissas.iter().map(move |m| (*m, exponent)));
        ticks = all
            .filter(|(mantissa, exponent)| (low..=high).contains(&(f64::log10(*mantissa) + f64::from(*exponent))))
            .collect();
        if ticks.len() <= MOST {
            break;
        }
    }
    let every = ticks.len().div_ceil(MOST).max(1);
    let write = |(mantissa, exponent): (f64, i32)| {
        let value = mantissa * 10_f64.powi(exponent);
        let label = match exponent {
            -3..=-1 => format!("{value:.*}", exponent.unsigned_abs() as usize),
            0..=3 => format!("{value:.0}"),
            _ => format!("{mantissa}e{exponent}"),
        };
        (value, label)
    };
    ticks.into_iter().step_by(every).map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> Vec<&str> {
        scale.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn marks_are_round_numbers() {
        assert_eq!(labels(&Scale::of(0.03, 0.9)), ["0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(labels(&Scale::of(0.27, 0.31)), ["0.27", "0.28", "0.29", "0.30", "0.31"]);
        assert_eq!(labels(&Scale::of_whole(1, 1)), ["1"]);
        assert_eq!(labels(&Scale::of_whole(1, 4)), ["1", "2", "3", "4"]);
        assert_eq!(labels(&Scale::of_whole(1, 57)), ["10", "20", "30", "40", "50"]);
    }

    #[test]
    fn any_finite_values_have_an_axis_with_few_marks() {
        let values = [-1e38, -1.0, 0.0, 1e-300, 1e-30, 0.5, 0.5 + 1e-16, 1.0, 1e16, 1e16 + 2.0, 3e38];
        for (i, &low) in values.iter().enumerate() {
            for &high in &values[i..] {
                let scale = Scale::of(low, high);
                assert!(scale.range.0 < scale.range.1, "{low} {high}");
                assert!(scale.ticks.len() <= MOST + 1, "{low} {high}");
                for value in [low, high] {
                    assert!((0..=400).contains(&scale.map(&value, (0, 400))), "{value} in {low} {high}");
                }
            }
        }
    }
}
