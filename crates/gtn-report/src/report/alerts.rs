//! What a reader must know before the results are used: rules on the records of a run.

use gtn_run::config::{Data, ImageSource, PairingMethod, Schedule, Training};
use gtn_run::schema::{Baseline, Direction, Metric};
use gtn_run::{Config, EpochRecord, MetricRecord, MetricsLog, Network, RunRecord};

use super::text::{count, number};
use super::training_end::training_of;

/// Precision, recall or coverage below this are near 0, if those of real data are above [`CLEARLY_PRESENT`].
const NEAR_ZERO: f64 = 0.1;
const CLEARLY_PRESENT: f64 = 0.3;
/// The decoder shows nearly one image if recall of reconstructed real images, pixel by pixel, is below this. Blurred ones have 0.15 or more.
const MIN_DECODED_RECALL: f64 = 0.05;
/// A fraction of the samples outside of the support of the data that is too large.
const MAX_OUTSIDE: f64 = 0.02;
/// Samples are worse than their decoder if a metric is so many times that of reconstructed real images.
const WORSE_THAN_DECODED: f64 = 1.25;
/// Samples that keep less of the variance than this fraction of what real data keep shrink to their mean.
const MIN_VARIANCE_KEPT: f64 = 0.7;
/// A metric is far from its noise floor if it is this many times as large.
const FAR_FROM_FLOOR: f64 = 10.0;
/// Samples that lie this much nearer to training samples than held-out ones are copies of them.
const MIN_NEIGHBOR_RATIO: f64 = 0.7;
/// The fraction of near copies that real data have is 0.01.
const MAX_NEAR_COPIES: f64 = 0.1;
/// How many times the training loss a validation loss may be.
const MAX_OVERFITTING: f64 = 1.5;
/// How many times the best validation loss the last one is if training made it worse.
const CLEARLY_WORSE: f64 = 1.05;
/// A loss is still falling if the last tenth of the epochs lowered the best one by this fraction.
const STILL_FALLING: f64 = 0.01;
/// With fewer epochs, nothing is said of how a loss falls.
const MIN_EPOCHS: usize = 5;
/// With fewer samples, metrics of neighborhoods and distances vary a lot.
const MIN_SAMPLES: usize = 200;

/// What a reader must know, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alert {
    /// The rule.
    pub(super) kind: Kind,
    /// What was found, with its number.
    pub(super) finding: String,
    /// What it means, and what helps.
    pub(super) advice: String,
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    NearZero,
    FarFromFloor,
    Shrunk,
    Memorized,
    Decoder,
    StillFalling,
    Overfitted,
    FewSamples,
    NotComparable,
}

impl Kind {
    /// Whether samples are bad, and not only measured or trained with less than could be.
    pub(super) fn is_serious(self) -> bool {
        matches!(self, Kind::NearZero | Kind::FarFromFloor | Kind::Shrunk | Kind::Memorized)
    }
}

/// The alerts of a run, the most serious first.
pub(super) fn alerts(record: &RunRecord, log: &MetricsLog) -> Vec<Alert> {
    let config = &record.config;
    let mut alerts = Vec::new();
    for record in log.metrics() {
        alerts.extend(of_metric(config, record));
    }
    for network in [Network::Autoencoder, Network::Decoder, Network::Flow, Network::H] {
        let epochs: Vec<&EpochRecord> = log.epochs(network.stage()).collect();
        alerts.extend(still_falling(config, network, &epochs));
        alerts.extend(overfitted(config, network, &epochs));
    }
    alerts.extend(few_samples(config, log));
    alerts.extend(not_comparable(config));
    let of_files = record.provenance.data_notes.iter().filter(|note| note.contains("not comparable with the paper"));
    alerts.extend(of_files.map(|note| Alert {
        kind: Kind::NotComparable,
        finding: format!("About the files: {note}."),
        advice: String::new(),
    }));
    // Samples near the mean are nearer to all data.
    if alerts.iter().any(|alert| alert.kind == Kind::Shrunk) {
        alerts.retain(|alert| alert.kind != Kind::Memorized);
    }
    alerts.sort_by_key(|alert| alert.kind);
    alerts
}

