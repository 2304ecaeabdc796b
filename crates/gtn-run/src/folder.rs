//! The folder of a run: what lies where, and who may write to it.

mod followed;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Config, Error, Result, Stage, atomic};

pub use followed::{EpochFigure, second_of_event_file};

/// `config.toml`: the configuration of a run and what it was made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// Where the results come from.
    #[serde(default)]
    pub provenance: Provenance,
    /// The resolved configuration.
    pub config: Config,
}

/// What a run was made with, as far as it has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Version of the program.
    pub version: String,
    /// Revision of its source, if it was built from a git checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_revision: Option<String>,
    /// The command that made the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What the networks were trained and run on, when the run was last at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// SHA-256 of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Epochs the autoencoder was trained for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoencoder_epochs: Option<usize>,
    /// Epochs ĥ was trained for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub h_epochs: Option<usize>,
}

impl RunRecord {
    /// The first thing that keeps the two from being one run, or `None`. Only configuration and data count.
    fn difference(&self, wanted: &Self) -> Option<String> {
        let data = match (&self.provenance.data, &wanted.provenance.data) {
            (Some(there), Some(here)) if there != here => Some("it was made from other data".to_owned()),
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

impl RunFolder {
    /// The run at `root`, whether or not it is there.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `config.toml`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join(CONFIG)
    }

    /// `metrics.jsonl`.
    #[must_use]
    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics.jsonl")
    }

    /// The state of a network's training: weights, moments, position.
    #[must_use]
    pub fn last_checkpoint(&self, network: &str) -> PathBuf {
        self.root.join("checkpoints").join(format!("{network}.last.safetensors"))
    }

    /// The state before that one, in case it is damaged; gone when training is over.
    #[must_use]
    pub fn previous_checkpoint(&self, network: &str) -> PathBuf {
        self.root.join("checkpoints").join(format!("{network}.previous.safetensors"))
    }

    /// A network's best weights.
    #[must_use]
    pub fn best_checkpoint(&self, network: &str) -> PathBuf {
        self.root.join("checkpoints").join(format!("{network}.best.safetensors"))
    }

    /// The latents of the training and validation images.
    #[must_use]
    pub fn latents(&self) -> PathBuf {
        self.root.join("latents").join("latents.safetensors")
    }

    /// The pairs of Algorithm 1.
    #[must_use]
    pub fn pairs(&self) -> PathBuf {
        self.root.join("pairs").join("pairs.safetensors")
    }

    /// The latents of the images of the data set's official test set, of which no training knows.
    #[must_use]
    pub fn test_latents(&self) -> PathBuf {
        self.root.join("latents").join("test.safetensors")
    }

    /// The pairs of those.
    #[must_use]
    pub fn test_pairs(&self) -> PathBuf {
        self.root.join("pairs").join("test.safetensors")
    }

    /// What ĥ made of the same normal vectors after its epoch `epoch`.
    #[must_use]
    pub fn snapshot(&self, epoch: usize) -> PathBuf {
        self.root.join("snapshots").join(format!("{SNAPSHOT}{epoch:05}{ENDING}"))
    }

    /// The snapshots that are there, with their epochs, in the order of these.
    #[must_use]
    pub fn snapshots(&self) -> Vec<(usize, PathBuf)> {
        let entries = fs::read_dir(self.root.join("snapshots")).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries.filter_map(|entry| Some((epoch_of(&entry.path())?, entry.path()))).collect();
        found.sort();
        found
    }

    /// The run of the same experiment in one dimension that this one is compared with.
    #[must_use]
    pub fn companion(&self) -> Self {
        Self::at(self.root.join("companion"))
    }

    /// The samples that the report shows.
    #[must_use]
    pub fn samples(&self) -> PathBuf {
        self.root.join("samples").join("samples.safetensors")
    }

    /// What was measured on the samples.
    #[must_use]
    pub fn evaluation(&self) -> PathBuf {
        self.root.join("samples").join("evaluation.safetensors")
    }

    /// The epochs of `metrics.jsonl` as a table.
    #[must_use]
    pub fn metrics_csv(&self) -> PathBuf {
        self.root.join("metrics.csv")
    }

    /// A figure by its file name.
    #[must_use]
    pub fn figure(&self, name: &str) -> PathBuf {
        self.root.join("figures").join(name)
    }

    /// `report.html`.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// Reads `config.toml`.
    ///
    /// # Errors
    ///
    /// [`Error::NoRun`] if it is not there, [`Error::Config`] if it cannot be understood.
    pub fn record(&self) -> Result<RunRecord> {
        let path = self.config();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Err(Error::NoRun { path: self.root.clone(), missing: CONFIG });
            }
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(Error::Config { what: path.display().to_string(), reason: "it is not text".to_owned() });
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let fail = |reason: String| Error::Config { what: path.display().to_string(), reason };
        let record: RunRecord = toml::from_str(&text).map_err(|error| {
            let advice = "give --force to `gtn reproduce` to start anew there";
            fail(format!("{}; {advice}", crate::config::in_one_line(&error, &text)))
        })?;
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
        atomic::write_bytes(&self.config(), text.as_bytes())
    }

