use std::cell::OnceCell;
use std::ops::{ControlFlow, Range};

use gtn_dist::{ArrayReader, push_array};
use gtn_models::{Flow, FlowDirection, FlowShape, purpose};
use gtn_run::config::FlowSettings;
use gtn_run::schema::pairs as keys;
use gtn_run::schema::{Split, Statistic};
use gtn_run::{Artifact, Network, Stage, Statistics};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Slice, s};

use super::matched::{Matched, Pairing};
use super::space::{Space, SpaceTargets};
use crate::context::{Context, Counter, fingerprint};
use crate::divided_rows::compute_rows;
use crate::handoff::FreshPairs;
use crate::training::{FlowMatching, FlowTargets, InRun};
use crate::{Error, Result};

/// Pairs from the flow of a learned velocity field: every target is followed back to its normal vector, and fresh normal vectors
/// are followed to new targets.
pub(super) struct ByFlow {
    settings: FlowSettings,
    /// The trained flow, once it is prepared.
    flow: Option<Flow>,
    accuracy: OnceCell<Accuracy>,
}

/// How accurately the flow is integrated.
#[derive(Debug, Clone, Copy)]
struct Accuracy {
    steps: usize,
    /// Root mean square error of targets that are followed back and forth, divided by their standard deviation.
    round_trip_error: f64,
}

/// Steps are doubled until the round-trip error is at most this.
const MAX_ROUND_TRIP_ERROR: f64 = 1e-3;
/// How often they are doubled at most.
const MAX_DOUBLINGS: usize = 4;
/// Validation targets that measure it.
const ROUND_TRIP_ROWS: usize = 1000;

impl ByFlow {
    pub(super) fn new(settings: FlowSettings) -> Self {
        Self { settings, flow: None, accuracy: OnceCell::new() }
    }

    fn flow(&self) -> &Flow {
        self.flow.as_ref().expect("the pairing was prepared")
    }

    /// The number of steps that are needed, and the error that remains.
    fn accuracy(&self, space: &Space<'_>, context: &mut Context<'_>) -> Result<Accuracy> {
        if let Some(accuracy) = self.accuracy.get() {
            return Ok(*accuracy);
        }
        let mut targets = space.place(Split::Validation, &space.targets.validation);
        let n = targets.rows.nrows().min(ROUND_TRIP_ROWS);
        targets.rows = targets.rows.slice(s![..n, ..]).to_owned();
        targets.components.truncate(n);
        // In these coordinates the variance is about 1, which also serves where it cannot be measured.
        let variance =
            if n > 1 { gtn_metrics::total_variance(targets.rows.view())? / targets.rows.ncols() as f64 } else { 1.0 };
        let variance = if variance > 0.0 { variance } else { 1.0 };
        let points = with_indicators(space, targets.rows.view(), &targets.components);
        let mut accuracy = Accuracy { steps: self.settings.integration_steps, round_trip_error: f64::INFINITY };
        for doubling in 0..=MAX_DOUBLINGS {
            accuracy.steps = self.settings.integration_steps << doubling;
            let transport = |points: &Array2<f32>, direction| -> Result<Array2<f32>> {
                transport(self.flow(), points.view(), (direction, accuracy.steps), &mut |_| {
                    context.check_stop(Stage::Label)
                })
            };
            let back = transport(&points, FlowDirection::Reverse)?;
            let forth = with_indicators(space, back.view(), &targets.components);
            let forth = transport(&forth, FlowDirection::Forward)?;
            let squares = forth.iter().zip(&targets.rows).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
            accuracy.round_trip_error = (squares.sum::<f64>() / (forth.len() as f64 * variance)).sqrt();
            if accuracy.round_trip_error <= MAX_ROUND_TRIP_ERROR {
                break;
            }
        }
        if accuracy.round_trip_error > MAX_ROUND_TRIP_ERROR {
            context.observer.note(&format!(
                "with {} integration steps, data still differ from themselves after the flow and back by {:.1e} of their \
                 standard deviation",
                accuracy.steps, accuracy.round_trip_error
            ));
        }
        Ok(*self.accuracy.get_or_init(|| accuracy))
    }
}

