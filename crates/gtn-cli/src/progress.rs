//! Progress on stderr: a progress bar on a terminal, otherwise a line from time to time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gtn_report::count;
use gtn_run::config::Selection;
use gtn_run::schema::Baseline;
use gtn_run::{EpochRecord, MetricRecord, MetricsLog, Observer, Record, RunFolder, Stage, StageProgress, StageRecord};
use indicatif::{ProgressBar, ProgressStyle};

use crate::console;

/// Minimum interval between lines about epochs.
const EPOCH_INTERVAL: Duration = Duration::from_secs(1);

/// Interval between lines without a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(15);
/// Statistics of a stage that are shown without `--verbose`.
const STATISTICS: usize = 4;
/// So many epochs are never all trained.
const NO_LIMIT: usize = 1000;

/// Shows progress, rate and remaining time.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    terminal: bool,
    task: Option<Task>,
    /// The task of [`begin_once`](Self::begin_once).
    name: Option<String>,
    /// The folder of the run, until it is printed.
    run: Option<PathBuf>,
    /// What chooses the best epoch of ĥ.
    selection: Selection,
    /// The stages of the run.
    stages: Vec<Stage>,
    /// The stage that is executed.
    stage: Option<Stage>,
    /// When the time budget of the run ends, if it has one.
    end: Option<Instant>,
    /// Whether the caller prints the lines about progress and epochs.
    is_silent_within_stages: bool,
}

