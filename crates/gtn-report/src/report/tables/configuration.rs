//! The settings of a run.

use gtn_run::Config;
use gtn_run::config::{
    AutoencoderWeights, Components, CoordinateSystem, Data, FlowSettings, HArchitecture, ImageSource, Normalize,
    Optimizer, PairingMethod, Protocol, Schedule, Selection, SimilarityPrecision, Training,
};
use maud::{Markup, html};

use super::super::contents::Contents;
use super::super::text::{self, count};

/// The value of a setting, as text.
type Setting = fn(&Training) -> String;

fn optimizer(training: &Training) -> String {
    let name = match training.optimizer {
        Optimizer::Adam => "Adam",
        Optimizer::AdamW => "AdamW",
    };
    let schedule = match training.schedule {
        Schedule::Constant => "",
        Schedule::Cosine => ", cosine schedule",
    };
    let average = if training.average.is_some() { ", averaged weights" } else { "" };
    format!("{name}{schedule}{average}")
}

fn yes_or_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

/// The configuration, and `config.toml`.
pub(in crate::report) fn configuration(contents: &Contents) -> Markup {
    let config = &contents.record.config;
    let rows: [(&str, Setting); 7] = [
        ("Maximum epochs", |t| count(t.epochs)),
        ("Patience (epochs)", |t| count(t.patience)),
        ("Batch size", |t| count(t.batch_size)),
        ("Optimizer", optimizer),
        ("Learning rate", |t| t.learning_rate.to_string()),
        ("Weight decay", |t| t.weight_decay.to_string()),
        ("Drop the last incomplete batch", |t| yes_or_no(t.drop_last).to_owned()),
    ];
    let autoencoder = config.autoencoder.iter().map(|autoencoder| ("autoencoder", &autoencoder.training));
    let decoder = config.decoder_training().map(|decoder| ("decoder alone", &decoder.training));
    let networks: Vec<(&str, &Training)> = autoencoder.chain(decoder).chain([("ĥ", &config.h.training)]).collect();
    html! {
        div.wide { table {
            thead { tr { th { "Training" } @for (name, _) in &networks { th.number { (name) } } } }
            tbody {
                @for (name, value) in rows {
                    tr { td { (name) } @for (_, training) in &networks { td.number { (value(training)) } } }
                }
            }
        } }
        ul { @for sentence in settings(contents) { li { (sentence) } } }
        details {
            summary { "All settings (" code { "config.toml" } ")" }
            pre { code { (contents.toml) } }
        }
    }
}

/// Settings that are not in the table of training, one per sentence.
fn settings(Contents { record, data_set, .. }: &Contents) -> Vec<String> {
    let config = &record.config;
    let h = &config.h;
    let of_h = match h.architecture {
        HArchitecture::Mlp => format!(
            "ĥ has {} hidden layers of {} units, LeakyReLU with a negative slope of {}, and {}.",
            h.hidden_layers,
            count(h.width),
            h.negative_slope,
            match h.batch_norm_layers {
                0 => "no BatchNorm".to_owned(),
                1 => "BatchNorm in the first layer".to_owned(),
                layers => format!("BatchNorm in the first {layers} layers"),
            }
        ),
        HArchitecture::Residual => format!(
            "ĥ adds to its input what {} residual blocks of {} units make of it (LayerNorm, linear, SiLU, linear).",
            h.residual().blocks,
            count(h.residual().width),
        ),
    };
    let mut settings = vec![of_h];
    settings.extend(choice_of_epoch(config));
    if let Some(autoencoder) = &config.autoencoder {
        let weights = match autoencoder.weights {
            AutoencoderWeights::Best => "The encoder and the decoder have the weights of the autoencoder's best epoch.",
            AutoencoderWeights::LastEncoderBestDecoder => {
                "The encoder has the weights of the autoencoder's last epoch, and the decoder those of its best epoch."
            }
        };
        settings.push(weights.to_owned());
        let spectrum = autoencoder.loss.spectrum;
        if spectrum > 0.0 {
            settings.push(format!(
                "The autoencoder minimizes the mean squared error and {spectrum} times the difference of local spectra."
            ));
        }
        if let Some(decoder) = &autoencoder.decoder {
            let loss = match decoder.loss.spectrum {
                0.0 => "the mean squared error".to_owned(),
                weight => format!("the mean squared error and {weight} times the difference of local spectra"),
            };
            settings.push(format!(
                "Beginning with these weights, the decoder alone was trained on the latents, while the encoder stayed as it is. It \
                 minimizes {loss}."
            ));
            if decoder.latent_noise > 0.0 {
                settings.push(format!(
                    "In its training, normal noise of {} times the standard deviation of the latents is added to them.",
                    decoder.latent_noise
                ));
            }
        }
    }
    if let Some(reused) = config.reused_autoencoder() {
        settings.push(format!(
            "The autoencoder is that of another run, with the training settings of that run. Its weights have the SHA-256 {}{}. The \
             images are split as there, with seed {}.",
            reused.weights,
            reused.decoder.as_ref().map_or(String::new(), |decoder| format!(", and those of its decoder {decoder}")),
            reused.split_seed
        ));
    }
    let data = data_set.targets;
    settings.push(match config.pairing.normalize {
        Normalize::None => format!("The {data} are not normalized before pairing."),
        Normalize::Center => format!("The mean of the training {data} is subtracted before pairing."),
        Normalize::Standardize => format!(
            "The {data} are standardized before pairing: the mean of the training {data} is subtracted, and each coordinate \
             is divided by its standard deviation."
        ),
    });
    let precision = match (config.pairing.method, config.pairing.greedy.precision) {
        (PairingMethod::Greedy, SimilarityPrecision::Single) => {
            ", which compares cosine similarities in single precision"
        }
        _ => "",
    };
    settings.push(format!("Pairs are computed by {}{precision}.", config.pairing.method.title()));
    settings.extend(space(config));
    settings.extend_from_slice(&data_set.settings);
    let notes = record.provenance.data_notes.iter();
    settings.extend(notes.map(|note| format!("About the files: {note}.")));
    if let Some(budget) = config.total_budget() {
        settings.push(format!(
            "Time budget: {}. Each network has a share of it, and may end earlier.",
            text::budget(budget)
        ));
    }
    settings
}