impl Pairing for ByFlow {
    fn prepare(&mut self, space: &Space<'_>, context: &mut Context<'_>) -> Result<Option<String>> {
        let (config, targets) = (space.config, space.targets);
        let indicators = space.coordinates.as_ref().map_or(0, gtn_models::Coordinates::indicator_columns);
        let shape = FlowShape::from_config(config, indicators);
        let flow = Flow::new(&shape, &context.streams, &context.device)?;
        let FlowSettings { width, blocks, time, .. } = self.settings;
        let training = self.settings.training(targets.train.nrows());
        let settings = (config.seed, (width, blocks, time.name()), &training, config.total_budget());
        let mut inputs = vec![targets.checksum.as_str()];
        inputs.extend(space.checksum.as_deref());
        let input_fingerprint = fingerprint("flow", &settings, &inputs);

        let placed = [space.place(Split::Train, &targets.train), space.place(Split::Validation, &targets.validation)];
        let of_split =
            placed.each_ref().map(|placed| FlowTargets { rows: placed.rows.view(), components: &placed.components });
        let repetitions = self.settings.repetitions(targets.train.nrows());
        let task = FlowMatching::new(&flow, space.coordinates.as_ref(), of_split, (repetitions, time), context.streams);
        let training = InRun {
            task: &task,
            outputs: &(),
            settings: &training,
            budget: config.training_time(Network::Flow),
            input_fingerprint: &input_fingerprint,
            beside_weights: &|_| Ok(()),
            uses_last_weights: false,
            is_extended: false,
            is_divided: true,
        };
        training.train(context)?;
        let best = Artifact::read(&context.run.best_checkpoint(Network::Flow))?;
        flow.parameters().load_checkpoint(&best)?;
        self.flow = Some(flow);
        Ok(Some(best.checksum()))
    }

    fn pair(
        &self,
        _split: Split,
        targets: &SpaceTargets,
        space: &Space<'_>,
        counter: &Counter,
        context: &mut Context<'_>,
    ) -> Result<Matched> {
        let steps = self.accuracy(space, context)?.steps;
        let points = with_indicators(space, targets.rows.view(), &targets.components);
        let moved = transport_counted(self.flow(), &points, (FlowDirection::Reverse, steps), counter, context)?;
        let source = match &space.coordinates {
            Some(coordinates) => coordinates.coordinates_to_source(moved.view(), &targets.components),
            None => moved,
        };
        let rows: Vec<usize> = (0..source.nrows()).collect();
        let similarity = source.outer_iter().zip(targets.rows.outer_iter()).map(|(y, x)| cosine(y, x)).collect();
        Ok(Matched { source, assignment: rows.clone(), order: rows, similarity })
    }

    fn rows(&self, request: &[u8]) -> Result<Array2<f32>> {
        let (points, how) = read_request(request).ok_or(gtn_dist::Error::Message { rank: 0 })?;
        transport(self.flow(), points.view(), how, &mut |_| Ok(()))
    }

    fn fresh(&self, space: &Space<'_>, counter: &Counter, context: &mut Context<'_>) -> Result<Option<FreshPairs>> {
        let (n, dim) = (self.settings.fresh_pairs, space.targets.train.ncols());
        if n == 0 {
            return Ok(None);
        }
        let steps = self.accuracy(space, context)?.steps;
        let source = context.streams.normal(purpose::FRESH_SOURCE, 0, n, dim);
        let (components, points) = match &space.coordinates {
            Some(coordinates) => {
                let components = coordinates.draw(n, &mut context.streams.stream(purpose::FRESH_COMPONENT, 0));
                let start = coordinates.source_to_coordinates(source.view(), &components);
                let points = coordinates.with_indicators(start.view(), &components);
                (components, points)
            }
            None => (vec![0; n], source.clone()),
        };
        let moved = transport_counted(self.flow(), &points, (FlowDirection::Forward, steps), counter, context)?;
        let target = space.to_targets(moved, &components);
        Ok(Some(FreshPairs { source, target, components }))
    }

