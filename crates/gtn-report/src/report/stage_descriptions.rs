//! Short descriptions of the stages of a run.

use gtn_run::{Config, Stage};

/// What a stage does in a run of this configuration.
pub(super) fn description(stage: Stage, config: &Config) -> String {
    let images = config.data.are_images();
    let text = match stage {
        Stage::Prepare if images || config.data.are_own() => "reads and splits the data",
        Stage::Prepare => "draws the data from their distribution",
        Stage::Autoencode if config.reused_autoencoder().is_some() => "takes the autoencoder of another run",
        Stage::Autoencode => "trains the autoencoder",
        Stage::Decoder if !config.trains_decoder() => "takes the decoder of another run",
        Stage::Decoder => "trains the decoder alone on the latents",
        Stage::Encode => "encodes the images as latents",
        Stage::Flow => "trains the velocity network of the flow",
        Stage::Label => {
            let data = if images { "latents" } else { "the data" };
            return format!("pairs normal vectors with {data} by {}", config.pairing.method.title());
        }
        Stage::Fit => "trains ĥ on the pairs",
        Stage::Baselines => "trains the variational autoencoder, a baseline",
        Stage::Sample if images => "draws samples with ĥ and the decoder",
        Stage::Sample => "draws samples with ĥ",
        Stage::Evaluate => "computes the metrics of the samples",
    };
    text.to_owned()
}
