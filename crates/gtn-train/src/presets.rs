//! The experiments as presets, one TOML file each: those of the paper, and that of two squares.

use std::path::Path;

use gtn_io::UnknownName;
use gtn_run::Config;
use gtn_run::config::Overrides;

use crate::{Error, Result};

const PRESETS: [(&str, &str); 6] = [
    ("swiss-roll", include_str!("../presets/swiss-roll.toml")),
    ("uniform", include_str!("../presets/uniform.toml")),
    ("disjoint-uniform", include_str!("../presets/disjoint-uniform.toml")),
    ("mnist", include_str!("../presets/mnist.toml")),
    ("celeba", include_str!("../presets/celeba.toml")),
    ("hap", include_str!("../presets/hap.toml")),
];

/// The preset of own images; no experiment, because it needs a path.
pub(crate) const IMAGES: &str = include_str!("../presets/images.toml");
/// The preset of own latents.
pub(crate) const LATENTS: &str = include_str!("../presets/latents.toml");

/// The names of the experiments.
pub fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The configuration of an experiment, with the caller's overrides. `experiment` is one of [`names`], or the path of a preset
/// that ends in `.toml`, such as the `config.toml` of a run.
///
/// # Errors
///
/// [`Error::UnknownExperiment`], [`Error::Preset`] for a file that cannot be read, or [`Error::Run`] if it is not a preset or a
/// setting is invalid.
pub fn resolve(experiment: &str, overrides: &Overrides) -> Result<Config> {
    if let Some((name, text)) = PRESETS.iter().find(|(name, _)| *name == experiment) {
        return Ok(Config::from_preset(&format!("preset `{name}`"), text, overrides)?);
    }
    let path = Path::new(experiment);
    if path.extension().is_some_and(|ending| ending == "toml") {
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::Preset { path: path.to_path_buf(), source })?;
        return Ok(Config::from_preset(experiment, &text, overrides)?);
    }
    Err(Error::UnknownExperiment(UnknownName::new("experiment", experiment, names())))
}

#[cfg(test)]
mod tests {
    use gtn_run::config::Protocol;

    use super::*;

    #[test]
    fn every_preset_resolves_in_every_form() {
        for name in names() {
            for protocol in [Protocol::Paper, Protocol::Repo, Protocol::Flow] {
                for quick in [false, true] {
                    let overrides = Overrides { protocol: Some(protocol), quick, ..Overrides::default() };
                    assert_eq!(resolve(name, &overrides).unwrap().experiment, name);
                }
            }
        }
        let unknown = resolve("mnst", &Overrides::default()).unwrap_err().to_string();
        assert!(unknown.contains("did you mean `mnist`?") && unknown.contains("swiss-roll"), "{unknown}");
        assert!(matches!(resolve("absent.toml", &Overrides::default()), Err(Error::Preset { .. })));
    }

    #[test]
    fn celeba_and_hap_are_the_rows_of_table_1() {
        for (name, dim, width, epochs) in [("celeba", 100, 1200, 50), ("hap", 50, 3000, 1000)] {
            let config = resolve(name, &Overrides::default()).unwrap();
            assert_eq!((config.dim, config.h.width, config.h.hidden_layers), (dim, width, 26), "{name}");
            let training = &config.autoencoder.as_ref().unwrap().training;
            assert_eq!(
                (training.epochs, training.patience, training.batch_size, training.weight_decay),
                (epochs, 5, 200, 1e-5)
            );
            assert_eq!((training.learning_rate, config.h.training.learning_rate), (1e-4, 5e-5));
            assert_eq!((config.h.training.epochs, config.h.training.patience), (10_000, 300));
            let repo = Overrides { protocol: Some(Protocol::Repo), ..Overrides::default() };
            let repo = resolve(name, &repo).unwrap();
            assert_eq!((repo.h.hidden_layers, repo.h.batch_norm_layers, repo.h.training.patience), (25, 20, 301));
            assert_eq!(repo.autoencoder.unwrap().training.epochs, epochs);
        }
    }

    #[test]
    fn mnist_is_the_row_of_table_1() {
        let config = resolve("mnist", &Overrides::default()).unwrap();
        assert_eq!((config.dim, config.h.hidden_layers, config.h.width, config.h.batch_norm_layers), (5, 7, 50, 7));
        let training = &config.autoencoder.as_ref().unwrap().training;
        assert_eq!(
            (training.epochs, training.patience, training.batch_size, training.weight_decay),
            (25, 5, 128, 1e-5)
        );
        assert_eq!((training.learning_rate, config.h.training.learning_rate), (1e-3, 1e-3));
        assert_eq!(
            (config.h.training.epochs, config.h.training.patience, config.h.training.weight_decay),
            (200, 3, 0.0)
        );
    }
}
