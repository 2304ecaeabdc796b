//! Settings that the caller of a preset overrides.

use std::str::FromStr;

use gtn_io::UnknownName;

use super::{Components, PairingMethod, Protocol, Selection, TrainedBaseline};
use crate::Network;

/// Settings that the caller of a preset overrides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// The protocol; if it is not set, that of the paper or of a resolved preset.
    pub protocol: Option<Protocol>,
    /// Whether to use the shortened settings of the preset.
    pub quick: bool,
    /// Dimension of the normal vectors and of the output of ĥ.
    pub dim: Option<usize>,
    /// Random seed.
    pub seed: Option<u64>,
    /// How pairs are computed.
    pub pairing: Option<PairingMethod>,
    /// Components of the source.
    pub components: Option<Components>,
    /// Maximum number of samples.
    pub limit: Option<usize>,
    /// The largest fraction of image files that may be unreadable.
    pub max_unreadable: Option<f64>,
    /// Maximum numbers of epochs.
    pub epochs: Epochs,
    /// Time budget in seconds.
    pub time_budget: Option<u64>,
    /// Baselines to train; if there are none, those of the preset.
    pub baselines: Vec<TrainedBaseline>,
    /// What decides which epoch of ĥ is the best.
    pub select: Option<Selection>,
    /// Units of a hidden layer of ĥ.
    pub width: Option<usize>,
    /// Hidden layers of ĥ, or blocks of a residual one.
    pub depth: Option<usize>,
    /// Learning rate of ĥ.
    pub learning_rate: Option<f64>,
    /// Learning rate of the autoencoder.
    pub autoencoder_learning_rate: Option<f64>,
    /// Into how many shards each batch is divided, of all networks without BatchNorm.
    pub shards: Option<usize>,
}

/// Maximum numbers of epochs that override those of a preset: `autoencoder=3,h=20`, or `20` for every network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Epochs {
    /// For every network without a number of its own.
    pub all: Option<usize>,
    /// For the autoencoder.
    pub autoencoder: Option<usize>,
    /// For the decoder, where it is trained alone.
    pub decoder: Option<usize>,
    /// For the velocity network of a flow.
    pub flow: Option<usize>,
    /// For ĥ.
    pub h: Option<usize>,
}

impl FromStr for Epochs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut epochs = Epochs::default();
        for part in text.split(',') {
            let (name, number) = part.split_once('=').unwrap_or(("", part));
            let number: usize = number.trim().parse().map_err(|_| {
                format!("`{part}` is not a whole number or NETWORK=NUMBER; write `20` or `autoencoder=3,h=20`")
            })?;
            let slot = match name.trim() {
                "" => &mut epochs.all,
                network => match network.parse().map_err(|error: UnknownName| error.to_string())? {
                    Network::Autoencoder => &mut epochs.autoencoder,
                    Network::Decoder => &mut epochs.decoder,
                    Network::Flow => &mut epochs.flow,
                    Network::H => &mut epochs.h,
                    Network::Vae => return Err("vae has the epochs of the autoencoder; set those".to_owned()),
                },
            };
            if slot.replace(number).is_some() {
                return Err(format!("`{text}` sets the epochs of one network twice; set them once"));
            }
        }
        Ok(epochs)
    }
}

impl std::fmt::Display for Epochs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("", self.all),
            ("autoencoder=", self.autoencoder),
            ("decoder=", self.decoder),
            ("flow=", self.flow),
            ("h=", self.h),
        ];
        let parts = parts.iter().filter_map(|(name, number)| number.map(|number| format!("{name}{number}")));
        f.write_str(&parts.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_round_trip_as_text() {
        for text in ["20", "autoencoder=3,h=20", "7,h=20", "h=1", "decoder=4,flow=2,h=1"] {
            assert_eq!(text.parse::<Epochs>().unwrap().to_string(), text);
        }
        for text in ["", "h", "h=x", "k=1", "h=1,h=2", "3,4", "h=-1", "=="] {
            assert!(text.parse::<Epochs>().is_err(), "{text}");
        }
    }
}
