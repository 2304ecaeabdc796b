//! The flow of a learned velocity field: a homeomorphism between normal vectors and data.

use std::ops::ControlFlow;

use candle_core::{Device, Tensor};
use ndarray::{Array2, ArrayView2, Axis, azip, concatenate, s};

use crate::{Mode, Parameters, ResidualMlp, ResidualShape, Result, Streams, to_array2, to_tensor};

/// Columns of the features of a time.
pub const TIME_FEATURES: usize = 16;

/// Rows that are integrated together.
const BATCH_SIZE: usize = 512;

/// Architecture of the velocity network of a [`Flow`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowShape {
    /// Dimension d of the points that move.
    pub dim: usize,
    /// Columns that tell the network the component: [`Coordinates::indicator_columns`](crate::Coordinates::indicator_columns).
    pub indicators: usize,
    /// Units of a hidden layer.
    pub width: usize,
    /// Residual blocks.
    pub blocks: usize,
}

impl FlowShape {
    /// The architecture of the network: [`TIME_FEATURES`] and the component are its condition.
    #[must_use]
    pub fn network(&self) -> ResidualShape {
        let &Self { dim, indicators, width, blocks } = self;
        ResidualShape { dim, condition: TIME_FEATURES + indicators, width, blocks, adds_input: false }
    }
}

/// Which way points are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowDirection {
    /// From t = 0 to t = 1: from normal vectors to data.
    Forward,
    /// From t = 1 to t = 0: from data to normal vectors.
    Reverse,
}

/// The flow du/dt = v(u, t) of a velocity network v, from normal vectors at t = 0 to data at t = 1.
///
/// The network is trained by regression (flow matching: Lipman et al., arXiv 2210.02747; Liu et al., arXiv 2209.03003; Albergo and
/// Vanden-Eijnden, arXiv 2209.15571): for a normal vector y and a data vector x, it learns the velocity x − y at the point
/// u = (1 − t) y + t x. A flow of a Lipschitz continuous field is a homeomorphism, as h of Theorem 2.1 is, and its reverse gives
/// every data vector its normal vector.
#[derive(Debug)]
pub struct Flow {
    shape: FlowShape,
    network: ResidualMlp,
}

impl Flow {
    /// A flow with the initial weights of `streams`: at first nothing moves.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if a size is 0, [`Error::Device`](crate::Error::Device) if the device has too little memory.
    pub fn new(shape: &FlowShape, streams: &Streams, device: &Device) -> Result<Self> {
        Ok(Self { shape: *shape, network: ResidualMlp::new(&shape.network(), "flow", streams, device)? })
    }

    /// Rows that [`transport`](Self::transport) moves at a time. What a row becomes may depend in its last bits on the rows that it is moved
    /// with.
    pub const BATCH_SIZE: usize = BATCH_SIZE;

    /// Its architecture.
    #[must_use]
    pub fn shape(&self) -> &FlowShape {
        &self.shape
    }

    /// The parameters of the velocity network.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        self.network.parameters()
    }

    /// The velocity network on rows of [`input`](Self::input), shape (n, d).
    ///
    /// # Errors
    ///
    /// [`Error::Columns`](crate::Error::Columns) if the input has another number of columns.
    pub fn forward(&self, input: &Tensor, mode: Mode) -> Result<Tensor> {
        self.network.forward(input, mode)
    }

    /// The input of the velocity network: each point with the features of its time and the indicators of its component, which
    /// are the columns of `points` beyond d.
    ///
    /// # Panics
    ///
    /// If there are not as many times as points.
    #[must_use]
    pub fn input(&self, points: ArrayView2<'_, f32>, times: &[f32]) -> Array2<f32> {
        assert_eq!(points.nrows(), times.len(), "each point has a time");
        let (n, dim) = (points.nrows(), self.shape.dim);
        let features = dim + TIME_FEATURES;
        let mut input = Array2::zeros((n, features + self.shape.indicators));
        input.slice_mut(s![.., ..dim]).assign(&points.slice(s![.., ..dim]));
        input.slice_mut(s![.., features..]).assign(&points.slice(s![.., dim..]));
        for (mut row, &time) in input.outer_iter_mut().zip(times) {
            row.slice_mut(s![dim..features]).iter_mut().zip(time_features(time)).for_each(|(x, feature)| *x = feature);
        }
        input
    }

    /// Moves points along the flow with `steps` steps of Heun's method. The columns of `points` beyond d are the indicators of
    /// the component, and the result has d columns. `progress` is told the number of rows that are done, and may end the work
    /// early; then the result is `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`](crate::Error::Columns) if the points have another number of columns.
    pub fn transport(
        &self,
        points: ArrayView2<'_, f32>,
        direction: FlowDirection,
        steps: usize,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Option<Array2<f32>>> {
        crate::error::require_columns("the points of a flow", points.ncols(), self.shape.dim + self.shape.indicators)?;
        let (dim, device) = (self.shape.dim, self.network.parameters().device());
        let mut moved = Array2::zeros((0, dim));
        for batch in points.axis_chunks_iter(Axis(0), BATCH_SIZE) {
            let indicators = batch.slice(s![.., dim..]);
            let velocity = |u: ArrayView2<'_, f32>, t: f32| -> Result<Array2<f32>> {
                let rows = concatenate(Axis(1), &[u, indicators]).expect("both have as many rows");
                let input = self.input(rows.view(), &vec![t; rows.nrows()]);
                to_array2(&self.network.forward(&to_tensor(input.view(), device)?, Mode::Evaluate)?)
            };
            let Some(part) = integrate(velocity, batch.slice(s![.., ..dim]).to_owned(), direction, steps, &mut || {
                progress(moved.nrows())
            })?
            else {
                return Ok(None);
            };
            moved.append(Axis(0), part.view()).expect("all parts have d columns");
            if progress(moved.nrows()).is_break() {
                return Ok(None);
            }
        }
        Ok(Some(moved))
    }
}

