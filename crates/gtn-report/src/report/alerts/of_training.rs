//! Rules on the losses of a network.

use gtn_run::config::{Schedule, Training};
use gtn_run::{Config, EpochRecord, Network};

use super::super::text::{count, number};
use super::super::training_end::training_of;
use super::alert::{Alert, Kind};

/// How many times the training loss a validation loss may be.
const MAX_OVERFITTING: f64 = 1.5;
/// How many times the best validation loss the last one is if training made it worse.
const CLEARLY_WORSE: f64 = 1.05;
/// A loss is still falling if the last tenth of the epochs lowered the best one by this fraction.
const STILL_FALLING: f64 = 0.01;
/// With fewer epochs, nothing is said of how a loss falls.
const MIN_EPOCHS: usize = 5;

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

pub(super) fn still_falling(config: &Config, network: Network, epochs: &[&EpochRecord]) -> Option<Alert> {
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
        (Some(budget), true) => {
            format!("More time helps: `gtn fit RUN --extend {budget}s`, where RUN is the folder of this run.")
        }
        (Some(_), false) => "More time helps: a larger --time-budget.".to_owned(),
        (None, _) => "More epochs help: a larger number for --epochs.".to_owned(),
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
        advice: more,
    })
}

/// Whether the learning rate falls to 0 at the end, so that a falling loss does not mean too little training.
fn has_schedule(config: &Config, network: Network) -> bool {
    let falls = |training: &Training| training.schedule != Schedule::Constant;
    network == Network::Flow || training_of(config, network).is_some_and(falls)
}

pub(super) fn overfitted(config: &Config, network: Network, epochs: &[&EpochRecord]) -> Option<Alert> {
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
                true => "More epochs did not help: it needs more images, or a smaller dimension (--dim).",
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
            true => "It knows its training images much better than others. More images help, or --flip, or a smaller dimension (--dim).",
            false => "It knows its training images much better than others.",
        }
        .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use gtn_run::Stage;

    use super::super::alerts;
    use super::super::fixtures::{config, kinds, log, losses, record};
    use super::*;

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
}
