//! Numbers and times as text, and the summary of a run.

use gtn_run::config::{Data, Normalize, PairingMethod, PointSource, Protocol};
use gtn_run::{Config, MetricsLog, RunRecord, Stage};

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
pub(super) fn count(value: usize) -> String {
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

/// What the run did, and how long its networks were trained.
pub(super) fn summary(record: &RunRecord, log: &MetricsLog) -> String {
    let config = &record.config;
    let source = match config.protocol {
        Protocol::Paper => "the text of the paper",
        Protocol::Repo => "the authors' published code",
    };
    let mut text = format!("The experiment {} follows {source}. {}", config.experiment, method(config));
    if config.quick {
        text.push_str(" The run was shortened (quick), so its results are worse than those of the full experiment.");
    }
    let provenance = &record.provenance;
    let h = training("ĥ", config.h.training.epochs, log, Stage::Fit, provenance.h_epochs);
    let networks = match &config.autoencoder {
        None => h,
        Some(autoencoder) => {
            let (max, recorded) = (autoencoder.training.epochs, provenance.autoencoder_epochs);
            format!("{}, and {h}", training("the autoencoder", max, log, Stage::Autoencode, recorded))
        }
    };
    text.push_str(&format!(" {}.", capitalized(&networks)));
    if let Some(budget) = config.time_budget {
        let budget = self::budget(budget);
        text.push_str(&format!(" The run had a time budget of {budget}, which may have ended training early."));
    }
    text
}

/// How the run got from the data to samples, in sentences.
fn method(config: &Config) -> String {
    let (synthetic, [data, distribution]) = match &config.data {
        Data::Images(_) => {
            let images = match config.data.limit() {
                None => "the images".to_owned(),
                Some(limit) => format!("at most {} images, selected at random,", count(limit)),
            };
            return format!(
                "An autoencoder encodes {images} as latents of dimension {}. Algorithm 1 pairs the latents with normal \
                 vectors. From these pairs, the network ĥ learns to map normal vectors to latents.",
                config.dim
            );
        }
        Data::Points(PointSource::SwissRoll(synthetic)) if config.dim == 1 => {
            (synthetic, ["angles", "angles of the swiss roll, distributed uniformly on (1.5π, 4.5π)"])
        }
        Data::Points(PointSource::SwissRoll(synthetic)) => {
            (synthetic, ["points", "points of the swiss roll, with angles distributed uniformly on (1.5π, 4.5π)"])
        }
        Data::Points(PointSource::Uniform(synthetic)) => {
            (synthetic, ["points", "points distributed uniformly on the unit square"])
        }
    };
    let normalized = match config.pairing.normalize {
        Normalize::None => "They are paired",
        Normalize::Center => "They are centered, and paired",
        Normalize::Standardize => "They are standardized, and paired",
    };
    let pairing = match config.pairing.method {
        PairingMethod::Greedy => "Algorithm 1",
        PairingMethod::Sorted => "sorting (Figure 2)",
    };
    let source = if config.dim == 1 { "standard normal values" } else { "normal vectors" };
    let (train, validation) = synthetic.sizes();
    format!(
        "The data are {distribution}: {} for training and {} for validation. {normalized} with {source} (source dimension \
         {}) by {pairing}. From these pairs, the network ĥ learns to map {source} to {data}.",
        count(train),
        count(validation),
        config.dim,
    )
}

/// How long a network was trained, as a clause. `recorded` is its number of epochs if training is over.
fn training(network: &str, max: usize, log: &MetricsLog, stage: Stage, recorded: Option<usize>) -> String {
    let epochs = |number: usize| format!("{} {}", count(number), if number == 1 { "epoch" } else { "epochs" });
    let finished = recorded.is_some() || log.stage(stage).is_some();
    match recorded.or_else(|| log.epochs(stage).map(|epoch| epoch.epoch).max()) {
        None => format!("no epochs of {network} are recorded (maximum: {})", count(max)),
        Some(done) if !finished => {
            format!("{network} has trained for {} of at most {} so far", count(done), epochs(max))
        }
        Some(done) if done < max => format!("{network} stopped early after {} of {}", count(done), epochs(max)),
        Some(_) if max == 1 => format!("{network} trained for 1 epoch"),
        Some(_) => format!("{network} trained for all {}", epochs(max)),
    }
}

/// A sentence from a clause. ĥ stays as it is.
fn capitalized(clause: &str) -> String {
    match clause.strip_prefix(['t', 'n']) {
        Some(rest) => format!("{}{rest}", clause[..1].to_uppercase()),
        None => clause.to_owned(),
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
