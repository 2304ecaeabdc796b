//! `sweep.json`: the settings of a sweep, and the results of its runs.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gtn_io::{atomic, names};
use serde::{Deserialize, Serialize};

use super::grid::{Grid, SweptSetting};
use super::ranking::Ranking;
use crate::schema::Metric;
use crate::{Config, Error, Result, RunFolder, Stage};

/// The format of `sweep.json`.
pub const SWEEP_FORMAT: u32 = 1;

const FILE: &str = "sweep.json";

names! {
    /// How far the run of a combination has come.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum CombinationState: "state" {
        /// It did not start.
        Waiting => "waiting",
        /// It has not finished.
        Unfinished => "unfinished",
        /// It is complete.
        Done => "done",
        /// Halving left it out.
        LeftOut => "left out",
        /// It cannot be completed.
        Failed => "failed",
    }
}

/// Why the run of a combination cannot be completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CombinationFailure {
    /// The stage that failed, if it is known. Combinations that share its results fail with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// What happened, in a sentence without its end.
    pub reason: String,
    /// Whether the same would happen again, as if training diverged.
    pub is_final: bool,
}

/// A combination, and the results of its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CombinationRecord {
    /// The name of its run folder.
    pub name: String,
    /// The settings that the sweep varies.
    pub settings: BTreeMap<SweptSetting, String>,
    /// How far it has come.
    pub state: CombinationState,
    /// Epochs of ĥ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// The best epoch of ĥ so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_epoch: Option<usize>,
    /// The validation loss of ĥ after that epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// The metrics of its samples.
    #[serde(default)]
    pub metrics: BTreeMap<Metric, f64>,
    /// Seconds of each completed stage, and of the epochs of one that trains.
    #[serde(default)]
    pub seconds: BTreeMap<Stage, f64>,
    /// The stages whose results were taken from the run of another combination, with its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shared: BTreeMap<Stage, String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<CombinationFailure>,
}

impl CombinationRecord {
    /// A combination whose run did not start.
    #[must_use]
    pub fn new(name: String, settings: BTreeMap<SweptSetting, String>) -> Self {
        Self {
            name,
            settings,
            state: CombinationState::Waiting,
            epochs: None,
            best_epoch: None,
            validation_loss: None,
            metrics: BTreeMap::new(),
            seconds: BTreeMap::new(),
            shared: BTreeMap::new(),
            failure: None,
        }
    }

    /// Its value of a ranking, if it has one.
    #[must_use]
    pub fn value(&self, ranking: Ranking) -> Option<f64> {
        match ranking {
            Ranking::ValidationLoss => self.validation_loss,
            Ranking::Metric(metric) => self.metrics.get(&metric).copied(),
        }
    }

    /// Seconds of the stages that its own run computed.
    #[must_use]
    pub fn own_seconds(&self) -> f64 {
        self.seconds.iter().filter(|(stage, _)| !self.shared.contains_key(stage)).map(|(_, seconds)| seconds).sum()
    }
}

/// The settings of a sweep, and the results of its runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepRecord {
    /// The format of the file: [`SWEEP_FORMAT`].
    pub format: u32,
    /// The settings of the experiment, without those of the grid.
    pub config: Config,
    /// The settings that vary.
    pub grid: Grid,
    /// Whether combinations are left out by successive halving.
    pub halving: bool,
    /// What the caller compares runs by; if it is not set, [`ranking`](Self::ranking) chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Ranking>,
    /// The combinations, in the order of the grid.
    pub combinations: Vec<CombinationRecord>,
}

impl SweepRecord {
    /// The file in the folder of a sweep.
    pub const FILE: &'static str = FILE;

    /// The path of the file in a folder.
    #[must_use]
    pub fn path(root: &Path) -> PathBuf {
        root.join(FILE)
    }

    /// The run folder of a combination.
    #[must_use]
    pub fn run_folder(root: &Path, name: &str) -> RunFolder {
        RunFolder::at(root.join(name))
    }

