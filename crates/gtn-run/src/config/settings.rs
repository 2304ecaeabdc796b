//! The settings of a configuration as a list.

use super::Config;

impl Config {
    /// All settings with their keys, as in `h.training.epochs`, and their values. Settings that are not set are absent.
    #[must_use]
    pub fn settings(&self) -> Vec<(String, String)> {
        let mut settings = Vec::new();
        collect("", &toml::Value::Table(toml::Table::try_from(self).unwrap_or_default()), &mut settings);
        settings
    }
}

fn collect(path: &str, value: &toml::Value, settings: &mut Vec<(String, String)>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                collect(&path, value, settings);
            }
        }
        toml::Value::String(text) => settings.push((path.to_owned(), text.clone())),
        value => settings.push((path.to_owned(), value.to_string())),
    }
}
