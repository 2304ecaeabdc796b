//! The stages of a run, and the networks that they train.

use gtn_io::names;

names! {
    /// A stage of a run. The order of stages is that of a run.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Stage: "stage" {
        /// Reads or draws the data, and splits them.
        Prepare => "prepare",
        /// Trains the autoencoder.
        Autoencode => "autoencode",
        /// Encodes images as latents.
        Encode => "encode",
        /// Trains the decoder alone on the latents, if the configuration asks for it.
        Decoder => "decoder",
        /// Trains the velocity network of a flow, if pairs come from one.
        Flow => "flow",
        /// Pairs normal vectors with the data.
        Label => "label",
        /// Trains ĥ on the pairs.
        Fit => "fit",
        /// Trains the baselines that are networks.
        Baselines => "baselines",
        /// Draws samples with ĥ and the decoder.
        Sample => "sample",
        /// Measures the samples.
        Evaluate => "evaluate",
    }
}

impl Stage {
    /// The network that the stage trains.
    #[must_use]
    pub fn network(self) -> Option<Network> {
        match self {
            Stage::Autoencode => Some(Network::Autoencoder),
            Stage::Decoder => Some(Network::Decoder),
            Stage::Flow => Some(Network::Flow),
            Stage::Fit => Some(Network::H),
            Stage::Baselines => Some(Network::Vae),
            _ => None,
        }
    }
}

names! {
    /// A network that a run trains. Its name is that of its table in the configuration and of its checkpoints, and is part of the
    /// purposes of random streams, where it is frozen.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Network: "network" {
        /// The autoencoder between images and latents.
        Autoencoder => "autoencoder",
        /// The decoder, trained alone.
        Decoder => "decoder",
        /// The velocity network of a flow, from normal vectors to latents or data.
        Flow => "flow",
        /// ĥ, from normal vectors to latents or data.
        H => "h",
        /// The variational autoencoder, a baseline.
        Vae => "vae",
    }
}

impl Network {
    /// The stage that trains it.
    #[must_use]
    pub fn stage(self) -> Stage {
        match self {
            Network::Autoencoder => Stage::Autoencode,
            Network::Decoder => Stage::Decoder,
            Network::Flow => Stage::Flow,
            Network::H => Stage::Fit,
            Network::Vae => Stage::Baselines,
        }
    }
}
