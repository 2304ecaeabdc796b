use candle_core::Tensor;
use ndarray::{Array2, Array4, ArrayView2, ArrayView4};
use rand::Rng;

use crate::convert::in_batches;
use crate::error::require_columns;
use crate::streams::standard_normal;
use crate::{Autoencoder, Error, Mlp, Mode, Normalizer, Result};

/// A trained GTN, which generates samples: it maps normal vectors by ĥ to latents, denormalizes these, and decodes them if its
/// data are images.
///
/// [`Generator::load`] reads it from the folder of a run or of published weights.
///
/// ```no_run
/// use gtn_models::rand::SeedableRng;
/// use gtn_models::{ChaCha8Rng, Generator, Samples};
///
/// let generator = Generator::load("weights/mnist-d5")?;
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let Samples::Images(digits) = generator.sample(16, &mut rng)? else { unreachable!("MNIST consists of images") };
/// let more = generator.sample(16, &mut rng)?; // 16 other digits
/// let latents = generator.encode(digits.view())?; // (16, 5)
/// # Ok::<(), gtn_models::Error>(())
/// ```
#[derive(Debug)]
pub struct Generator {
    h: Mlp,
    normalizer: Option<Normalizer>,
    autoencoder: Option<Autoencoder>,
    /// Why there is no encoder, if there is none.
    no_encoder: Option<String>,
}

/// What a [`Generator`] generates.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// Images, shape (n, C, H, W), in [−1, 1].
    Images(Array4<f32>),
    /// Points, shape (n, d), from a generator without an autoencoder.
    Points(Array2<f32>),
}

/// Rows per forward pass, which bounds the memory.
const BATCH_SIZE: usize = 500;

impl Generator {
    /// A generator of images if there is an autoencoder, and of points otherwise.
    ///
    /// `normalizer`, with d columns, is the one that the targets of ĥ were normalized by.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the number of columns of the normalizer, or the latent dimension of the autoencoder, is not that of
    /// ĥ's output.
    pub fn new(h: Mlp, normalizer: Option<Normalizer>, autoencoder: Option<Autoencoder>) -> Result<Self> {
        let expected = h.shape().output;
        if let Some(normalizer) = &normalizer {
            require_columns("the normalizer", normalizer.columns(), expected)?;
        }
        if let Some(autoencoder) = &autoencoder {
            require_columns("the decoder's latents", autoencoder.shape().dim, expected)?;
        }
        let no_encoder = autoencoder.is_none().then(|| "this generator has no autoencoder".to_owned());
        Ok(Self { h, normalizer, autoencoder, no_encoder })
    }

    /// The generator without its encoder; [`encode`](Self::encode) reports the reason.
    pub(crate) fn without_encoder(self, reason: String) -> Self {
        Self { no_encoder: Some(reason), ..self }
    }

    /// Whether samples are images: whether the generator has a decoder.
    #[must_use]
    pub fn generates_images(&self) -> bool {
        self.autoencoder.is_some()
    }

    /// Number of values in one sample: in an image if there is a decoder, in a vector otherwise.
    #[must_use]
    pub fn values_per_sample(&self) -> usize {
        match &self.autoencoder {
            Some(autoencoder) => autoencoder.shape().values_per_image(),
            None => self.h.shape().output,
        }
    }

    /// Dimension of the normal vectors.
    #[must_use]
    pub fn source_dim(&self) -> usize {
        self.h.shape().input
    }

    /// Generates `n` samples from `rng`: images if the generator has a decoder, points otherwise. Every call with the same
    /// `rng` returns new samples.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device fails.
    pub fn sample(&self, n: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Samples> {
        let latents = self.sample_latents(n, rng)?;
        Ok(if self.generates_images() {
            Samples::Images(self.decode(latents.view())?)
        } else {
            Samples::Points(latents)
        })
    }

    /// ĥ(r), denormalized, for `n` normal vectors r drawn from `rng`, shape (n, d).
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device fails.
    pub fn sample_latents(&self, n: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Array2<f32>> {
        self.map(self.sample_source(n, rng).view())
    }

    /// Draws the normal vectors r ~ N(0, I) that [`sample_latents`](Self::sample_latents) maps, shape (n, source dimension).
    #[must_use]
    pub fn sample_source(&self, n: usize, rng: &mut (impl Rng + ?Sized)) -> Array2<f32> {
        standard_normal(rng, n, self.source_dim())
    }

    /// ĥ(y), denormalized, for the rows y of `source`, shape (n, d): one forward pass.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the rows do not have [`source_dim`](Self::source_dim) columns.
    pub fn map(&self, source: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let forward = |rows: &Tensor| self.h.forward(rows, Mode::Evaluate);
        let device = self.h.parameters().device();
        let latents = in_batches(source, BATCH_SIZE, device, (0, self.h.shape().output), forward)?;
        Ok(match &self.normalizer {
            Some(normalizer) => normalizer.denormalize(latents),
            None => latents,
        })
    }

    /// Decodes latents, shape (n, d), to images, shape (n, C, H, W), in [−1, 1].
    ///
    /// # Errors
    ///
    /// [`Error::NoDecoder`] if samples are not images, [`Error::Columns`] if the latents do not have d columns.
    pub fn decode(&self, latents: ArrayView2<'_, f32>) -> Result<Array4<f32>> {
        self.autoencoder.as_ref().ok_or(Error::NoDecoder)?.decode(latents)
    }

    /// Encodes images, shape (n, C, H, W) in [−1, 1], to latents, shape (n, d).
    ///
    /// # Errors
    ///
    /// [`Error::NoEncoder`] if samples are not images, or if the weights of the encoder are missing;
    /// [`Error::ImageShape`] if the images have another shape.
    pub fn encode(&self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>> {
        match (&self.autoencoder, &self.no_encoder) {
            (Some(autoencoder), None) => autoencoder.encode(images),
            (_, reason) => Err(Error::NoEncoder { reason: reason.clone().unwrap_or_default() }),
        }
    }
}