/// The subject of a sentence: samples as they are measured.
fn subject(metric: Metric) -> &'static str {
    if metric.is_on_pixels() { "of images, pixel by pixel," } else { "of the samples" }
}

fn of_metric(config: &Config, record: &MetricRecord) -> Option<Alert> {
    let MetricRecord { metric, value, floor, baselines, .. } = record;
    let title = metric.title();
    let alert = |kind, finding, advice: &str| Some(Alert { kind, finding, advice: advice.to_owned() });
    let floor = floor.filter(|floor| floor.is_finite());
    // What the decoder cannot show is no fault of the samples.
    let decoded = baselines.get(&Baseline::Decoded).copied();
    match metric {
        Metric::PixelRecall
            if decoded.is_some_and(|decoded| decoded < MIN_DECODED_RECALL)
                && floor.is_some_and(|floor| floor > CLEARLY_PRESENT) =>
        {
            alert(
                Kind::NearZero,
                format!("Recall of real images after the autoencoder is {}.", number(decoded.unwrap_or_default())),
                "The decoder shows nearly the same image for all of them. Train the autoencoder longer.",
            )
        }
        Metric::Precision | Metric::Recall | Metric::Coverage | Metric::PixelPrecision | Metric::PixelRecall
            if *value < NEAR_ZERO && decoded.or(floor).is_some_and(|reference| reference > CLEARLY_PRESENT) =>
        {
            let advice = match metric {
                Metric::Precision | Metric::PixelPrecision => "Hardly any sample is where real data are. Train longer.",
                _ => "Samples show few of the kinds of data that there are. Train longer.",
            };
            let of_floor = floor.map_or(String::new(), |floor| format!(", and that of real data {}", number(floor)));
            alert(Kind::NearZero, format!("{title} {} is {}{of_floor}.", subject(*metric), number(*value)), advice)
        }
        Metric::OutsideSupport | Metric::BetweenSquares if *value > MAX_OUTSIDE => alert(
            Kind::FarFromFloor,
            format!("{:.1}% of the samples are where there are no data ({title}).", 100.0 * value),
            "See the figure of generated points.",
        ),
        Metric::VarianceKept if *value < MIN_VARIANCE_KEPT * floor.unwrap_or(1.0) => {
            let advice = match config.pairing.method {
                PairingMethod::Flow => {
                    "They vary less than the data: ĥ or its flow has not learned them. Train longer, use more data, or fewer latents (--dim)."
                }
                _ => {
                    "They vary less than the data, as the mean of pairs that contradict each other does. Pairs of a flow keep more \
                     (--pairing flow)."
                }
            };
            let of_floor =
                floor.map_or(String::new(), |floor| format!(", and as many real data {:.0}%", 100.0 * floor));
            alert(
                Kind::Shrunk,
                format!("Samples keep {:.0}% of the variance of the data{of_floor}.", 100.0 * value),
                advice,
            )
        }
        Metric::NnDistanceRatio if *value < MIN_NEIGHBOR_RATIO => alert(
            Kind::Memorized,
            format!("Samples are {} times as far from training data as held-out data are.", number(*value)),
            "They are close to copies of training data. Use more data, or train for fewer epochs.",
        ),
        Metric::NearCopyFraction if *value > MAX_NEAR_COPIES => alert(
            Kind::Memorized,
            format!("{:.0}% of the samples are nearer to training data than 99% of held-out data are.", 100.0 * value),
            "They are close to copies of training data. Use more data, or train for fewer epochs.",
        ),
        _ => {
            let floor = floor.filter(|floor| *floor > 0.0 && metric.direction() == Direction::LowerIsBetter)?;
            let is_far = |value: f64| value >= FAR_FROM_FLOOR * floor;
            if is_relative(*metric) || !is_far(*value) {
                return None;
            }
            let finding = |what: &str, value: f64| {
                let times = number((value / floor).round());
                format!("{title} {what} is {}, {times} times the noise floor ({}).", number(value), number(floor))
            };
            match decoded.filter(|decoded| is_far(*decoded) && *value <= WORSE_THAN_DECODED * decoded) {
                Some(decoded) => alert(
                    Kind::Decoder,
                    finding("of real images after the autoencoder", decoded),
                    "Samples are about as good as these: the decoder limits them. More time for it, or more latents, makes images sharper.",
                ),
                None => alert(Kind::FarFromFloor, finding(subject(*metric), *value), far_from_floor(*metric)),
            }
        }
    }
}

