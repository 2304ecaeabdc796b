//! How long networks train and how many pairs there are, by the number of training samples and the time.

use gtn_run::Config;
use gtn_run::config::{Epochs, PairingMethod};

/// Latent dimensions that `auto` chooses.
const DIMENSIONS: std::ops::RangeInclusive<usize> = 16..=192;
/// Values of an image for each latent at least.
const VALUES_PER_LATENT: usize = 16;
/// Fresh pairs for each training sample, and at least.
const FRESH_PER_SAMPLE: usize = 10;
const MIN_FRESH_PAIRS: usize = 2_000;
/// The training samples to which the other numbers belong.
const USUAL_SAMPLES: f64 = 15_000.0;
/// Epochs after which a decoder that is trained alone memorizes its training images.
const DECODER_EPOCHS: f64 = 11.0;

/// The latent dimension for so many training images of so many values: more for more images, since a flow carries more dimensions the
/// more data it sees, and since the autoencoder blurs less.
pub(super) fn latent_dimension(training: usize, values: usize) -> usize {
    let by_images = 1.5 * (training as f64).sqrt();
    let in_steps = (by_images / 8.0).round() as usize * 8;
    in_steps.clamp(*DIMENSIONS.start(), *DIMENSIONS.end()).min((values / VALUES_PER_LATENT).max(1))
}

/// Sets what depends on the number of training samples and on the dimension, unless the user set it (`wanted`).
pub(super) fn fit_to_size(config: &mut Config, training: usize, wanted: &Epochs) {
    if let Some(decoder) = config.autoencoder.as_mut().and_then(|autoencoder| autoencoder.decoder.as_mut())
        && wanted.decoder.or(wanted.all).is_none()
    {
        decoder.training.epochs = decoder_epochs(training);
    }
    if config.pairing.method != PairingMethod::Flow {
        return;
    }
    config.pairing.flow.steps = flow_steps(training, config.dim);
    let fresh_pairs = &mut config.pairing.flow.fresh_pairs;
    *fresh_pairs = (*fresh_pairs).min((FRESH_PER_SAMPLE * training).max(MIN_FRESH_PAIRS));
    if let Some(budget) = config.time_budget {
        // About 500 pairs per second on two cores, and a tenth of the budget for them.
        let affordable = usize::try_from(budget).unwrap_or(usize::MAX).saturating_mul(50);
        *fresh_pairs = (*fresh_pairs).min(affordable.max(MIN_FRESH_PAIRS));
    }
}

/// Epochs of a decoder that is trained alone. Its learning rate falls to 0 in them, and more of them make only the training images
/// sharper. Few images take more epochs and fewer steps.
fn decoder_epochs(training: usize) -> usize {
    let epochs = DECODER_EPOCHS * (USUAL_SAMPLES / training.max(1) as f64).sqrt();
    (epochs.round() as usize).clamp(4, 100)
}

/// Steps of the flow: more for more samples, and for more dimensions than a hundred. It memorizes many samples later than few.
fn flow_steps(training: usize, dim: usize) -> usize {
    let samples = training as f64 / USUAL_SAMPLES;
    let by_samples = (4000.0 * samples.powf(if samples > 1.0 { 1.2 } else { 0.65 })).clamp(500.0, 15_000.0);
    (by_samples * (dim as f64 / 100.0).max(1.0)).round().min(20_000.0) as usize
}

#[cfg(test)]
mod tests {
    use gtn_run::config::Overrides;

    use super::*;
    use crate::presets;

    #[test]
    fn more_images_get_more_dimensions() {
        let chosen = [20, 200, 1_812, 2_700, 13_500, 60_000].map(|training| latent_dimension(training, 12_288));
        assert!(chosen.is_sorted() && chosen[0] == 16 && chosen[5] == 192, "{chosen:?}");
        assert_eq!(latent_dimension(60_000, 784), 49);
        assert_eq!(latent_dimension(60_000, 16), 1);
    }

    #[test]
    fn fewer_images_take_more_epochs_and_fewer_steps() {
        let sizes = [60_000, 30_000, 15_000, 3_000, 200, 20];
        let epochs = sizes.map(decoder_epochs);
        assert!(epochs.is_sorted() && epochs[2] == 11, "{epochs:?}");
        let steps = [0, 1, 2, 3, 4, 5].map(|k| epochs[k] * sizes[k]);
        assert!(steps.is_sorted_by(|more, fewer| more > fewer), "{steps:?}");
        assert!(flow_steps(3_000, 100) < flow_steps(15_000, 16));
        assert_eq!([16, 384, 4096].map(|dim| flow_steps(15_000, dim)), [4_000, 15_360, 20_000]);
        assert_eq!([30_000, 60_000, 1_000_000].map(|samples| flow_steps(samples, 100)), [9_190, 15_000, 15_000]);
    }

    #[test]
    fn epochs_that_the_user_sets_stay() {
        let chosen = |wanted: &str| {
            let epochs = if wanted.is_empty() { Epochs::default() } else { wanted.parse().unwrap() };
            let overrides = Overrides { epochs, ..Overrides::default() };
            let mut config = Config::from_preset("images", presets::IMAGES, &overrides).unwrap();
            fit_to_size(&mut config, 15_000, &overrides.epochs);
            config.decoder_training().unwrap().training.epochs
        };
        assert_eq!(["", "autoencoder=3", "7", "decoder=9"].map(chosen), [11, 11, 7, 9]);
    }
}
