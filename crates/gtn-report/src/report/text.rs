//! Numbers, times and options as text.

use maud::{Markup, html};

/// A value: an integer with all its digits and thousands separators, any other number with four significant digits.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "not a number".to_owned();
    }
    if value.fract() == 0.0 && value.abs() < 1e15 {
        let digits = format!("{:.0}", value.abs());
        let sign = if value < 0.0 { "−" } else { "" };
        return format!("{sign}{}", thousands(&digits));
    }
    match value.abs().log10().floor() as i32 {
        magnitude @ -4..=5 => format!("{value:.*}", (3 - magnitude).max(0) as usize).replace('-', "−"),
        _ => format!("{value:.3e}").replace('-', "−"),
    }
}

fn thousands(digits: &str) -> String {
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(",")
}

/// A count, with thousands separators.
#[must_use]
pub fn count(value: usize) -> String {
    thousands(&value.to_string())
}

/// A duration in at most two units.
pub(super) fn duration(seconds: f64) -> String {
    if !(0.0..1e12).contains(&seconds) {
        return "unknown".to_owned();
    }
    if seconds < 9.995 {
        return format!("{seconds:.2} s");
    }
    let rounded = seconds.round() as u64;
    match rounded {
        ..60 => format!("{rounded} s"),
        60..3600 => format!("{} min {:02} s", rounded / 60, rounded % 60),
        _ => {
            let minutes = (seconds / 60.0).round() as u64;
            format!("{} h {:02} min", minutes / 60, minutes % 60)
        }
    }
}

/// A time budget, without units that are 0.
pub(super) fn budget(seconds: u64) -> String {
    let text = duration(seconds as f64);
    if seconds < 10 { format!("{seconds} s") } else { text.replace(" 00 s", "").replace(" 00 min", "") }
}

/// Text that begins with a capital letter, if it begins with another ASCII letter.
pub(super) fn capitalized(text: &str) -> String {
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}", first.to_ascii_uppercase())
}

/// Text whose options, such as `--flip`, and whatever stands between backticks are code. Options do not break after their dashes.
pub(super) fn with_options(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (options_of(part)) }
        }
    }
}

fn options_of(text: &str) -> Markup {
    let is_of_option = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    html! {
        @for (index, word) in text.split(' ').enumerate() {
            @if index > 0 { " " }
            @match word.find("--") {
                Some(start) => {
                    @let (before, option) = word.split_at(start);
                    @let (option, after) = option.split_at(option.find(|letter| !is_of_option(letter)).unwrap_or(option.len()));
                    (before) code.option { (option) } (after)
                }
                None => (word),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_significant_digits_and_integers_have_all() {
        let texts = [48_000.0, 0.0, -1.0, 0.723_456, 0.000_123_44, 1234.56, 2.5e-9, 1.5e300, f64::NAN].map(number);
        let expected = ["48,000", "0", "−1", "0.7235", "0.0001234", "1235", "2.500e−9", "1.500e300", "not a number"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn options_in_a_text_are_code() {
        let html = |text| with_options(text).into_string();
        assert_eq!(html("no option - here"), "no option - here");
        assert_eq!(
            html("type `gtn --x <y>`, or --x"),
            "type <code>gtn --x &lt;y&gt;</code>, or <code class=\"option\">--x</code>"
        );
        assert_eq!(
            html("a larger dimension (--dim), or --extend 60s <now>."),
            "a larger dimension (<code class=\"option\">--dim</code>), or <code class=\"option\">--extend</code> 60s &lt;now&gt;."
        );
        assert_eq!(["use more", "ĥ is", ""].map(capitalized), ["Use more", "ĥ is", ""]);
    }

    #[test]
    fn budgets_omit_units_that_are_zero() {
        assert_eq!([5, 60, 90, 3600, 5400].map(budget), ["5 s", "1 min", "1 min 30 s", "1 h", "1 h 30 min"]);
    }

    #[test]
    fn durations_have_at_most_two_units() {
        let texts = [0.004, 9.99, 59.4, 59.7, 125.0, 3599.6, 7260.0, -1.0, f64::NAN].map(duration);
        let expected =
            ["0.00 s", "9.99 s", "59 s", "1 min 00 s", "2 min 05 s", "1 h 00 min", "2 h 01 min", "unknown", "unknown"];
        assert_eq!(texts, expected);
    }
}
