//! Pairs normal vectors with targets: by Algorithm 1, or on the line by sorting.

use std::ops::ControlFlow;
use std::time::Instant;

use gtn_label::{MatchError, Matcher};
use gtn_run::config::{Pairing, Precision};
use gtn_run::{Artefact, Config, Stage, Step};
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
}

const SIDES: [&str; 2] = ["train", "validation"];

pub(crate) fn run(config: &Config, targets: &Targets, context: &mut Context<'_>) -> Result<Pairs> {
    let made_from =
        fingerprint("label", &(config.seed, config.label.pairing, config.label.precision), &[&targets.checksum]);
    let path = context.run.pairs();
    if let Some(artefact) = context.done(Stage::Label, &path, &made_from)? {
        return read(&artefact);
    }

    let started = Instant::now();
    let rows = [&targets.train, &targets.validation];
    let total: usize = rows.iter().map(|rows| rows.nrows()).sum();
    let mut before = 0;
    let mut similarity_of_training = 0.0;
    let mut artefact = Artefact::new(made_from);
    for (side, rows) in SIDES.iter().zip(rows) {
        let source = context.streams.normal(&format!("source/{side}"), 0, rows.nrows(), rows.ncols());
        let target = targets.normaliser.normalise(rows.view());
        let paired = match config.label.pairing {
            Pairing::Greedy => pair_greedily(&source, &target, config.label.precision, (before, total), context)?,
            Pairing::Sorted => pair_by_sorting(&source, &target)?,
        };
        before += source.nrows();
        if *side == SIDES[0] {
            similarity_of_training = mean(&paired.similarity);
        }
        let indices = |indices: Vec<usize>| indices.into_iter().map(|index| index as u64).collect::<Array1<u64>>();
        artefact.insert_f32(format!("{side}.source"), source.into_dyn());
        artefact.insert_u64(format!("{side}.matching"), indices(paired.matching).into_dyn());
        artefact.insert_u64(format!("{side}.order"), indices(paired.order).into_dyn());
        artefact.insert_f32(format!("{side}.similarity"), Array1::from(paired.similarity).into_dyn());
    }
    let facts = [("pairs", total as f64), ("mean_similarity", similarity_of_training)];
    read(&context.write((Stage::Label, started), artefact, &facts, &path)?)
}

/// The pairs of one side as they were made.
struct Paired {
    /// For each y the row of its x.
    matching: Vec<usize>,
    /// The rows of the y as they were served.
    order: Vec<usize>,
    /// The cosine of each y with its x.
    similarity: Vec<f32>,
}

fn pair_greedily(
    source: &Array2<f32>,
    target: &Array2<f32>,
    precision: Precision,
    (before, total): (usize, usize),
    context: &mut Context<'_>,
) -> Result<Paired> {
    let observer = &mut *context.observer;
    let precision = match precision {
        Precision::Double => gtn_label::Precision::Double,
        Precision::Single => gtn_label::Precision::Single,
    };
    let matched = Matcher::new()
        .precision(precision)
        .progress(|progress| {
            let done = (before + progress.done) as u64;
            observer.step(&Step { stage: Stage::Label, done, total: total as u64, epoch: None, loss: None });
            if observer.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .match_rows(source, target);
    let matched = matched.map_err(|error| match error {
        MatchError::Cancelled { .. } => Error::Stopped { stage: Stage::Label },
        error => error.into(),
    })?;
    Ok(Paired {
        matching: matched.matching().to_vec(),
        order: matched.order().to_vec(),
        similarity: matched.similarity().to_vec(),
    })
}

/// Figure 2: both sides sorted, and paired in order.
fn pair_by_sorting(source: &Array2<f32>, target: &Array2<f32>) -> Result<Paired> {
    let numbers = |rows: &Array2<f32>| rows.column(0).iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let (y, x) = (numbers(source), numbers(target));
    let matching = gtn_math::sorted_labelling(&y, &x)?;
    let mut order: Vec<usize> = (0..y.len()).collect();
    order.sort_by(|&a, &b| y[a].total_cmp(&y[b]));
    // On the line the cosine is the product of the signs.
    let sign = |value: f64| if value == 0.0 { 0.0 } else { value.signum() as f32 };
    let similarity = matching.iter().zip(&y).map(|(&row, &y)| sign(y) * sign(x[row])).collect();
    Ok(Paired { matching, order, similarity })
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64
}

fn read(artefact: &Artefact) -> Result<Pairs> {
    let side = |name: &str| -> Result<Side> {
        Ok(Side {
            source: into_matrix(artefact.f32(&format!("{name}.source"))?),
            matching: artefact.u64(&format!("{name}.matching"))?.iter().map(|&index| index as usize).collect(),
        })
    };
    Ok(Pairs { train: side(SIDES[0])?, validation: side(SIDES[1])?, checksum: artefact.checksum() })
}
