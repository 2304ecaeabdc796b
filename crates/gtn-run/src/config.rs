//! The configuration of an experiment: read from a preset, resolved for one run, stored beside its results.
//!
//! A preset is one TOML file that reads as the experiment's row in the paper's Table 1. Its base is the paper's protocol;
//! `[protocol.repo]` and `[quick]` hold only what differs from it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Which of two descriptions of an experiment is followed where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// The paper's text.
    #[default]
    Paper,
    /// The authors' published code.
    Repo,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Paper => "paper",
            Protocol::Repo => "repo",
        })
    }
}

/// Which of the autoencoder's weights encode the data and decode samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutoencoderWeights {
    /// Those of the epoch with the lowest validation loss, for both.
    Best,
    /// The last epoch's encoder with the best epoch's decoder, as the authors' code has it: the two need not fit each other.
    LastEncoderBestDecoder,
}

/// How a network is trained: Adam on the mean squared error, stopped by epochs or patience.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Most passes over the training data.
    pub epochs: usize,
    /// Epochs in a row without a lower validation loss after which training stops.
    pub patience: usize,
    /// Samples of one optimiser step.
    pub batch: usize,
    /// Adam's step size.
    pub learning_rate: f64,
    /// Factor of the weights that is added to their gradients (PyTorch's `weight_decay`).
    #[serde(default)]
    pub l2: f64,
    /// Whether a last batch smaller than `batch` is left out.
    #[serde(default)]
    pub drop_last: bool,
}

/// How images are split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Share of the images that is trained on; the others validate.
    pub train_share: f64,
    /// Most images taken, drawn by the seed; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// The autoencoder between images and latents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Autoencoder {
    /// Which weights are used afterwards.
    pub weights: AutoencoderWeights,
    /// Its training.
    pub training: Training,
}

/// What is done to the latents before Algorithm 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Whether the mean of the training latents is subtracted before matching and added back after ĥ.
    pub centre: bool,
}

/// The network ĥ from normal vectors to latents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regressor {
    /// Number of hidden layers: linear, LeakyReLU, BatchNorm.
    pub hidden_layers: usize,
    /// Units of a hidden layer.
    pub width: usize,
    /// LeakyReLU's slope below 0.
    pub slope: f64,
    /// How many of the hidden layers, from the first, carry BatchNorm.
    pub batch_norm_layers: usize,
    /// Its training.
    pub training: Training,
}

/// An experiment with every setting decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The experiment's name (`mnist`).
    pub experiment: String,
    /// The protocol that was resolved.
    #[serde(default)]
    pub protocol: Protocol,
    /// Whether the preset's shortened settings are in force.
    #[serde(default)]
    pub quick: bool,
    /// Key of every random stream.
    pub seed: u64,
    /// Latent dimension d.
    pub dim: usize,
    /// The data.
    pub data: Data,
    /// The autoencoder.
    pub autoencoder: Autoencoder,
    /// The matching.
    pub label: Label,
    /// ĥ.
    pub h: Regressor,
}

/// What the caller of a preset decides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// The protocol.
    pub protocol: Protocol,
    /// Whether to take the preset's shortened settings.
    pub quick: bool,
    /// Latent dimension.
    pub dim: Option<usize>,
    /// Seed.
    pub seed: Option<u64>,
    /// Most images.
    pub limit: Option<usize>,
    /// Most epochs.
    pub epochs: Epochs,
}

/// Most epochs of each network, where the preset's are not wanted: `autoencoder=3,h=20`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Epochs {
    /// Of the autoencoder.
    pub autoencoder: Option<usize>,
    /// Of ĥ.
    pub h: Option<usize>,
}

impl FromStr for Epochs {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let mut epochs = Epochs::default();
        for part in text.split(',') {
            let (name, number) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is not of the form NAME=NUMBER, as in `autoencoder=3,h=20`"))?;
            let number: usize =
                number.trim().parse().map_err(|_| format!("`{number}` in `{part}` is not a whole number"))?;
            match name.trim() {
                "autoencoder" => epochs.autoencoder = Some(number),
                "h" => epochs.h = Some(number),
                other => return Err(format!("`{other}` is no network; the networks are `autoencoder` and `h`")),
            }
        }
        Ok(epochs)
    }
}

