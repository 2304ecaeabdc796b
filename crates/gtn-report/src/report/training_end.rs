//! Why the training of a network ended.

use gtn_run::config::Training;
use gtn_run::schema::Statistic;
use gtn_run::{Config, MetricsLog, Network, RunRecord, Stage};

/// Why the training of a network ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrainingEnd {
    /// After all epochs that were set.
    AllEpochs,
    /// After as many epochs without an improvement as were set.
    NoImprovement,
    /// The time budget allowed no more epochs.
    TimeBudget,
}

/// Why the training of a network ended; `None` without training of its own that is over, or without records of it.
pub(super) fn training_end(
    RunRecord { config, provenance, .. }: &RunRecord,
    log: &MetricsLog,
    network: Network,
) -> Option<TrainingEnd> {
    let of_flow;
    let (settings, epochs) = match network {
        Network::Autoencoder if config.reused_autoencoder().is_some() => return None,
        Network::Decoder if !config.trains_decoder() => return None,
        Network::Vae => return None,
        Network::Flow => {
            let prepared = log.stage(Stage::Prepare)?;
            of_flow = config.pairing.flow.training(*prepared.statistics.get(&Statistic::TrainingSamples)? as usize);
            (&of_flow, provenance.flow_epochs)
        }
        Network::Autoencoder => (training_of(config, network)?, provenance.autoencoder_epochs),
        Network::Decoder => (training_of(config, network)?, provenance.decoder_epochs),
        Network::H => (training_of(config, network)?, provenance.h_epochs),
    };
    let improved = log.epochs(network.stage()).filter(|epoch| epoch.improved).map(|epoch| epoch.epoch).max()?;
    Some(reason((settings.epochs, settings.patience), (epochs?, improved), config.total_budget().is_some()))
}

/// The settings of a network's training; `None` for a flow, whose epochs depend on the number of samples.
pub(super) fn training_of(config: &Config, network: Network) -> Option<&Training> {
    match network {
        Network::Autoencoder | Network::Vae => Some(&config.autoencoder.as_ref()?.training),
        Network::Decoder => Some(&config.decoder_training()?.training),
        Network::Flow => None,
        Network::H => Some(&config.h.training),
    }
}

fn reason((max, patience): (usize, usize), (epochs, improved): (usize, usize), has_budget: bool) -> TrainingEnd {
    if epochs >= max {
        TrainingEnd::AllEpochs
    } else if epochs.saturating_sub(improved) >= patience || !has_budget {
        TrainingEnd::NoImprovement
    } else {
        TrainingEnd::TimeBudget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_ends_by_epochs_by_patience_or_by_the_clock() {
        assert_eq!(reason((20, 5), (20, 15), true), TrainingEnd::AllEpochs);
        assert_eq!(reason((25, 5), (20, 15), true), TrainingEnd::NoImprovement);
        assert_eq!(reason((25, 5), (20, 16), true), TrainingEnd::TimeBudget);
        assert_eq!(reason((25, 5), (20, 16), false), TrainingEnd::NoImprovement);
    }
}
