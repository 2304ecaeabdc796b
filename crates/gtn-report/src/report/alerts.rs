//! What a reader must know before the results are used: rules on the records of a run.

mod alert;
#[cfg(test)]
mod fixtures;
mod of_metrics;
mod of_training;

use gtn_run::config::{Data, ImageSource};
use gtn_run::schema::{Metric, Statistic};
use gtn_run::{Config, EpochRecord, MetricsLog, Network, RunRecord, Stage, data_notes};

pub(super) use self::alert::{Alert, Kind};
use self::of_metrics::of_metric;
use self::of_training::{overfitted, still_falling};
use super::text::{capitalized, count};

/// Generated images are much alike if they vary less than this fraction of what real ones do. Blurred ones keep 0.75 or more.
const MIN_VARIANCE: f64 = 0.3;
/// With fewer samples, metrics of neighborhoods and distances vary a lot.
const MIN_SAMPLES: usize = 200;

/// The alerts of a run, the most serious first.
pub(super) fn alerts(record: &RunRecord, log: &MetricsLog) -> Vec<Alert> {
    let config = &record.config;
    let mut alerts = Vec::new();
    for record in log.metrics() {
        alerts.extend(of_metric(config, record));
    }
    alerts.extend(alike(log));
    for network in [Network::Autoencoder, Network::Decoder, Network::Flow, Network::H] {
        let epochs: Vec<&EpochRecord> = log.epochs(network.stage()).collect();
        alerts.extend(still_falling(config, network, &epochs));
        alerts.extend(overfitted(config, network, &epochs));
    }
    alerts.extend(few_samples(config, log));
    alerts.extend(not_comparable(config));
    for (part, kind) in [(data_notes::NOT_COMPARABLE, Kind::NotComparable), (data_notes::FEW_IMAGES, Kind::FewSamples)]
    {
        let of_files = record.provenance.data_notes.iter().filter(|note| note.contains(part));
        alerts.extend(of_files.map(|note| {
            let (finding, advice) = note.split_once(": ").unwrap_or((note, ""));
            let advice = if advice.is_empty() { String::new() } else { format!("{}.", capitalized(advice)) };
            Alert { kind, finding: format!("About the files: {finding}."), advice }
        }));
    }
    // Samples near the mean are nearer to all data.
    if alerts.iter().any(|alert| alert.kind == Kind::Shrunk) {
        alerts.retain(|alert| alert.kind != Kind::Memorized);
    }
    alerts.sort_by_key(|alert| alert.kind);
    alerts
}

/// Images that are much alike, which needs no metric, and so few held-out data that none was measured.
fn alike(log: &MetricsLog) -> Option<Alert> {
    let statistics = &log.stage(Stage::Sample)?.statistics;
    let generated = *statistics.get(&Statistic::GeneratedVariance)?;
    if generated >= MIN_VARIANCE {
        return None;
    }
    let decoded = statistics.get(&Statistic::DecodedVariance).copied().unwrap_or(1.0);
    let of_decoder = decoded < MIN_VARIANCE;
    Some(Alert {
        kind: Kind::Alike,
        finding: format!(
            "Generated images are much alike: they vary {:.0}% as much as real ones{}.",
            100.0 * generated,
            if of_decoder { format!(", and reconstructed ones {:.0}%", 100.0 * decoded) } else { String::new() }
        ),
        advice: match of_decoder {
            true => "The autoencoder does not tell images apart yet. Train longer, or use more images.",
            false => "Train longer, or use more images.",
        }
        .to_owned(),
    })
}

