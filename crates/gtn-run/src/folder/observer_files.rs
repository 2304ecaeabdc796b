//! Files that observers write into the folder of a run: events of TensorBoard, and figures of epochs that improved.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::RunFolder;
use crate::{Network, Result};

/// A figure of what a network produces after an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochFigure {
    /// The network.
    pub network: Network,
    /// The epoch, counted from 1; 0 for a figure from within a first epoch that took long.
    pub epoch: usize,
    /// The file.
    pub path: PathBuf,
}

/// TensorBoard reads every file whose name contains this, in the order of the names.
const EVENTS: &str = "events.out.tfevents.";
const EVENTS_SUFFIX: &str = ".gtn";
const FIGURE_SUFFIX: &str = ".png";

impl RunFolder {
    /// The folder of TensorBoard's event files.
    #[must_use]
    pub fn tensorboard(&self) -> PathBuf {
        self.root.join("tensorboard")
    }

    /// The event file that was started at a time in seconds since 1970. Each process that works on the run starts one.
    #[must_use]
    pub fn event_file(&self, unix_seconds: u64) -> PathBuf {
        self.tensorboard().join(format!("{EVENTS}{unix_seconds:010}{EVENTS_SUFFIX}"))
    }

    /// The existing event files, in ascending order.
    #[must_use]
    pub fn event_files(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            entries(&self.tensorboard()).filter(|path| event_file_timestamp(path).is_some()).collect();
        found.sort();
        found
    }

    /// A grid of what a network produces after its epoch `epoch`.
    #[must_use]
    pub fn epoch_figure(&self, network: Network, epoch: usize) -> PathBuf {
        self.epoch_figures_folder().join(format!("{network}-{epoch:05}{FIGURE_SUFFIX}"))
    }

    /// The existing epoch figures, by network and epoch.
    #[must_use]
    pub fn epoch_figures(&self) -> Vec<EpochFigure> {
        let mut found: Vec<EpochFigure> = entries(&self.epoch_figures_folder()).filter_map(epoch_figure).collect();
        found.sort_by_key(|figure| (figure.network, figure.epoch));
        found
    }

    pub(super) fn epoch_figures_folder(&self) -> PathBuf {
        self.root.join("figures").join("epochs")
    }

    /// Removes the figures of a network after its first `epochs` epochs, which training is about to repeat.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) if one cannot be removed.
    pub fn rewind_epoch_figures(&self, network: Network, epochs: usize) -> Result<()> {
        let later = |figure: &EpochFigure| figure.network == network && figure.epoch > epochs;
        for EpochFigure { path, .. } in self.epoch_figures().into_iter().filter(later) {
            fs::remove_file(&path).map_err(gtn_io::Error::io("remove", &path))?;
        }
        Ok(())
    }
}

/// The time in the name of an event file of this program, in seconds since 1970; `None` for any other file.
#[must_use]
pub fn event_file_timestamp(path: &Path) -> Option<u64> {
    digits(path.file_name()?.to_str()?.strip_prefix(EVENTS)?.strip_suffix(EVENTS_SUFFIX)?)
}

fn epoch_figure(path: PathBuf) -> Option<EpochFigure> {
    let name = path.file_name().and_then(OsStr::to_str)?.strip_suffix(FIGURE_SUFFIX)?;
    let (network, epoch) = name.rsplit_once('-')?;
    Some(EpochFigure { network: network.parse().ok()?, epoch: digits(epoch)?, path })
}

/// Parses digits only; `parse` would accept a sign as well.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_with(files: &[&str]) -> (tempfile::TempDir, RunFolder) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let run = RunFolder::at(folder.path());
        (folder, run)
    }

    #[test]
    fn only_files_of_this_program_are_found_in_ascending_order() {
        let (_folder, run) = run_with(&[
            "tensorboard/events.out.tfevents.1700000010.gtn",
            "tensorboard/events.out.tfevents.1700000002.gtn",
            "tensorboard/events.out.tfevents.1700000002.host.17.0",
            "tensorboard/events.out.tfevents.+1.gtn",
            "tensorboard/events.out.tfevents..gtn",
            "figures/epochs/h-00012.png",
            "figures/epochs/h-00002.png",
            "figures/epochs/autoencoder-00007.png",
            "figures/epochs/h-+0003.png",
            "figures/epochs/h-00003.txt",
            "figures/epochs/mine-00003.png",
            "figures/epochs/h-.png",
        ]);
        assert_eq!(run.event_files(), [run.event_file(1_700_000_002), run.event_file(1_700_000_010)]);
        let seconds: Vec<_> = run.event_files().iter().map(|path| event_file_timestamp(path)).collect();
        assert_eq!(seconds, [Some(1_700_000_002), Some(1_700_000_010)]);
        let figure = |network, epoch| EpochFigure { network, epoch, path: run.epoch_figure(network, epoch) };
        assert_eq!(
            run.epoch_figures(),
            [figure(Network::Autoencoder, 7), figure(Network::H, 2), figure(Network::H, 12)]
        );
    }

    #[test]
    fn rewinding_removes_later_figures_of_one_network() {
        let files = ["h-00002", "h-00003", "h-00012", "autoencoder-00007"];
        let files = files.map(|name| format!("figures/epochs/{name}.png"));
        let (_folder, run) = run_with(&files.each_ref().map(String::as_str));
        run.rewind_epoch_figures(Network::H, 2).unwrap();
        let left: Vec<_> = run.epoch_figures().iter().map(|figure| (figure.network, figure.epoch)).collect();
        assert_eq!(left, [(Network::Autoencoder, 7), (Network::H, 2)]);
    }
}
