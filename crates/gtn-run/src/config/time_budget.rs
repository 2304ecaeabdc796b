//! How a time budget is divided between the networks of a run.

use super::{Config, PairingMethod};
use crate::Network;

/// The share of an autoencoder's time in which its decoder is trained alone.
const DECODER_SHARE: f64 = 0.4;
/// The time of an epoch of the decoder alone, by that of the autoencoder. It is about 0.6.
const DECODER_EPOCH: f64 = 0.7;

/// The time that the training of a network may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingTime {
    share: f64,
    /// The time of this training and the next one.
    of_both: f64,
    /// What the next one needs, by the time of an epoch of this one.
    next: f64,
}

impl TrainingTime {
    /// So many seconds, whatever an epoch takes.
    #[must_use]
    pub fn new(seconds: f64) -> Self {
        Self { share: seconds, of_both: seconds, next: 0.0 }
    }

    /// Seconds for a training of which an epoch takes `epoch` seconds.
    #[must_use]
    pub fn seconds(&self, epoch: f64) -> f64 {
        self.share.max(self.of_both - self.next * epoch)
    }
}

impl Config {
    /// The time for training each network under the time budget, with its extension. If an autoencoder is trained it has 40% of it, and ĥ
    /// has 50%. Of own images the autoencoder has 60% and ĥ 30%, because the autoencoder decides how sharp images are. Without an
    /// autoencoder, ĥ has 90%. If the decoder is trained alone afterwards, it has 40% of the time of the autoencoder; what its epochs do not
    /// need of that, the autoencoder has too. If the autoencoder is taken from another run, the decoder has all of it. A flow takes half of
    /// what ĥ would have, and pairing a tenth of it. The rest is for the other stages. If there is a reference run, each run has half of
    /// the budget.
    #[must_use]
    pub fn training_time(&self, network: Network) -> Option<TrainingTime> {
        let share = self.share(network)?;
        if network != Network::Autoencoder || !self.trains_decoder() {
            return Some(TrainingTime::new(share));
        }
        let of_both = share + self.share(Network::Decoder)?;
        let epochs = self.decoder_training().map_or(0, |decoder| decoder.training.epochs);
        Some(TrainingTime { share, of_both, next: DECODER_EPOCH * epochs as f64 })
    }

    /// The time for training the decoder alone, after the autoencoder took `spent` seconds: its share, and what the autoencoder left of its
    /// own, as when its validation loss had stopped to fall.
    #[must_use]
    pub fn decoder_time(&self, spent: f64) -> Option<TrainingTime> {
        let [of_autoencoder, share] = [Network::Autoencoder, Network::Decoder].map(|network| self.share(network));
        Some(TrainingTime::new(share? + (of_autoencoder? - spent).max(0.0)))
    }

    /// The time budget with its extension, in seconds.
    #[must_use]
    pub fn total_budget(&self) -> Option<u64> {
        Some(self.time_budget?.saturating_add(self.extension.unwrap_or_default()))
    }

    /// Seconds that a network has in any case.
    fn share(&self, network: Network) -> Option<f64> {
        let takes_autoencoder = self.reused_autoencoder().is_some();
        let trains_autoencoder = self.autoencoder.is_some() && (!takes_autoencoder || self.trains_decoder());
        let (autoencoder, h) = match (trains_autoencoder, self.reference_run()) {
            (true, _) if self.data.are_own() => (0.6, 0.3),
            (true, _) => (0.4, 0.5),
            (false, Some(_)) => (0.0, 0.45),
            (false, None) => (0.0, 0.9),
        };
        let has_flow = self.pairing.method == PairingMethod::Flow;
        let of_decoder = match (self.trains_decoder(), takes_autoencoder) {
            (true, true) => 1.0,
            (true, false) => DECODER_SHARE,
            (false, _) => 0.0,
        };
        let fraction = match network {
            Network::Autoencoder => autoencoder * (1.0 - of_decoder),
            Network::Decoder => autoencoder * of_decoder,
            // As many as for an autoencoder, in addition to the budget.
            Network::Vae => 0.4,
            Network::Flow => 0.5 * h,
            Network::H if has_flow => 0.4 * h,
            Network::H => h,
        };
        self.total_budget().map(|budget| budget as f64 * fraction)
    }
}
