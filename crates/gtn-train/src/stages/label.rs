//! Pairs normal vectors with targets: by Algorithm 1, or on the line by sorting.

use std::ops::ControlFlow;
use std::time::Instant;

use gtn_label::{MatchError, Matcher};
use gtn_run::config::{Pairing, Precision};
use gtn_run::{Artifact, Config, Stage, Step};
use ndarray::{Array1, Array2};

use crate::pipeline::Context;
use crate::stages::fingerprint;
use crate::targets::{Targets, into_matrix};
use crate::{Error, Result};

/// The pairs (y, x_y) of one side.
pub(crate) struct Side {
    /// The normal vectors y.
    pub(crate) source: Array2<f32>,
    /// For each the row of its target.
    pub(crate) matching: Vec<usize>,
}

/// The pairs of both sides.
pub(crate) struct Pairs {
    pub(crate) train: Side,
    pub(crate) validation: Side,
    pub(crate) checksum: String,
    /// Those of the official test set, if it is there.
    pub(crate) test: Option<Side>,
    pub(crate) test_checksum: Option<String>,
}

const SIDES: [&str; 2] = ["train", "validation"];
const TEST: &str = "test";

pub(crate) fn run(config: &Config, targets: &Targets, context: &mut Context<'_>) -> Result<Pairs> {
    let settings = (config.seed, config.label.pairing, config.label.precision);
    let made_from = fingerprint("label", &settings, &[&targets.checksum]);
    // Center and scale come from the training latents.
    let of_test = targets.test.as_ref();
    let of_test = of_test.map(|test| fingerprint("label/test", &settings, &[&targets.checksum, &test.checksum]));
    let (path, test_path) = (context.run.pairs(), context.run.test_pairs());
    let started = Instant::now();
    let parts = [(path.as_path(), Some(&made_from)), (&test_path, of_test.as_ref())];
    let [pairs, test] = context.done_in_parts(Stage::Label, parts)?;

    let (no_pairs, no_test) = (pairs.is_none(), test.is_none());
    let rows = [&targets.train, &targets.validation];
    let pairs_of_sides: usize = rows.iter().map(|rows| rows.nrows()).sum();
    let tested = targets.test.as_ref().filter(|_| no_test).map_or(0, |test| test.rows.nrows());
    let total = tested + if no_pairs { pairs_of_sides } else { 0 };
    let mut before = 0;
    let mut pair_side = |side: &str, rows: &Array2<f32>, artifact: &mut Artifact, context: &mut Context<'_>| {
        let paired = pair(config, targets, (side, rows), (before, total), context)?;
        before += rows.nrows();
        let similarity = mean(&paired.similarity);
        paired.insert_into(artifact, side);
        Ok::<f64, Error>(similarity)
    };
    let test = match (test, &targets.test, of_test) {
        (None, Some(targets), Some(made_from)) => {
            let mut artifact = Artifact::new(made_from);
            pair_side(TEST, &targets.rows, &mut artifact, context)?;
            artifact.write(&test_path)?;
            Some(artifact)
        }
        (test, ..) => test,
    };
    let pairs = match pairs {
        Some(pairs) => {
            if no_test && test.is_some() {
                context.complete((Stage::Label, started), &pairs)?;
            }
            pairs
        }
        None => {
            let mut artifact = Artifact::new(made_from);
            let similarity = pair_side(SIDES[0], rows[0], &mut artifact, context)?;
            pair_side(SIDES[1], rows[1], &mut artifact, context)?;
            let facts = [("pairs", pairs_of_sides as f64), ("mean_similarity", similarity)];
            context.write((Stage::Label, started), artifact, &facts, &path)?
        }
    };
    let side = |artifact, name| Side::read(artifact, name);
    Ok(Pairs {
        train: side(&pairs, SIDES[0])?,
        validation: side(&pairs, SIDES[1])?,
        checksum: pairs.checksum(),
        test: test.as_ref().map(|test| side(test, TEST)).transpose()?,
        test_checksum: test.as_ref().map(Artifact::checksum),
    })
}