    /// Reads the record of the sweep in a folder, if it has one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::SweepRecord`] if it is not such a record.
    pub fn read(root: &Path) -> Result<Option<Self>> {
        let path = Self::path(root);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(gtn_io::Error::io("read", &path)(error).into()),
        };
        let fail = |reason: String| Error::SweepRecord { path: path.clone(), reason };
        let value: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| fail(format!("not a JSON file: {error}")))?;
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        if format != Some(u64::from(SWEEP_FORMAT)) {
            let found = format.map_or_else(|| "without a format".to_owned(), |format| format!("of format {format}"));
            return Err(fail(format!("it is a sweep {found}, and this version of gtn reads format {SWEEP_FORMAT}")));
        }
        serde_json::from_value(value).map(Some).map_err(|error| fail(format!("not the record of a sweep: {error}")))
    }

    /// Writes the record into the folder of the sweep.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written.
    pub fn write(&self, root: &Path) -> Result<()> {
        let path = Self::path(root);
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::SweepRecord { path: path.clone(), reason: error.to_string() })?;
        text.push('\n');
        Ok(atomic::write_bytes(&path, text.as_bytes())?)
    }

    /// The first difference that makes `wanted` another sweep, with both values. What runs are compared by matters only if
    /// halving compares them.
    #[must_use]
    pub fn difference(&self, wanted: &Self) -> Option<String> {
        let lists = [&self.grid, &wanted.grid].map(Grid::values);
        for setting in SweptSetting::ALL {
            let [existing, wanted] = lists.each_ref().map(|lists| lists.get(setting).map(|values| values.join(",")));
            let option = setting.option();
            match (existing, wanted) {
                (Some(existing), Some(wanted)) if existing != wanted => {
                    return Some(format!("{option} is {existing} in the folder and {wanted} in this command"));
                }
                (Some(existing), None) => {
                    return Some(format!("{option} is {existing} in the folder and not set in this command"));
                }
                (None, Some(wanted)) => {
                    return Some(format!("{option} is not set in the folder and {wanted} in this command"));
                }
                _ => {}
            }
        }
        if self.halving != wanted.halving {
            let (with, without) =
                if self.halving { ("the folder", "this command") } else { ("this command", "the folder") };
            return Some(format!("--halving is set in {with} and not in {without}"));
        }
        if self.halving && self.by != wanted.by {
            let name = |by: Option<Ranking>| by.map_or("not set", Ranking::name);
            return Some(format!("--by is {} in the folder and {} in this command", name(self.by), name(wanted.by)));
        }
        self.config.difference(&wanted.config)
    }

    /// The settings with more than one value.
    #[must_use]
    pub fn varying(&self) -> Vec<SweptSetting> {
        self.grid.values().into_iter().filter(|(_, values)| values.len() > 1).map(|(setting, _)| setting).collect()
    }

    /// What the runs are compared by: what the caller wants; otherwise the Inception Score if every complete run has it, and else
    /// the sliced Wasserstein-2 distance, of pixels if the autoencoders differ, since their latents cannot be compared.
    #[must_use]
    pub fn ranking(&self) -> Ranking {
        let done = || self.combinations.iter().filter(|combination| combination.state == CombinationState::Done);
        let has_score = done().all(|combination| combination.metrics.contains_key(&Metric::InceptionScore));
        let default = match self.grid.autoencoder_learning_rates.len() {
            _ if done().next().is_some() && has_score => Metric::InceptionScore,
            0..=1 => Metric::SlicedWasserstein,
            _ => Metric::PixelSlicedWasserstein,
        };
        self.by.unwrap_or(Ranking::Metric(default))
    }

    /// The positions of the combinations from the best to the worst: complete ones by their ranking, then others by how far they
    /// have come, and those that failed.
    #[must_use]
    pub fn ranked(&self) -> Vec<usize> {
        let ranking = self.ranking();
        let group = |combination: &CombinationRecord| match combination.state {
            CombinationState::Done => 0,
            CombinationState::LeftOut | CombinationState::Unfinished => 1,
            CombinationState::Waiting => 2,
            CombinationState::Failed => 3,
        };
        let penalty = |combination: &CombinationRecord| {
            let value = combination.value(ranking);
            value.map_or(f64::INFINITY, |value| ranking.penalty(value))
        };
        let loss = |combination: &CombinationRecord| combination.validation_loss.unwrap_or(f64::INFINITY);
        let compare = |a: &CombinationRecord, b: &CombinationRecord| {
            let of_group = group(a).cmp(&group(b));
            let by_epochs = if group(a) == 1 { b.epochs.cmp(&a.epochs) } else { Ordering::Equal };
            let by_value = penalty(a).total_cmp(&penalty(b)).then(loss(a).total_cmp(&loss(b)));
            of_group.then(by_epochs).then(by_value)
        };
        let mut order: Vec<usize> = (0..self.combinations.len()).collect();
        order.sort_by(|&a, &b| compare(&self.combinations[a], &self.combinations[b]));
        order
    }

    /// The position of the best complete combination, if one has a value.
    #[must_use]
    pub fn best(&self) -> Option<usize> {
        let ranking = self.ranking();
        let first = self.ranked().into_iter().next()?;
        let combination = &self.combinations[first];
        let is_ranked = combination.value(ranking).is_some_and(f64::is_finite);
        (combination.state == CombinationState::Done && is_ranked).then_some(first)
    }

    /// What to know before the runs are compared.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let ranking = self.ranking();
        let (varying, mut notes) = (self.varying(), Vec::new());
        let varies = |settings: &[SweptSetting]| settings.iter().any(|setting| varying.contains(setting));
        let on_latents =
            |metric: Metric| self.config.data.are_images() && !metric.is_on_pixels() && !metric.is_of_inception();
        match ranking {
            Ranking::ValidationLoss
                if varies(&[
                    SweptSetting::AutoencoderLearningRate,
                    SweptSetting::Pairing,
                    SweptSetting::Components,
                ]) =>
            {
                notes.push(
                    "validation losses can be compared only between runs with the same autoencoder, pairing and components"
                        .to_owned(),
                );
            }
            Ranking::Metric(metric) if varies(&[SweptSetting::AutoencoderLearningRate]) && on_latents(metric) => {
                notes.push(
                    "the runs have different autoencoders, and with them different latents, whose distances cannot be compared; \
                     --by pixel_sliced_wasserstein compares images"
                        .to_owned(),
                );
            }
            _ => {}
        }
        let done = || self.combinations.iter().filter(|combination| combination.state == CombinationState::Done);
        if done().next().is_some() && done().all(|combination| combination.value(ranking).is_none()) {
            notes.push(format!("no run recorded `{ranking}`; choose another metric with --by"));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    const PRESET: &str = "experiment = \"p\"\nseed = 9007199254740993\ndim = 2\ndata = { set = \"uniform\", train = 100, \
                          validation = 10 }\npairing = { normalize = \"none\" }\n[h]\nhidden_layers = 1\nwidth = 3\n\
                          negative_slope = 0.5\nbatch_norm_layers = 0\n[h.training]\nepochs = 2\npatience = 2\n\
                          batch_size = 10\nlearning_rate = 0.1\n";

    fn record() -> SweepRecord {
        let grid = Grid { widths: vec![3, 4], learning_rates: vec![0.1, 1e-3], ..Grid::default() };
        let combinations =
            grid.choices().into_iter().map(|choice| CombinationRecord::new(choice.name(), choice.settings()));
        SweepRecord {
            format: SWEEP_FORMAT,
            config: Config::from_preset("p", PRESET, &Overrides::default()).unwrap(),
            combinations: combinations.collect(),
            grid,
            halving: false,
            by: None,
        }
    }

    #[test]
    fn a_record_reads_back_exactly() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(SweepRecord::read(folder.path()).unwrap(), None);
        let mut record = record();
        let first = &mut record.combinations[0];
        (first.validation_loss, first.state) = (Some(0.1 + 0.2), CombinationState::LeftOut);
        first.metrics.insert(Metric::InceptionScore, 1.0 / 3.0);
        first.seconds.insert(Stage::Label, 1e-7);
        first.shared.insert(Stage::Label, "width-4".to_owned());
        first.failure =
            Some(CombinationFailure { stage: Some(Stage::Fit), reason: "diverged".to_owned(), is_final: true });
        record.write(folder.path()).unwrap();
        let read = SweepRecord::read(folder.path()).unwrap().unwrap();
        assert_eq!(read, record);
        assert_eq!(read.difference(&record), None);
        for (text, word) in
            [("{", "not a JSON file"), ("{\"format\": 9}", "of format 9"), ("{\"format\": 1}", "not the record")]
        {
            std::fs::write(SweepRecord::path(folder.path()), text).unwrap();
            let error = SweepRecord::read(folder.path()).unwrap_err();
            assert!(error.is_user_error() && error.to_string().contains(word), "{error}");
            assert_eq!(error.to_string().lines().count(), 1);
        }
    }

    #[test]
    fn differences_have_both_values() {
        let existing = record();
        let difference = |change: &dyn Fn(&mut SweepRecord)| {
            let mut wanted = existing.clone();
            change(&mut wanted);
            existing.difference(&wanted)
        };
        let widths = difference(&|wanted| wanted.grid.widths = vec![3, 5]).unwrap();
        assert_eq!(widths, "--widths is 3,4 in the folder and 3,5 in this command");
        let depths = difference(&|wanted| wanted.grid.depths = vec![1]).unwrap();
        assert_eq!(depths, "--depths is not set in the folder and 1 in this command");
        let halving = difference(&|wanted| wanted.halving = true).unwrap();
        assert_eq!(halving, "--halving is set in this command and not in the folder");
        let epochs = difference(&|wanted| wanted.config.h.training.epochs = 7).unwrap();
        assert_eq!(epochs, "h.training.epochs is 2 in the folder and 7 in this command");
        assert_eq!(difference(&|wanted| wanted.by = Some(Ranking::ValidationLoss)), None);
    }

    #[test]
    fn complete_runs_are_ranked_before_others() {
        let mut record = record();
        let sliced = |value: f64| BTreeMap::from([(Metric::SlicedWasserstein, value)]);
        for (index, state, value) in [
            (0, CombinationState::Done, 0.5),
            (1, CombinationState::Failed, 0.1),
            (2, CombinationState::LeftOut, 0.1),
            (3, CombinationState::Done, 0.25),
        ] {
            record.combinations[index].state = state;
            record.combinations[index].metrics = sliced(value);
        }
        assert_eq!(record.ranking(), Ranking::Metric(Metric::SlicedWasserstein));
        assert_eq!((record.ranked(), record.best()), (vec![3, 0, 2, 1], Some(3)));
        // The Inception Score decides if every complete run has it.
        record.combinations[0].metrics.insert(Metric::InceptionScore, 3.0);
        assert_eq!(record.best(), Some(3));
        record.combinations[3].metrics.insert(Metric::InceptionScore, 2.0);
        assert_eq!((record.ranking().name(), record.best()), ("is", Some(0)));
        record.by = Some(Ranking::Metric(Metric::Fid));
        assert_eq!(record.best(), None);
        assert!(record.notes()[0].contains("no run recorded `fid`"));
    }

    #[test]
    fn runs_that_cannot_be_compared_are_noted() {
        let mut record = record();
        assert!(record.notes().is_empty());
        record.grid.components = vec![crate::config::Components::Count(1), crate::config::Components::Auto];
        record.by = Some(Ranking::ValidationLoss);
        assert!(record.notes()[0].contains("the same autoencoder, pairing and components"));
    }
}
