//! What a reader sees first: a verdict, the value that decides beside what it compares with, samples beside real data, and alerts.

use gtn_run::metric_constants::MIN_MEASURED;
use gtn_run::schema::{Metric, Statistic};
use gtn_run::{Config, MetricsLog, RunProgress, RunRecord, Stage};
use maud::{Markup, html};

use super::alerts::Alert;
use super::contents::Contents;
use super::paper_values;
use super::section::Thumbnails;
use super::standing::{Rank, Standing};
use super::tables::mark;
use super::text::{self, count, duration, number};

/// The sentence that answers: did it finish, how good are its samples, compared with what?
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) level: Level,
    pub(super) text: String,
}

/// How good a run is, as one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Good,
    Fair,
    Poor,
}

impl Level {
    fn class(self) -> &'static str {
        match self {
            Level::Good => "good",
            Level::Fair => "fair",
            Level::Poor => "poor",
        }
    }
}

/// The verdict on a run.
fn verdict(
    (log, is_finished, has_decoder): (&MetricsLog, bool, bool),
    standing: Option<&Standing>,
    alerts: &[Alert],
    paper: Option<f64>,
) -> Verdict {
    let seconds = log.seconds();
    let serious: Vec<&Alert> = alerts.iter().filter(|alert| alert.kind.is_serious()).collect();
    let Some(standing) = standing.filter(|_| is_finished) else {
        let text = match is_finished {
            false => {
                "Not finished: samples were not measured, or the run is being extended. The command that began the run resumes it.".to_owned()
            }
            true => {
                let prepared = log.stage(Stage::Prepare).map(|stage| &stage.statistics);
                let held_out = prepared.and_then(|statistics| statistics.get(&Statistic::ValidationSamples));
                let found = held_out.map_or(String::new(), |found| {
                    format!(": {} were held out for it, and {} or more are needed", count(*found as usize), MIN_MEASURED)
                });
                format!("Finished after {}, but there were too few data to measure the samples{found}.", duration(seconds))
            }
        };
        return with_alerts(Verdict { level: Level::Fair, text }, &serious);
    };
    let (level, compared) = match standing.rank() {
        Rank::LikeReal if standing.is_behind() => (
            Level::Fair,
            "nearly as close to real data as other real data, though those of a simpler generator are closer",
        ),
        Rank::LikeReal if standing.floor.is_some_and(|floor| standing.value <= floor) => {
            (Level::Good, "as close to real data as other real data")
        }
        Rank::LikeReal => (Level::Good, "nearly as close to real data as other real data"),
        Rank::AheadOfBaselines => (Level::Good, "closer to real data than those of the best baseline"),
        Rank::LevelWithBaseline => {
            let level = if standing.ahead_by.is_empty() { Level::Fair } else { Level::Good };
            (level, "about as close to real data as those of the best baseline")
        }
        Rank::BehindBaseline => (Level::Fair, "farther from real data than those of a simpler generator"),
        Rank::Different => (Level::Fair, "not yet as close to real data as other real data"),
    };
    let mut values = vec![format!("{} {}", standing.metric.title(), number(standing.value))];
    values.extend(standing.floor.map(|floor| format!("real data {}", number(floor))));
    values.extend(standing.best.as_ref().map(|(title, value)| format!("{} {}", lower(title), number(*value))));
    values.extend(paper.map(|value| format!("the paper {}", number(value))));
    // Most metrics compare latents, and say nothing of what the decoder loses.
    let (subject, of_decoder) = match (has_decoder, standing.metric) {
        (true, Metric::Fid) | (false, _) => ("Samples", ""),
        (true, _) => ("Latents of the samples", " Images are at best as sharp as the reconstructed ones."),
    };
    let ahead = match standing.rank() {
        Rank::LevelWithBaseline | Rank::BehindBaseline if !standing.ahead_by.is_empty() && serious.is_empty() => {
            let titles: Vec<String> = standing.ahead_by.iter().map(|title| lower(title)).collect();
            format!(
                " By {} of {} other metrics they are closer than those of every simpler generator ({}).",
                titles.len(),
                standing.others,
                titles.join(", ")
            )
        }
        _ => String::new(),
    };
    let text = format!(
        "Finished after {}. {subject} are {compared} ({}).{ahead}{of_decoder}",
        duration(seconds),
        values.join(", ")
    );
    with_alerts(Verdict { level, text }, &serious)
}