/// Sine and cosine of π k t for k = 1 to 8: t ranges from 0 to 1, over which these are smooth and tell all times apart.
fn time_features(time: f32) -> [f32; TIME_FEATURES] {
    let mut features = [0.0; TIME_FEATURES];
    for (k, pair) in (1..).zip(features.chunks_exact_mut(2)) {
        let angle = std::f32::consts::PI * k as f32 * time;
        (pair[0], pair[1]) = angle.sin_cos();
    }
    features
}

/// Integrates du/dt = `velocity`(u, t) over [0, 1] with `steps` steps of Heun's method, whose error falls with the square of the
/// number of steps. `None` if `progress`, which is asked after each step, ended the work.
///
/// # Errors
///
/// Those of `velocity`.
pub fn integrate(
    velocity: impl Fn(ArrayView2<'_, f32>, f32) -> Result<Array2<f32>>,
    mut points: Array2<f32>,
    direction: FlowDirection,
    steps: usize,
    progress: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Option<Array2<f32>>> {
    let time = |step: usize| {
        let t = step as f32 / steps as f32;
        if direction == FlowDirection::Forward { t } else { 1.0 - t }
    };
    for step in 0..steps {
        let (t, next) = (time(step), time(step + 1));
        let h = next - t;
        let first = velocity(points.view(), t)?;
        let mut ahead = points.clone();
        ahead.scaled_add(h, &first);
        let second = velocity(ahead.view(), next)?;
        azip!((u in &mut points, &first in &first, &second in &second) *u += 0.5 * h * (first + second));
        if progress().is_break() {
            return Ok(None);
        }
    }
    Ok(Some(points))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heun_is_exact_between_gaussians_to_second_order() {
        // From N(0, 1) to N(m, s²), the velocity of the straight paths is known: with σ² = (1 − t)² + t² s²,
        // v(u, t) = m + (t s² − (1 − t)) / σ² (u − t m), and its flow is y ↦ m + s y.
        let (m, s) = (1.5_f32, 0.4_f32);
        let velocity = |u: ArrayView2<'_, f32>, t: f32| -> Result<Array2<f32>> {
            let variance = (1.0 - t).powi(2) + (t * s).powi(2);
            Ok(u.mapv(|u| m + (t * s * s - (1.0 - t)) / variance * (u - t * m)))
        };
        let y = Streams::new(1).normal("y", 0, 200, 1);
        let run = |points: &Array2<f32>, direction, steps| {
            integrate(velocity, points.clone(), direction, steps, &mut || ControlFlow::Continue(())).unwrap().unwrap()
        };
        let error = |steps| {
            let x = run(&y, FlowDirection::Forward, steps);
            (&x - &y.mapv(|y| m + s * y)).iter().fold(0.0_f32, |max, error| max.max(error.abs()))
        };
        let (coarse, fine) = (error(12), error(24));
        assert!(fine < 4e-3 && (3.0..5.0).contains(&(coarse / fine)), "{coarse} {fine}");
        let x = run(&y, FlowDirection::Forward, 48);
        let back = run(&x, FlowDirection::Reverse, 48);
        assert!((&back - &y).iter().all(|error| error.abs() < 3e-3));
        let stopped =
            integrate(velocity, y.clone(), FlowDirection::Forward, 3, &mut || ControlFlow::Break(())).unwrap();
        assert!(stopped.is_none());
    }

    #[test]
    fn times_have_different_features() {
        let features: Vec<_> = (0..=100).map(|t| time_features(t as f32 / 100.0)).collect();
        for (i, a) in features.iter().enumerate() {
            for b in &features[..i] {
                let distance: f32 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
                assert!(distance > 1e-3);
            }
        }
    }
}