/// How the best epoch of ĥ is chosen; `None` if by the validation loss, where nobody expects another rule.
fn choice_of_epoch(config: &Config) -> Option<String> {
    let training = &config.h.training;
    let follows_paper = matches!(config.data, Data::Images(ImageSource::Celeba(_) | ImageSource::Hap(_)))
        && config.protocol != Protocol::Flow;
    match training.select {
        Selection::ValidationLoss if follows_paper => Some(
            "The paper chooses the best epoch of ĥ by the Inception Score. Here the validation loss chose it, since the weights of \
             the Inception network were not there (`gtn data fetch inception`), or because it was asked for."
                .to_owned(),
        ),
        Selection::ValidationLoss => None,
        Selection::SlicedWasserstein | Selection::EnergyDistance => Some(format!(
            "The best epoch of ĥ is the one whose samples have the smallest {} from the validation data.",
            training.select.title()
        )),
        Selection::InceptionScore => config.deciding_score().map(|score| {
            let twice = if score.normalize_twice {
                " The images are normalized twice, as 2x − 1 with x in [−1, 1], as in the authors' code."
            } else {
                ""
            };
            format!(
                "The best epoch of ĥ is the one with the highest Inception Score of {} generated images, in {} splits, always from \
                 the same normal vectors. Training ends after {} epochs without a higher one.{twice}",
                count(score.images),
                score.splits,
                count(training.patience)
            )
        }),
    }
}

/// The coordinates and components in which pairs are computed, and the flow that they come from.
fn space(config: &Config) -> Vec<String> {
    let pairing = &config.pairing;
    let mut sentences = Vec::new();
    let coordinates = match pairing.coordinates() {
        CoordinateSystem::Normalized => None,
        CoordinateSystem::Scaled => {
            Some("centered and divided by one number, so that a coordinate has variance 1 on average")
        }
        CoordinateSystem::Whitened => Some("whitened: uncorrelated, with variance 1 in every coordinate"),
        CoordinateSystem::Covariance => {
            Some("centered and divided by one number, and normal vectors get the covariance of the data")
        }
    };
    let components = match pairing.components() {
        Components::Count(1) => None,
        Components::Count(count) => Some(format!("the {count} components of a mixture of Gaussians")),
        Components::Auto => Some("the components of a mixture of Gaussians, as many as held-out data need".to_owned()),
        Components::Labels => Some("the classes of the data".to_owned()),
    };
    if let Some(components) = &components {
        sentences.push(format!("The components of the source are {components} (Appendix C); ĥ is told the component."));
    }
    if let Some(coordinates) = coordinates {
        let of = if components.is_some() { "The data of each component are" } else { "The data are" };
        sentences.push(format!("{of} {coordinates}."));
    }
    if pairing.method == PairingMethod::Flow {
        let FlowSettings { width, blocks, steps, batch_size, learning_rate, average, .. } = &pairing.flow;
        sentences.push(format!(
            "The velocity network of the flow has {blocks} residual blocks of {} units. AdamW trains it in about {} steps of \
             {batch_size} vectors, with a learning rate that falls from {learning_rate} to 0 along a cosine. Its weights are \
             averaged with a decay of {average}.",
            count(*width),
            count(*steps),
        ));
    }
    sentences
}