impl Config {
    /// Resolves a preset (its TOML text) for one run.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the text is no preset, [`Error::Setting`] if a setting makes no sense.
    pub fn from_preset(name: &str, text: &str, overrides: &Overrides) -> Result<Self> {
        let what = || format!("preset `{name}`");
        let fail = |reason: String| Error::Config { what: what(), reason };
        let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| fail(in_one_line(&error, text)))?;
        let mut take = |key: &str| match table.remove(key) {
            None => Ok(toml::Table::new()),
            Some(toml::Value::Table(table)) => Ok(table),
            Some(_) => Err(fail(format!("`{key}` is not a table"))),
        };
        let mut protocols = take("protocol")?;
        let quick = take("quick")?;
        if overrides.protocol == Protocol::Repo {
            match protocols.remove("repo") {
                Some(toml::Value::Table(repo)) => merge(&mut table, repo),
                _ => return Err(fail("it has no table [protocol.repo]".to_owned())),
            }
        }
        if overrides.quick {
            merge(&mut table, quick);
        }
        let mut config: Config = table.try_into().map_err(|error: toml::de::Error| fail(error.message().to_owned()))?;
        config.protocol = overrides.protocol;
        config.quick = overrides.quick;
        config.seed = overrides.seed.unwrap_or(config.seed);
        config.dim = overrides.dim.unwrap_or(config.dim);
        config.data.limit = overrides.limit.or(config.data.limit);
        let epochs = overrides.epochs;
        config.autoencoder.training.epochs = epochs.autoencoder.unwrap_or(config.autoencoder.training.epochs);
        config.h.training.epochs = epochs.h.unwrap_or(config.h.training.epochs);
        config.check()?;
        Ok(config)
    }

    /// Checks that every setting makes sense.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] that names the first one that does not.
    pub fn check(&self) -> Result<()> {
        let refuse = |key: &str, value: String, reason: &str| {
            Err(Error::Setting { key: key.to_owned(), value, reason: reason.to_owned() })
        };
        if i64::try_from(self.seed).is_err() {
            return refuse("seed", self.seed.to_string(), "TOML holds whole numbers up to 2^63 - 1");
        }
        if !(1..=4096).contains(&self.dim) {
            return refuse("dim", self.dim.to_string(), "the latent dimension must be from 1 to 4096");
        }
        let share = self.data.train_share;
        if !(share > 0.0 && share < 1.0) {
            return refuse("data.train_share", share.to_string(), "must lie between 0 and 1, both excluded");
        }
        if let Some(limit) = self.data.limit
            && !(10..=MOST).contains(&limit)
        {
            let reason = "must be from 10, which are needed to train and validate, to a billion";
            return refuse("data.limit", limit.to_string(), reason);
        }
        if !(1..=100_000).contains(&self.h.width) {
            return refuse("h.width", self.h.width.to_string(), "a layer has from 1 to 100,000 units");
        }
        if self.h.hidden_layers > 10_000 {
            return refuse("h.hidden_layers", self.h.hidden_layers.to_string(), "must be at most 10,000");
        }
        if self.h.batch_norm_layers > self.h.hidden_layers {
            let (value, layers) = (self.h.batch_norm_layers.to_string(), self.h.hidden_layers);
            return refuse("h.batch_norm_layers", value, &format!("there are only {layers} hidden layers"));
        }
        if !self.h.slope.is_finite() {
            return refuse("h.slope", self.h.slope.to_string(), "must be a finite number");
        }
        for (network, training) in [("autoencoder", &self.autoencoder.training), ("h", &self.h.training)] {
            let key = |name: &str| format!("{network}.training.{name}");
            for (name, value, least) in
                [("epochs", training.epochs, 1), ("patience", training.patience, 1), ("batch", training.batch, 2)]
            {
                if !(least..=MOST).contains(&value) {
                    return refuse(&key(name), value.to_string(), &format!("must be from {least} to a billion"));
                }
            }
            if !(training.learning_rate > 0.0 && training.learning_rate.is_finite()) {
                return refuse(&key("learning_rate"), training.learning_rate.to_string(), "must be above 0");
            }
            if !(training.l2 >= 0.0 && training.l2.is_finite()) {
                return refuse(&key("l2"), training.l2.to_string(), "must be 0 or above");
            }
        }
        Ok(())
    }

    /// The folder name of this run: `mnist-d5-seed1`, with `-repo`, `-quick` and the like where they apply.
    #[must_use]
    pub fn run_name(&self) -> String {
        let mut name = format!("{}-d{}-seed{}", self.experiment, self.dim, self.seed);
        if self.protocol != Protocol::default() {
            name.push_str(&format!("-{}", self.protocol));
        }
        if self.quick {
            name.push_str("-quick");
        }
        if let Some(limit) = self.data.limit {
            name.push_str(&format!("-limit{limit}"));
        }
        name
    }

    /// The first setting in which the two differ, with both values, or `None`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        let table = |config: &Self| toml::Table::try_from(config).unwrap_or_default();
        first_difference("", &toml::Value::Table(table(self)), &toml::Value::Table(table(other)))
    }
}

