//! `gtn fit` in the process of Python.

use std::cell::Cell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gtn_cli::FitError;
use gtn_run::{EpochRecord, Observer, Stage, StageProgress};
use image::{ColorType, ExtendedColorType};
use numpy::{PyReadonlyArray4, PyUntypedArrayMethods};
use pyo3::exceptions::{PyFileNotFoundError, PyKeyboardInterrupt, PyOSError, PyValueError};
use pyo3::prelude::*;

use crate::threads::detached;

/// How often Python is asked whether a signal has arrived, and told the progress.
const INTERVAL: Duration = Duration::from_millis(100);

/// The first exception of a callback, which ends the run.
type Raised = Arc<Mutex<Option<PyErr>>>;

/// Runs `gtn fit` with these arguments and returns the folder of the run. `lines` is called with each line that the program prints, and
/// `progress` with (stage, done, total, epoch, epochs, loss, validation loss).
#[pyfunction]
#[pyo3(signature = (arguments, lines, progress))]
pub(crate) fn fit(
    py: Python<'_>,
    arguments: Vec<OsString>,
    lines: Option<Py<PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<PathBuf> {
    let raised = Raised::default();
    let mut observer = Callback {
        progress,
        raised: Arc::clone(&raised),
        validation: None,
        told: Instant::now(),
        asked: Cell::new(Instant::now()),
    };
    let of_lines = Arc::clone(&raised);
    let print = move |line: &str| {
        if let Some(lines) = &lines {
            keep(&of_lines, Python::attach(|py| lines.call1(py, (line,)).map(drop)));
        }
    };
    let fitted = detached(py, || gtn_cli::fit(arguments, &mut observer, print))?;
    let raised = raised.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (fitted, raised) {
        (Ok(_) | Err(FitError::Stopped(_)), Some(exception)) => Err(exception),
        (Ok(root), None) => Ok(root),
        (Err(FitError::Stopped(sentence)), None) => Err(PyKeyboardInterrupt::new_err(sentence)),
        (Err(FitError::NotFound(sentence)), _) => Err(PyFileNotFoundError::new_err(sentence)),
        (Err(FitError::Users(sentence)), _) => Err(PyValueError::new_err(sentence)),
        (Err(FitError::Machine(sentence)), _) => Err(PyOSError::new_err(sentence)),
    }
}

/// Writes images, shape (n, H, W, C) with 1 or 3 channels, as PNG files that are named by their numbers.
#[pyfunction]
pub(crate) fn write_images(py: Python<'_>, images: PyReadonlyArray4<'_, u8>, folder: PathBuf) -> PyResult<()> {
    let [count, height, width, channels] = images.shape().try_into().expect("the type has four axes");
    let color: ExtendedColorType = match channels {
        1 => ColorType::L8.into(),
        3 => ColorType::Rgb8.into(),
        channels => {
            return Err(PyValueError::new_err(format!("images have {channels} channels; there must be 1 or 3")));
        }
    };
    let images = images.as_array();
    let side = |side: usize| u32::try_from(side).map_err(|_| PyValueError::new_err("images are too large"));
    let (width, height) = (side(width)?, side(height)?);
    detached(py, || {
        for (index, image) in images.outer_iter().enumerate() {
            let pixels: Vec<u8> = image.iter().copied().collect();
            let digits = count.saturating_sub(1).to_string().len();
            let path = folder.join(format!("{index:0digits$}.png"));
            let failed = |error| PyOSError::new_err(format!("cannot write {}: {error}", path.display()));
            image::save_buffer(&path, &pixels, width, height, color).map_err(failed)?;
        }
        Ok(())
    })?
}

/// Passes progress to Python.
struct Callback {
    progress: Option<Py<PyAny>>,
    raised: Raised,
    /// The last validation loss of a stage.
    validation: Option<(Stage, f64)>,
    told: Instant,
    asked: Cell<Instant>,
}

impl Callback {
    fn tell(&self, progress: &StageProgress) {
        let Some(callback) = &self.progress else { return };
        let (epoch, epochs) = progress.epoch.unzip();
        let validation = self.validation.filter(|(stage, _)| *stage == progress.stage).map(|(_, loss)| loss);
        let stage = progress.stage.to_string();
        let event = (stage, progress.done, progress.total, epoch, epochs, progress.loss, validation);
        keep(&self.raised, Python::attach(|py| callback.call1(py, event).map(drop)));
    }

    fn has_raised(&self) -> bool {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl Observer for Callback {
    fn progress(&mut self, progress: &StageProgress) {
        let is_new = self.told.elapsed() >= INTERVAL || progress.done == progress.total;
        if is_new && !self.has_raised() {
            self.tell(progress);
            self.told = Instant::now();
        }
    }

    fn epoch_finished(&mut self, record: &EpochRecord) {
        self.validation = Some((record.stage, record.validation_loss));
    }

    fn stop_requested(&self) -> bool {
        if self.asked.get().elapsed() >= INTERVAL {
            keep(&self.raised, Python::attach(|py| py.check_signals()));
            self.asked.set(Instant::now());
        }
        self.has_raised()
    }
}

/// Keeps the first exception.
fn keep(raised: &Raised, done: PyResult<()>) {
    if let Err(exception) = done {
        raised.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(exception);
    }
}
