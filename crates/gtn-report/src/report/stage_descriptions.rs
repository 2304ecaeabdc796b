//! Short descriptions of the stages of a run.

use gtn_run::config::PairingMethod;
use gtn_run::{Config, Stage};

/// What a stage does in a run of this configuration.
pub(super) fn description(stage: Stage, config: &Config) -> &'static str {
    let images = config.data.are_images();
    match stage {
        Stage::Prepare if images => "reads and splits the data",
        Stage::Prepare => "draws the data from their distribution",
        Stage::Autoencode => "trains the autoencoder",
        Stage::Encode => "encodes the images as latents",
        Stage::Label if images => "pairs normal vectors with latents by Algorithm 1",
        Stage::Label => match config.pairing.method {
            PairingMethod::Greedy => "pairs normal vectors with the data by Algorithm 1",
            PairingMethod::Sorted => "pairs standard normal values with the data by sorting",
        },
        Stage::Fit => "trains ĥ on the pairs",
        Stage::Sample if images => "draws samples with ĥ and the decoder",
        Stage::Sample => "draws samples with ĥ",
        Stage::Evaluate => "computes the metrics of the samples",
    }
}