/// More than any count needs to be, and little enough for products of two.
const MOST: usize = 1_000_000_000;

/// What is wrong with a TOML text, and in which line.
pub(crate) fn in_one_line(error: &toml::de::Error, text: &str) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

/// Puts the entries of `over` in place of those of `base`, table by table.
fn merge(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn first_difference(path: &str, a: &toml::Value, b: &toml::Value) -> Option<String> {
    match (a, b) {
        (toml::Value::Table(a), toml::Value::Table(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => first_difference(&path, a, b),
                    (Some(a), None) => Some(format!("{path}: {a} there, not set here")),
                    (None, Some(b)) => Some(format!("{path}: not set there, {b} here")),
                    (None, None) => None,
                }
            })
        }
        (a, b) if a == b => None,
        (a, b) => Some(format!("{path}: {a} there, {b} here")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRESET: &str = r#"
        experiment = "toy"
        seed = 1
        dim = 5
        [data]
        train_share = 0.8
        [autoencoder]
        weights = "best"
        training = { epochs = 25, patience = 5, batch = 128, learning_rate = 1e-3, l2 = 1e-5 }
        [label]
        centre = true
        [h]
        hidden_layers = 7
        width = 50
        slope = 0.5
        batch_norm_layers = 7
        training = { epochs = 200, patience = 3, batch = 128, learning_rate = 1e-3 }
        [protocol.repo]
        label.centre = false
        h.training.drop_last = true
        [quick]
        h.training.epochs = 20
    "#;

    fn resolve(overrides: &Overrides) -> Result<Config> {
        Config::from_preset("toy", PRESET, overrides)
    }

    #[test]
    fn protocol_quick_and_overrides_change_just_what_they_name() {
        let paper = resolve(&Overrides::default()).unwrap();
        assert_eq!((paper.h.training.epochs, paper.label.centre, paper.dim), (200, true, 5));
        assert_eq!(paper.run_name(), "toy-d5-seed1");

        let repo = resolve(&Overrides { protocol: Protocol::Repo, ..Overrides::default() }).unwrap();
        let mut expected = paper.clone();
        expected.protocol = Protocol::Repo;
        expected.label.centre = false;
        expected.h.training.drop_last = true;
        assert_eq!(repo, expected);
        assert_eq!(repo.run_name(), "toy-d5-seed1-repo");

        let epochs = "autoencoder=2".parse().unwrap();
        let quick = resolve(&Overrides { quick: true, dim: Some(9), epochs, ..Overrides::default() }).unwrap();
        assert_eq!((quick.h.training.epochs, quick.autoencoder.training.epochs, quick.dim), (20, 2, 9));
        assert_eq!(paper.difference(&paper), None);
        assert_eq!(paper.difference(&quick).unwrap(), "autoencoder.training.epochs: 25 there, 2 here");
    }

    #[test]
    fn a_resolved_config_survives_toml() {
        let config = resolve(&Overrides { limit: Some(100), ..Overrides::default() }).unwrap();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn unknown_keys_and_senseless_settings_are_refused_by_name() {
        let unknown = PRESET.replace("width = 50", "width = 50\nwdith = 60");
        let error = Config::from_preset("toy", &unknown, &Overrides::default()).unwrap_err().to_string();
        assert!(error.contains("wdith"), "{error}");
        for (from, to, key) in [
            ("train_share = 0.8", "train_share = 1.0", "data.train_share"),
            ("batch_norm_layers = 7", "batch_norm_layers = 8", "h.batch_norm_layers"),
            ("l2 = 1e-5", "l2 = -1.0", "autoencoder.training.l2"),
            ("patience = 3", "patience = 0", "h.training.patience"),
            ("batch = 128, learning_rate = 1e-3 }", "batch = 1, learning_rate = 1e-3 }", "h.training.batch"),
            ("dim = 5", "dim = 0", "dim"),
            ("slope = 0.5", "slope = inf", "h.slope"),
        ] {
            let text = PRESET.replace(from, to);
            assert_ne!(text, PRESET);
            match Config::from_preset("toy", &text, &Overrides::default()) {
                Err(Error::Setting { key: named, .. }) => assert_eq!(named, key),
                other => panic!("{to}: {other:?}"),
            }
        }
        assert!("h=x".parse::<Epochs>().is_err() && "k=1".parse::<Epochs>().is_err());
    }
}
