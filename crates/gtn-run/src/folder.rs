//! The folder of a run: the paths of its files, and which process may write to it.

mod lock;
mod observer_files;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gtn_io::atomic;
use serde::{Deserialize, Serialize};

use crate::{Config, Error, FORMAT, Network, Result};

pub use lock::Lock;
pub use observer_files::{EpochFigure, event_file_timestamp};

/// `config.toml`: the configuration of a run, and what produced its results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// The format of the folder: [`FORMAT`].
    pub format: u32,
    /// What produced the results.
    #[serde(default)]
    pub provenance: Provenance,
    /// The resolved configuration.
    pub config: Config,
}

/// The program, the device and the data that produced a run, and how long its networks were trained.
/// TOML has no entry for a value that is not set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Version of the program.
    pub version: String,
    /// Revision of its source, if it was built from a git checkout.
    pub git_revision: Option<String>,
    /// The command that reproduces the run.
    pub command: Option<String>,
    /// The device of the networks, when the run was last worked on.
    pub device: Option<String>,
    /// Processor, threads and operating system, when the run was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// When the run was begun, as in `2026-11-30T09:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<String>,
    /// SHA-256 of the data.
    pub data_sha256: Option<String>,
    /// The file or folder of the user's own data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_path: Option<PathBuf>,
    /// What is to know about the files of the data: what is missing, unreadable or there twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_notes: Vec<String>,
    /// The file of their labels, if they have one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels_path: Option<PathBuf>,
    /// Epochs of the autoencoder's training, once it is over.
    pub autoencoder_epochs: Option<usize>,
    /// Epochs of the training of the decoder alone, once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder_epochs: Option<usize>,
    /// Epochs of the training of a flow's velocity network, once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_epochs: Option<usize>,
    /// Epochs of ĥ's training, once it is over.
    pub h_epochs: Option<usize>,
    /// Seconds for one sample by one pass of ĥ, in large batches and without a decoder, as it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub h_sample_seconds: Option<f64>,
    /// The same by the steps of the flow that the pairs come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_sample_seconds: Option<f64>,
    /// Epochs of the training of the variational autoencoder, once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vae_epochs: Option<usize>,
    /// The folder that the autoencoder was taken from, if another run trained it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoencoder_from: Option<String>,
    /// SHA-256 of the data that the autoencoder was trained on, if another run trained it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoencoder_data_sha256: Option<String>,
}

impl Provenance {
    /// Epochs of a network's training, once it is over.
    pub fn epochs_mut(&mut self, network: Network) -> &mut Option<usize> {
        match network {
            Network::Autoencoder => &mut self.autoencoder_epochs,
            Network::Decoder => &mut self.decoder_epochs,
            Network::Flow => &mut self.flow_epochs,
            Network::H => &mut self.h_epochs,
            Network::Vae => &mut self.vae_epochs,
        }
    }
}

impl RunRecord {
    /// A record in the current [`FORMAT`].
    #[must_use]
    pub fn new(config: Config, provenance: Provenance) -> Self {
        Self { format: FORMAT, provenance, config }
    }

    /// The first difference that makes `wanted` another run, or `None`. Only configuration and data count.
    fn difference(&self, wanted: &Self) -> Option<String> {
        let data = match (&self.provenance.data_sha256, &wanted.provenance.data_sha256) {
            (Some(existing), Some(wanted)) if existing != wanted => Some("it was trained on different data".to_owned()),
            _ => None,
        };
        self.config.difference(&wanted.config).or(data)
    }
}

const CONFIG: &str = "config.toml";

/// The paths of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    root: PathBuf,
}

/// Implements a method for each file with a fixed name.
macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident = $path:expr;)+) => {
        impl RunFolder {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(&self) -> PathBuf {
                    // One component after the other, for the separator of the system.
                    self.root.join($path.split('/').collect::<PathBuf>())
                }
            )+
        }
    };
}

paths! {
    /// `config.toml`.
    config = CONFIG;
    /// `metrics.jsonl`.
    metrics = "metrics.jsonl";
    /// The latents of the training and validation images.
    latents = "latents/latents.safetensors";
    /// The components of the source, and the coordinates of each.
    coordinates = "pairs/coordinates.safetensors";
    /// The pairs (y, x_y) of the training and validation data.
    pairs = "pairs/pairs.safetensors";
    /// The latents of the official test set, which is used for neither training nor selection.
    test_latents = "latents/test.safetensors";
    /// The pairs of the official test set.
    test_pairs = "pairs/test.safetensors";
    /// The samples, and what the report shows beside them.
    samples = "samples/samples.safetensors";
    /// The metrics of the samples.
    evaluation = "samples/evaluation.safetensors";
    /// The epochs of `metrics.jsonl` as a table.
    metrics_csv = "metrics.csv";
    /// `report.html`.
    report = "report.html";
}

