//! Generated and real points, some pairs, and ĥ beside the exact h.

use gtn_models::{Sampling, SourceRows, purpose};
use gtn_run::Artifact;
use gtn_run::schema::point_samples as keys;
use ndarray::{Array1, Array2, Axis, s};

use crate::Result;
use crate::context::Context;
use crate::datasets::{PointDataset, shown_source};
use crate::results::Results;

/// Number of pairs in the report.
const PAIRS: usize = 1_000;

/// What the artifact depends on.
pub(super) fn settings() -> String {
    format!("{PAIRS} pairs")
}

/// Generated and real points, some pairs, and ĥ beside the exact h if that is known.
pub(super) fn sample(
    Results { config, targets, pairs, trained, .. }: Results<'_>,
    points: &dyn PointDataset,
    artifact: &mut Artifact,
    context: &Context<'_>,
) -> Result<()> {
    let generator = trained.generator()?;
    let source = shown_source(config, &context.streams);
    let components =
        generator.draw_components(source.nrows(), &mut context.streams.stream(purpose::SHOWN_COMPONENT, 0));
    let rows = SourceRows { source, components };
    let generated = generator.map_by(&rows, &Sampling::default())?;
    let source = rows.source;
    let real = points.draw(source.nrows(), &mut context.streams.stream(purpose::REAL, 0));
    artifact.insert(&keys::SOURCE, source);
    artifact.insert(&keys::GENERATED, generated);
    artifact.insert(&keys::REAL, real);

    // The normal vectors are in random order, so the first ones are a random sample.
    let count = PAIRS.min(pairs.train.source.nrows());
    let paired = targets.train.select(Axis(0), &pairs.train.assignment[..count]);
    artifact.insert(&keys::PAIRS_SOURCE, pairs.train.source.slice(s![..count, ..]).to_owned());
    artifact.insert(&keys::PAIRS_TARGET, targets.normalizer.normalize(paired.view()));

    // With several components there are as many curves.
    if let Some(exact_h) = points.exact_h().filter(|_| generator.components() == 1) {
        let y: Array1<f32> = Array1::linspace(-4.0, 4.0, 321);
        let learned: Array2<f32> = generator.map(y.view().insert_axis(Axis(1)))?;
        artifact.insert(&keys::CURVE_EXACT, y.mapv(|y| exact_h(f64::from(y)) as f32));
        artifact.insert(&keys::CURVE_LEARNED, learned.column(0).to_owned());
        artifact.insert(&keys::CURVE_Y, y);
    }
    Ok(())
}
