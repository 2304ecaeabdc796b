//! From a preset to the configuration of one run.

use super::message::{on_one_line, with_suggestion};
use super::{
    Config, DecoderSettings, FlowSettings, HArchitecture, InceptionOverrides, Overrides, PairingMethod, Protocol,
    ResidualSettings,
};
use crate::{Error, Result};

impl Config {
    /// Resolves a preset, given as TOML text, for one run. `what` names it in errors. The `config.toml` of a run is one, too: that of
    /// its settings.
    ///
    /// Every table is checked, including those that this run does not use, so that a mistake is found at once.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the text is not a preset, [`Error::Setting`] if a setting is invalid.
    pub fn from_preset(what: &str, text: &str, overrides: &Overrides) -> Result<Self> {
        let fail = |reason: String| Error::Config { what: what.to_owned(), reason };
        let mut base: toml::Table = text.parse().map_err(|error: toml::de::Error| fail(on_one_line(&error, text)))?;
        if base.contains_key("provenance")
            && let Some(toml::Value::Table(config)) = base.remove("config")
        {
            base = config;
        }
        if base.get("protocol").is_some_and(toml::Value::is_str) || base.get("quick").is_some_and(toml::Value::is_bool)
        {
            return read_resolved(base, overrides, &fail)?.with(overrides);
        }
        let take = |from: &mut toml::Table, key: &str, path: &str| match from.remove(key) {
            None => Ok(None),
            Some(toml::Value::Table(table)) => Ok(Some(table)),
            Some(_) => Err(fail(format!("`{path}` is not a table"))),
        };
        let quick = take(&mut base, "quick", "quick")?;
        let mut protocols = take(&mut base, "protocol", "protocol")?.unwrap_or_default();
        let repo = take(&mut protocols, "repo", "protocol.repo")?;
        let flow = take(&mut protocols, "flow", "protocol.flow")?;
        if let Some(other) = protocols.keys().next() {
            return Err(fail(format!("unknown protocol `{other}`; use [protocol.repo] or [protocol.flow]")));
        }

        let protocol = overrides.protocol.unwrap_or_default();
        for (of_protocol, table) in [(Protocol::Repo, &repo), (Protocol::Flow, &flow)] {
            if protocol == of_protocol && table.is_none() {
                let reason = format!("the preset has no table [protocol.{protocol}]");
                return Err(fail(format!("cannot use --protocol {protocol}: {reason}")));
            }
        }
        if overrides.quick && quick.is_none() {
            return Err(fail("cannot use --quick: the preset has no table [quick]".to_owned()));
        }
        let mut resolved = None;
        for (of_protocol, over) in [(Protocol::Paper, None), (Protocol::Repo, repo), (Protocol::Flow, flow)] {
            let Some(table) = overlaid(&base, over.as_ref(), of_protocol != Protocol::Paper) else { continue };
            for shortened in [false, true] {
                let Some(table) = overlaid(&table, quick.as_ref(), shortened) else { continue };
                let config = read(table, &fail)?;
                if (of_protocol, shortened) == (protocol, overrides.quick) {
                    resolved = Some(Config { protocol, quick: shortened, ..config });
                }
            }
        }
        resolved.ok_or_else(|| fail("the preset has no such settings".to_owned()))?.with(overrides)
    }