/// Metrics whose floor is so near to 0 by construction that a ratio says nothing: with enough real data it is 0.
fn is_relative(metric: Metric) -> bool {
    matches!(metric, Metric::FrechetDistance | Metric::KernelDistance | Metric::OffCurve | Metric::OffCurveFirstEpoch)
}

fn far_from_floor(metric: Metric) -> &'static str {
    match metric {
        Metric::KsAngle | Metric::KsCoordinate => {
            "Parts of the distribution have too few samples or too many, mostly its edges: see the figure of generated points."
        }
        _ => "Samples are distributed unlike the data. Train longer, or use other pairs (--pairing).",
    }
}

/// What a network is called in a sentence.
fn name(network: Network) -> &'static str {
    match network {
        Network::Autoencoder => "the autoencoder",
        Network::Decoder => "the decoder",
        Network::Flow => "the velocity network",
        Network::H => "ĥ",
        Network::Vae => "the variational autoencoder",
    }
}

fn still_falling(config: &Config, network: Network, epochs: &[&EpochRecord]) -> Option<Alert> {
    let last = epochs.len();
    if last < MIN_EPOCHS || has_schedule(config, network) {
        return None;
    }
    let best = |epochs: &[&EpochRecord]| epochs.iter().map(|epoch| epoch.validation_loss).fold(f64::INFINITY, f64::min);
    let before = best(&epochs[..last - last.div_ceil(10)]);
    let after = best(epochs);
    let fell = (before - after) / before;
    if !(fell >= STILL_FALLING && before > 0.0) {
        return None;
    }
    let had_all_epochs = training_of(config, network).is_some_and(|training| training.epochs == last);
    let more = match (config.total_budget().filter(|_| !had_all_epochs), config.data.are_own()) {
        (Some(_), true) => "More time helps: --extend, or a larger --time-budget.",
        (Some(_), false) => "More time helps: a larger --time-budget.",
        (None, _) => "More epochs help: a larger number for --epochs.",
    };
    Some(Alert {
        kind: Kind::StillFalling,
        finding: format!(
            "The validation loss of {} was still falling when its training ended after {} epochs: by {:.1}% in {}.",
            name(network),
            count(last),
            100.0 * fell,
            match last.div_ceil(10) {
                1 => "the last one".to_owned(),
                more => format!("the last {}", count(more)),
            }
        ),
        advice: more.to_owned(),
    })
}

/// Whether the learning rate falls to 0 at the end, so that a falling loss does not mean too little training.
fn has_schedule(config: &Config, network: Network) -> bool {
    let falls = |training: &Training| training.schedule != Schedule::Constant;
    network == Network::Flow || training_of(config, network).is_some_and(falls)
}