/// The verdict with the first of the serious alerts.
fn with_alerts(Verdict { level, mut text }: Verdict, serious: &[&Alert]) -> Verdict {
    if let Some(first) = serious.first() {
        let joint = if level == Level::Good { "But" } else { "Also" };
        let others = match serious.len() {
            1 => String::new(),
            2 => " (and one more problem below)".to_owned(),
            more => format!(" (and {} more problems below)", more - 1),
        };
        text.push_str(&format!(" {joint}: {}{others}.", first.finding.trim_end_matches('.')));
    }
    let level = if serious.is_empty() { level } else { Level::Poor };
    Verdict { level, text }
}

/// The verdict on a run with these records, the metric that decides, and the alerts.
pub(super) fn verdict_of(
    record: &RunRecord,
    log: &MetricsLog,
    standing: Option<&Standing>,
    alerts: &[Alert],
) -> Verdict {
    let config = &record.config;
    let paper = standing.and_then(|standing| paper(config, standing));
    // An extended run has the metrics of before.
    let is_finished = RunProgress::new(config, log) == RunProgress::Done && record.provenance.h_epochs.is_some();
    verdict((log, is_finished, config.data.are_images()), standing, alerts, paper)
}

/// A title within a sentence; abbreviations stay as they are.
fn lower(title: &str) -> String {
    let mut letters = title.chars();
    let Some(first) = letters.next().filter(|_| !title.chars().nth(1).is_some_and(char::is_uppercase)) else {
        return title.to_owned();
    };
    first.to_lowercase().chain(letters).collect()
}

/// The first screen.
pub(super) fn first_screen(contents: &Contents) -> Markup {
    let Contents { record, log, alerts, standing, thumbnails, .. } = contents;
    let Verdict { level, text } = verdict_of(record, log, standing.as_ref(), alerts);
    html! {
        p class={ "verdict " (level.class()) } { (text) }
        @if let Some(standing) = standing { (tiles(standing, log, record.config.data.are_images())) }
        @if !thumbnails.is_empty() {
            div.thumbnails {
                @for Thumbnails { title, note, image } in thumbnails {
                    figure {
                        figcaption { b { (title) } " " (note) }
                        (image.markup(&format!("A grid of images: {title}, {note}")))
                    }
                }
            }
        }
        @if !alerts.is_empty() {
            ul.alerts aria-label="Alerts" {
                @for Alert { kind, finding, advice } in alerts {
                    li class=(if kind.is_serious() { "serious" } else { "hint" }) { b { (finding) } " " (text::with_options(advice)) }
                }
            }
        }
    }
}

/// The value that the paper reports for the same metric, if it is comparable.
fn paper(config: &Config, standing: &Standing) -> Option<f64> {
    let fid = config.inception.as_ref().and_then(|settings| settings.fid.as_ref())?;
    let is_comparable =
        standing.metric == Metric::Fid && fid.dims == 2048 && !config.quick && config.data.limit().is_none();
    is_comparable.then(|| paper_values::paper(&config.experiment, config.dim).map(|row| row.fid)).flatten()
}