    /// Applies the overrides, and checks the result.
    fn with(mut self, overrides: &Overrides) -> Result<Self> {
        self.seed = overrides.seed.unwrap_or(self.seed);
        if let Some(dim) = overrides.dim {
            self.set_dim(dim);
        }
        self.pairing.method = overrides.pairing.unwrap_or(self.pairing.method);
        self.pairing.components = overrides.components.or(self.pairing.components);
        self.time_budget = overrides.time_budget.or(self.time_budget);
        if !overrides.baselines.is_empty() {
            self.baselines.clone_from(&overrides.baselines);
        }
        if overrides.limit.is_some() {
            *self.data.limit_mut() = overrides.limit;
        }
        if let Some(fraction) = overrides.max_unreadable
            && !self.data.set_max_unreadable(fraction)
        {
            let (key, value) = ("--max-unreadable".to_owned(), fraction.to_string());
            let reason = format!("the data of `{}` are no image files; leave it out", self.experiment);
            return Err(Error::Setting { key, value, reason });
        }
        let epochs = overrides.epochs;
        if let Some(autoencoder) = &mut self.autoencoder {
            let training = &mut autoencoder.training;
            training.epochs = epochs.autoencoder.or(epochs.all).unwrap_or(training.epochs);
        } else if let Some(number) = epochs.autoencoder {
            let (key, value) = ("--epochs autoencoder".to_owned(), number.to_string());
            let reason = format!("`{}` has no autoencoder; set the epochs of h", self.experiment);
            return Err(Error::Setting { key, value, reason });
        }
        if let Some(DecoderSettings { training, .. }) =
            self.autoencoder.as_mut().and_then(|autoencoder| autoencoder.decoder.as_mut())
        {
            training.epochs = epochs.decoder.or(epochs.all).unwrap_or(training.epochs);
        } else if let Some(number) = epochs.decoder {
            let (key, value) = ("--epochs decoder".to_owned(), number.to_string());
            let reason = "no decoder is trained alone; set [autoencoder.decoder] in a configuration".to_owned();
            return Err(Error::Setting { key, value, reason });
        }
        if self.pairing.method == PairingMethod::Flow {
            self.pairing.flow.epochs = epochs.flow.or(epochs.all).or(self.pairing.flow.epochs);
        } else if let Some(number) = epochs.flow {
            let (key, value) = ("--epochs flow".to_owned(), number.to_string());
            let reason = format!("pairs come from {}; use --pairing flow", self.pairing.method.title());
            return Err(Error::Setting { key, value, reason });
        }
        self.h.training.epochs = epochs.h.or(epochs.all).unwrap_or(self.h.training.epochs);
        self.set_networks(overrides)?;
        if let Some(shards) = overrides.shards {
            self.set_shards(shards);
        }
        self.h.residual = match self.h.architecture {
            HArchitecture::Residual => Some(self.h.residual()),
            HArchitecture::Mlp => None,
        };
        if self.pairing.method != PairingMethod::Flow {
            // Settings that are not used are not part of the run.
            self.pairing.flow = FlowSettings::default();
        }
        self.with_inception(&InceptionOverrides::default(), overrides.select)
    }

    /// Applies the size of ĥ, and the learning rates.
    fn set_networks(&mut self, overrides: &Overrides) -> Result<()> {
        let &Overrides { width, depth, learning_rate, autoencoder_learning_rate, .. } = overrides;
        let h = &mut self.h;
        match h.architecture {
            HArchitecture::Mlp => {
                h.width = width.unwrap_or(h.width);
                if let Some(depth) = depth {
                    // BatchNorm stays where the preset has it: after all hidden layers, or after the first ones.
                    let after_all = h.hidden_layers > 0 && h.batch_norm_layers == h.hidden_layers;
                    h.batch_norm_layers = if after_all { depth } else { h.batch_norm_layers.min(depth) };
                    h.hidden_layers = depth;
                }
            }
            HArchitecture::Residual => {
                let ResidualSettings { width: of_preset, blocks } = h.residual();
                let (width, blocks) = (width.unwrap_or(of_preset), depth.unwrap_or(blocks));
                h.residual = Some(ResidualSettings { width, blocks });
            }
        }
        h.training.learning_rate = learning_rate.unwrap_or(h.training.learning_rate);
        match (&mut self.autoencoder, autoencoder_learning_rate) {
            (Some(autoencoder), Some(rate)) => autoencoder.training.learning_rate = rate,
            (None, Some(rate)) => {
                let (key, value) = ("--autoencoder-learning-rate".to_owned(), rate.to_string());
                let reason = format!("`{}` has no autoencoder; set the learning rate of h", self.experiment);
                return Err(Error::Setting { key, value, reason });
            }
            _ => {}
        }
        Ok(())
    }
}

/// Reads a preset that is resolved already.
fn read_resolved(table: toml::Table, overrides: &Overrides, fail: &dyn Fn(String) -> Error) -> Result<Config> {
    let config = read(table, fail)?;
    if overrides.protocol.is_some_and(|protocol| protocol != config.protocol) {
        return Err(fail(format!(
            "cannot change the protocol: the file is resolved for the {} protocol",
            config.protocol
        )));
    }
    if overrides.quick && !config.quick {
        return Err(fail("cannot use --quick: the file is resolved without the shortened settings".to_owned()));
    }
    Ok(config)
}

fn read(table: toml::Table, fail: &dyn Fn(String) -> Error) -> Result<Config> {
    table.try_into().map_err(|error: toml::de::Error| {
        let place = error.to_string().lines().filter_map(|line| line.strip_prefix("in ")).collect::<Vec<_>>().join(".");
        let place = if place.is_empty() { place } else { format!("{}: ", place.replace('`', "")) };
        fail(format!("{place}{}", with_suggestion(error.message())))
    })
}

/// `base`; if `apply` is set, with the entries of `over`, or `None` if there is no such table.
fn overlaid(base: &toml::Table, over: Option<&toml::Table>, apply: bool) -> Option<toml::Table> {
    let mut table = base.clone();
    if apply {
        merge(&mut table, over?.clone());
    }
    Some(table)
}

/// Replaces entries of `base` by those of `over`, table by table.
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
