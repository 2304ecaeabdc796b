//! Grids of images as PNG files, one for each epoch that improved.

use std::fs;

use gtn_run::{Observer, Pictures, RunFolder, atomic};

use crate::{Result, grid};

/// Writes a grid of images to `figures/epochs/` of a run after each epoch that improved the validation loss: validation images
/// after the autoencoder to `autoencoder-EPOCH.png`, and what ĥ makes of the same normal vectors to `h-EPOCH.png`.
///
/// When a file cannot be written, a warning is given once, and the run goes on without.
#[derive(Debug, Default)]
pub struct EpochFigures {
    run: Option<RunFolder>,
    given_up: bool,
}

impl EpochFigures {
    /// Figures of the runs that will be opened, each in its own folder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Observer for EpochFigures {
    fn run_opened(&mut self, run: &RunFolder) {
        *self = Self { run: Some(run.clone()), given_up: false };
    }

    fn wants_pictures(&self) -> bool {
        !self.given_up
    }

    fn pictures(&mut self, pictures: &Pictures<'_>) {
        let Some(run) = self.run.as_ref().filter(|_| !self.given_up) else { return };
        if let Err(error) = write(run, pictures) {
            tracing::warn!("no more figures of epochs are written: {error}");
            self.given_up = true;
        }
    }
}

fn write(run: &RunFolder, pictures: &Pictures<'_>) -> Result<()> {
    let Some(network) = pictures.stage.network() else { return Ok(()) };
    let png = grid::square(pictures.images)?.to_png()?;
    let path = run.epoch_figure(network, pictures.epoch);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(gtn_run::Error::io("create", folder))?;
    }
    Ok(atomic::write_bytes(&path, &png)?)
}
