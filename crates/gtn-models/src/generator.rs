use std::ops::ControlFlow;

use candle_core::Tensor;
use ndarray::{Array2, Array4, ArrayView2, ArrayView4, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::convert::in_batches;
use crate::error::{require, require_columns};
use crate::streams::standard_normal;
use crate::{Autoencoder, Coordinates, Error, Flow, FlowDirection, H, Mode, Normalizer, Result};

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
    h: H,
    coordinates: Option<Coordinates>,
    /// The flow that the pairs of ĥ come from, with its number of steps.
    flow: Option<(Flow, usize)>,
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

/// How samples are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Sampling {
    /// Factor of the normal vectors, 0 or above. Below 1, samples are closer to the center of the data: cleaner, and less
    /// varied.
    pub temperature: f64,
    /// The component of all samples, counted from 0; if it is not set, each sample draws its own.
    pub component: Option<usize>,
    /// With 1, ĥ generates in one forward pass. With more, the flow that its pairs come from is followed with as many steps of
    /// Heun's method, each of which costs two passes.
    pub steps: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, component: None, steps: 1 }
    }
}

impl Sampling {
    /// Sets [`temperature`](Self::temperature).
    #[must_use]
    pub fn with_temperature(self, temperature: f64) -> Self {
        Self { temperature, ..self }
    }

    /// Sets [`component`](Self::component).
    #[must_use]
    pub fn with_component(self, component: Option<usize>) -> Self {
        Self { component, ..self }
    }

    /// Sets [`steps`](Self::steps).
    #[must_use]
    pub fn with_steps(self, steps: usize) -> Self {
        Self { steps, ..self }
    }
}

