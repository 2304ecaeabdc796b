//! What those who follow a run leave in its folder: TensorBoard's events, and a figure of each epoch that improved.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::{RunFolder, networks};
use crate::{Error, Result};

/// A figure of what a network makes after an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochFigure {
    /// The network, by the name of its checkpoints.
    pub network: &'static str,
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The file.
    pub path: PathBuf,
}

/// TensorBoard takes every file whose name holds this for one of events, and reads them in the order of their names.
const EVENTS: &str = "events.out.tfevents.";
const EVENTS_ENDING: &str = ".gtn";
const FIGURE_ENDING: &str = ".png";

impl RunFolder {
    /// The folder of TensorBoard's event files.
    #[must_use]
    pub fn tensorboard(&self) -> PathBuf {
        self.root.join("tensorboard")
    }

    /// The event file that was begun in a second since 1970; each process that works on the run begins one.
    #[must_use]
    pub fn event_file(&self, second: u64) -> PathBuf {
        self.tensorboard().join(format!("{EVENTS}{second:010}{EVENTS_ENDING}"))
    }

    /// The event files that are there, in their order.
    #[must_use]
    pub fn event_files(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            entries(&self.tensorboard()).filter(|path| second_of_event_file(path).is_some()).collect();
        found.sort();
        found
    }

    /// A grid of what a network makes after its epoch `epoch`.
    #[must_use]
    pub fn epoch_figure(&self, network: &str, epoch: usize) -> PathBuf {
        self.epoch_figures_folder().join(format!("{network}-{epoch:05}{FIGURE_ENDING}"))
    }

    /// Those of them that are there, by network and epoch.
    #[must_use]
    pub fn epoch_figures(&self) -> Vec<EpochFigure> {
        let mut found: Vec<EpochFigure> = entries(&self.epoch_figures_folder()).filter_map(epoch_figure).collect();
        found.sort_by_key(|figure| (figure.network, figure.epoch));
        found
    }

    pub(super) fn epoch_figures_folder(&self) -> PathBuf {
        self.root.join("figures").join("epochs")
    }

    /// Removes the figures of a network's epochs after the first `epochs`, which training is about to do again.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if one cannot be removed.
    pub fn rewind_epoch_figures(&self, network: &str, epochs: usize) -> Result<()> {
        let later = |figure: &EpochFigure| figure.network == network && figure.epoch > epochs;
        for EpochFigure { path, .. } in self.epoch_figures().into_iter().filter(later) {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
        Ok(())
    }
}

/// The second in the name of an event file of ours, or `None` for any other file.
#[must_use]
pub fn second_of_event_file(path: &Path) -> Option<u64> {
    digits(path.file_name()?.to_str()?.strip_prefix(EVENTS)?.strip_suffix(EVENTS_ENDING)?)
}

fn epoch_figure(path: PathBuf) -> Option<EpochFigure> {
    let name = path.file_name().and_then(OsStr::to_str)?.strip_suffix(FIGURE_ENDING)?;
    let (network, epoch) = name.rsplit_once('-')?;
    let (network, epoch) = (networks().find(|known| *known == network)?, digits(epoch)?);
    Some(EpochFigure { network, epoch, path })
}

/// A number of digits alone; parsing would also take a sign.
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
    fn only_our_own_files_are_found_in_their_order() {
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
        let seconds: Vec<_> = run.event_files().iter().map(|path| second_of_event_file(path)).collect();
        assert_eq!(seconds, [Some(1_700_000_002), Some(1_700_000_010)]);
        let figure = |network, epoch| EpochFigure { network, epoch, path: run.epoch_figure(network, epoch) };
        assert_eq!(run.epoch_figures(), [figure("autoencoder", 7), figure("h", 2), figure("h", 12)]);
    }

    #[test]
    fn rewinding_takes_the_later_figures_of_one_network() {
        let files = ["h-00002", "h-00003", "h-00012", "autoencoder-00007"];
        let files = files.map(|name| format!("figures/epochs/{name}.png"));
        let (_folder, run) = run_with(&files.each_ref().map(String::as_str));
        run.rewind_epoch_figures("h", 2).unwrap();
        let left: Vec<_> = run.epoch_figures().iter().map(|figure| (figure.network, figure.epoch)).collect();
        assert_eq!(left, [("autoencoder", 7), ("h", 2)]);
    }
}