fn overfitted(config: &Config, network: Network, epochs: &[&EpochRecord]) -> Option<Alert> {
    // The loss of a velocity network is mostly noise, and that of ĥ on greedy pairs too.
    if !matches!(network, Network::Autoencoder | Network::Decoder) {
        return None;
    }
    let best = epochs.iter().min_by(|a, b| a.validation_loss.total_cmp(&b.validation_loss))?;
    if best.epoch == 1 && epochs.last()?.validation_loss > CLEARLY_WORSE * best.validation_loss {
        return Some(Alert {
            kind: Kind::Overfitted,
            finding: format!(
                "The validation loss of {} was lowest after the first of {} epochs.",
                name(network),
                count(epochs.len())
            ),
            advice: match config.data.are_own() {
                true => "More epochs did not help: it needs more images, or fewer latents (--dim).",
                false => "More epochs did not help.",
            }
            .to_owned(),
        });
    }
    if epochs.len() < MIN_EPOCHS {
        return None;
    }
    let times = best.validation_loss / best.train_loss;
    (times > MAX_OVERFITTING && best.train_loss > 0.0).then(|| Alert {
        kind: Kind::Overfitted,
        finding: format!(
            "The validation loss of {} is {times:.1} times its training loss ({} and {}).",
            name(network),
            number(best.validation_loss),
            number(best.train_loss)
        ),
        advice: match config.data.are_own() {
            true => "It knows its training images much better than others. More images help, or --flip, or fewer latents (--dim).",
            false => "It knows its training images much better than others.",
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
    let reference = match (is_of_paper, images) {
        (true, true) => "Values are not comparable with those of the paper.",
        (true, false) => "Values are not comparable with those of the complete experiment.",
        _ => "Values are not comparable with those of all data.",
    };
    Some(Alert {
        kind: Kind::NotComparable,
        finding: format!("The run used {}.", reasons.join(" and ")),
        advice: reference.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gtn_run::config::Overrides;
    use gtn_run::{Provenance, Record, Stage};

    use super::*;

    fn log(records: Vec<Record>) -> (tempfile::TempDir, MetricsLog) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = MetricsLog::open(&folder.path().join("metrics.jsonl")).unwrap();
        records.into_iter().for_each(|record| log.append(record).unwrap());
        (folder, log)
    }

    const PRESET: &str = r#"
        experiment = "mnist"
        seed = 1
        dim = 5
        data = { set = "mnist", train_fraction = 0.8 }
        pairing = { normalize = "center" }
        [autoencoder]
        weights = "best"
        training = { epochs = 25, patience = 5, batch_size = 128, learning_rate = 1e-3 }
        [h]
        hidden_layers = 7
        width = 50
        negative_slope = 0.5
        batch_norm_layers = 7
        training = { epochs = 200, patience = 3, batch_size = 128, learning_rate = 1e-3 }
    "#;

    fn config() -> Config {
        Config::from_preset("mnist", PRESET, &Overrides::default()).unwrap()
    }

    fn record(config: &Config) -> RunRecord {
        RunRecord::new(config.clone(), Provenance::default())
    }

    fn metric(metric: Metric, value: f64, floor: f64) -> Record {
        Record::Metric(MetricRecord { metric, value, floor: Some(floor), baselines: BTreeMap::new(), samples: 1000 })
    }

    fn losses(stage: Stage, losses: impl IntoIterator<Item = (f64, f64)>) -> Vec<Record> {
        let epochs = losses.into_iter().enumerate().map(|(index, (train_loss, validation_loss))| EpochRecord {
            stage,
            epoch: index + 1,
            train_loss,
            validation_loss,
            improved: true,
            seconds: 1.0,
            data_wait: 0.0,
            sample_metric: None,
            sample_metric_seconds: None,
        });
        epochs.map(Record::Epoch).collect()
    }

    #[track_caller]
    fn kinds(config: &Config, records: Vec<Record>) -> Vec<Kind> {
        let (_folder, log) = log(records);
        alerts(&record(config), &log).into_iter().map(|alert| alert.kind).collect()
    }

    #[test]
    fn values_of_bad_samples_are_alerts_and_those_of_good_ones_are_not() {
        let config = config();
        let of = |name, value, floor| kinds(&config, vec![metric(name, value, floor)]);
        assert_eq!(of(Metric::Precision, 0.02, 0.85), [Kind::NearZero]);
        assert_eq!(of(Metric::Recall, 0.02, 0.1), []);
        assert_eq!(of(Metric::VarianceKept, 0.48, 1.0), [Kind::Shrunk]);
        assert_eq!(of(Metric::VarianceKept, 0.87, 1.0), []);
        assert_eq!(of(Metric::KsCoordinate, 0.065, 0.0022), [Kind::FarFromFloor]);
        assert_eq!(of(Metric::KsCoordinate, 0.02, 0.0022), []);
        assert_eq!(of(Metric::NnDistanceRatio, 0.3, 1.0), [Kind::Memorized]);
        assert_eq!(of(Metric::NearCopyFraction, 0.4, 0.01), [Kind::Memorized]);
        assert_eq!(of(Metric::FrechetDistance, 50.0, 0.1), []);
        assert_eq!(of(Metric::OutsideSupport, 0.2, 0.0), [Kind::FarFromFloor]);
        assert_eq!(of(Metric::OutsideSupport, 0.01, 0.0), []);
        // Of few data, other real data may keep another fraction.
        assert_eq!(of(Metric::VarianceKept, 0.92, 1.35), [Kind::Shrunk]);
        assert_eq!(of(Metric::VarianceKept, 0.65, 0.66), []);
    }

    #[test]
    fn what_the_decoder_loses_is_no_fault_of_the_samples() {
        let config = config();
        let of = |name, value, decoded| {
            let baselines = [(Baseline::Decoded, decoded)].into_iter().collect();
            let floor = if name == Metric::Fid { 0.05 } else { 0.7 };
            kinds(
                &config,
                vec![Record::Metric(MetricRecord {
                    metric: name,
                    value,
                    floor: Some(floor),
                    baselines,
                    samples: 1000,
                })],
            )
        };
        assert_eq!(of(Metric::Fid, 1.55, 1.59), [Kind::Decoder]);
        assert_eq!(of(Metric::Fid, 2.4, 1.59), [Kind::FarFromFloor]);
        assert_eq!(of(Metric::Fid, 0.4, 0.38), []);
        assert_eq!(of(Metric::PixelRecall, 0.02, 0.15), []);
        assert_eq!(of(Metric::PixelRecall, 0.0, 0.0), [Kind::NearZero]);
        assert_eq!(of(Metric::PixelRecall, 0.02, 0.5), [Kind::NearZero]);
        assert!(!Kind::Decoder.is_serious());
    }

    #[test]
    fn training_that_ended_too_early_or_fits_too_well_is_an_alert() {
        let config = config();
        let falling = losses(Stage::Fit, (1..=20).map(|n| (1.0 / f64::from(n), 1.0 / f64::from(n))));
        assert_eq!(kinds(&config, falling.clone()), [Kind::StillFalling]);
        let advice = |config: &Config| {
            let (_folder, log) = log(falling.clone());
            let alert = alerts(&record(config), &log).remove(0);
            assert!(alert.finding.ends_with("ended after 20 epochs: by 10.0% in the last 2."), "{}", alert.finding);
            alert.advice
        };
        let mut limited = config.clone();
        limited.time_budget = Some(600);
        assert!(advice(&limited).contains("--time-budget"));
        // Its epochs ended training, and not the time.
        limited.h.training.epochs = 20;
        assert!(advice(&limited).contains("--epochs"));
        let flat = losses(Stage::Fit, (1..=20).map(|n| (0.5, 0.5 + 0.1 / f64::from(n * n))));
        assert_eq!(kinds(&config, flat), []);
        let few = losses(Stage::Fit, [(1.0, 1.0), (0.5, 0.5)]);
        assert_eq!(kinds(&config, few), []);
        let overfitted = losses(Stage::Autoencode, (1..=20).map(|n| (0.5 / f64::from(n), 0.5)));
        assert_eq!(kinds(&config, overfitted), []);
        let overfitted = losses(Stage::Autoencode, (1..=20).map(|_| (0.02, 0.05)));
        assert_eq!(kinds(&config, overfitted), [Kind::Overfitted]);
        let worse = losses(Stage::Autoencode, [(0.5, 0.5), (0.4, 0.6)]);
        assert_eq!(kinds(&config, worse), [Kind::Overfitted]);
    }

    #[test]
    fn shortened_runs_and_few_samples_are_alerts_and_come_after_bad_values() {
        let mut config = config();
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
        let mut other_files = record(&self::config());
        other_files.provenance.data_notes = [
            "2 files cannot be read and are skipped: a, b",
            "the files are not the original ones, so results are not comparable with the paper's",
        ]
        .map(str::to_owned)
        .to_vec();
        let (_folder, log) = log(Vec::new());
        let [alert] = alerts(&other_files, &log).try_into().unwrap();
        assert!(alert.finding.starts_with("About the files: the files are not the original ones"), "{}", alert.finding);
    }
}
