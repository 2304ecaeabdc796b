//! The paper's Table 2 (Inception Score and FID of CelebA and hands for four dimensions) beside what runs measured.

use std::collections::BTreeSet;

use gtn_run::config::{Data, ImageSource};
use gtn_run::schema::{Baseline, Metric, Statistic};
use gtn_run::{MetricRecord, MetricsLog, RunFolder, RunProgress, RunRecord, Stage};
use maud::{Markup, html};

use super::page::document;
use super::paper_values::{COMPLETE, PAPER, PAPER_DIMS, PaperRow, paper};
use super::text::{budget, count, duration, number};
use crate::Result;

/// A run of the table.
struct Entry {
    experiment: String,
    dim: usize,
    /// Configuration, provenance and records, if the run exists.
    run: Option<(RunRecord, MetricsLog)>,
    /// Why the run could not be completed.
    failure: Option<String>,
}

/// Runs beside the paper's Table 2.
#[derive(Default)]
pub struct Table2 {
    entries: Vec<Entry>,
}

impl Table2 {
    /// The paper's table.
    pub const PAPER: [PaperRow; 8] = PAPER;

    /// Adds a run with what it has; a folder that is not a run yet has nothing. `failure` says why it could not be completed.
    ///
    /// # Errors
    ///
    /// [`Error::Run`](crate::Error::Run) if the records of the run cannot be read.
    pub fn push(&mut self, experiment: &str, dim: usize, folder: &RunFolder, failure: Option<String>) -> Result<()> {
        let run = match folder.record() {
            Ok(record) => Some((record, MetricsLog::open(&folder.metrics())?)),
            Err(_) => None,
        };
        self.entries.push(Entry { experiment: experiment.to_owned(), dim, run, failure });
        Ok(())
    }

    /// The table as rows of text, of which the first is the head.
    #[must_use]
    pub fn rows(&self) -> Vec<Vec<String>> {
        let mut head =
            ["data", "d", "paper: IS", "IS real", "FID", "here: IS", "IS decoded"].map(str::to_owned).to_vec();
        let fid = self.fid_title(|dims| format!("FID-{dims}"));
        head.extend([fid.clone(), format!("decoded: {fid}")]);
        let mut rows = vec![head];
        for entry in &self.entries {
            let paper = entry.paper();
            let of_paper =
                |value: fn(&PaperRow) -> f64| paper.as_ref().map_or_else(dash, |row| format!("{:.2}", value(row)));
            let (score, fid) = (entry.metric(Metric::InceptionScore), entry.metric(Metric::Fid));
            rows.push(vec![
                entry.experiment.clone(),
                entry.dim.to_string(),
                of_paper(|row| row.score),
                of_paper(|row| row.real_score),
                of_paper(|row| row.fid),
                cell(score.map(|record| record.value)),
                cell(score.and_then(|record| record.baselines.get(&Baseline::Decoded).copied())),
                cell(fid.map(|record| record.value)),
                cell(fid.and_then(|record| record.baselines.get(&Baseline::Decoded).copied())),
            ]);
        }
        rows
    }

    /// The page.
    #[must_use]
    pub fn html(&self) -> String {
        let header = html! {
            p.kicker { "Generative Topological Network" }
            h1 { "Table 2" }
            p.summary {
                "Inception Score (IS, higher is better) and Fréchet Inception Distance (FID, lower is better) of the paper \
                 (arXiv 2406.15152v2, Table 2), and of the runs of this page. Both depend on the number of images, on the images \
                 that are compared, and FID on the number of features; the last table says what each value was made from."
            }
        };
        let main = html! { (self.paper_and_runs()) (self.beside_baselines()) (self.how()) };
        document("GTN: Table 2", &header, &main)
    }

    /// What the FID of the runs is called: after its number of features, if that is not the paper's.
    fn fid_title(&self, title: fn(usize) -> String) -> String {
        let dims: BTreeSet<usize> = self.entries.iter().filter_map(Entry::fid_dims).collect();
        match dims.iter().collect::<Vec<_>>()[..] {
            [] | [&PAPER_DIMS] => "FID".to_owned(),
            [&dims] => title(dims),
            _ => "FID of several numbers of features".to_owned(),
        }
    }

    fn paper_and_runs(&self) -> Markup {
        html! {
            section {
                h2 { "The paper and these runs" }
                div.wide { table {
                    thead { tr {
                        th { "Data" } th.number { "d" }
                        @for head in ["Paper: IS", "IS of real images", "FID", "Here: IS", "IS of decoded real images"] {
                            th.number { (head) }
                        }
                        th.number { (self.fid_title(|dims| format!("FID ({} features)", count(dims)))) }
                    } }
                    tbody {
                        @for entry in &self.entries {
                            @let (score, fid) = (entry.metric(Metric::InceptionScore), entry.metric(Metric::Fid));
                            tr {
                                td { (entry.experiment) }
                                td.number { (entry.dim) }
                                @match entry.paper() {
                                    Some(row) => {
                                        @for value in [row.score, row.real_score, row.fid] { td.number { (format!("{value:.2}")) } }
                                    }
                                    None => { @for _ in 0..3 { td.number { (dash()) } } }
                                }
                                td.number { (cell(score.map(|record| record.value))) }
                                td.number { (cell(score.and_then(|record| record.baselines.get(&Baseline::Decoded).copied()))) }
                                td.number { (cell(fid.map(|record| record.value))) }
                            }
                        }
                    }
                } }
            }
        }
    }

