//! Grids of images as PNG files, one for each epoch that improved the validation loss.

use std::fs;

use gtn_io::atomic;
use gtn_run::{EpochImages, Observer, RunFolder};

use crate::{Result, grid};

/// Writes a grid of images into the folder `figures/epochs/` of a run after each epoch that improved the validation loss:
/// reconstructed validation images to `autoencoder-EPOCH.png`, and images generated from fixed normal vectors to
/// `h-EPOCH.png`.
///
/// If a file cannot be written, one warning is logged, and the run continues without figures of epochs.
#[derive(Debug, Default)]
pub struct EpochFigures {
    run: Option<RunFolder>,
    failed: bool,
}

impl EpochFigures {
    /// An observer that writes figures into the folder of each run that is opened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Observer for EpochFigures {
    fn run_opened(&mut self, run: &RunFolder) {
        *self = Self { run: Some(run.clone()), failed: false };
    }

    fn wants_images(&self) -> bool {
        !self.failed
    }

    fn epoch_images(&mut self, images: &EpochImages<'_>) {
        let Some(run) = self.run.as_ref().filter(|_| !self.failed) else { return };
        if let Err(error) = write(run, images) {
            tracing::warn!("no more figures of epochs are written: {error}");
            self.failed = true;
        }
    }
}

fn write(run: &RunFolder, images: &EpochImages<'_>) -> Result<()> {
    let Some(network) = images.stage.network() else { return Ok(()) };
    let png = grid::square(images.images)?.to_png()?;
    let path = run.epoch_figure(network, images.epoch);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(gtn_io::Error::io("create", folder))?;
    }
    Ok(atomic::write_bytes(&path, &png)?)
}