impl RunFolder {
    /// The run at `root`, which need not exist.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The state of a network's training: weights, moments, position.
    #[must_use]
    pub fn last_checkpoint(&self, network: Network) -> PathBuf {
        self.root.join("checkpoints").join(format!("{network}.last.safetensors"))
    }

    /// The state before that one, in case it is damaged. It is removed when training is over.
    #[must_use]
    pub fn previous_checkpoint(&self, network: Network) -> PathBuf {
        self.root.join("checkpoints").join(format!("{network}.previous.safetensors"))
    }

    /// A network's best weights.
    #[must_use]
    pub fn best_checkpoint(&self, network: Network) -> PathBuf {
        self.root.join("checkpoints").join(format!("{network}.best.safetensors"))
    }

    /// What ĥ generated from fixed normal vectors after its epoch `epoch`.
    #[must_use]
    pub fn snapshot(&self, epoch: usize) -> PathBuf {
        self.root.join("snapshots").join(format!("{SNAPSHOT}{epoch:05}{SUFFIX}"))
    }

    /// The existing snapshots with their epochs, in ascending order.
    #[must_use]
    pub fn snapshots(&self) -> Vec<(usize, PathBuf)> {
        let entries = fs::read_dir(self.root.join("snapshots")).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries.filter_map(|entry| Some((epoch_of(&entry.path())?, entry.path()))).collect();
        found.sort();
        found
    }

    /// Mean and covariance of the Inception features of a set of images, while they are computed.
    #[must_use]
    pub fn feature_moments(&self, set: &str) -> PathBuf {
        self.root.join("samples").join(format!("{MOMENTS}{set}{SUFFIX}"))
    }

