//! The tables of the page: metrics, statistics, times, settings, provenance.

use std::collections::BTreeSet;

use gtn_run::config::{
    AutoencoderWeights, Components, CoordinateSystem, Data, FlowSettings, HArchitecture, ImageSource, Normalize,
    Optimizer, PairingMethod, Protocol, Schedule, Selection, SimilarityPrecision, Training,
};
use gtn_run::schema::{Baseline, Direction, Statistic};
use gtn_run::{Config, EpochRecord, MetricRecord, MetricsLog, Network, Stage};
use maud::{Markup, html};

use super::baselines;
use super::contents::Contents;
use super::stage_descriptions::description;
use super::text::{self, count, duration, number};
use super::training_end::{TrainingEnd, training_end};

/// The metrics, in tables with their headings; none if none were measured.
pub(super) fn metrics(contents: &Contents) -> Vec<(&'static str, Markup)> {
    let (of_inception, rest): (Vec<_>, Vec<_>) =
        contents.log.metrics().partition(|record| record.metric.is_of_inception());
    let (on_pixels, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|record| record.metric.is_on_pixels());
    let notes_on_latents = [
        "Lower is better unless marked otherwise: ↑ higher is better, → closer to the given value is better.",
        " Noise floor: the score of real data against other real data.",
        " A single Gaussian and a mixture of Gaussians were fitted to the same training latents; apart from the autoencoder, \
         they need no network. The number of Gaussians is the best of several for a part of the training latents.",
    ];
    let notes_on_pixels = [
        "The same metrics on images instead of latents, pixel by pixel with values in [−1, 1].",
        " Noise floor: the score of other held-out real images.",
        " Reconstructed real images went through the autoencoder: their distance from the noise floor is caused by the \
         decoder, which also affects the samples.",
    ];
    let fid = contents.record.config.inception.as_ref().and_then(|settings| settings.fid.as_ref());
    let on_fid = fid.map(|fid| {
        format!(
            "FID compares {} features with those of as many training images, and depends on both numbers.",
            fid.dims
        )
    });
    let notes_on_inception = [
        on_fid.as_deref().unwrap_or_default(),
        " Noise floor: the value of other real images, training images for FID and held-out ones for the Inception Score.",
        " Reconstructed real images are those images after the autoencoder; generated images are hardly sharper.",
    ];
    let tables = [
        ("Metrics", others, notes_on_latents),
        ("Metrics of Inception networks", of_inception, notes_on_inception),
        ("Metrics on pixels", on_pixels, notes_on_pixels),
    ];
    let measured = tables.into_iter().filter(|(_, metrics, _)| !metrics.is_empty());
    let table = |(heading, metrics, [note, on_floors, on_baselines]): (_, Vec<&MetricRecord>, [&str; 3])| {
        let baselines = measured_baselines(&metrics);
        let body = html! {
            (metrics_table(&metrics, &contents.log))
            p.note {
                (note)
                @if metrics.iter().any(|record| record.floor.is_some()) { (on_floors) }
                @if !baselines.is_empty() { (on_baselines) }
                @if baselines.contains(&Baseline::Vae) { (ON_VAE) }
                @if baselines.contains(&Baseline::Flow) { (on_flow(contents)) }
            }
        };
        (heading, body)
    };
    measured.map(table).collect()
}

const ON_VAE: &str = " The variational autoencoder has the layers, the latent dimension and the training of the autoencoder, and \
                      decodes normal vectors; its images are compared as they are, and its latents are those of its images after \
                      the encoder of this run.";

