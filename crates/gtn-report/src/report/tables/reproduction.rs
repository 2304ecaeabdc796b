//! How to reproduce a run, and what it was made with.

use gtn_run::Network;
use maud::{Markup, html};

use super::super::contents::Contents;
use super::super::training_end::{TrainingEnd, training_end};

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
pub(in crate::report) fn reproduction(contents: &Contents) -> Markup {
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
