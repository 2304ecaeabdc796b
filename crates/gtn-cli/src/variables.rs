//! Environment variables that stand for options.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, CommandFactory, FromArgMatches};

use gtn_label::Instructions;

use crate::args::Arguments;
use crate::failure::Failure;

/// The arguments of this process. An empty variable counts as one that is not set.
pub(crate) fn parse() -> clap::error::Result<Arguments> {
    let command = || without_empty_variables(Arguments::command());
    let matches = command().try_get_matches_from(crate::invocation::arguments());
    matches
        .and_then(|mut matches| Arguments::from_arg_matches_mut(&mut matches))
        .map_err(|error| of_variable(error, &mut command()))
}

/// The value of a variable, unless it is empty or no text.
pub(crate) fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.trim().is_empty())
}

/// Uses no more than the vector instructions that `GTN_CPU` names, if it is set.
///
/// # Errors
///
/// A message if it names others.
pub(crate) fn limit_instructions() -> Result<(), Failure> {
    let Some(name) = text("GTN_CPU") else { return Ok(()) };
    let instructions: Instructions =
        name.trim().parse().map_err(|error| Failure::users(format!("GTN_CPU: {error}")))?;
    instructions.limit();
    Ok(())
}

fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let without = |arg: Arg| if arg.get_env().is_some_and(is_empty) { arg.env(Resettable::Reset) } else { arg };
    command.mut_args(without).mut_subcommands(without_empty_variables)
}

/// An error about the value of an option that only a variable gives names the variable.
fn of_variable(error: clap::Error, command: &mut clap::Command) -> clap::Error {
    let (Some(ContextValue::String(option)), Some(ContextValue::String(value))) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
    else {
        return error;
    };
    // Options have their full names only then.
    command.build();
    let Some(name) = variable_of(command, option) else { return error };
    let name = name.to_string_lossy().into_owned();
    let flag = option.split([' ', '=']).next().unwrap_or(option).to_owned();
    let is_given =
        crate::invocation::arguments().iter().any(|arg| arg.to_string_lossy().split('=').next() == Some(flag.as_str()));
    if is_given || std::env::var(&name).ok().as_ref() != Some(value) {
        return error;
    }
    let reason = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
    let message =
        format!("the variable {name} has a value that {flag} does not take, `{value}`{reason}; change or unset it");
    command.error(error.kind(), message)
}

/// The variable of an option, as `--device <DEVICE>`.
fn variable_of(command: &clap::Command, option: &str) -> Option<OsString> {
    let own = command.get_arguments().find(|arg| arg.to_string() == option).and_then(Arg::get_env);
    own.map(OsStr::to_os_string).or_else(|| command.get_subcommands().find_map(|command| variable_of(command, option)))
}