/// What the flow is, and what its steps cost.
fn on_flow(contents: &Contents) -> String {
    let provenance = &contents.record.provenance;
    let milliseconds = |seconds: f64| format!("{} ms", number(1e3 * seconds));
    let steps = contents.log.stage(Stage::Label).and_then(|record| record.statistics.get(&Statistic::IntegrationSteps));
    let mut text =
        " The flow itself is what ĥ learned its pairs from, followed step by step from the same normal vectors."
            .to_owned();
    if let (Some(h), Some(flow), Some(steps)) = (provenance.h_sample_seconds, provenance.flow_sample_seconds, steps) {
        text.push_str(&format!(
            " A latent takes {} by one pass of ĥ, and {} by {} steps of the flow.",
            milliseconds(h),
            milliseconds(flow),
            count(*steps as usize)
        ));
    }
    text
}

/// The baselines that at least one metric has.
fn measured_baselines(metrics: &[&MetricRecord]) -> BTreeSet<Baseline> {
    metrics.iter().flat_map(|record| record.baselines.keys().copied()).collect()
}

/// The mark behind a metric's title.
pub(super) fn mark(direction: Direction) -> String {
    match direction {
        Direction::LowerIsBetter => String::new(),
        Direction::HigherIsBetter => " ↑".to_owned(),
        Direction::CloserTo(value) => format!(" → {value}"),
    }
}

fn metrics_table(metrics: &[&MetricRecord], log: &MetricsLog) -> Markup {
    let measured = measured_baselines(metrics);
    html! {
        div.wide { table.metrics.with-baselines[!measured.is_empty()] {
            thead { tr {
                th { "Metric" } th.number { "Value" } th.number { "Noise floor" }
                @for baseline in &measured { th.number { (baselines::title(*baseline, log)) } }
                th.number { "Samples" }
                th.meaning { "Definition" }
            } }
            tbody {
                @for record in metrics {
                    tr {
                        td.name { (record.metric.title()) (mark(record.metric.direction())) }
                        td.number data-label="Value" { (number(record.value)) }
                        (value_or_dash("Noise floor", record.floor))
                        @for baseline in &measured {
                            (value_or_dash(&baselines::title(*baseline, log), record.baselines.get(baseline).copied()))
                        }
                        td.number data-label="Samples" { (count(record.samples)) }
                        td.meaning { (record.metric.definition()) " Unit: " (record.metric.unit()) "." }
                    }
                }
            }
        } }
    }
}

/// A cell with the title of its column, which narrow screens show in it.
fn value_or_dash(column: &str, value: Option<f64>) -> Markup {
    html! { td.number data-label=(column) { @match value { Some(value) => (number(value)), None => span.missing { "–" } } } }
}

/// The statistics of the stages.
pub(super) fn statistics(contents: &Contents) -> Markup {
    let config = &contents.record.config;
    let recorded = || Stage::ALL.iter().filter_map(|stage| contents.log.stage(*stage));
    html! {
        @if recorded().all(|record| record.statistics.is_empty()) {
            p.missing { "No statistics recorded." }
        } @else {
            div.wide { table.statistics {
                @for record in recorded().filter(|record| !record.statistics.is_empty()) {
                    tbody {
                        tr {
                            th colspan="3" scope="rowgroup" {
                                (record.stage) span.stage { " " (description(record.stage, config)) }
                            }
                        }
                        @for (statistic, value) in &record.statistics {
                            tr {
                                td.name { (statistic.title()) }
                                td.number { (number(*value)) }
                                td.meaning { (statistic.definition()) }
                            }
                        }
                    }
                }
            } }
        }
    }
}

/// The times of the stages.
pub(super) fn times(contents: &Contents) -> Markup {
    let config = &contents.record.config;
    let stages = || config.stages().into_iter().map(|stage| (stage, contents.log.stage(stage)));
    let total = contents.log.seconds();
    html! {
        div.wide { table {
            thead { tr { th { "Stage" } th { "Description" } th.number { "Time" } th.number { "Seconds" }
                th.number { "Waiting for data" } } }
            tbody {
                @for (stage, record) in stages() {
                    tr {
                        td { (stage) }
                        td { (description(stage, config)) }
                        @match record {
                            Some(record) => {
                                td.number { (duration(record.seconds)) }
                                td.number { (format!("{:.2}", record.seconds)) }
                                td.number { (waiting(contents, stage)) }
                            }
                            None => td.number.missing colspan="3" { "not recorded" },
                        }
                    }
                }
            }
            tfoot { tr {
                th colspan="2" { "Total" }
                td.number { (duration(total)) }
                td.number { (format!("{total:.2}")) }
                td {}
            } }
        } }
    }
}

