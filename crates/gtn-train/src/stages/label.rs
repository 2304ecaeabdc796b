//! Pairs normal vectors with latents by Algorithm 1.

use std::ops::ControlFlow;
use std::time::Instant;

use gtn_label::{MatchError, Matcher, Matching};
use gtn_run::{Artefact, Config, Stage, Step};
use ndarray::{Array1, Array2, Axis};

use crate::pipeline::Context;
use crate::stages::encode::{Latents, into_matrix};
use crate::stages::fingerprint;
use crate::{Error, Result};

/// The pairs (y, x_y) of one side.
pub(crate) struct Side {
    /// The normal vectors y.
    pub(crate) source: Array2<f32>,
    /// For each the row of its latent.
    pub(crate) matching: Vec<usize>,
}

impl Side {
    /// The latents x_y, less their centre, in the order of the y.
    pub(crate) fn targets(&self, latents: &Array2<f32>, centre: &Array1<f32>) -> Array2<f32> {
        latents.select(Axis(0), &self.matching) - centre
    }
}

/// The pairs of both sides.
pub(crate) struct Pairs {
    pub(crate) train: Side,
    pub(crate) validation: Side,
    pub(crate) checksum: String,
}

const SIDES: [&str; 2] = ["train", "validation"];

pub(crate) fn run(config: &Config, latents: &Latents, context: &mut Context<'_>) -> Result<Pairs> {
    let made_from = fingerprint("label", &config.seed, &[&latents.checksum]);
    let path = context.run.pairs();
    if let Some(artefact) = Artefact::read_if_made_from(&path, &made_from)? {
        context.observer.stage_skipped(Stage::Label);
        return read(&artefact);
    }

    context.observer.stage_started(Stage::Label);
    let started = Instant::now();
    let rows = [&latents.train, &latents.validation];
    let total: usize = rows.iter().map(|rows| rows.nrows()).sum();
    let mut before = 0;
    let mut similarity_of_training = 0.0;
    let mut artefact = Artefact::new(made_from);
    for (side, rows) in SIDES.iter().zip(rows) {
        let source = context.streams.normal(&format!("source/{side}"), 0, rows.nrows(), rows.ncols());
        let target = rows - &latents.centre;
        let matched = pair(&source, &target, before, total, context)?;
        before += source.nrows();
        if *side == SIDES[0] {
            similarity_of_training = mean(matched.similarity());
        }
        let indices = |indices: &[usize]| indices.iter().map(|&index| index as u64).collect::<Array1<u64>>().into_dyn();
        artefact.insert_f32(format!("{side}.source"), source.into_dyn());
        artefact.insert_u64(format!("{side}.matching"), indices(matched.matching()));
        artefact.insert_u64(format!("{side}.order"), indices(matched.order()));
        artefact.insert_f32(format!("{side}.similarity"), Array1::from(matched.similarity().to_vec()).into_dyn());
    }
    let facts = [("pairs", total as f64), ("mean_similarity", similarity_of_training)];
    context.finish(Stage::Label, started.elapsed().as_secs_f64(), &facts)?;
    artefact.write(&path)?;
    read(&artefact)
}

fn pair(
    source: &Array2<f32>,
    target: &Array2<f32>,
    before: usize,
    total: usize,
    context: &mut Context<'_>,
) -> Result<Matching> {
    let observer = &mut *context.observer;
    let matched = Matcher::new()
        .progress(|progress| {
            let done = (before + progress.done) as u64;
            observer.step(&Step { stage: Stage::Label, done, total: total as u64, epoch: None, loss: None });
            if observer.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .match_rows(source, target);
    matched.map_err(|error| match error {
        MatchError::Cancelled { .. } => Error::Stopped { stage: Stage::Label },
        error => error.into(),
    })
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