/// The value, that of real data, and that of the best baseline; points have no baselines, but a fraction that lies where no data are.
fn tiles(standing: &Standing, log: &MetricsLog, has_decoder: bool) -> Markup {
    let title = standing.metric.title();
    let of_latents = if has_decoder && standing.metric != Metric::Fid { "latents of " } else { "" };
    let outside = log.metrics().find(|record| matches!(record.metric, Metric::OutsideSupport | Metric::OffCurve));
    html! {
        dl.tiles {
            div.of-run { dt { (title) (mark(standing.metric.direction())) } dd { (number(standing.value)) }
                dd.meaning { "of " (of_latents) (count(standing.samples)) " samples; lower is better" } }
            div { dt { "Real against real" }
                @match standing.floor { Some(floor) => dd { (number(floor)) }, None => dd.missing { "–" } }
                dd.meaning { "the noise floor: what real data reach" } }
            @match (&standing.best, outside) {
                (Some((title, value)), _) => div { dt { "Best baseline" } dd { (number(*value)) } dd.meaning { (title) } },
                (None, Some(record)) => div { dt { (record.metric.title()) } dd { (number(record.value)) }
                    dd.meaning { "fraction of the samples where there are no data" } },
                (None, None) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gtn_run::{Record, StageRecord};

    use super::super::alerts::Kind;
    use super::*;

    fn log(evaluated: bool) -> (tempfile::TempDir, MetricsLog) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = MetricsLog::open(&folder.path().join("metrics.jsonl")).unwrap();
        let stages = [Stage::Fit, Stage::Evaluate];
        for stage in &stages[..1 + usize::from(evaluated)] {
            let statistics = gtn_run::Statistics::new();
            log.append(Record::Stage(StageRecord { stage: *stage, seconds: 30.0, statistics })).unwrap();
        }
        (folder, log)
    }

    fn standing(value: f64) -> Standing {
        let best = Some(("Mixture of 10 Gaussians".to_owned(), 0.15));
        let ahead_by = vec!["Precision", "Coverage"];
        Standing { metric: Metric::SlicedWasserstein, value, samples: 100, floor: Some(0.1), best, ahead_by, others: 6 }
    }

    #[test]
    fn a_verdict_says_whether_it_finished_how_good_it_is_and_against_what() {
        let (_folder, done) = log(true);
        let verdict_of = |value, alerts: &[Alert]| verdict((&done, true, false), Some(&standing(value)), alerts, None);
        assert_eq!(
            verdict_of(0.11, &[]),
            Verdict {
                level: Level::Good,
                text: "Finished after 1 min 00 s. Samples are nearly as close to real data as other real data (Sliced Wasserstein-2 \
                       0.1100, real data 0.1000, mixture of 10 Gaussians 0.1500)."
                    .to_owned()
            }
        );
        assert!(verdict_of(0.1, &[]).text.contains("Samples are as close to real data"));
        let level = verdict_of(0.155, &[]);
        assert!(level.level == Level::Good && level.text.contains("about as close to real data as"), "{level:?}");
        let worse = verdict_of(0.3, &[]);
        assert!(worse.level == Level::Fair && worse.text.contains("than those of a simpler generator"), "{worse:?}");
        assert!(
            worse.text.contains(
                "By 2 of 6 other metrics they are closer than those of every simpler generator (precision, coverage)"
            ),
            "{worse:?}"
        );
        assert_eq!(["Mixture", "KID"].map(lower), ["mixture", "KID"]);
        let alert = Alert { kind: Kind::Shrunk, finding: "They shrink.".to_owned(), advice: String::new() };
        let poor = verdict_of(0.11, &[alert.clone(), alert]);
        assert!(
            poor.level == Level::Poor && poor.text.ends_with("But: They shrink (and one more problem below)."),
            "{poor:?}"
        );
        let paper = verdict((&done, true, true), Some(&standing(0.11)), &[], Some(36.43));
        assert!(
            paper.text.contains("Latents of the samples are") && paper.text.contains("at best as sharp"),
            "{paper:?}"
        );
        assert!(paper.text.contains("the paper 36.43"), "{paper:?}");
        let (_folder, stopped) = log(false);
        assert!(verdict((&stopped, false, false), Some(&standing(0.1)), &[], None).text.starts_with("Not finished"));
        assert!(verdict((&done, true, false), None, &[], None).text.contains("too few data"));
    }
}
