//! Numbers, times and sentences as a reader likes them.

use gtn_run::config::{Data, Normalize, Pairing, Protocol};
use gtn_run::{Config, MetricsLog, RunRecord, Stage};

/// A fact: whole numbers whole, with their thousands apart, others with four significant digits.
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

/// A count of images or epochs.
pub(super) fn count(value: usize) -> String {
    thousands(&value.to_string())
}

/// A time span in the two units that matter.
pub(super) fn duration(seconds: f64) -> String {
    if !(0.0..1e12).contains(&seconds) {
        return "unknown".to_owned();
    }
    if seconds < 9.995 {
        return format!("{seconds:.2} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        ..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => {
            let minutes = (seconds / 60.0).round() as u64;
            format!("{} h {:02} min", minutes / 60, minutes % 60)
        }
    }
}

/// A time budget, which is a whole number of seconds.
pub(super) fn budget(seconds: u64) -> String {
    let written = duration(seconds as f64);
    if seconds < 10 { format!("{seconds} s") } else { written.replace(" 00 s", "").replace(" 00 min", "") }
}

/// What was run, and what of it was shortened.
pub(super) fn summary(record: &RunRecord, log: &MetricsLog) -> String {
    let config = &record.config;
    let follows = match config.protocol {
        Protocol::Paper => "the paper's text",
        Protocol::Repo => "the authors' published code",
    };
    let mut text = format!("The experiment {}, set up after {follows}: {}", config.experiment, what_happened(config));
    let done = |stage, recorded: Option<usize>| recorded.or_else(|| log.epochs(stage).map(|epoch| epoch.epoch).max());
    let provenance = &record.provenance;
    let h = epochs(config.h.training.epochs, done(Stage::Fit, provenance.h_epochs));
    let had = match &config.autoencoder {
        None => format!("ĥ had {h}"),
        Some(autoencoder) => {
            let done = done(Stage::Autoencode, provenance.autoencoder_epochs);
            format!("the autoencoder had {}, ĥ {h}", epochs(autoencoder.training.epochs, done))
        }
    };
    text.push_str(&match config.quick {
        true => format!(" This run was shortened (quick): {had}, so its results fall short of the full experiment's."),
        false => format!(" {}.", had.replacen("the auto", "The auto", 1)),
    });
    if let Some(budget) = config.time_budget {
        let budget = self::budget(budget);
        text.push_str(&format!(" It had a time budget of {budget}, which may end training before its epochs do."));
    }
    text
}

/// The way from the data to samples, as a sentence without its beginning.
fn what_happened(config: &Config) -> String {
    let limit = match config.data.limit() {
        None => "its images".to_owned(),
        Some(limit) => format!("at most {} of its images, drawn by the seed", count(limit)),
    };
    let (drawn, [data, one_by_one]) = match (&config.data, config.dim) {
        (Data::Mnist(_) | Data::Celeba(_) | Data::Hap(_), dim) => {
            return format!(
                "an autoencoder learned to turn {limit} into latents of {dim} {} and back, Algorithm 1 paired those \
                 latents with normal vectors, and the network ĥ learned from the pairs to make latents of normal vectors.",
                if dim == 1 { "number" } else { "numbers" },
            );
        }
        (Data::SwissRoll(drawn), 1) => (drawn, ["angles of the swiss roll, uniform on (1.5π, 4.5π),", "angles"]),
        (Data::SwissRoll(drawn), _) => {
            (drawn, ["points of the swiss roll, its angle uniform on (1.5π, 4.5π),", "points"])
        }
        (Data::Uniform(drawn), _) => (drawn, ["points, uniform on the unit square,", "points"]),
    };
    let normalized = match config.label.normalize {
        Normalize::AsIs => "taken as they are",
        Normalize::Center => "centered",
        Normalize::Standardize => "standardized",
    };
    let pairing = match config.label.pairing {
        Pairing::Greedy => "Algorithm 1",
        Pairing::Sorted => "the sorted labeling (Figure 2)",
    };
    let source =
        if config.dim == 1 { "normal numbers (source dimension 1)" } else { "normal vectors (source dimension 2)" };
    let (train, validation) = drawn.sizes();
    format!(
        "{} {data} were drawn to learn from and {} to validate on, {normalized}, and paired with {source} by {pairing}; \
         from the pairs the network ĥ learned to make {one_by_one} of normal {}.",
        count(train),
        count(validation),
        if config.dim == 1 { "numbers" } else { "vectors" },
    )
}

fn epochs(most: usize, done: Option<usize>) -> String {
    let unit = if most == 1 { "epoch" } else { "epochs" };
    match done {
        Some(done) => format!("{} of at most {} {unit}", count(done), count(most)),
        None => format!("at most {} {unit}", count(most)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits_and_whole_ones_all() {
        let written = [48_000.0, 0.0, -1.0, 0.723_456, 0.000_123_44, 1234.56, 2.5e-9, 1.5e300, f64::NAN].map(number);
        let wanted = ["48,000", "0", "−1", "0.7235", "0.0001234", "1235", "2.500e−9", "1.500e300", "not a number"];
        assert_eq!(written, wanted);
    }

    #[test]
    fn budgets_are_written_short() {
        assert_eq!([5, 60, 90, 3600, 5400].map(budget), ["5 s", "1 min", "1 min 30 s", "1 h", "1 h 30 min"]);
    }

    #[test]
    fn times_have_at_most_two_units() {
        let written = [0.004, 9.99, 59.4, 59.7, 125.0, 3599.6, 7260.0, -1.0, f64::NAN].map(duration);
        let wanted =
            ["0.00 s", "9.99 s", "59 s", "1 min 00 s", "2 min 05 s", "1 h 00 min", "2 h 01 min", "unknown", "unknown"];
        assert_eq!(written, wanted);
    }
}
