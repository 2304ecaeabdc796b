//! `gtn config show`: the settings of an experiment.

use gtn_train::presets;

use crate::args::Choices;
use crate::console;
use crate::failure::Failure;

pub(crate) fn show(choices: &Choices) -> Result<(), Failure> {
    let config = presets::resolve(&choices.common.experiment, &choices.overrides())?;
    console::print(config.to_toml()?.trim_end());
    Ok(())
}
