//! What the caller of a preset decides.

use std::str::FromStr;

use super::Protocol;

/// What the caller of a preset decides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// The protocol; the paper's, or a resolved preset's own, without it.
    pub protocol: Option<Protocol>,
    /// Whether to take the preset's shortened settings.
    pub quick: bool,
    /// Dimension of the normal vectors and of what ĥ makes of them.
    pub dim: Option<usize>,
    /// Seed.
    pub seed: Option<u64>,
    /// Most samples of the data.
    pub limit: Option<usize>,
    /// Most epochs.
    pub epochs: Epochs,
    /// Seconds after which training ends.
    pub time_budget: Option<u64>,
}

/// Most epochs of each network, where the preset's are not wanted: `autoencoder=3,h=20`, or `20` for every network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Epochs {
    /// Of every network that is not named.
    pub all: Option<usize>,
    /// Of the autoencoder.
    pub autoencoder: Option<usize>,
    /// Of ĥ.
    pub h: Option<usize>,
}

impl FromStr for Epochs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut epochs = Epochs::default();
        for part in text.split(',') {
            let (name, number) = part.split_once('=').unwrap_or(("", part));
            let number: usize = number.trim().parse().map_err(|_| {
                format!("`{part}` is neither a whole number nor of the form NETWORK=NUMBER, as in `autoencoder=3,h=20`")
            })?;
            let slot = match name.trim() {
                "" => &mut epochs.all,
                "autoencoder" => &mut epochs.autoencoder,
                "h" => &mut epochs.h,
                other => return Err(format!("`{other}` is no network; the networks are `autoencoder` and `h`")),
            };
            if slot.replace(number).is_some() {
                return Err(format!("`{text}` says the epochs of one network twice"));
            }
        }
        Ok(epochs)
    }
}

impl std::fmt::Display for Epochs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [("", self.all), ("autoencoder=", self.autoencoder), ("h=", self.h)];
        let parts = parts.iter().filter_map(|(name, number)| number.map(|number| format!("{name}{number}")));
        f.write_str(&parts.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_read_as_they_are_written() {
        for text in ["20", "autoencoder=3,h=20", "7,h=20", "h=1"] {
            assert_eq!(text.parse::<Epochs>().unwrap().to_string(), text);
        }
        for text in ["", "h", "h=x", "k=1", "h=1,h=2", "3,4", "h=-1", "=="] {
            assert!(text.parse::<Epochs>().is_err(), "{text}");
        }
    }
}