    fn beside_baselines(&self) -> Markup {
        html! {
            @for (metric, heading) in [(Metric::InceptionScore, "Inception Score"), (Metric::Fid, "FID")] {
                @let measured = || self.entries.iter().filter_map(|entry| entry.metric(metric));
                @let baselines: Vec<Baseline> =
                    BASELINES.into_iter().filter(|of| measured().any(|record| record.baselines.contains_key(of))).collect();
                @if measured().next().is_some() {
                    section {
                        h2 { (heading) " beside baselines" }
                        div.wide { table {
                            thead { tr {
                                th { "Data" } th.number { "d" } th.number { "Generated" } th.number { "Real images" }
                                @for baseline in &baselines { th.number { (baseline.title()) } }
                                th.number { "Images of each kind" }
                            } }
                            tbody { @for entry in &self.entries { @if let Some(record) = entry.metric(metric) {
                                tr {
                                    td { (entry.experiment) }
                                    td.number { (entry.dim) }
                                    td.number { (number(record.value)) }
                                    td.number { (cell(record.floor)) }
                                    @for baseline in &baselines { td.number { (cell(record.baselines.get(baseline).copied())) } }
                                    td.number { (count(record.samples)) }
                                }
                            } } }
                        } }
                        p.note { (metric.definition()) }
                    }
                }
            }
        }
    }

    fn how(&self) -> Markup {
        html! {
            section {
                h2 { "What the values were made from" }
                div.wide { table {
                    thead { tr {
                        th { "Data" } th.number { "d" } th { "Protocol" } th.number { "Training images" }
                        th.number { "Epochs of the autoencoder" } th.number { "Epochs of ĥ (best)" } th.number { "Time" }
                    } }
                    tbody { @for entry in &self.entries {
                        tr {
                            td { (entry.experiment) }
                            td.number { (entry.dim) }
                            td { (entry.run.as_ref().map_or_else(dash, |(record, _)| record.config.protocol.to_string())) }
                            td.number { (cell_of_count(entry.statistic(Stage::Prepare, Statistic::TrainingSamples))) }
                            td.number { (cell_of_count(entry.autoencoder_epochs())) }
                            td.number { (entry.h_epochs()) }
                            td.number { (entry.seconds().map_or_else(dash, duration)) }
                        }
                    } }
                } }
                (self.differences())
            }
        }
    }

    /// What differs from the paper, and what is missing: first what is the same for all runs.
    fn differences(&self) -> Markup {
        let notes: Vec<Vec<String>> = self.entries.iter().map(Entry::notes).collect();
        let is_common = |note: &String| notes.len() > 1 && notes.iter().all(|of_run| of_run.contains(note));
        let common: Vec<&String> = notes.iter().take(1).flatten().filter(|note| is_common(note)).collect();
        let own = self.entries.iter().zip(&notes).filter_map(|(entry, notes)| {
            let own: Vec<&str> = notes.iter().filter(|note| !is_common(note)).map(String::as_str).collect();
            (!own.is_empty()).then(|| format!("{}, d = {}: {}", entry.experiment, entry.dim, own.join("; ")))
        });
        let own: Vec<String> = own.collect();
        html! {
            @if !(common.is_empty() && own.is_empty()) {
                h3 { "What differs from the paper, and what is missing" }
                ul {
                    @for note in common { li { "All runs: " (note) } }
                    @for note in own { li { (note) } }
                }
            }
        }
    }
}

/// The baselines of the page, in the order of its columns.
const BASELINES: [Baseline; 4] = [Baseline::Decoded, Baseline::Gaussian, Baseline::Mixture, Baseline::Flow];

fn dash() -> String {
    "–".to_owned()
}

fn cell(value: Option<f64>) -> String {
    value.map_or_else(dash, number)
}

fn cell_of_count(value: Option<f64>) -> String {
    value.map_or_else(dash, |value| count(value as usize))
}

impl Entry {
    fn paper(&self) -> Option<PaperRow> {
        paper(&self.experiment, self.dim).copied()
    }

    fn metric(&self, metric: Metric) -> Option<&MetricRecord> {
        self.run.as_ref()?.1.metrics().find(|record| record.metric == metric)
    }

    /// Features of its FID, if it has one.
    fn fid_dims(&self) -> Option<usize> {
        self.metric(Metric::Fid)?;
        Some(self.run.as_ref()?.0.config.inception.as_ref()?.fid.as_ref()?.dims)
    }

    fn statistic(&self, stage: Stage, statistic: Statistic) -> Option<f64> {
        self.run.as_ref()?.1.stage(stage)?.statistics.get(&statistic).copied()
    }

    /// Of the run that trained it.
    fn autoencoder_epochs(&self) -> Option<f64> {
        let epochs = self.run.as_ref()?.0.provenance.autoencoder_epochs?;
        Some(epochs as f64)
    }

