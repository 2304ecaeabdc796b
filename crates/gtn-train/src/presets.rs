//! The paper's experiments as presets, one TOML file each.

use gtn_run::Config;
use gtn_run::config::Overrides;

use crate::{Error, Result};

const PRESETS: [(&str, &str); 1] = [("mnist", include_str!("../presets/mnist.toml"))];

/// The names of the experiments.
pub fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The configuration of an experiment, with what the caller decides.
///
/// # Errors
///
/// [`Error::UnknownExperiment`], or [`Error::Run`] if a setting makes no sense.
pub fn resolve(name: &str, overrides: &Overrides) -> Result<Config> {
    let (_, text) = PRESETS.iter().find(|(known, _)| *known == name).ok_or_else(|| Error::UnknownExperiment {
        name: name.to_owned(),
        known: names().collect::<Vec<_>>().join(", "),
    })?;
    Ok(Config::from_preset(name, text, overrides)?)
}

#[cfg(test)]
mod tests {
    use gtn_run::config::Protocol;

    use super::*;

    #[test]
    fn every_preset_resolves_in_every_form() {
        for name in names() {
            for protocol in [Protocol::Paper, Protocol::Repo] {
                for quick in [false, true] {
                    let overrides = Overrides { protocol, quick, ..Overrides::default() };
                    assert_eq!(resolve(name, &overrides).unwrap().experiment, name);
                }
            }
        }
        assert!(resolve("mnst", &Overrides::default()).unwrap_err().to_string().contains("mnist"));
    }

    #[test]
    fn mnist_is_the_row_of_table_1() {
        let config = resolve("mnist", &Overrides::default()).unwrap();
        assert_eq!((config.dim, config.h.hidden_layers, config.h.width, config.h.batch_norm_layers), (5, 7, 50, 7));
        let training = &config.autoencoder.training;
        assert_eq!((training.epochs, training.patience, training.batch, training.l2), (25, 5, 128, 1e-5));
        assert_eq!((training.learning_rate, config.h.training.learning_rate), (1e-3, 1e-3));
        assert_eq!((config.h.training.epochs, config.h.training.patience, config.h.training.l2), (200, 3, 0.0));
    }
}
