//! Options whose values have names.

use std::error::Error;
use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Parses values by their names, which `--help` lists with these descriptions.
pub(super) fn by_name<T>(
    names: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: Into<Box<dyn Error + Send + Sync>>> + Clone + Send + Sync + 'static,
{
    let value = |(name, help)| PossibleValue::new(name).help(help);
    PossibleValuesParser::new(names.into_iter().map(value)).try_map(|name| name.parse::<T>())
}
