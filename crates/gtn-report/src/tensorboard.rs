//! TensorBoard events, written during a run.

mod event;
mod tfrecord;

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use gtn_run::folder::event_file_timestamp;
use gtn_run::{EpochImages, EpochRecord, MetricRecord, MetricsLog, Observer, RunFolder, Stage};
use prost::Message;

use crate::{Result, grid};
use event::{Event, Value};

/// Writes the losses, images and metrics of a run as TensorBoard events. `tensorboard --logdir RUN` shows them, during the run
/// or later.
///
/// | tag | content | step |
/// |---|---|---|
/// | `autoencoder/train_loss`, `autoencoder/validation_loss`, `h/train_loss`, `h/validation_loss` | losses | epoch |
/// | `h/sample_metric` | the metric of samples that chooses the best epoch, if one does | epoch |
/// | `autoencoder/reconstructions`, `h/samples` | grids of images | epoch that improved the validation loss |
/// | `metrics/NAME`, `metrics/NAME/floor`, `metrics/NAME/BASELINE` | a metric, its noise floor and its baselines | best epoch of ĥ |
///
/// TensorBoard shows ten images of each tag by default; `--samples_per_plugin images=1000` shows more.
///
/// Every process that works on a run writes its own file, which it creates with the first event. An epoch that is repeated after
/// an interruption appears again, with the same tags, step and values. An epoch that was saved just before an interruption may
/// be missing. If a file cannot be written, one warning is logged, and the run continues without events.
#[derive(Debug, Default)]
pub struct TensorBoard {
    run: Option<RunFolder>,
    file: EventFile,
}

#[derive(Debug, Default)]
enum EventFile {
    #[default]
    NotCreated,
    Open(PathBuf, File),
    Failed,
}

impl TensorBoard {
    /// An observer that writes events into the folder of each run that is opened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the values of one step, unless writing has failed before.
    fn write(&mut self, step: usize, values: Result<Vec<Value>>) {
        let Some(run) = &self.run else { return };
        if let Err(error) = values.and_then(|values| self.file.append(run, &Event::summary(step, values))) {
            tracing::warn!("no more TensorBoard events are written: {error}");
            self.file = EventFile::Failed;
        }
    }
}

impl EventFile {
    fn append(&mut self, run: &RunFolder, event: &Event) -> Result<()> {
        if matches!(self, Self::NotCreated) {
            *self = Self::create(run)?;
        }
        let Self::Open(path, file) = self else { return Ok(()) };
        // One write per record, so that TensorBoard always reads complete records.
        file.write_all(&tfrecord::framed(&event.encode_to_vec())).map_err(gtn_io::Error::io("write", path))?;
        Ok(())
    }

    /// A new file. Its name is after those of the existing files, because TensorBoard reads files in the order of their names.
    fn create(run: &RunFolder) -> Result<Self> {
        let folder = run.tensorboard();
        fs::create_dir_all(&folder).map_err(gtn_io::Error::io("create", &folder))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let newest = run.event_files().last().and_then(|path| event_file_timestamp(path));
        let mut second = newest.map_or(now, |newest| now.max(newest.saturating_add(1)));
        loop {
            let path = run.event_file(second);
            match File::create_new(&path) {
                Ok(file) => {
                    let mut created = Self::Open(path, file);
                    created.append(run, &Event::file_version())?;
                    return Ok(created);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists && second < u64::MAX => second += 1,
                Err(error) => return Err(gtn_io::Error::io("create", &path)(error).into()),
            }
        }
    }
}

impl Observer for TensorBoard {
    fn run_opened(&mut self, run: &RunFolder) {
        *self = Self { run: Some(run.clone()), file: EventFile::NotCreated };
    }

    fn wants_images(&self) -> bool {
        !matches!(self.file, EventFile::Failed)
    }

    fn epoch_images(&mut self, images: &EpochImages<'_>) {
        let tag = match images.stage {
            Stage::Autoencode => "autoencoder/reconstructions",
            Stage::Decoder => "decoder/reconstructions",
            Stage::Fit => "h/samples",
            _ => return,
        };
        let value = grid::square(images.images).and_then(|raster| Value::image(tag, &raster));
        self.write(images.epoch, value.map(|value| vec![value]));
    }

    fn epoch_finished(&mut self, record: &EpochRecord) {
        let Some(network) = record.stage.network() else { return };
        let losses = [("train_loss", record.train_loss), ("validation_loss", record.validation_loss)];
        let metric = record.sample_metric.map(|value| ("sample_metric", value));
        let values = losses.into_iter().chain(metric);
        let values = values.map(|(name, value)| Value::scalar(format!("{network}/{name}"), value)).collect();
        self.write(record.epoch, Ok(values));
    }

    fn metric(&mut self, record: &MetricRecord) {
        let tag = format!("metrics/{}", record.metric);
        let floor = record.floor.map(|floor| Value::scalar(format!("{tag}/floor"), floor));
        let baselines = record.baselines.iter().map(|(name, value)| Value::scalar(format!("{tag}/{name}"), *value));
        let comparisons: Vec<Value> = floor.into_iter().chain(baselines).collect();
        let values = std::iter::once(Value::scalar(tag, record.value)).chain(comparisons).collect();
        let epoch = self.run.as_ref().map_or(0, best_epoch);
        self.write(epoch, Ok(values));
    }
}

/// The epoch of ĥ's best weights, or 0 if it is not recorded. It is read from the log, because another process may have trained
/// ĥ.
fn best_epoch(run: &RunFolder) -> usize {
    let Ok(log) = MetricsLog::open(&run.metrics()) else { return 0 };
    log.epochs(Stage::Fit).filter(|epoch| epoch.improved).last().map_or(0, |epoch| epoch.epoch)
}
