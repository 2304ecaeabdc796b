use std::path::PathBuf;

use gtn_models::DeviceName;
use gtn_run::{Config, Provenance};

use crate::InceptionFiles;

/// A run to execute.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The experiment, resolved.
    pub config: Config,
    /// The folder of the data sets; for a configuration of the user's own data, their folder or file itself.
    pub data_dir: PathBuf,
    /// The file of the labels of own latents, if there is one.
    pub labels: Option<PathBuf>,
    /// The folder of decoded images, which are computed once for all runs.
    pub cache_dir: PathBuf,
    /// The version of the program and the command, which the run records.
    pub provenance: Provenance,
    /// Whether to overwrite a different run in the same folder.
    pub force: bool,
    /// The folder of a run, or of its weights, whose trained autoencoder this run takes instead of training its own. To resume such
    /// a run, it is not needed once the autoencoder is in the folder.
    pub autoencoder: Option<PathBuf>,
    /// The weights of Inception networks, for a configuration that names them.
    pub inception: InceptionFiles,
    /// The device of the networks.
    pub device: DeviceName,
}