/// Normal vectors with their components.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceRows {
    /// The normal vectors y, shape (n, d).
    pub source: Array2<f32>,
    /// The component of each row, counted from 0.
    pub components: Vec<u32>,
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
    pub fn new(h: impl Into<H>, normalizer: Option<Normalizer>, autoencoder: Option<Autoencoder>) -> Result<Self> {
        let h = h.into();
        let expected = h.shape().output();
        if let Some(normalizer) = &normalizer {
            require_columns("the normalizer", normalizer.columns(), expected)?;
        }
        if let Some(autoencoder) = &autoencoder {
            require_columns("the decoder's latents", autoencoder.shape().dim, expected)?;
        }
        let no_encoder = autoencoder.is_none().then(|| "this generator has no autoencoder".to_owned());
        Ok(Self { h, coordinates: None, flow: None, normalizer, autoencoder, no_encoder })
    }

    /// The generator with the components and coordinates in which ĥ was trained.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if they do not have the columns of ĥ.
    pub fn with_coordinates(self, coordinates: Coordinates) -> Result<Self> {
        let (columns, shape) = (coordinates.dim() + coordinates.indicator_columns(), self.h.shape());
        require_columns("the coordinates", coordinates.dim(), shape.output())?;
        require_columns("the coordinates with the indicators of components", columns, shape.input())?;
        Ok(Self { coordinates: Some(coordinates), ..self })
    }

    /// The generator with the flow that the pairs of ĥ come from, and its usual number of steps.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if it moves points of another dimension, or knows another number of components.
    pub fn with_flow(self, flow: Flow, steps: usize) -> Result<Self> {
        let shape = flow.shape();
        require_columns("the points of the flow", shape.dim, self.h.shape().output())?;
        require_columns("the input of the flow", shape.dim + shape.indicators, self.h.shape().input())?;
        Ok(Self { flow: Some((flow, steps)), ..self })
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
            None => self.h.shape().output(),
        }
    }

    /// Dimension of the normal vectors.
    #[must_use]
    pub fn source_dim(&self) -> usize {
        self.coordinates.as_ref().map_or(self.h.shape().input(), Coordinates::dim)
    }

    /// Number of components of the source, at least 1.
    #[must_use]
    pub fn components(&self) -> usize {
        self.coordinates.as_ref().map_or(1, Coordinates::components)
    }

    /// The steps of the flow that the pairs of ĥ come from, if they come from one.
    #[must_use]
    pub fn flow_steps(&self) -> Option<usize> {
        self.flow.as_ref().map(|(_, steps)| *steps)
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
        self.sample_latents_by(n, &Sampling::default(), rng)
    }

    /// As [`sample_latents`](Self::sample_latents), with a temperature, a component, or the steps of the flow.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the temperature is not a number of 0 or above, or the steps are 0; [`Error::NoComponent`] if there
    /// is no such component; [`Error::NoFlow`] if there is no flow; [`Error::Device`] if the device fails.
    pub fn sample_latents_by(
        &self,
        n: usize,
        sampling: &Sampling,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Array2<f32>> {
        let mut rows = self.draw_source(n, rng);
        if let Some(component) = sampling.component {
            rows.components = vec![self.check_component(component)?; n];
        }
        self.map_by(&rows, sampling)
    }

    /// Draws the normal vectors r ~ N(0, I) that [`sample_latents`](Self::sample_latents) maps, shape (n, source dimension).
    /// Their components, if there are several, are those of [`draw_source`](Self::draw_source).
    #[must_use]
    pub fn sample_source(&self, n: usize, rng: &mut (impl Rng + ?Sized)) -> Array2<f32> {
        self.draw_source(n, rng).source
    }

    /// Draws normal vectors r ~ N(0, I) and their components. A larger number starts with the same rows.
    #[must_use]
    pub fn draw_source(&self, n: usize, rng: &mut (impl Rng + ?Sized)) -> SourceRows {
        let components = match &self.coordinates {
            Some(coordinates) if coordinates.components() > 1 => {
                coordinates.draw(n, &mut ChaCha8Rng::seed_from_u64(rng.random()))
            }
            _ => vec![0; n],
        };
        SourceRows { source: standard_normal(rng, n, self.source_dim()), components }
    }

    /// ĥ(y), denormalized, for the rows y of `source`, shape (n, d): one forward pass. If there are several components, all rows
    /// belong to the first one; [`map_by`](Self::map_by) takes those of the rows.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the rows do not have [`source_dim`](Self::source_dim) columns.
    pub fn map(&self, source: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let rows = SourceRows { source: source.to_owned(), components: vec![0; source.nrows()] };
        self.map_by(&rows, &Sampling::default())
    }

    /// What the generator makes of normal vectors and their components, denormalized, shape (n, d): by ĥ, or by the flow. The
    /// component of `sampling` does not matter.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the rows do not have [`source_dim`](Self::source_dim) columns; otherwise as
    /// [`sample_latents_by`](Self::sample_latents_by).
    ///
    /// # Panics
    ///
    /// If there are not as many components as rows.
    pub fn map_by(&self, rows: &SourceRows, sampling: &Sampling) -> Result<Array2<f32>> {
        let SourceRows { source, components } = rows;
        let temperature = sampling.temperature;
        let is_valid = temperature >= 0.0 && temperature.is_finite();
        require(is_valid, "temperature", temperature, "must be a finite number of at least 0")?;
        require(sampling.steps > 0, "steps", sampling.steps, "must be at least 1")?;
        require_columns("the normal vectors", source.ncols(), self.source_dim())?;
        for &component in components {
            self.check_component(component as usize)?;
        }
        let scaled;
        let source = if temperature == 1.0 {
            source.view()
        } else {
            scaled = source.mapv(|value| (f64::from(value) * temperature) as f32);
            scaled.view()
        };
        let input = match &self.coordinates {
            None => source.to_owned(),
            Some(coordinates) => {
                let points = coordinates.source_to_coordinates(source, components);
                coordinates.with_indicators(points.view(), components)
            }
        };
        let output = if sampling.steps == 1 {
            let forward = |rows: &Tensor| self.h.forward(rows, Mode::Evaluate);
            let device = self.h.parameters().device();
            in_batches(input.view(), BATCH_SIZE, device, (0, self.h.shape().output()), forward)?
        } else {
            self.transport(input.view(), FlowDirection::Forward, sampling.steps)?
        };
        let normalized = match &self.coordinates {
            None => output,
            Some(coordinates) => coordinates.to_data(output.view(), components),
        };
        Ok(match &self.normalizer {
            Some(normalizer) => normalizer.denormalize(normalized),
            None => normalized,
        })
    }

    /// The normal vectors of latents, shape (n, d): the reverse of the flow that the pairs of ĥ come from. The component of each
    /// row is the most probable one.
    ///
    /// # Errors
    ///
    /// [`Error::NoFlow`] if there is no flow, [`Error::Columns`] if the latents do not have d columns, [`Error::Device`] if the
    /// device fails.
    pub fn source_of(&self, latents: ArrayView2<'_, f32>) -> Result<SourceRows> {
        let (_, steps) = self.flow.as_ref().ok_or(Error::NoFlow)?;
        require_columns("the latents", latents.ncols(), self.h.shape().output())?;
        let mut rows = SourceRows { source: Array2::zeros((0, self.source_dim())), components: Vec::new() };
        // In batches, so that a row does not depend on how many rows there are.
        for batch in latents.axis_chunks_iter(Axis(0), Flow::BATCH_SIZE) {
            let SourceRows { source, components } = self.source_of_batch(batch, *steps)?;
            rows.source.append(Axis(0), source.view()).expect("all batches have d columns");
            rows.components.extend(components);
        }
        Ok(rows)
    }

    fn source_of_batch(&self, latents: ArrayView2<'_, f32>, steps: usize) -> Result<SourceRows> {
        let normalized = match &self.normalizer {
            Some(normalizer) => normalizer.normalize(latents),
            None => latents.to_owned(),
        };
        let Some(coordinates) = &self.coordinates else {
            let components = vec![0; latents.nrows()];
            let source = self.transport(normalized.view(), FlowDirection::Reverse, steps)?;
            return Ok(SourceRows { source, components });
        };
        let components = coordinates.assign(normalized.view());
        let points = coordinates.to_coordinates(normalized.view(), &components);
        let input = coordinates.with_indicators(points.view(), &components);
        let points = self.transport(input.view(), FlowDirection::Reverse, steps)?;
        Ok(SourceRows { source: coordinates.coordinates_to_source(points.view(), &components), components })
    }

    /// Draws the components of `n` samples; all are 0 if there is only one component, and then nothing is drawn.
    #[must_use]
    pub fn draw_components(&self, n: usize, rng: &mut (impl Rng + ?Sized)) -> Vec<u32> {
        self.coordinates.as_ref().map_or_else(|| vec![0; n], |coordinates| coordinates.draw(n, rng))
    }

    fn transport(&self, points: ArrayView2<'_, f32>, direction: FlowDirection, steps: usize) -> Result<Array2<f32>> {
        let (flow, _) = self.flow.as_ref().ok_or(Error::NoFlow)?;
        let moved = flow.transport(points, direction, steps, &mut |_| ControlFlow::Continue(()))?;
        Ok(moved.expect("nothing ends the work early"))
    }

    fn check_component(&self, component: usize) -> Result<u32> {
        let components = self.components();
        if component < components { Ok(component as u32) } else { Err(Error::NoComponent { component, components }) }
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
