use ndarray::{Array2, Array4, ArrayView2, Axis, concatenate};

use crate::arrays::{array2_of, array4_of, tensor_of};
use crate::{Decoder, Error, Mlp, Mode, Normalizer, Result, Streams};

/// A trained GTN: ĥ, the way back from the units in which it learned, and the decoder, if its data are images.
#[derive(Debug)]
pub struct Generator {
    h: Mlp,
    normalizer: Option<Normalizer>,
    decoder: Option<Decoder>,
}

/// Rows of one forward pass; bounds memory, whatever is asked for.
const ROWS: usize = 500;

impl Generator {
    /// A generator from its parts. `normalizer` (d columns) is undone on ĥ's output.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the parts do not fit each other.
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

    /// Whether samples are images.
    #[must_use]
    pub fn makes_images(&self) -> bool {
        self.decoder.is_some()
    }

    /// Numbers in one sample as [`decode`](Self::decode) or, without decoder, [`map`](Self::map) returns it.
    #[must_use]
    pub fn sample_size(&self) -> usize {
        match &self.decoder {
            Some(decoder) => decoder.shape().channels * decoder.shape().side.pow(2),
            None => self.h.shape().output,
        }
    }

    /// Dimension of the normal vectors it maps.
    #[must_use]
    pub fn source_dim(&self) -> usize {
        self.h.shape().input
    }

    /// The normal vectors r ~ N(0, I) that [`sample_latents`](Self::sample_latents) maps, shape (n, source dimension).
    #[must_use]
    pub fn source(&self, n: usize, streams: &Streams) -> Array2<f32> {
        streams.normal("sample", 0, n, self.source_dim())
    }

    /// ĥ(r) for `n` normal vectors drawn from `streams`, shape (n, d).
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device fails.
    pub fn sample_latents(&self, n: usize, streams: &Streams) -> Result<Array2<f32>> {
        self.map(self.source(n, streams).view())
    }

    /// ĥ(y) for the rows y of `source`, one forward pass, shape (n, d).
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the rows have another dimension.
    pub fn map(&self, source: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let device = self.h.parameters().device();
        let mut parts = vec![Array2::zeros((0, self.h.shape().output))];
        for rows in source.axis_chunks_iter(Axis(0), ROWS) {
            parts.push(array2_of(&self.h.forward(&tensor_of(rows, device)?, Mode::Evaluate)?)?);
        }
        let latents = join(Axis(0), &parts);
        Ok(match &self.normalizer {
            Some(normalizer) => normalizer.restore(latents),
            None => latents,
        })
    }

    /// The images of latents, (n, d) to (n, C, H, W) in [−1, 1].
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the latents have another dimension, [`Error::NoDecoder`] if samples are no images.
    pub fn decode(&self, latents: ArrayView2<'_, f32>) -> Result<Array4<f32>> {
        let decoder = self.decoder.as_ref().ok_or(Error::NoDecoder)?;
        let shape = *decoder.shape();
        if latents.ncols() != shape.dim {
            return Err(Error::Columns { what: "the latents", found: latents.ncols(), expected: shape.dim });
        }
        let mut parts = vec![Array4::zeros((0, shape.channels, shape.side, shape.side))];
        for rows in latents.axis_chunks_iter(Axis(0), ROWS) {
            parts.push(array4_of(&decoder.forward(&tensor_of(rows, self.h.parameters().device())?)?)?);
        }
        Ok(join(Axis(0), &parts))
    }
}

fn join<D: ndarray::RemoveAxis>(axis: Axis, parts: &[ndarray::Array<f32, D>]) -> ndarray::Array<f32, D> {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    concatenate(axis, &views).expect("all parts have the same columns")
}
