//! The summary of a run.

use gtn_run::config::{Normalize, PairingMethod, Protocol};
use gtn_run::{Config, MetricsLog, Network, Provenance, Stage};

use super::contents::Contents;
use super::data_sets::{DataSet, PointSet};
use super::text::{self, count};
use super::training_end::{TrainingEnd, training_end};

/// What the run did, and how long its networks were trained.
pub(super) fn summary(Contents { record, log, data_set, .. }: &Contents) -> String {
    let config = &record.config;
    let source = match config.protocol {
        Protocol::Paper => "the text of the paper (arXiv 2406.15152)",
        Protocol::Repo => "the published code of the paper's authors (arXiv 2406.15152)",
        Protocol::Flow => "the paper (arXiv 2406.15152), with this project's own defaults",
    };
    let begin = match config.data.are_own() {
        true => format!(
            "This run fits a Generative Topological Network (the paper: arXiv 2406.15152) to your own data ({}).",
            config.experiment
        ),
        false => format!("The experiment {} follows {source}.", config.experiment),
    };
    let mut summary = format!("{begin} {}", method(config, data_set));
    if config.quick {
        summary.push_str(" The run was shortened (quick), so its results are worse than those of the full experiment.");
    }
    let provenance = &record.provenance;
    let end = |network| training_end(record, log, network);
    let mut networks = Vec::new();
    if let Some(autoencoder) = &config.autoencoder {
        networks.push(match config.reused_autoencoder() {
            Some(_) => reused_autoencoder(provenance),
            None => {
                let (max, recorded) = (autoencoder.training.epochs, provenance.autoencoder_epochs);
                training("the autoencoder", max, log, Stage::Autoencode, (recorded, end(Network::Autoencoder)))
            }
        });
        if let Some(decoder) = autoencoder.decoder.as_ref().filter(|_| config.trains_decoder()) {
            let (max, recorded) = (decoder.training.epochs, provenance.decoder_epochs);
            networks.push(training("the decoder alone", max, log, Stage::Decoder, (recorded, end(Network::Decoder))));
        }
    }
    let of_flow = log.epochs(Stage::Flow).map(|epoch| epoch.epoch).max();
    if let Some(recorded) = of_flow.filter(|_| config.pairing.method == PairingMethod::Flow) {
        let epochs = provenance.flow_epochs.unwrap_or(recorded);
        networks.push(training("the velocity network", epochs, log, Stage::Flow, (Some(epochs), None)));
    }
    let of_h = (provenance.h_epochs, end(Network::H));
    let joint = if networks.is_empty() { "" } else { "and " };
    networks.push(format!("{joint}{}", training("ĥ", config.h.training.epochs, log, Stage::Fit, of_h)));
    summary.push_str(&format!(" {}.", text::capitalized(&networks.join(", "))));
    if let Some(budget) = config.total_budget() {
        let budget = text::budget(budget);
        summary.push_str(&format!(" The time budget of the run was {budget}."));
    }
    summary
}

/// How the run got from the data to samples, in sentences.
fn method(config: &Config, data_set: &DataSet) -> String {
    let Some(PointSet { noun, distribution, sizes: (train, validation), .. }) = data_set.points else {
        if !config.data.are_images() {
            return format!(
                "The data are vectors of dimension {}. They are paired with normal vectors by {}. From these pairs, the network ĥ learns \
                 to map normal vectors to the data.",
                config.dim,
                config.pairing.method.title()
            );
        }
        let images = match config.data.limit() {
            None => "the images".to_owned(),
            Some(limit) => format!("at most {} images, selected at random,", count(limit)),
        };
        return format!(
            "An autoencoder encodes {images} as latents of dimension {}. They are paired with normal vectors by {}. From \
             these pairs, the network ĥ learns to map normal vectors to latents{}.",
            config.dim,
            config.pairing.method.title(),
            if config.pairing.method == PairingMethod::Flow { " in one pass" } else { "" },
        );
    };
    let normalized = match config.pairing.normalize {
        Normalize::None => "They are paired",
        Normalize::Center => "They are centered, and paired",
        Normalize::Standardize => "They are standardized, and paired",
    };
    let pairing = config.pairing.method.title();
    let source = if config.dim == 1 { "standard normal values" } else { "normal vectors" };
    format!(
        "The data are {distribution}: {} for training and {} for validation. {normalized} with {source} (source dimension \
         {}) by {pairing}. From these pairs, the network ĥ learns to map {source} to {noun}.",
        count(train),
        count(validation),
        config.dim,
    )
}

/// Where a trained autoencoder comes from, as a clause.
fn reused_autoencoder(provenance: &Provenance) -> String {
    let from = provenance.autoencoder_from.as_deref().unwrap_or("another run");
    let of_data = match (&provenance.autoencoder_data_sha256, &provenance.data_sha256) {
        (Some(trained_on), Some(data)) if trained_on != data => ", where it was trained on other images",
        _ => "",
    };
    format!("the autoencoder was taken from {from}{of_data}")
}

/// How long a network was trained, as a clause. `recorded` is its number of epochs if training is over.
fn training(
    network: &str,
    max: usize,
    log: &MetricsLog,
    stage: Stage,
    (recorded, end): (Option<usize>, Option<TrainingEnd>),
) -> String {
    let epochs = |number: usize| format!("{} {}", count(number), if number == 1 { "epoch" } else { "epochs" });
    let finished = recorded.is_some() || log.stage(stage).is_some();
    match recorded.or_else(|| log.epochs(stage).map(|epoch| epoch.epoch).max()) {
        None => format!("no epochs of {network} are recorded (maximum: {})", count(max)),
        Some(done) if !finished => {
            format!("{network} has trained for {} of at most {} so far", count(done), epochs(max))
        }
        Some(done) if done < max => match end {
            Some(TrainingEnd::TimeBudget) => {
                format!("{network} trained for {}, until its share of the time was over", epochs(done))
            }
            Some(TrainingEnd::NoImprovement) => {
                format!("{network} stopped after {} of {}, because it no longer improved", count(done), epochs(max))
            }
            _ => format!("{network} stopped after {} of {}", count(done), epochs(max)),
        },
        Some(_) if max == 1 => format!("{network} trained for 1 epoch"),
        Some(_) => format!("{network} trained for all {}", epochs(max)),
    }
}
