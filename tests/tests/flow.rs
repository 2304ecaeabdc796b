//! The map of a flow as a theorem has it: it is undone by its reverse, on the line it is the increasing map F_X⁻¹∘F_Y of
//! Theorem 2.1, and between normal distributions it is the known affine map. Each holds up to the error of regression and
//! integration, which is stated.

use std::ops::ControlFlow;

use gtn_math::{CdfMap, Distribution, Homeomorphism, Mixture, Normal};
use gtn_models::{Device, Flow, FlowDirection, FlowShape, Streams};
use gtn_run::config::{FlowSettings, TimeDistribution};
use gtn_train::training::{BestWeights, EarlyStopping, FlowMatching, FlowTargets, Trainer};
use ndarray::{Array2, Axis};

/// A flow that is trained on the rows.
fn train(rows: &Array2<f32>, settings: &FlowSettings) -> Flow {
    let streams = Streams::new(1);
    let shape = FlowShape { dim: rows.ncols(), indicators: 0, width: settings.width, blocks: settings.blocks };
    let flow = Flow::new(&shape, &streams, &Device::Cpu).unwrap();
    let components = vec![0; rows.nrows()];
    let targets = FlowTargets { rows: rows.view(), components: &components };
    let of_epoch = (settings.repetitions(rows.nrows()), TimeDistribution::Uniform);
    let task = FlowMatching::new(&flow, None, [targets; 2], of_epoch, streams);
    let training = settings.training(rows.nrows());
    let mut best = BestWeights::default();
    let mut trainer = Trainer::new(&task, &training, EarlyStopping::new(&training), streams).unwrap();
    trainer.run(&mut best).unwrap();
    drop(trainer);
    best.restore(flow.parameters()).unwrap();
    flow
}

fn settings() -> FlowSettings {
    FlowSettings { width: 32, blocks: 2, steps: 2500, learning_rate: 3e-3, ..FlowSettings::default() }
}

fn transport(flow: &Flow, points: &Array2<f32>, direction: FlowDirection) -> Array2<f32> {
    let mut progress = |_| ControlFlow::Continue(());
    flow.transport(points.view(), direction, 48, &mut progress).unwrap().unwrap()
}

fn rms(difference: &Array2<f32>) -> f64 {
    let squares = difference.iter().map(|&value| f64::from(value).powi(2));
    (squares.sum::<f64>() / difference.len() as f64).sqrt()
}

#[test]
fn on_the_line_the_flow_is_the_increasing_map_between_distribution_functions() {
    let data = Mixture::new([(2.0, Normal::new(-1.2, 0.4).unwrap()), (1.0, Normal::new(1.0, 0.6).unwrap())]).unwrap();
    let n = 20_000;
    // Quantiles at evenly spaced probabilities: data without sampling noise.
    let rows = Array2::from_shape_fn((n, 1), |(i, _)| data.quantile((i as f64 + 0.5) / n as f64) as f32);
    let flow = train(&rows, &settings());
    let exact = CdfMap::new(Normal::standard(), data);

    let y = Array2::from_shape_fn((401, 1), |(i, _)| -2.5 + i as f32 * 5.0 / 400.0);
    let x = transport(&flow, &y, FlowDirection::Forward);
    assert!(x.axis_windows(Axis(0), 2).into_iter().all(|pair| pair[(1, 0)] > pair[(0, 0)]), "not increasing");
    let expected = y.mapv(|y| exact.forward(&f64::from(y)).unwrap() as f32);
    let error = rms(&(&x - &expected));
    assert!(error < 0.05, "{error}");
    // The reverse undoes it.
    let error = rms(&(&transport(&flow, &x, FlowDirection::Reverse) - &y));
    assert!(error < 2e-3, "{error}");
}

#[test]
fn between_normal_distributions_the_flow_is_their_affine_map() {
    // Independent coordinates with means and standard deviations of their own: the flow of the exact velocity maps each
    // coordinate by y ↦ m + s y.
    let (mean, std) = ([0.5_f32, -1.0], [0.6_f32, 1.3]);
    let mut rows = Streams::new(5).normal("rows", 0, 20_000, 2);
    for mut row in rows.outer_iter_mut() {
        for column in 0..2 {
            row[column] = mean[column] + std[column] * row[column];
        }
    }
    let flow = train(&rows, &settings());
    let y = Streams::new(6).normal("y", 0, 2_000, 2);
    let x = transport(&flow, &y, FlowDirection::Forward);
    let expected = Array2::from_shape_fn(y.dim(), |(row, column)| mean[column] + std[column] * y[(row, column)]);
    let error = rms(&(&x - &expected));
    assert!(error < 0.06, "{error}");
    let error = rms(&(&transport(&flow, &x, FlowDirection::Reverse) - &y));
    assert!(error < 2e-3, "{error}");
}
