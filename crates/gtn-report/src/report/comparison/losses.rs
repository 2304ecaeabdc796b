//! The validation losses of runs in one plot.

use gtn_run::{EpochRecord, Network, Stage};

use super::super::section::{Figure, Item, Section};
use super::compared_run::ComparedRun;
use crate::curves;

/// The losses of the networks; `None` if no epochs are recorded.
pub(super) fn section(runs: &[ComparedRun]) -> Option<Section> {
    let plots = [
        (Network::H, "ĥ"),
        (Network::Flow, "the velocity network"),
        (Network::Decoder, "the decoder alone"),
        (Network::Autoencoder, "the autoencoder"),
    ];
    let items: Vec<Item> = plots.into_iter().filter_map(|(network, name)| plot(runs, network.stage(), name)).collect();
    (!items.is_empty()).then_some(Section { heading: "Losses", side_by_side: true, items })
}

fn plot(runs: &[ComparedRun], stage: Stage, network: &str) -> Option<Item> {
    let curves: Vec<(&str, Vec<&EpochRecord>)> =
        runs.iter().map(|run| (run.name(), run.log().epochs(stage).collect())).collect();
    let canvas = curves::draw_validation_losses(network, &curves)?;
    let caption = format!(
        "The validation loss of {network} after each epoch. Circles mark the best epochs. Losses can be compared only between \
         runs with the same targets and pairing."
    );
    let alt = format!("Validation losses of {network} against the epoch");
    Some(Item::Figure(Figure::svg("", canvas, &format!("Validation loss of {network}"), caption, alt)))
}
