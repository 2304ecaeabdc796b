//! Rules on the values of metrics.

use gtn_run::config::PairingMethod;
use gtn_run::schema::{Baseline, Direction, Metric};
use gtn_run::{Config, MetricRecord};

use super::super::text::number;
use super::alert::{Alert, Kind};

/// Precision, recall or coverage below this are near 0, if those of real data are above [`CLEARLY_PRESENT`].
const NEAR_ZERO: f64 = 0.1;
const CLEARLY_PRESENT: f64 = 0.3;
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

/// The subject of a sentence: samples as they are measured.
fn subject(metric: Metric) -> &'static str {
    if metric.is_on_pixels() { "of images, pixel by pixel," } else { "of the samples" }
}

pub(super) fn of_metric(config: &Config, record: &MetricRecord) -> Option<Alert> {
    let MetricRecord { metric, value, floor, baselines, .. } = record;
    let title = metric.title();
    let alert = |kind, finding, advice: &str| Some(Alert { kind, finding, advice: advice.to_owned() });
    let floor = floor.filter(|floor| floor.is_finite());
    // What the decoder cannot show is no fault of the samples.
    let decoded = baselines.get(&Baseline::Decoded).copied();
    match metric {
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
                    "They vary less than the data: ĥ or its flow has not learned them. Train longer, use more data, or a smaller dimension (--dim)."
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
                    "Samples are about as good as these: the decoder limits them. More time for it, or a larger dimension (--dim), makes images sharper.",
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

#[cfg(test)]
mod tests {
    use gtn_run::Record;

    use super::super::fixtures::{config, kinds, metric};
    use super::*;

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
        assert_eq!(of(Metric::PixelRecall, 0.0, 0.0), []);
        assert_eq!(of(Metric::PixelRecall, 0.02, 0.5), [Kind::NearZero]);
        assert!(!Kind::Decoder.is_serious());
    }
}
