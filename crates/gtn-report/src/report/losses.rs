//! The loss curves of the networks that a run trains.

use gtn_run::{Config, MetricsLog, Stage};

use super::section::{Figure, Image, Item, Section};
use crate::{Result, curves};

pub(super) fn section(config: &Config, log: &MetricsLog) -> Result<Section> {
    let mut items = Vec::new();
    if config.autoencoder.is_some() {
        let loss = "the mean squared error of the decoded images";
        items.push(item(log, Stage::Autoencode, "loss-autoencoder.svg", ["the autoencoder", loss])?);
    }
    let loss = match config.data.are_images() {
        true => "the mean squared error of the generated latents",
        false => "the mean squared error of the generated coordinates, in units of the normalized data",
    };
    items.push(item(log, Stage::Fit, "loss-h.svg", ["the network ĥ", loss])?);
    Ok(Section { heading: "Losses", side_by_side: true, items })
}

fn item(log: &MetricsLog, stage: Stage, file: &'static str, [network, loss]: [&str; 2]) -> Result<Item> {
    let name = network.trim_start_matches("the ");
    Ok(match curves::loss_svg(name, log.epochs(stage))? {
        Some(text) => Item::Figure(Figure {
            file,
            image: Image::Svg { text, width: curves::SIZE.0 },
            title: format!("Loss of {name}"),
            caption: format!("The loss of {network} is {loss}. The circle marks the lowest validation loss."),
            alt: format!("Training and validation loss of {network} against the epoch"),
        }),
        None => Item::Missing(format!("No epochs of {network} are recorded.")),
    })
}
