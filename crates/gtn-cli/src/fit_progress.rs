//! Progress of `gtn fit`: one line a minute, and the first images of each network as soon as they exist.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gtn_report::count;
use gtn_run::{EpochImages, EpochRecord, MetricRecord, Observer, RunFolder, Stage, StageProgress, StageRecord};

use crate::progress::{Progress, duration, number, unit};

const INTERVAL: Duration = Duration::from_secs(60);

/// Shows the progress of a run on own data.
pub(crate) struct FitProgress {
    progress: Progress,
    run: Option<RunFolder>,
    task: Option<Task>,
    /// The latest grid of images.
    grid: Option<PathBuf>,
}

/// The stage that is executed.
struct Task {
    stage: Stage,
    started: Instant,
    last_line: Instant,
    /// Samples that were done when this process began.
    first: Option<u64>,
    validation_loss: Option<f64>,
    has_shown_images: bool,
}

impl FitProgress {
    /// The progress of the run in a folder.
    pub(crate) fn new(root: &Path) -> Self {
        let progress = Progress::with_run(root).silent_within_stages();
        Self { progress, run: None, task: None, grid: None }
    }
}

impl Observer for FitProgress {
    fn run_opened(&mut self, run: &RunFolder) {
        self.progress.run_opened(run);
        self.run = Some(run.clone());
    }

    fn stage_started(&mut self, stage: Stage) {
        self.progress.stage_started(stage);
        let now = Instant::now();
        let (first, validation_loss, has_shown_images) = (None, None, false);
        self.task = Some(Task { stage, started: now, last_line: now, first, validation_loss, has_shown_images });
    }

    fn stage_skipped(&mut self, stage: Stage) {
        self.progress.stage_skipped(stage);
    }

    fn progress(&mut self, progress: &StageProgress) {
        self.progress.progress(progress);
        let Some(task) = self.task.as_mut().filter(|task| task.stage == progress.stage) else { return };
        let first = *task.first.get_or_insert(progress.done);
        if task.last_line.elapsed() < INTERVAL {
            return;
        }
        task.last_line = Instant::now();
        let mut parts = Vec::new();
        match progress.epoch {
            Some((epoch, _)) => parts.push(format!("epoch {epoch}")),
            None => parts.push(format!("{} of {}", count(progress.done as usize), count(progress.total as usize))),
        }
        parts.extend(progress.loss.map(|loss| format!("loss {}", number(loss))));
        parts.extend(task.validation_loss.map(|loss| format!("validation loss {}", number(loss))));
        let rate = progress.done.saturating_sub(first) as f64 / task.started.elapsed().as_secs_f64().max(1e-9);
        let unit = unit(progress.stage);
        parts.extend((!unit.is_empty()).then(|| format!("{} {unit}/s", count(rate.round() as usize))));
        parts.extend(self.progress.left().map(|left| {
            if left.is_zero() { "time budget is over".to_owned() } else { format!("{} left", duration(left)) }
        }));
        parts.extend(self.grid.as_ref().map(|path| format!("latest images {}", path.display())));
        self.progress.line(&format!("{:<11} {}", progress.stage.to_string(), parts.join(", ")));
    }

    fn wants_images(&self) -> bool {
        true
    }

    fn epoch_images(&mut self, images: &EpochImages<'_>) {
        let Some((run, network)) = self.run.as_ref().zip(images.stage.network()) else { return };
        // Written by an observer before this one.
        let path = run.epoch_figure(network, images.epoch);
        if !path.is_file() {
            return;
        }
        if let Some(task) = self.task.as_mut().filter(|task| !task.has_shown_images) {
            task.has_shown_images = true;
            let is_reconstructed = matches!(images.stage, Stage::Autoencode | Stage::Decoder);
            let what = if is_reconstructed { "reconstructed" } else { "generated" };
            self.progress.line(&format!("{:<11} first {what} images {}", images.stage.to_string(), path.display()));
        }
        self.grid = Some(path);
    }

    fn epoch_finished(&mut self, record: &EpochRecord) {
        self.progress.epoch_finished(record);
        if let Some(task) = &mut self.task {
            task.validation_loss = Some(record.validation_loss);
        }
    }

    fn stage_finished(&mut self, record: &StageRecord) {
        self.progress.stage_finished(record);
    }

    fn metric(&mut self, record: &MetricRecord) {
        self.progress.metric(record);
    }

    fn note(&mut self, text: &str) {
        self.progress.note(text);
    }

    fn stop_requested(&self) -> bool {
        self.progress.stop_requested()
    }
}
