//! A run, as it is compared with others.

use std::path::{Path, PathBuf};

use gtn_run::config::Data;
use gtn_run::{Artifact, Config, MetricsLog, Network, RunFolder, RunProgress, RunRecord};

use crate::{Error, Result};

/// A run with its records.
pub struct ComparedRun {
    folder: RunFolder,
    name: String,
    record: RunRecord,
    log: MetricsLog,
    data: String,
    targets: String,
    decoder: String,
}

impl ComparedRun {
    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Its name: that of its folder, with as many folders above it as distinguish it from the other runs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its configuration and provenance.
    #[must_use]
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.record.config
    }

    /// Its records.
    #[must_use]
    pub fn log(&self) -> &MetricsLog {
        &self.log
    }

    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> RunProgress {
        RunProgress::new(self.config(), &self.log)
    }

    /// What identifies its data and their split.
    pub(super) fn data(&self) -> &str {
        &self.data
    }

    /// What identifies the targets of ĥ: the data, their dimension and the autoencoder. Runs with the same targets are compared
    /// with the same latents.
    pub(super) fn targets(&self) -> &str {
        &self.targets
    }

    /// What identifies how the targets are decoded: the targets, and the decoder that was trained alone if one was.
    pub(super) fn decoder(&self) -> &str {
        &self.decoder
    }
}

/// Reads the runs in these folders.
pub(super) fn read(folders: &[RunFolder]) -> Result<Vec<ComparedRun>> {
    let records = folders.iter().map(|folder| Ok(folder.record()?)).collect::<Result<Vec<_>>>()?;
    let absolute = |folder: &RunFolder| folder.root().canonicalize().unwrap_or_else(|_| folder.root().to_path_buf());
    let paths: Vec<PathBuf> = folders.iter().map(absolute).collect();
    if let Some(index) = (1..paths.len()).find(|&index| paths[..index].contains(&paths[index])) {
        return Err(Error::RepeatedRun { run: folders[index].root().to_path_buf() });
    }
    let names = names(&paths);
    let runs = folders.iter().zip(records).zip(names).map(|((folder, record), name)| {
        let log = MetricsLog::open(&folder.metrics())?;
        let data = data(&record);
        let targets = format!("{data}; {}; {}", record.config.dim, autoencoder(folder, &record.config));
        let alone = record.config.decoder_training().map(|_| checksum(folder, Network::Decoder));
        let decoder = format!("{targets}; {}", alone.unwrap_or_default());
        Ok(ComparedRun { folder: folder.clone(), name, record, log, data, targets, decoder })
    });
    runs.collect()
}

/// What identifies the data: points are drawn from a distribution, and images have a checksum, a selection and a split.
fn data(RunRecord { config, provenance, .. }: &RunRecord) -> String {
    match &config.data {
        Data::Points(_) => format!("{:?}", config.data),
        Data::Images(_) | Data::Latents(_) => {
            format!("{:?}, {}", config.data, provenance.data_sha256.as_deref().unwrap_or("unknown"))
        }
    }
}

/// What identifies the autoencoder: its best weights. Without them it is like no other.
fn autoencoder(folder: &RunFolder, config: &Config) -> String {
    if config.autoencoder.is_none() {
        return String::new();
    }
    checksum(folder, Network::Autoencoder)
}

/// The checksum of the best weights of a network; without them, the folder.
fn checksum(folder: &RunFolder, network: Network) -> String {
    match Artifact::read(&folder.best_checkpoint(network)) {
        Ok(weights) => weights.checksum(),
        Err(_) => folder.root().display().to_string(),
    }
}

/// The shortest ends of these paths that differ from each other.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let end = |path: &Path, length: usize| {
        let parts: Vec<_> = path.iter().collect();
        parts[parts.len().saturating_sub(length)..].iter().collect::<PathBuf>().display().to_string()
    };
    let longest = paths.iter().map(|path| path.iter().count()).max().unwrap_or(1);
    let name = |path: &PathBuf| {
        let is_unique =
            |length: &usize| paths.iter().filter(|other| end(other, *length) == end(path, *length)).count() == 1;
        end(path, (1..=longest).find(is_unique).unwrap_or(longest))
    };
    paths.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_short_as_they_can_be() {
        let of = |paths: &[&str]| names(&paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(of(&["/runs/a", "/runs/b"]), ["a", "b"]);
        assert_eq!(of(&["/x/a", "/y/a", "/y/b"]), ["x/a", "y/a", "b"]);
        assert_eq!(of(&["/a", "/x/a"]), ["/a", "x/a"]);
    }
}
