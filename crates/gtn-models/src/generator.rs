use ndarray::{Array2, Array4, ArrayView2, Axis, concatenate};

use crate::convert::{to_array2, to_array4, to_tensor};
use crate::{Decoder, Error, Mlp, Mode, Normalizer, Result, Streams, purpose};

/// A trained GTN, which generates samples: it maps normal vectors by ĥ to latents, denormalizes these, and decodes them if its
/// data are images.
#[derive(Debug)]
pub struct Generator {
    h: Mlp,
    normalizer: Option<Normalizer>,
    decoder: Option<Decoder>,
}

/// Rows per forward pass, which bounds the memory.
const BATCH_SIZE: usize = 500;

impl Generator {
    /// A generator of latents, or of images if there is a decoder.
    ///
    /// `normalizer`, with d columns, is the one that the targets of ĥ were normalized by.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the number of columns of the normalizer, or the latent dimension of the decoder, is not that of
    /// ĥ's output.
    pub fn new(h: Mlp, normalizer: Option<Normalizer>, decoder: Option<Decoder>) -> Result<Self> {
        let expected = h.shape().output;
        if let Some(normalizer) = &normalizer
            && normalizer.columns() != expected
        {
            return Err(Error::Columns { what: "the normalizer", found: normalizer.columns(), expected });
        }
        if let Some(decoder) = &decoder
            && decoder.shape().dim != expected
        {
            return Err(Error::Columns { what: "the decoder's latents", found: decoder.shape().dim, expected });
        }
        Ok(Self { h, normalizer, decoder })
    }

    /// Whether samples are images: whether the generator has a decoder.
    #[must_use]
    pub fn generates_images(&self) -> bool {
        self.decoder.is_some()
    }

    /// Number of values in one sample: in an image if there is a decoder, in a vector otherwise.
    #[must_use]
    pub fn values_per_sample(&self) -> usize {
        match &self.decoder {
            Some(decoder) => decoder.shape().channels * decoder.shape().side.pow(2),
            None => self.h.shape().output,
        }
    }

    /// Dimension of the normal vectors.
    #[must_use]
    pub fn source_dim(&self) -> usize {
        self.h.shape().input
    }

    /// Draws the normal vectors r ~ N(0, I) that [`sample_latents`](Self::sample_latents) maps, shape (n, source dimension).
    #[must_use]
    pub fn sample_source(&self, n: usize, streams: &Streams) -> Array2<f32> {
        streams.normal(purpose::SAMPLE, 0, n, self.source_dim())
    }

    /// ĥ(r), denormalized, for `n` normal vectors drawn from `streams`, shape (n, d).
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device fails.
    pub fn sample_latents(&self, n: usize, streams: &Streams) -> Result<Array2<f32>> {
        self.map(self.sample_source(n, streams).view())
    }

    /// ĥ(y), denormalized, for the rows y of `source`, shape (n, d): one forward pass.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the rows do not have [`source_dim`](Self::source_dim) columns.
    pub fn map(&self, source: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let device = self.h.parameters().device();
        let mut parts = vec![Array2::zeros((0, self.h.shape().output))];
        for rows in source.axis_chunks_iter(Axis(0), BATCH_SIZE) {
            parts.push(to_array2(&self.h.forward(&to_tensor(rows, device)?, Mode::Evaluate)?)?);
        }
        let latents = concatenate_all(&parts);
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
        let decoder = self.decoder.as_ref().ok_or(Error::NoDecoder)?;
        let shape = *decoder.shape();
        if latents.ncols() != shape.dim {
            return Err(Error::Columns { what: "the latents", found: latents.ncols(), expected: shape.dim });
        }
        let mut parts = vec![Array4::zeros((0, shape.channels, shape.side, shape.side))];
        for rows in latents.axis_chunks_iter(Axis(0), BATCH_SIZE) {
            parts.push(to_array4(&decoder.forward(&to_tensor(rows, self.h.parameters().device())?)?)?);
        }
        Ok(concatenate_all(&parts))
    }
}

fn concatenate_all<D: ndarray::RemoveAxis>(parts: &[ndarray::Array<f32, D>]) -> ndarray::Array<f32, D> {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    concatenate(Axis(0), &views).expect("all parts have the same shape but for the first axis")
}