impl Side {
    fn read(artifact: &Artifact, name: &str) -> Result<Self> {
        Ok(Self {
            source: into_matrix(artifact.f32(&format!("{name}.source"))?),
            matching: artifact.u64(&format!("{name}.matching"))?.iter().map(|&index| index as usize).collect(),
        })
    }
}

/// The pairs of one side as they were made.
struct Paired {
    /// The y.
    source: Array2<f32>,
    /// For each y the row of its x.
    matching: Vec<usize>,
    /// The rows of the y as they were served.
    order: Vec<usize>,
    /// The cosine of each y with its x.
    similarity: Vec<f32>,
}

impl Paired {
    fn insert_into(self, artifact: &mut Artifact, side: &str) {
        let indices = |indices: Vec<usize>| indices.into_iter().map(|index| index as u64).collect::<Array1<u64>>();
        artifact.insert_f32(format!("{side}.source"), self.source.into_dyn());
        artifact.insert_u64(format!("{side}.matching"), indices(self.matching).into_dyn());
        artifact.insert_u64(format!("{side}.order"), indices(self.order).into_dyn());
        artifact.insert_f32(format!("{side}.similarity"), Array1::from(self.similarity).into_dyn());
    }
}

/// Pairs the targets of one side with normal vectors of its own.
fn pair(
    config: &Config,
    targets: &Targets,
    (side, rows): (&str, &Array2<f32>),
    progress: (usize, usize),
    context: &mut Context<'_>,
) -> Result<Paired> {
    let source = context.streams.normal(&format!("source/{side}"), 0, rows.nrows(), rows.ncols());
    let target = targets.normalizer.normalize(rows.view());
    match config.label.pairing {
        Pairing::Greedy => pair_greedily(source, &target, config.label.precision, progress, context),
        Pairing::Sorted => pair_by_sorting(source, &target),
    }
}

/// Rows and columns below which the host is done as soon as a GPU. The matching is the same on either.
const ROWS_FOR_GPU: usize = 10_000;
const COLUMNS_FOR_GPU: usize = 10;

fn is_for_gpu(target: &Array2<f32>) -> bool {
    target.nrows() >= ROWS_FOR_GPU && target.ncols() >= COLUMNS_FOR_GPU
}

fn pair_greedily(
    source: Array2<f32>,
    target: &Array2<f32>,
    precision: Precision,
    (before, total): (usize, usize),
    context: &mut Context<'_>,
) -> Result<Paired> {
    let mut proposer = if is_for_gpu(target) { gtn_models::proposer(&context.device)? } else { None };
    let observer = &mut *context.observer;
    let precision = match precision {
        Precision::Double => gtn_label::Precision::Double,
        Precision::Single => gtn_label::Precision::Single,
    };
    let mut matcher = Matcher::new().precision(precision);
    if let Some(proposer) = &mut proposer {
        matcher = matcher.proposer(proposer.as_mut());
    }
    let matched = matcher
        .progress(|progress| {
            let done = (before + progress.done) as u64;
            observer.step(&Step { stage: Stage::Label, done, total: total as u64, epoch: None, loss: None });
            if observer.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .match_rows(&source, target);
    let matched = matched.map_err(|error| match error {
        MatchError::Cancelled { .. } => Error::Stopped { stage: Stage::Label },
        error => error.into(),
    })?;
    Ok(Paired {
        source,
        matching: matched.matching().to_vec(),
        order: matched.order().to_vec(),
        similarity: matched.similarity().to_vec(),
    })
}

/// Figure 2: both sides sorted, and paired in order.
fn pair_by_sorting(source: Array2<f32>, target: &Array2<f32>) -> Result<Paired> {
    let numbers = |rows: &Array2<f32>| rows.column(0).iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let (y, x) = (numbers(&source), numbers(target));
    let matching = gtn_math::sorted_labeling(&y, &x)?;
    let mut order: Vec<usize> = (0..y.len()).collect();
    order.sort_by(|&a, &b| y[a].total_cmp(&y[b]));
    // On the line the cosine is the product of the signs.
    let sign = |value: f64| if value == 0.0 { 0.0 } else { value.signum() as f32 };
    let similarity = matching.iter().zip(&y).map(|(&row, &y)| sign(y) * sign(x[row])).collect();
    Ok(Paired { source, matching, order, similarity })
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64
}
