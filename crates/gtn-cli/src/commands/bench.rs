//! `gtn bench`: one module for each benchmark.

pub(crate) mod cases;
pub(crate) mod device;
mod device_cases;
pub(crate) mod label;
mod process;
pub(crate) mod sample;
pub(crate) mod train;

use crate::console;
use crate::failure::Failure;

/// Prints the head of a table, and the rule below it.
fn print_head(head: &str) {
    console::print(head);
    console::print(&head.replace(|c| c != '|', "-"));
}

/// Measures the speed of the machine, as [`product_rate`](cases::product_rate). Prints it above the head of a table, unless the
/// output is JSON.
fn print_product_rate(json: bool, head: &str) -> Result<f64, Failure> {
    let rate = cases::product_rate()?;
    if !json {
        console::print(&format!(
            "matrix products of 2048 × 2048 × 2048: {:.0} billion operations per second",
            rate / 1e9
        ));
        print_head(head);
    }
    Ok(rate)
}

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

#[cfg(test)]
mod tests {
    use gtn_report::count;

    use super::*;

    #[test]
    fn counts_have_thousands_separators_and_times_three_digits() {
        assert_eq!([7, 1000, 162_770, 10_000_000].map(count), ["7", "1,000", "162,770", "10,000,000"]);
        let times = [0.000_123, 0.0123, 0.4, 1.234, 12.34, 3600.4].map(time);
        assert_eq!(times, ["0.12 ms", "12 ms", "400 ms", "1.23 s", "12.3 s", "3600 s"]);
    }
}
