//! The scale of an axis: from values to positions, and the labeled values (ticks).

/// A linear or logarithmic scale.
#[derive(Clone)]
pub(crate) struct Scale {
    log: bool,
    /// First and last position: values, or their logarithms.
    range: (f64, f64),
    /// Labeled values.
    ticks: Vec<(f64, String)>,
}

/// A scale is logarithmic if the ratio of the largest to the smallest value is at least this.
const LOG_RATIO: f64 = 4.0;

/// Maximum number of labels.
const MAX_LABELS: usize = 9;

impl Scale {
    /// The scale for finite values between `low` and `high`, with padding. It is logarithmic if they are positive and cover a
    /// wide range.
    pub(crate) fn new(low: f64, high: f64) -> Self {
        let log = low > 0.0 && high / low >= LOG_RATIO;
        let (a, b) = if log { (low.log10(), high.log10()) } else { (low, high) };
        let pad = (0.06 * (b - a)).max(1e-6 * a.abs()).max(1e-6);
        let range = (a - pad, b + pad);
        let ticks = if log { log_ticks(range) } else { linear_ticks(range, 0.0, MAX_LABELS) };
        Self { log, range, ticks }
    }

    /// The linear scale for integers (epochs) from `first` to `last`, with padding.
    pub(crate) fn integers(first: usize, last: usize) -> Self {
        let (first, last) = (first as f64, last as f64);
        // In f64, huge integers do not differ by less.
        let pad = (0.02 * (last - first)).max(0.5).max(1e-9 * last);
        Self { log: false, range: (first - pad, last + pad), ticks: linear_ticks((first, last), 1.0, MAX_LABELS) }
    }

    /// The linear scale from `low` to `high`, which are finite, with about `max_labels` labels.
    pub(crate) fn linear(low: f64, high: f64, max_labels: usize) -> Self {
        Self { log: false, range: (low, high), ticks: linear_ticks((low, high), 0.0, max_labels.max(2)) }
    }

    /// The linear scale from `low` to `high` with these labels.
    pub(crate) fn with_ticks(low: f64, high: f64, ticks: impl IntoIterator<Item = (f64, String)>) -> Self {
        Self { log: false, range: (low, high), ticks: ticks.into_iter().collect() }
    }

    /// The position of a value: 0 at the start of the axis, 1 at its end.
    pub(crate) fn fraction(&self, value: f64) -> f64 {
        let position = if self.log { value.log10() } else { value };
        (position - self.range.0) / (self.range.1 - self.range.0)
    }

    /// The labeled values with their labels.
    pub(crate) fn ticks(&self) -> impl Iterator<Item = (f64, &str)> {
        self.ticks.iter().map(|(value, label)| (*value, label.as_str()))
    }

    pub(crate) fn is_log(&self) -> bool {
        self.log
    }
}

/// `steps` + 1 values from `low` to `high`.
pub(crate) fn along(low: f64, high: f64, steps: u32) -> impl Iterator<Item = f64> {
    (0..=steps).map(move |step| low + (high - low) * f64::from(step) / f64::from(steps))
}

/// Multiples of 1, 2 or 5 times a power of ten, at least `min_step` apart.
fn linear_ticks((low, high): (f64, f64), min_step: f64, max_labels: usize) -> Vec<(f64, String)> {
    let rough = ((high - low) / (max_labels as f64 - 1.0)).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough).unwrap_or(rough).max(min_step);
    let decimals = (-(step.log10() + 1e-9).floor()).clamp(0.0, 15.0) as usize;
    let first = (low / step).ceil();
    // The number of ticks is limited: for huge values, adding a step may not change the value.
    let ticks = (0..=max_labels).map(|i| (first + i as f64) * step).filter(|tick| *tick <= high);
    ticks
        .map(|tick| {
            let plain = tick.abs() < 1e6 && (step >= 1e-4 || tick == 0.0);
            (tick, if plain { format!("{tick:.decimals$}") } else { format!("{tick:.2e}") })
        })
        .collect()
}

/// 1, 2 and 5 times powers of ten; only the powers, or only some of them, if those are too many.
fn log_ticks((low, high): (f64, f64)) -> Vec<(f64, String)> {
    let exponents = low.floor() as i32..=high.ceil() as i32;
    let mut ticks = Vec::new();
    for mantissas in [&[1.0, 2.0, 5.0][..], &[1.0]] {
        let all = exponents.clone().flat_map(|exponent| mantissas.iter().map(move |m| (*m, exponent)));
        ticks = all
            .filter(|(mantissa, exponent)| (low..=high).contains(&(f64::log10(*mantissa) + f64::from(*exponent))))
            .collect();
        if ticks.len() <= MAX_LABELS {
            break;
        }
    }
    let every = ticks.len().div_ceil(MAX_LABELS).max(1);
    let tick = |(mantissa, exponent): (f64, i32)| {
        let value = mantissa * 10_f64.powi(exponent);
        let label = match exponent {
            -3..=-1 => format!("{value:.*}", exponent.unsigned_abs() as usize),
            0..=3 => format!("{value:.0}"),
            _ => format!("{mantissa}e{exponent}"),
        };
        (value, label)
    };
    // Powers of ten below those of f64 are 0, which has no logarithm.
    ticks.into_iter().step_by(every).map(tick).filter(|(value, _)| *value > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> Vec<&str> {
        scale.ticks().map(|(_, label)| label).collect()
    }

    #[test]
    fn labels_are_round_numbers() {
        assert_eq!(labels(&Scale::new(0.03, 0.9)), ["0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(labels(&Scale::new(0.27, 0.31)), ["0.27", "0.28", "0.29", "0.30", "0.31"]);
        assert_eq!(labels(&Scale::integers(1, 1)), ["1"]);
        assert_eq!(labels(&Scale::integers(1, 4)), ["1", "2", "3", "4"]);
        assert_eq!(labels(&Scale::integers(1, 57)), ["10", "20", "30", "40", "50"]);
    }

    #[test]
    fn all_finite_values_have_a_scale_with_few_labels() {
        let values = [-1e38, -1.0, 0.0, 1e-300, 1e-30, 0.5, 0.5 + 1e-16, 1.0, 1e16, 1e16 + 2.0, 3e38];
        for (i, &low) in values.iter().enumerate() {
            for &high in &values[i..] {
                let scale = Scale::new(low, high);
                assert!(scale.range.0 < scale.range.1, "{low} {high}");
                assert!(scale.ticks.len() <= MAX_LABELS + 1, "{low} {high}");
                for value in [low, high] {
                    assert!((0.0..=1.0).contains(&scale.fraction(value)), "{value} in {low} {high}");
                }
            }
        }
        for (first, last) in [(0, 0), (0, usize::MAX), (usize::MAX, usize::MAX)] {
            let scale = Scale::integers(first, last);
            for value in [first, last] {
                assert!((0.0..=1.0).contains(&scale.fraction(value as f64)), "{value} in {first} {last}");
            }
        }
    }
}