    fn fresh_pairs(&self) -> usize {
        self.settings.fresh_pairs
    }

    fn describe(&self, artifact: &mut Artifact, statistics: &mut Statistics) -> Result<()> {
        let accuracy = self.accuracy.get().expect("pairs were computed");
        artifact.set_metadata(&keys::INTEGRATION_STEPS, &accuracy.steps)?;
        statistics.insert(Statistic::IntegrationSteps, accuracy.steps as f64);
        statistics.insert(Statistic::RoundTripError, accuracy.round_trip_error);
        statistics.insert(Statistic::FreshPairs, self.settings.fresh_pairs as f64);
        Ok(())
    }
}

fn with_indicators(space: &Space<'_>, points: ArrayView2<'_, f32>, components: &[u32]) -> Array2<f32> {
    match &space.coordinates {
        Some(coordinates) => coordinates.with_indicators(points, components),
        None => points.to_owned(),
    }
}

/// Asks another process to move points.
fn request(points: ArrayView2<'_, f32>, (direction, steps): (FlowDirection, usize)) -> Vec<u8> {
    let mut request = Vec::new();
    let is_reverse = u64::from(direction == FlowDirection::Reverse);
    push_array(&mut request, &[is_reverse, steps as u64, points.nrows() as u64]);
    push_array(&mut request, points.as_standard_layout().as_slice().expect("it is in standard layout"));
    request
}

fn read_request(request: &[u8]) -> Option<(Array2<f32>, (FlowDirection, usize))> {
    let mut reader = ArrayReader::new(request);
    let (how, values) = (reader.next_array::<u64>()?, reader.next_array::<f32>()?);
    let &[is_reverse, steps, rows] = how.as_slice() else { return None };
    let direction = if is_reverse == 1 { FlowDirection::Reverse } else { FlowDirection::Forward };
    let columns = values.len() / (rows as usize).max(1);
    Some((Array2::from_shape_vec((rows as usize, columns), values).ok()?, (direction, steps as usize)))
}

/// Moves points; `check` is told the rows that are done, and may end the work with an error.
fn transport(
    flow: &Flow,
    points: ArrayView2<'_, f32>,
    (direction, steps): (FlowDirection, usize),
    check: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Array2<f32>> {
    let mut ended = None;
    let moved = flow.transport(points, direction, steps, &mut |done| match check(done) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            ended = Some(error);
            ControlFlow::Break(())
        }
    })?;
    moved.ok_or_else(|| ended.unwrap_or(Error::Stopped { stage: Stage::Label }))
}

/// Moves points on all processes, and reports how many have moved.
fn transport_counted(
    flow: &Flow,
    points: &Array2<f32>,
    how: (FlowDirection, usize),
    counter: &Counter,
    context: &mut Context<'_>,
) -> Result<Array2<f32>> {
    let (collective, rows) = (context.collective, points.nrows());
    let part_of_points = |part: Range<usize>| points.slice_axis(Axis(0), Slice::from(part));
    let own = |part: Range<usize>| {
        // The other processes are as far.
        let factor = rows as f64 / part.len().max(1) as f64;
        transport(flow, part_of_points(part), how, &mut |done| {
            counter.report((done as f64 * factor) as usize, &mut *context.observer);
            context.check_stop(Stage::Label)
        })
    };
    compute_rows(collective, (rows, Flow::BATCH_SIZE), |part| request(part_of_points(part), how), own)
}

fn cosine(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f32 {
    let norms = (a.dot(&a) * b.dot(&b)).sqrt();
    if norms > 0.0 { (a.dot(&b) / norms).clamp(-1.0, 1.0) } else { 0.0 }
}
