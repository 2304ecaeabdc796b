//! The loss curves of the networks that a run trains.

use gtn_run::config::PairingMethod;
use gtn_run::{Config, EpochRecord, MetricsLog, Stage};

use super::data_sets::DataSet;
use super::section::{Figure, Item, Section};
use crate::curves;

pub(super) fn section(config: &Config, data_set: &DataSet, log: &MetricsLog) -> Section {
    let mut items = Vec::new();
    if config.autoencoder.is_some() && config.reused_autoencoder().is_none() {
        let loss = "the mean squared error of the decoded images";
        items.push(item(log, Stage::Autoencode, "loss-autoencoder.svg", ["the autoencoder", loss]));
    }
    if config.pairing.method == PairingMethod::Flow {
        let loss = "the mean squared error of its velocities, most of which no network can predict: a point on the way belongs to \
                    many pairs";
        items.push(item(log, Stage::Flow, "loss-flow.svg", ["the velocity network", loss]));
    }
    items.push(item(log, Stage::Fit, "loss-h.svg", ["the network ĥ", data_set.loss]));
    Section { heading: "Losses", side_by_side: true, items }
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