    fn h_epochs(&self) -> String {
        let of = |statistic| self.statistic(Stage::Fit, statistic);
        match (of(Statistic::Epochs), of(Statistic::BestEpoch)) {
            (Some(epochs), Some(best)) => format!("{} ({})", count(epochs as usize), count(best as usize)),
            _ => dash(),
        }
    }

    fn seconds(&self) -> Option<f64> {
        let (record, log) = self.run.as_ref()?;
        let stages = record.config.stages();
        let seconds: Vec<f64> =
            stages.iter().filter_map(|stage| log.stage(*stage)).map(|record| record.seconds).collect();
        (!seconds.is_empty()).then(|| seconds.iter().sum())
    }

    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.failure.clone().into_iter().collect();
        let Some((record, log)) = &self.run else {
            if notes.is_empty() {
                notes.push("the run does not exist".to_owned());
            }
            return notes;
        };
        let config = &record.config;
        let progress = RunProgress::new(config, log);
        if progress != RunProgress::Done {
            notes.push(format!("the run is not finished: stage {progress} is missing"));
        }
        let complete = COMPLETE.iter().find(|(set, _)| *set == config.experiment).map(|(_, images)| *images);
        let images = self.statistic(Stage::Prepare, Statistic::TrainingSamples).map(|images| images as usize);
        if let (Some(images), Some(complete)) = (images, complete)
            && images < complete
        {
            notes.push(format!("{} of {} training images", count(images), count(complete)));
        }
        if let Some(seconds) = config.time_budget {
            notes.push(format!("a time budget of {}", budget(seconds)));
        }
        if config.decoder_training().is_some() {
            notes.push("the decoder was also trained alone, after the autoencoder".to_owned());
        }
        if config.quick {
            notes.push("shortened training (--quick)".to_owned());
        }
        if !matches!(config.data, Data::Images(ImageSource::Celeba(_) | ImageSource::Hap(_))) {
            notes.push("not a data set of the paper's table".to_owned());
        }
        let inception = config.inception.clone().unwrap_or_default();
        if inception.score.is_none() {
            notes.push(
                "no Inception Score: the complete weights of torchvision's network were not there (`gtn data fetch inception`)"
                    .to_owned(),
            );
        }
        match inception.fid {
            None => notes.push(
                "no FID: the weights of pytorch-fid's network were not there (`gtn data fetch inception`), or --fid-samples was none"
                    .to_owned(),
            ),
            Some(fid) if fid.dims != PAPER_DIMS => notes.push(format!(
                "FID of {} features, which cannot be compared with the paper's of {PAPER_DIMS}",
                fid.dims
            )),
            Some(_) => {}
        }
        if self.metric(Metric::Fid).is_some_and(|record| record.floor.is_none()) {
            let reason = "fewer than twice as many training images as the FID compares, so there are no others for that of real images \
                          and of decoded ones";
            notes.push(reason.to_owned());
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use gtn_run::config::Overrides;
    use gtn_run::{Config, Provenance, Record};

    use super::*;

    #[test]
    fn a_run_is_beside_the_row_of_the_paper_and_what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::at(folder.path().join("run"));
        let preset = "experiment = \"celeba\"\nseed = 1\ndim = 25\n[data]\nset = \"celeba\"\n[autoencoder]\nweights = \"best\"\n\
                      [autoencoder.training]\nepochs = 1\npatience = 1\nbatch_size = 2\nlearning_rate = 1e-4\n[pairing]\nnormalize = \"center\"\n\
                      [h]\nhidden_layers = 2\nwidth = 4\nnegative_slope = 0.5\nbatch_norm_layers = 2\n\
                      [h.training]\nepochs = 1\npatience = 1\nbatch_size = 2\nlearning_rate = 1e-4\n[quick]\n";
        let config = Config::from_preset("test", preset, &Overrides::default()).unwrap();
        drop(run.open(&config, &Provenance::default(), false).unwrap());
        let mut log = MetricsLog::open(&run.metrics()).unwrap();
        let baselines = [(Baseline::Decoded, 1.25), (Baseline::Mixture, 3.5)].into();
        let record = MetricRecord { metric: Metric::Fid, value: 2.125, floor: Some(0.5), baselines, samples: 700 };
        log.append(Record::Metric(record)).unwrap();
        let mut table = Table2::default();
        table.push("celeba", 25, &run, None).unwrap();
        table.push("hap", 50, &RunFolder::at(folder.path().join("absent")), Some("no data".to_owned())).unwrap();

        let lines = table.rows();
        assert_eq!(lines[1], ["celeba", "25", "1.93", "1.99", "32.11", "–", "–", "2.125", "1.250"]);
        assert_eq!(lines[2][..5], ["hap", "50", "2.64", "2.22", "88.34"]);
        let page = table.html();
        for expected in
            [">32.11<", ">2.125<", ">3.500<", ">700<", "no Inception Score", "no data", "stage prepare is missing"]
        {
            assert!(page.contains(expected), "{expected}: {page}");
        }
        assert!(!page.contains("Inception Score beside baselines"));
    }
}