    /// The existing files of that kind.
    #[must_use]
    pub fn all_feature_moments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.root.join("samples")).into_iter().flatten().flatten();
        let is_of_moments = |name: &str| name.starts_with(MOMENTS) && name.ends_with(SUFFIX);
        entries
            .filter(|entry| entry.file_name().to_str().is_some_and(is_of_moments))
            .map(|entry| entry.path())
            .collect()
    }

    /// The reference run: the same experiment in one dimension, for comparison.
    #[must_use]
    pub fn reference_run(&self) -> Self {
        Self::at(self.root.join("reference"))
    }

    /// A figure by its file name.
    #[must_use]
    pub fn figure(&self, name: &str) -> PathBuf {
        self.root.join("figures").join(name)
    }

    /// Reads `config.toml`.
    ///
    /// # Errors
    ///
    /// [`Error::NotARun`] if it does not exist, [`Error::OtherFormat`] if another version of the program wrote it,
    /// [`Error::Config`] if it is invalid.
    pub fn record(&self) -> Result<RunRecord> {
        let path = self.config();
        let fail = |reason: String| Error::Config { what: path.display().to_string(), reason };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Err(Error::NotARun { path: self.root.clone(), missing: CONFIG });
            }
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(fail("it is not a text file".to_owned()));
            }
            Err(error) => return Err(gtn_io::Error::io("read", &path)(error).into()),
        };
        let invalid = |error: toml::de::Error| {
            let advice = "pass --force to `gtn reproduce` to overwrite the run";
            fail(format!("{}; {advice}", crate::config::on_one_line(&error, &text)))
        };
        let table: toml::Table = text.parse().map_err(invalid)?;
        let format = table.get("format").and_then(toml::Value::as_integer);
        // The first format was not numbered.
        let found = format.map_or(1, |format| u32::try_from(format).unwrap_or(u32::MAX));
        if found != FORMAT && (table.contains_key("provenance") || table.contains_key("config")) {
            return Err(Error::OtherFormat { path: self.root.clone(), found });
        }
        let record: RunRecord = toml::from_str(&text).map_err(invalid)?;
        record.config.check()?;
        Ok(record)
    }

    /// Writes `config.toml`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be written.
    pub fn write_record(&self, record: &RunRecord) -> Result<()> {
        let text = toml::to_string(record)
            .map_err(|error| Error::Config { what: self.config().display().to_string(), reason: error.to_string() })?;
        Ok(atomic::write_bytes(&self.config(), text.as_bytes())?)
    }

    /// The process that works on the run, if there is one.
    #[must_use]
    pub fn lock_holder(&self) -> Option<String> {
        Lock::holder(&self.root)
    }

    /// Opens the run for writing: creates the folder of a new run, or continues an existing run with the same configuration
    /// and data. With `force`, the results of a different run are removed first.
    ///
    /// # Errors
    ///
    /// [`Error::FolderNotEmpty`] for a folder with other content; without `force`, [`Error::OtherRun`] for a run with another
    /// configuration or other data and [`Error::OtherFormat`] for one of another version; [`Error::Locked`] if another process
    /// works on it. Then nothing is changed.
    pub fn open(&self, config: &Config, provenance: &Provenance, force: bool) -> Result<Lock> {
        let fail = |action| gtn_io::Error::io(action, &self.root);
        if self.root.is_dir() {
            self.refuse_other_folder()?;
        } else {
            fs::create_dir_all(&self.root).map_err(fail("create"))?;
        }
        let lock = Lock::acquire(&self.root)?;
        let wanted = RunRecord::new(config.clone(), provenance.clone());
        if self.config().is_file() {
            let difference = match self.record() {
                Ok(record) => record.difference(&wanted),
                Err(error) if force => Some(error.to_string()),
                Err(error) => return Err(error),
            };
            match difference {
                None => {}
                Some(_) if force => {
                    self.remove_results()?;
                    self.write_record(&wanted)?;
                }
                Some(difference) => return Err(Error::OtherRun { path: self.root.clone(), difference }),
            }
        } else {
            // This file comes first, so that the folder is a run even if the process ends.
            self.write_record(&wanted)?;
        }
        for folder in FOLDERS {
            fs::create_dir_all(self.root.join(folder)).map_err(fail("create a folder in"))?;
        }
        self.remove_leftovers();
        Ok(lock)
    }

    /// Locks an existing run, to change its record.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if another process works on it, [`Error::Io`] if its lock file cannot be written.
    pub fn lock(&self) -> Result<Lock> {
        Lock::acquire(&self.root)
    }

    /// Refuses a folder that is neither empty nor a run.
    fn refuse_other_folder(&self) -> Result<()> {
        let not_a_run = || Error::FolderNotEmpty { path: self.root.clone() };
        match fs::read(self.config()) {
            Ok(bytes) => {
                // The file of a run has these tables, even if it is invalid otherwise.
                let text = String::from_utf8_lossy(&bytes);
                let has = |wanted: &str| text.lines().any(|line| line.trim() == wanted);
                if has("[provenance]") && has("[config]") { Ok(()) } else { Err(not_a_run()) }
            }
            Err(_) => {
                let entries = fs::read_dir(&self.root).map_err(gtn_io::Error::io("read", &self.root))?;
                let other = entries.flatten().any(|entry| !may_be_in_new_folder(&entry.file_name().to_string_lossy()));
                if other { Err(not_a_run()) } else { Ok(()) }
            }
        }
    }

    /// Removes what the stages of a run wrote, and nothing else.
    fn remove_results(&self) -> Result<()> {
        let mut files = vec![self.latents(), self.test_latents(), self.coordinates(), self.pairs(), self.test_pairs()];
        files.extend([self.samples(), self.evaluation()]);
        files.extend([self.report(), self.metrics(), self.metrics_csv()]);
        files.extend(self.snapshots().into_iter().map(|(_, path)| path));
        files.extend(self.all_feature_moments());
        files.extend(self.event_files());
        files.extend(self.epoch_figures().into_iter().map(|figure| figure.path));
        for entry in fs::read_dir(self.root.join("checkpoints")).into_iter().flatten().flatten() {
            let networks = Network::ALL.iter();
            let mut checkpoints = networks.flat_map(|network| STATES.map(|state| format!("{network}.{state}{SUFFIX}")));
            if checkpoints.any(|checkpoint| *checkpoint == *entry.file_name()) {
                files.push(entry.path());
            }
        }
        for path in files {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(gtn_io::Error::io("remove", &path)(error).into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes temporary files of a killed process.
    fn remove_leftovers(&self) {
        let folders = FOLDERS.map(|folder| self.root.join(folder));
        for folder in folders.iter().chain([&self.root, &self.epoch_figures_folder()]) {
            // Of any age, since this process has the lock of the run.
            atomic::remove_stale_files(folder, Duration::ZERO);
        }
    }
}

const FOLDERS: [&str; 6] = ["checkpoints", "latents", "pairs", "snapshots", "samples", "figures"];

const SUFFIX: &str = ".safetensors";
/// The kinds of checkpoints that a network has.
const STATES: [&str; 3] = ["last", "previous", "best"];
const SNAPSHOT: &str = "h.epoch-";
const MOMENTS: &str = "inception-";

fn epoch_of(path: &Path) -> Option<usize> {
    path.file_name()?.to_str()?.strip_prefix(SNAPSHOT)?.strip_suffix(SUFFIX)?.parse().ok()
}

/// Whether a file of this name may be in a folder that is not a run yet.
fn may_be_in_new_folder(name: &str) -> bool {
    name == lock::FILE || atomic::is_temporary(name)
}
