use std::ops::Range;

use gtn_models::{Coordinates, Flow, Mode, Parameters, Streams, Tensor, mean_squared_error, purpose, to_tensor};
use gtn_run::Network;
use gtn_run::config::TimeDistribution;
use gtn_run::schema::Split;
use ndarray::{Array2, ArrayView2, Axis, Slice, azip};
use rand::Rng;
use rand_distr::StandardNormal;

use super::task::{BatchId, TrainingTask};
use crate::Result;

/// Regression of the velocity of a flow: at u = (1 − t) y + t x, with a normal vector y that is drawn for each step, the network
/// learns x − y (flow matching).
#[derive(Debug)]
pub struct FlowMatching<'a> {
    flow: &'a Flow,
    /// The map of the source, if it is not N(0, I) in the coordinates.
    coordinates: Option<&'a Coordinates>,
    train: FlowTargets<'a>,
    validation: FlowTargets<'a>,
    /// How often an epoch repeats the training targets.
    repetitions: usize,
    time: TimeDistribution,
    streams: Streams,
}

/// Targets of a flow in its coordinates.
#[derive(Debug, Clone, Copy)]
pub struct FlowTargets<'a> {
    /// The targets, shape (n, d).
    pub rows: ArrayView2<'a, f32>,
    /// The component of each.
    pub components: &'a [u32],
}

impl<'a> FlowMatching<'a> {
    /// The task of these training and validation targets. `coordinates` tell the components apart; without them, there is only
    /// one. An epoch repeats the training targets `repetitions` times, each time with other normal vectors.
    #[must_use]
    pub fn new(
        flow: &'a Flow,
        coordinates: Option<&'a Coordinates>,
        [train, validation]: [FlowTargets<'a>; 2],
        (repetitions, time): (usize, TimeDistribution),
        streams: Streams,
    ) -> Self {
        Self { flow, coordinates, train, validation, repetitions, time, streams }
    }

    fn targets(&self, mode: Mode) -> (&FlowTargets<'a>, Split) {
        match mode {
            Mode::Train => (&self.train, Split::Train),
            Mode::Evaluate => (&self.validation, Split::Validation),
        }
    }
}

/// The input of the velocity network and the velocities for a step.
#[derive(Debug)]
pub struct FlowBatch {
    input: Array2<f32>,
    velocity: Array2<f32>,
}

impl TrainingTask for FlowMatching<'_> {
    type Batch = FlowBatch;

    fn network(&self) -> Network {
        Network::Flow
    }

    fn parameters(&self) -> &Parameters {
        self.flow.parameters()
    }

    fn samples(&self, mode: Mode) -> usize {
        match mode {
            Mode::Train => self.train.rows.nrows() * self.repetitions,
            Mode::Evaluate => self.validation.rows.nrows(),
        }
    }

    fn gather(&self, mode: Mode, indices: &[usize], batch: BatchId) -> FlowBatch {
        let (targets, split) = self.targets(mode);
        let (n, dim) = targets.rows.dim();
        let rows: Vec<usize> = indices.iter().map(|index| index % n).collect();
        let components: Vec<u32> = rows.iter().map(|&row| targets.components[row]).collect();
        let end = targets.rows.select(Axis(0), &rows);
        let index = batch.stream_index();
        let source = self.streams.normal(&purpose::flow_noise(split.name()), index, rows.len(), dim);
        let mut stream = self.streams.stream(&purpose::flow_time(split.name()), index);
        let time = self.time;
        let mut draw_time = || match time {
            TimeDistribution::Uniform => stream.random::<f32>(),
            TimeDistribution::LogitNormal => {
                let normal: f32 = stream.sample(StandardNormal);
                1.0 / (1.0 + (-normal).exp())
            }
        };
        let times: Vec<f32> = rows.iter().map(|_| draw_time()).collect();
        let start = match self.coordinates {
            Some(coordinates) => coordinates.source_to_coordinates(source.view(), &components),
            None => source,
        };
        let mut between = Array2::zeros(start.dim());
        for (row, &t) in times.iter().enumerate() {
            let path = (between.row_mut(row), start.row(row), end.row(row));
            azip!((u in path.0, &y in path.1, &x in path.2) *u = (1.0 - t) * y + t * x);
        }
        let points = match self.coordinates {
            Some(coordinates) => coordinates.with_indicators(between.view(), &components),
            None => between,
        };
        FlowBatch { input: self.flow.input(points.view(), &times), velocity: end - start }
    }

    fn part(&self, batch: &FlowBatch, samples: Range<usize>) -> FlowBatch {
        let part = |rows: &Array2<f32>| rows.slice_axis(Axis(0), Slice::from(samples.clone())).to_owned();
        FlowBatch { input: part(&batch.input), velocity: part(&batch.velocity) }
    }

    fn loss(&self, mode: Mode, batch: FlowBatch) -> Result<Tensor> {
        let device = self.parameters().device();
        let velocity = self.flow.forward(&to_tensor(batch.input.view(), device)?, mode)?;
        Ok(mean_squared_error(&velocity, &to_tensor(batch.velocity.view(), device)?)?)
    }
}
