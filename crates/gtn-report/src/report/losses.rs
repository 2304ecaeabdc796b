//! The loss curves of the networks that a run trains.

use gtn_run::config::{PairingMethod, ReconstructionLoss, Selection};
use gtn_run::schema::{Baseline, Metric};
use gtn_run::{Config, EpochRecord, MetricsLog, Stage};

use super::data_sets::DataSet;
use super::section::{Figure, Item, Section};
use super::text::number;
use crate::curves;

pub(super) fn section(config: &Config, data_set: &DataSet, log: &MetricsLog) -> Section {
    let mut items = Vec::new();
    if let Some(autoencoder) = config.autoencoder.as_ref().filter(|_| config.reused_autoencoder().is_none()) {
        let loss = of_images(autoencoder.loss);
        items.push(item(log, Stage::Autoencode, "loss-autoencoder.svg", ["the autoencoder", &loss]));
    }
    if let Some(decoder) = config.decoder_training().filter(|_| config.trains_decoder()) {
        let loss = of_images(decoder.loss);
        items.push(item(log, Stage::Decoder, "loss-decoder.svg", ["the decoder alone", &loss]));
    }
    if config.pairing.method == PairingMethod::Flow {
        let loss = "the mean squared error of its velocities, most of which no network can predict: a point on the way belongs to \
                    many pairs";
        items.push(item(log, Stage::Flow, "loss-flow.svg", ["the velocity network", loss]));
    }
    items.push(item(log, Stage::Fit, "loss-h.svg", ["the network ĥ", data_set.loss]));
    items.extend(score_of_samples(config.h.training.select, log));
    Section { heading: "Losses", side_by_side: true, items }
}

/// A loss of decoded images in words.
fn of_images(loss: ReconstructionLoss) -> String {
    match loss.spectrum {
        0.0 => "the mean squared error of the decoded images".to_owned(),
        weight => format!(
            "the mean squared error of the decoded images, and {weight} times the difference of their local spectra"
        ),
    }
}

fn item(log: &MetricsLog, stage: Stage, file: &'static str, [network, loss]: [&str; 2]) -> Item {
    let name = network.trim_start_matches("the ");
    let epochs: Vec<&EpochRecord> = log.epochs(stage).collect();
    let Some(canvas) = curves::draw(name, &epochs) else {
        return Item::Missing(format!("No epochs of {network} are recorded."));
    };
    let caption = format!("The loss of {network} is {loss}. The circle marks the best epoch.");
    let alt = format!("Training and validation loss of {network} against the epoch");
    Item::Figure(Figure::svg(file, canvas, &format!("Loss of {name}"), caption, alt))
}

/// The metric of samples that chose the best epoch, by epoch: the paper's Figures 9 and 16, if it is the Inception Score.
fn score_of_samples(selection: Selection, log: &MetricsLog) -> Option<Item> {
    let epochs: Vec<&EpochRecord> = log.epochs(Stage::Fit).collect();
    let is_score = selection == Selection::InceptionScore;
    let score = log.metrics().find(|record| is_score && record.metric == Metric::InceptionScore);
    let real = score.and_then(|record| record.baselines.get(&Baseline::Decoded).copied());
    let canvas = curves::draw_sample_metric(selection.title(), &epochs, real)?;
    let sum = |field: fn(&EpochRecord) -> f64| epochs.iter().map(|epoch| field(epoch)).sum::<f64>();
    let share =
        sum(|epoch| epoch.sample_metric_seconds.unwrap_or(0.0)) / sum(|epoch| epoch.seconds).max(f64::MIN_POSITIVE);
    let mut caption = format!(
        "The {} of what ĥ generates after each epoch; a dot marks an epoch that was the best so far. Measuring it took {:.0}% of the \
         time of the epochs.",
        selection.title(),
        100.0 * share
    );
    if let Some(real) = real {
        caption.push_str(&format!(" The line is that of as many real images after the autoencoder, {}.", number(real)));
    }
    let title = if is_score { "Figures 9 and 16" } else { "Samples by epoch" };
    let alt = format!("The {} against the epoch", selection.title());
    Some(Item::Figure(Figure::svg("figure-9.svg", canvas, title, caption, alt)))
}