    /// Which process is at work on the run, if one is.
    #[must_use]
    pub fn holder(&self) -> Option<String> {
        let path = self.root.join(LOCK);
        let file = OpenOptions::new().read(true).open(&path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder(file)),
            _ => None,
        }
    }

    /// Opens the run for writing: makes the folder for a new run, or takes up the run of the same configuration and data
    /// that is there. With `force` the results of a run of another configuration are removed first.
    ///
    /// # Errors
    ///
    /// [`Error::NotARun`] for a folder that holds something else, [`Error::OtherRun`] for a run of another configuration or
    /// other data (without `force`), [`Error::Locked`] if another process is at work on it. Then nothing is changed.
    pub fn open(&self, config: &Config, provenance: &Provenance, force: bool) -> Result<Lock> {
        let fail = |action| Error::io(action, &self.root);
        if self.root.is_dir() {
            self.refuse_foreign()?;
        } else {
            fs::create_dir_all(&self.root).map_err(fail("create"))?;
        }
        let lock = Lock::take(&self.root)?;
        let wanted = RunRecord { provenance: provenance.clone(), config: config.clone() };
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
            // First of all files: from here on the folder is a run, whatever happens.
            self.write_record(&wanted)?;
        }
        for folder in FOLDERS {
            fs::create_dir_all(self.root.join(folder)).map_err(fail("create a folder in"))?;
        }
        self.remove_leftovers();
        Ok(lock)
    }

    /// Refuses a folder with something in it that is no run.
    fn refuse_foreign(&self) -> Result<()> {
        let not_a_run = || Error::NotARun { path: self.root.clone() };
        match fs::read(self.config()) {
            Ok(bytes) => {
                // Whatever else is wrong with it: a run's file says where the run comes from, and its configuration.
                let text = String::from_utf8_lossy(&bytes);
                let has = |wanted: &str| text.lines().any(|line| line.trim() == wanted);
                if has("[provenance]") && has("[config]") { Ok(()) } else { Err(not_a_run()) }
            }
            Err(_) => {
                let entries = fs::read_dir(&self.root).map_err(Error::io("read", &self.root))?;
                let foreign = entries.flatten().any(|entry| !is_ours(&entry.file_name().to_string_lossy()));
                if foreign { Err(not_a_run()) } else { Ok(()) }
            }
        }
    }

    /// Removes what the stages of a run wrote, and nothing else.
    fn remove_results(&self) -> Result<()> {
        let mut files = vec![self.latents(), self.test_latents(), self.pairs(), self.test_pairs()];
        files.extend([self.samples(), self.evaluation()]);
        files.extend([self.report(), self.metrics(), self.metrics_csv()]);
        files.extend(self.snapshots().into_iter().map(|(_, path)| path));
        files.extend(self.event_files());
        files.extend(self.epoch_figures().into_iter().map(|figure| figure.path));
        for entry in fs::read_dir(self.root.join("checkpoints")).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let ours = networks().flat_map(|network| STATES.map(|state| format!("{network}.{state}{ENDING}")));
            if ours.into_iter().any(|ours| *ours == *name) {
                files.push(entry.path());
            }
        }
        for path in files {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes what a killed process left of files it was writing. It harms nothing if it stays.
    fn remove_leftovers(&self) {
        let folders = FOLDERS.map(|folder| self.root.join(folder));
        for folder in folders.iter().chain([&self.root, &self.epoch_figures_folder()]) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if atomic::is_temporary(&entry.file_name().to_string_lossy()) {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }
}

const FOLDERS: [&str; 6] = ["checkpoints", "latents", "pairs", "snapshots", "samples", "figures"];

const ENDING: &str = ".safetensors";
/// The kinds of checkpoints that a network has.
const STATES: [&str; 3] = ["last", "previous", "best"];
const SNAPSHOT: &str = "h.epoch-";

/// The networks that have checkpoints.
fn networks() -> impl Iterator<Item = &'static str> {
    Stage::ALL.into_iter().filter_map(Stage::network)
}

fn epoch_of(path: &Path) -> Option<usize> {
    path.file_name()?.to_str()?.strip_prefix(SNAPSHOT)?.strip_suffix(ENDING)?.parse().ok()
}

const LOCK: &str = ".gtn-lock";

/// Whether a file of this name may lie in a folder that is not a run yet.
fn is_ours(name: &str) -> bool {
    name == LOCK || atomic::is_temporary(name)
}

/// Who says to hold the lock. The text only explains; the lock itself is what counts.
fn holder(mut file: File) -> String {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    match text.trim() {
        "" => "unknown".to_owned(),
        known => known.to_owned(),
    }
}

/// The right to write to a run; given back when it is dropped, or by the system when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    fn take(root: &Path) -> Result<Self> {
        let path = root.join(LOCK);
        let fail = || Error::io("lock", &path);
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(fail())?;
        // One that only looks who holds it lets go at once.
        let mut locked = file.try_lock();
        for _ in 0..5 {
            if !matches!(locked, Err(TryLockError::WouldBlock)) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
            locked = file.try_lock();
        }
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { path: root.to_path_buf(), holder: holder(file) });
            }
            Err(TryLockError::Error(error)) => return Err(fail()(error)),
        }
        file.set_len(0).map_err(fail())?;
        file.seek(SeekFrom::Start(0)).map_err(fail())?;
        let since = humantime::format_rfc3339_seconds(std::time::SystemTime::now());
        write!(file, "process {}, since {since}", std::process::id()).map_err(fail())?;
        Ok(Self { _file: file })
    }
}