/// The current task of this process.
struct Task {
    started: Instant,
    /// Completed units when this process started it.
    first: Option<u64>,
    last_line: Instant,
    last_epoch: Option<Instant>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            bar: None,
            terminal: console::is_terminal(),
            task: None,
            name: None,
            run: None,
            selection: Selection::default(),
            stages: Vec::new(),
            stage: None,
            end: None,
            is_silent_within_stages: false,
        }
    }

    /// Like [`new`](Self::new), and prints the folder of the run once it is known to exist.
    pub(crate) fn with_run(root: &Path) -> Self {
        let mut progress = Self::new();
        progress.run = Some(root.to_path_buf());
        progress
    }

    /// The same without lines about the progress within stages. The bar on a terminal stays.
    pub(crate) fn silent_within_stages(mut self) -> Self {
        self.is_silent_within_stages = true;
        self
    }

    /// Which of the stages of the run a stage is, with a comma; empty before the run is known.
    fn part(&self, stage: Stage) -> String {
        let index = self.stages.iter().position(|of_run| *of_run == stage);
        index.map_or(String::new(), |index| format!("stage {} of {}, ", index + 1, self.stages.len()))
    }

    /// What the time budget of the run leaves, if it has one.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.end.map(|end| end.saturating_duration_since(Instant::now()))
    }

    fn print_run(&mut self) {
        if let Some(root) = self.run.take() {
            self.line(&format!("{:<11} {}", "run", root.display()));
        }
    }

    /// Begins a task. It has a spinner until [`show`](Self::show) says how long it is.
    pub(crate) fn begin(&mut self, name: &str) {
        self.begin_part(name, "");
    }

    fn begin_part(&mut self, name: &str, part: &str) {
        self.clear();
        let now = Instant::now();
        self.task = Some(Task { started: now, first: None, last_line: now, last_epoch: None });
        if self.terminal {
            let bar = ProgressBar::new(0);
            bar.set_style(style(&format!("{{prefix:<11}} {{spinner}} {part}{{msg}}")));
            bar.set_prefix(name.to_owned());
            bar.tick();
            self.bar = Some(bar);
        }
    }

    /// Begins a task, unless it is the current one.
    pub(crate) fn begin_once(&mut self, name: &str) {
        if self.name.as_deref() != Some(name) {
            self.begin(name);
            self.name = Some(name.to_owned());
        }
    }

    /// Shows that `done` of `total` units are completed, with details before the rate. `unit` is the unit of the rate, as in `images`.
    pub(crate) fn show(&mut self, name: &str, (done, total, unit): (u64, u64, &str), detail: &str) {
        let is_training = self.stage.is_some_and(|stage| stage.network().is_some() && stage != Stage::Baselines);
        let end = self.end.filter(|_| is_training);
        let Some(task) = &mut self.task else { return };
        let first = *task.first.get_or_insert(done);
        let elapsed = task.started.elapsed().as_secs_f64();
        let rate = (done.saturating_sub(first)) as f64 / elapsed.max(1e-9);
        let mut message = detail.to_owned();
        if rate > 0.0 {
            let left = Duration::from_secs_f64((total.saturating_sub(done) as f64 / rate).min(1e9));
            // Training ends with the time budget, if not before; other stages do not.
            let left = end.map_or(left, |end| left.min(end.saturating_duration_since(Instant::now())));
            if !unit.is_empty() {
                message.push_str(&format!("{} {unit}/s, ", count(rate.round() as usize)));
            }
            message.push_str(&format!("at most {} left", duration(left)));
        }
        if let Some(bar) = &self.bar {
            if bar.length() == Some(0) {
                // One line on a terminal of 100 columns. A narrower one shows less of it, but never two lines.
                bar.set_style(style("{prefix:<11} {bar:12} {percent:>3}% {wide_msg}"));
            }
            bar.set_length(total.max(1));
            bar.set_position(done);
            bar.set_message(message);
        } else if !self.terminal && !self.is_silent_within_stages && task.last_line.elapsed() > LINE_INTERVAL {
            task.last_line = Instant::now();
            let percent = 100.0 * done as f64 / total.max(1) as f64;
            console::status(&format!("{name:<11} {percent:>3.0}% {message}"));
        }
    }

    /// Shows a task of unknown length.
    pub(crate) fn show_open(&mut self, name: &str, detail: &str) {
        let Some(task) = &mut self.task else { return };
        if let Some(bar) = &self.bar {
            bar.set_message(detail.to_owned());
            bar.tick();
        } else if !self.terminal && task.last_line.elapsed() > LINE_INTERVAL {
            task.last_line = Instant::now();
            console::status(&format!("{name:<11} {detail}"));
        }
    }

    /// Prints a line above the progress bar.
    pub(crate) fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| console::status(text)),
            None => console::status(text),
        }
    }

    /// Ends the current task.
    pub(crate) fn end(&mut self) {
        self.clear();
        (self.task, self.name) = (None, None);
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Observer for Progress {
    fn stage_started(&mut self, stage: Stage) {
        // The run exists only after the data were read.
        if stage != Stage::Prepare {
            self.print_run();
        }
        self.stage = Some(stage);
        let part = self.part(stage);
        self.begin_part(&stage.to_string(), &part);
    }

    fn stage_skipped(&mut self, stage: Stage) {
        self.clear();
        self.print_run();
        self.line(&format!("{:<11} already done", stage.to_string()));
    }

    fn progress(&mut self, progress: &StageProgress) {
        let mut detail = self.part(progress.stage);
        if let Some((epoch, epochs)) = progress.epoch {
            // So many epochs mean that the time budget decides.
            let of = if self.end.is_some() && epochs >= NO_LIMIT { String::new() } else { format!("/{epochs}") };
            detail.push_str(&format!("epoch {epoch}{of}, "));
        }
        if let Some(loss) = progress.loss {
            detail.push_str(&format!("loss {}, ", number(loss)));
        }
        let of_work = (progress.done, progress.total, unit(progress.stage));
        self.show(&progress.stage.to_string(), of_work, &detail);
    }

    fn run_opened(&mut self, run: &RunFolder) {
        let Ok(record) = run.record() else { return };
        self.selection = record.config.h.training.select;
        self.stages = record.config.stages();
        self.end = record.config.total_budget().map(|budget| {
            let left = budget as f64 - spent_seconds(run);
            Instant::now() + Duration::from_secs_f64(left.clamp(0.0, 1e9))
        });
    }

    fn epoch_finished(&mut self, record: &EpochRecord) {
        if self.is_silent_within_stages {
            return;
        }
        // Short epochs do not all get a line; metrics.jsonl has all of them.
        if let Some(task) = &mut self.task {
            if task.last_epoch.is_some_and(|last| last.elapsed() < EPOCH_INTERVAL) {
                return;
            }
            task.last_epoch = Some(Instant::now());
        }
        let mark = if record.improved { " (best)" } else { "" };
        let title = self.selection.title();
        let metric = record.sample_metric.map(|metric| format!(", {title} {}", number(metric))).unwrap_or_default();
        self.line(&format!(
            "{:<11} epoch {:>3}: training loss {}, validation loss {}{metric}{mark}, {}",
            record.stage.to_string(),
            record.epoch,
            number(record.train_loss),
            number(record.validation_loss),
            duration(Duration::from_secs_f64(record.seconds.clamp(0.0, 1e9))),
        ));
    }

    fn stage_finished(&mut self, record: &StageRecord) {
        self.clear();
        self.print_run();
        // The report has them all.
        let shown = if console::is_verbose() { usize::MAX } else { STATISTICS };
        let statistics: Vec<String> = record
            .statistics
            .iter()
            .take(shown)
            .map(|(statistic, value)| format!("{} {}", statistic.title().to_lowercase(), number(*value)))
            .collect();
        let took = duration(Duration::from_secs_f64(record.seconds.clamp(0.0, 1e9)));
        let statistics = if statistics.is_empty() { String::new() } else { format!(": {}", statistics.join(", ")) };
        self.line(&format!("{:<11} done in {took}{statistics}", record.stage.to_string()));
    }

    /// The report has them all.
    fn metric(&mut self, record: &MetricRecord) {
        if !console::is_verbose() {
            return;
        }
        let others = record.floor.map(|floor| ("noise floor", floor)).into_iter();
        let others = others.chain(record.baselines.iter().map(|(name, value)| (Baseline::name(*name), *value)));
        let others: Vec<String> = others.map(|(name, value)| format!("{name}: {}", number(value))).collect();
        let comparison = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
        let name = record.metric.name();
        self.line(&format!("{:<11} {name} {}{comparison}", Stage::Evaluate.to_string(), number(record.value)));
    }

    fn note(&mut self, text: &str) {
        self.line(&format!("note: {text}"));
    }

    fn stop_requested(&self) -> bool {
        crate::stop::requested()
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// What a stage counts; empty if that depends on what it measures.
pub(crate) fn unit(stage: Stage) -> &'static str {
    match stage {
        Stage::Prepare | Stage::Autoencode | Stage::Encode | Stage::Decoder | Stage::Baselines => "images",
        Stage::Evaluate => "",
        _ => "rows",
    }
}

/// Seconds that a run has worked so far: those of its completed stages, and of the epochs of others.
fn spent_seconds(run: &RunFolder) -> f64 {
    let Ok(log) = MetricsLog::open(&run.metrics()) else { return 0.0 };
    let of_record = |record: &Record| match record {
        Record::Stage(stage) => stage.seconds,
        Record::Epoch(epoch) if log.stage(epoch.stage).is_none() => epoch.seconds,
        _ => 0.0,
    };
    log.records().iter().map(of_record).sum()
}

/// A number for people: `48000`, `0.1325`, `0.000324`, `2.1e-6`.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        0.01.. => format!("{value:.4}"),
        0.0001.. => format!("{value:.6}"),
        _ => format!("{value:.1e}"),
    }
}

/// A duration for people: `0.4 s`, `32 s`, `4 min 05 s`, `2 h 03 min`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_what_can_be_told_apart() {
        assert_eq!(
            [48_000.0, 0.132_46, 0.000_324_1, 2.13e-6, -0.5].map(number),
            ["48000", "0.1325", "0.000324", "2.1e-6", "-0.5000"]
        );
    }

    #[test]
    fn durations_are_short() {
        let of = |seconds| duration(Duration::from_secs_f64(seconds));
        assert_eq!([of(0.42), of(32.9), of(245.0), of(7380.0)], ["0.4 s", "32 s", "4 min 05 s", "2 h 03 min"]);
    }
}