/// The fraction of a stage's time in which training waited for data; empty for a stage without epochs.
fn waiting(contents: &Contents, stage: Stage) -> String {
    let sum = |field: fn(&EpochRecord) -> f64| contents.log.epochs(stage).map(field).sum::<f64>();
    let seconds = sum(|epoch| epoch.seconds);
    if seconds > 0.0 { format!("{:.1}%", 100.0 * sum(|epoch| epoch.data_wait) / seconds) } else { String::new() }
}

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
pub(super) fn configuration(contents: &Contents) -> Markup {
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

/// The command with the epochs that the run had, if a time budget decided them.
fn epochs_of_budget(contents: &Contents, command: &str) -> Option<String> {
    let total = contents.record.config.total_budget()?;
    let networks = [Network::Autoencoder, Network::Decoder, Network::Flow, Network::H];
    let trained = networks.into_iter().filter_map(|network| {
        let epochs = contents.log.epochs(network.stage()).map(|epoch| epoch.epoch).max()?;
        Some(format!("{network}={epochs}"))
    });
    let trained: Vec<String> = trained.collect();
    let record = &contents.record;
    let end = |network| training_end(record, &contents.log, network);
    let is_extended = record.config.extension.is_some();
    let ended_by_clock = networks.into_iter().any(|network| end(network) == Some(TrainingEnd::TimeBudget));
    if trained.is_empty() || !(is_extended || ended_by_clock) {
        return None;
    }
    let mut command = without_option(command, "--epochs");
    if is_extended {
        command = format!("{} --time-budget {total}s", without_option(&command, "--time-budget"));
    }
    Some(format!("{command} --epochs {}", trained.join(",")))
}

/// A command without an option whose value has no spaces.
fn without_option(command: &str, option: &str) -> String {
    let mut words = command.split(' ');
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        if word == option {
            words.next();
        } else {
            kept.push(word);
        }
    }
    kept.join(" ")
}

/// How to reproduce the run.
pub(super) fn reproduction(contents: &Contents) -> Markup {
    let provenance = &contents.record.provenance;
    let rows = [
        ("Version", Some(&provenance.version).filter(|version| !version.is_empty())),
        ("Git revision", provenance.git_revision.as_ref()),
        ("Device", provenance.device.as_ref()),
        ("System", provenance.system.as_ref()),
        ("Begun", provenance.begun.as_ref()),
        ("SHA-256 of the data", provenance.data_sha256.as_ref()),
        ("Autoencoder from", provenance.autoencoder_from.as_ref()),
    ];
    let is_shown = |name: &str| name != "Autoencoder from" || contents.record.config.reused_autoencoder().is_some();
    let data = if contents.data_set.points.is_none() { " and the same data" } else { "" };
    html! {
        @match &provenance.command {
            Some(command) => {
                @match epochs_of_budget(contents, command) {
                    None => {
                        p { "This command reproduces the run, with the same version of the program" (data) ":" }
                        pre { code { (command) } }
                    }
                    Some(repeated) => {
                        p {
                            "The time budget ended training by the clock. On a machine that is at least as fast, this command trains for \
                             the same epochs and reproduces the run, with the same version of the program" (data) ":"
                        }
                        pre { code { (repeated) } }
                    }
                }
            }
            None => p.missing { "The command is not recorded." },
        }
        dl.provenance {
            @for (name, value) in rows.into_iter().filter(|(name, _)| is_shown(name)) {
                dt { (name) }
                dd { @match value { Some(value) => code { (value) }, None => span.missing { "not recorded" } } }
            }
        }
    }
}
