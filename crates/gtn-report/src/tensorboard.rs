//! TensorBoard's events of a run, written while it is at work.

mod event;
mod record;

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use gtn_run::folder::second_of_event_file;
use gtn_run::{EpochRecord, MetricRecord, MetricsLog, Observer, Pictures, RunFolder, Stage};
use prost::Message;

use crate::{Result, grid};
use event::{Event, Value};

/// Writes what a run tells as events for TensorBoard: `tensorboard --logdir RUN` shows them, while the run is at work or later.
///
/// Losses are `autoencoder/train_loss`, `autoencoder/validation_loss`, `h/train_loss` and `h/validation_loss`, by epoch. At
/// each epoch that improves the validation loss `autoencoder/reconstructions` and `h/samples` are grids of images. Figures of
/// merit are `metrics/NAME`, `metrics/NAME/floor` and, for each baseline, `metrics/NAME/BASELINE`, at the epoch of ĥ that was
/// measured.
///
/// Of each tag TensorBoard shows ten images unless it is started with more, as in `--samples_per_plugin images=1000`.
///
/// Every process that works on a run begins a file of its own when there is something to write. An epoch that is done again
/// after a process was killed is told again, under the same tags and step and with the same values; one that was saved and not
/// told yet is missing. When a file cannot be written, a warning is given once, and the run goes on without events.
#[derive(Debug, Default)]
pub struct TensorBoard {
    run: Option<RunFolder>,
    file: EventFile,
}

#[derive(Debug, Default)]
enum EventFile {
    #[default]
    NotBegun,
    Open(PathBuf, File),
    GivenUp,
}

impl TensorBoard {
    /// Events of the runs that will be opened, each in its own folder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the values of one step, unless that failed before.
    fn write(&mut self, step: usize, values: Result<Vec<Value>>) {
        let Some(run) = &self.run else { return };
        if let Err(error) = values.and_then(|values| self.file.append(run, &Event::of_values(step, values))) {
            tracing::warn!("no more TensorBoard events are written: {error}");
            self.file = EventFile::GivenUp;
        }
    }
}

impl EventFile {
    fn append(&mut self, run: &RunFolder, event: &Event) -> Result<()> {
        if matches!(self, Self::NotBegun) {
            *self = Self::begun(run)?;
        }
        let Self::Open(path, file) = self else { return Ok(()) };
        // In one piece, so that TensorBoard finds whole records whenever it looks.
        file.write_all(&record::framed(&event.encode_to_vec())).map_err(gtn_run::Error::io("write", path))?;
        Ok(())
    }

    /// A new file that comes after those that are there in the order of names, which is that of reading.
    fn begun(run: &RunFolder) -> Result<Self> {
        let folder = run.tensorboard();
        fs::create_dir_all(&folder).map_err(gtn_run::Error::io("create", &folder))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let newest = run.event_files().last().and_then(|path| second_of_event_file(path));
        let mut second = newest.map_or(now, |newest| now.max(newest.saturating_add(1)));
        loop {
            let path = run.event_file(second);
            match File::create_new(&path) {
                Ok(file) => {
                    let mut begun = Self::Open(path, file);
                    begun.append(run, &Event::of_file_version())?;
                    return Ok(begun);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists && second < u64::MAX => second += 1,
                Err(error) => return Err(gtn_run::Error::io("create", &path)(error).into()),
            }
        }
    }
}

impl Observer for TensorBoard {
    fn run_opened(&mut self, run: &RunFolder) {
        *self = Self { run: Some(run.clone()), file: EventFile::NotBegun };
    }

    fn wants_pictures(&self) -> bool {
        !matches!(self.file, EventFile::GivenUp)
    }

    fn pictures(&mut self, pictures: &Pictures<'_>) {
        let tag = match pictures.stage {
            Stage::Autoencode => "autoencoder/reconstructions",
            Stage::Fit => "h/samples",
            _ => return,
        };
        let value = grid::square(pictures.images).and_then(|picture| Value::image(tag, &picture));
        self.write(pictures.epoch, value.map(|value| vec![value]));
    }

    fn epoch_finished(&mut self, record: &EpochRecord) {
        let Some(network) = record.stage.network() else { return };
        let losses = [("train_loss", record.train_loss), ("validation_loss", record.validation_loss)];
        let values = losses.map(|(loss, value)| Value::number(format!("{network}/{loss}"), value));
        self.write(record.epoch, Ok(values.to_vec()));
    }

    fn metric(&mut self, record: &MetricRecord) {
        let tag = format!("metrics/{}", record.metric);
        let floor = record.floor.map(|floor| Value::number(format!("{tag}/floor"), floor));
        let baselines = record.baselines.iter().map(|(name, value)| Value::number(format!("{tag}/{name}"), *value));
        let baselines: Vec<Value> = floor.into_iter().chain(baselines).collect();
        let values = std::iter::once(Value::number(tag, record.value)).chain(baselines).collect();
        let measured = self.run.as_ref().map_or(0, best_epoch);
        self.write(measured, Ok(values));
    }
}

/// The epoch of ĥ whose weights are used after training, or 0 if no record of it is left. Training may have been over before
/// this process began, so only the log knows.
fn best_epoch(run: &RunFolder) -> usize {
    let Ok(log) = MetricsLog::open(&run.metrics()) else { return 0 };
    log.epochs(Stage::Fit).filter(|epoch| epoch.improved).last().map_or(0, |epoch| epoch.epoch)
}