fn few_samples(config: &Config, log: &MetricsLog) -> Option<Alert> {
    let fid = config.inception.as_ref().and_then(|settings| settings.fid.as_ref());
    let of_fid = log.metrics().find(|record| record.metric == Metric::Fid).zip(fid);
    if let Some((record, fid)) = of_fid.filter(|(record, fid)| record.samples <= fid.dims) {
        return Some(Alert {
            kind: Kind::FewSamples,
            finding: format!(
                "FID was measured on {} samples, which are too few for {} features.",
                count(record.samples),
                count(fid.dims)
            ),
            advice: "Compare it only with values of as many samples (--fid-samples).".to_owned(),
        });
    }
    let fewest = log.metrics().filter(|record| !record.metric.is_of_inception()).map(|record| record.samples).min()?;
    (fewest < MIN_SAMPLES).then(|| Alert {
        kind: Kind::FewSamples,
        finding: format!("Metrics were measured on {} held-out samples.", count(fewest)),
        advice: "They vary a lot from seed to seed; compare the values with their noise floors only.".to_owned(),
    })
}

fn not_comparable(config: &Config) -> Option<Alert> {
    let is_of_paper = !config.data.are_own();
    let limited = config.data.limit().map(|limit| format!("at most {} samples", count(limit)));
    let shortened = config.quick.then(|| "shortened training (quick)".to_owned());
    let reasons: Vec<String> = shortened.into_iter().chain(limited).collect();
    if reasons.is_empty() {
        return None;
    }
    let images =
        matches!(config.data, Data::Images(ImageSource::Mnist(_) | ImageSource::Celeba(_) | ImageSource::Hap(_)));
    let longer = if config.quick { " The same command without --quick trains as long as it should." } else { "" };
    let reference = match (is_of_paper, images) {
        (true, true) => "Values are not comparable with those of the paper.",
        (true, false) => "Values are not comparable with those of the complete experiment.",
        _ => "Values are not comparable with those of all data.",
    };
    Some(Alert {
        kind: Kind::NotComparable,
        finding: format!("The run used {}.", reasons.join(" and ")),
        advice: format!("{reference}{longer}"),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gtn_run::{MetricRecord, Record, StageRecord};

    use super::fixtures::{kinds, log, record};
    use super::*;

    #[test]
    fn images_that_are_much_alike_are_the_first_alert() {
        let of = |generated, decoded| {
            let statistics = [(Statistic::GeneratedVariance, generated), (Statistic::DecodedVariance, decoded)]
                .into_iter()
                .collect();
            let (_folder, log) =
                log(vec![Record::Stage(StageRecord { stage: Stage::Sample, seconds: 1.0, statistics })]);
            alerts(&record(&fixtures::config()), &log)
        };
        assert_eq!(of(0.77, 0.9), []);
        let [alert] = of(0.001, 0.0004).try_into().unwrap();
        assert!(alert.finding.contains("vary 0% as much as real ones, and reconstructed ones 0%"), "{alert:?}");
        assert!(alert.advice.starts_with("The autoencoder") && alert.kind.is_serious());
        let [alert] = of(0.1, 0.9).try_into().unwrap();
        assert!(alert.finding.ends_with("vary 10% as much as real ones.") && alert.advice.starts_with("Train"));
    }

    #[test]
    fn shortened_runs_and_few_samples_are_alerts_and_come_after_bad_values() {
        let mut config = fixtures::config();
        config.quick = true;
        let records = vec![Record::Metric(MetricRecord {
            metric: Metric::Precision,
            value: 0.0,
            floor: Some(0.9),
            baselines: BTreeMap::new(),
            samples: 50,
        })];
        assert_eq!(kinds(&config, records), [Kind::NearZero, Kind::FewSamples, Kind::NotComparable]);
        assert!(Kind::NearZero.is_serious() && !Kind::FewSamples.is_serious());
        let mut other_files = record(&fixtures::config());
        other_files.provenance.data_notes = [
            "2 files cannot be read and are skipped: a, b",
            &format!("the files are not the original ones, so results are {}'s", data_notes::NOT_COMPARABLE),
        ]
        .map(str::to_owned)
        .to_vec();
        let (_folder, log) = log(Vec::new());
        let [alert] = alerts(&other_files, &log).try_into().unwrap();
        assert!(alert.finding.starts_with("About the files: the files are not the original ones"), "{}", alert.finding);
    }
}
