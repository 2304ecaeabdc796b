//! `gtn bench`: one module for each benchmark.

pub(crate) mod cases;
pub(crate) mod device;
mod device_cases;
pub(crate) mod label;
mod process;
pub(crate) mod sample;
pub(crate) mod train;

/// A time with about three digits.
fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds < 0.01 => format!("{:.2} ms", 1e3 * seconds),
        _ if seconds < 1.0 => format!("{:.0} ms", 1e3 * seconds),
        _ if seconds < 10.0 => format!("{seconds:.2} s"),
        _ if seconds < 100.0 => format!("{seconds:.1} s"),
        _ => format!("{seconds:.0} s"),
    }
}

/// A number with its digits in groups of three.
fn count(number: usize) -> String {
    let digits = number.to_string();
    let grouped = digits.char_indices().flat_map(|(index, digit)| {
        let comma = index > 0 && (digits.len() - index).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    });
    grouped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_thousands_separators_and_times_three_digits() {
        assert_eq!([7, 1000, 162_770, 10_000_000].map(count), ["7", "1,000", "162,770", "10,000,000"]);
        let times = [0.000_123, 0.0123, 0.4, 1.234, 12.34, 3600.4].map(time);
        assert_eq!(times, ["0.12 ms", "12 ms", "400 ms", "1.23 s", "12.3 s", "3600 s"]);
    }
}
