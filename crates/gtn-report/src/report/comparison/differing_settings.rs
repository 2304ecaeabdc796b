//! The settings in which runs differ.

use std::collections::BTreeSet;

use super::compared_run::ComparedRun;

/// A setting, and its value in each run.
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) values: Vec<Option<String>>,
}

/// Maximum length of a value. Checksums are longer, and their start distinguishes them.
const MAX_LENGTH: usize = 32;

/// The settings in which the runs differ, by their keys in `config.toml`, and differences of the programs that ran.
pub(super) fn differing(runs: &[ComparedRun]) -> Vec<Setting> {
    let of_runs: Vec<Vec<(String, String)>> = runs.iter().map(of_run).collect();
    // In the order of the first run that has them.
    let mut seen = BTreeSet::new();
    let keys = of_runs.iter().flatten().map(|(key, _)| key).filter(|key| seen.insert((*key).clone()));
    let setting = |key: &String| {
        let value = |settings: &Vec<(String, String)>| settings.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
        Setting { key: key.clone(), values: of_runs.iter().map(value).collect() }
    };
    let settings = keys.map(setting).filter(|setting| setting.values.iter().any(|value| *value != setting.values[0]));
    settings.map(shortened).collect()
}

fn of_run(run: &ComparedRun) -> Vec<(String, String)> {
    let provenance = &run.record().provenance;
    let mut settings = run.config().settings();
    let program = [
        ("version", Some(&provenance.version)),
        ("git revision", provenance.git_revision.as_ref()),
        ("device", provenance.device.as_ref()),
        ("data", provenance.data_sha256.as_ref().filter(|_| run.config().data.are_images())),
    ];
    settings.extend(program.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.clone()))));
    settings
}

fn shortened(setting: Setting) -> Setting {
    let shorten = |value: String| match value.char_indices().nth(MAX_LENGTH) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value,
    };
    Setting { values: setting.values.into_iter().map(|value| value.map(shorten)).collect(), ..setting }
}
