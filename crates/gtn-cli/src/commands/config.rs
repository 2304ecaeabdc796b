//! `gtn config show`: the settings of an experiment.

use gtn_run::config::Overrides;
use gtn_train::presets;

use crate::args::Choices;
use crate::console;
use crate::failure::Failure;

impl Choices {
    /// The overrides of the preset.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            protocol: self.protocol,
            quick: self.quick,
            dim: self.dim,
            seed: self.seed,
            limit: self.limit,
            epochs: self.epochs.unwrap_or_default(),
            time_budget: self.time_budget,
        }
    }
}

pub(crate) fn show(choices: &Choices) -> Result<(), Failure> {
    let config = presets::resolve(&choices.experiment, &choices.overrides())?;
    console::print(config.to_toml()?.trim_end());
    Ok(())
}
