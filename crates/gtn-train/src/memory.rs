//! How much memory training holds at least.

use gtn_run::Config;
use gtn_run::config::{Data, HArchitecture, ImageSource, PairingMethod, ResidualSettings};

/// Weights, their gradients, and the two moments of Adam.
const PER_WEIGHT: usize = 4;
/// Values of an image between the linear layers and the inner convolutions of an autoencoder, for each of its pixels: 128 channels at a
/// quarter of each side.
const INNER_PER_PIXEL: usize = 8;

/// The fewest `f32` values that training holds at once: those of the largest of its networks. What a batch needs comes on top, and images,
/// which are mapped from a file, do not count.
///
/// ```
/// use gtn_run::config::Overrides;
/// use gtn_train::{Error, least_training_values, presets};
///
/// let values = |dim| -> Result<usize, Error> {
///     let overrides = Overrides { dim: Some(dim), ..Overrides::default() };
///     Ok(least_training_values(&presets::resolve("celeba", &overrides)?))
/// };
/// // 26 layers of 1200 × 1200 weights; with many latents, the autoencoder is larger.
/// assert_eq!(values(100)?, 4 * (2 * 100 * 1200 + 25 * 1200 * 1200));
/// assert_eq!(values(1000)?, 4 * 2 * 32768 * 1000);
/// # Ok::<(), Error>(())
/// ```
#[must_use]
pub fn least_training_values(config: &Config) -> usize {
    let product = |factors: &[usize]| factors.iter().fold(1_usize, |product, &factor| product.saturating_mul(factor));
    let residual = |ResidualSettings { width, blocks }: ResidualSettings| {
        product(&[2, config.dim, width]).saturating_add(product(&[2, blocks, width, width]))
    };
    let h = match config.h.architecture {
        HArchitecture::Residual => residual(config.h.residual()),
        HArchitecture::Mlp => {
            let between = config.h.hidden_layers.saturating_sub(1);
            product(&[2, config.dim, config.h.width]).saturating_add(product(&[
                between,
                config.h.width,
                config.h.width,
            ]))
        }
    };
    let flow = &config.pairing.flow;
    let flow = match config.pairing.method {
        PairingMethod::Flow => residual(ResidualSettings { width: flow.width, blocks: flow.blocks }),
        _ => 0,
    };
    let autoencoder = match &config.data {
        // One of another run is not trained here.
        Data::Images(source) if config.reused_autoencoder().is_none() => {
            let side = match source {
                ImageSource::Mnist(_) => 28,
                ImageSource::Celeba(_) | ImageSource::Hap(_) => 64,
                ImageSource::Own(own) => own.side,
            };
            product(&[2, INNER_PER_PIXEL, side, side, config.dim])
        }
        _ => 0,
    };
    h.max(flow).max(autoencoder).saturating_mul(PER_WEIGHT)
}
