//! Images, and what else shows how ĥ came to make them.

use gtn_metrics::{Moments, NearestRows, PrincipalAxes};
use gtn_models::{Generator, Path};
use gtn_run::{Artifact, Config};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};

use crate::Result;
use crate::pipeline::{Context, Made};
use crate::stages::evaluate;
use crate::stages::fit::shown_images;
use crate::stages::prepare::Pictures;
use crate::targets::into_matrix;

/// Improvements of the validation loss that are shown, as in Figure 5.
const IMPROVEMENTS: usize = 4;
/// Ways from one normal vector to another that are shown, and samples on each.
const WAYS: usize = 8;
const STEPS: usize = 12;
/// Bins of the ranks over which similarity is shown.
const BINS: usize = 200;
/// Latents that statistics are taken from.
const MEASURED: usize = 10_000;
/// What the artifact depends on, of points, too, as it always did.
pub(super) fn sizes(config: &Config) -> [usize; 5] {
    [shown_images(config), MEASURED, WAYS, STEPS, BINS]
}

/// Latents of each kind that are shown in the plane.
const SCATTERED: usize = 2_000;
/// Samples that are shown beside the training images nearest to them, and how many of these.
const BESIDE: usize = 10;
const NEAREST: usize = 3;

/// What else the artifact depends on.
pub(super) fn extent() -> String {
    format!("{SCATTERED} in the plane, {BESIDE} with {NEAREST} nearest")
}

/// Generated images and decoded real ones, and what the report shows beside them; the share of the latents' variance that is
/// kept.
pub(super) fn sample(
    config: &Config,
    generator: &Generator,
    made: &Made<'_>,
    pictures: &Pictures,
    improvements: &[(usize, Artifact)],
    artifact: &mut Artifact,
    context: &Context<'_>,
) -> Result<f64> {
    let targets = made.targets;
    let shown = shown_images(config);
    let drawn = generator.sample_latents(MEASURED, &context.streams)?;
    let decoded = generator.decode(first_of(&targets.validation, shown))?;
    artifact.insert_f32("generated", generator.decode(first_of(&drawn, shown))?.into_dyn());
    artifact.insert_f32("decoded", decoded.into_dyn());
    for (number, (_, snapshot)) in (1..).zip(improvements) {
        let latents = into_matrix(snapshot.f32("generated")?);
        artifact.insert_f32(format!("improvement.{number}"), generator.decode(latents.view())?.into_dyn());
    }
    let epochs: Vec<usize> = improvements.iter().map(|(epoch, _)| *epoch).collect();
    artifact.set_note("improvements", &epochs)?;

    ways(generator, artifact, context)?;
    artifact.insert_f32("similarity.by_rank", similarity_by_rank(context)?.into_dyn());
    scatter(&drawn, made, artifact)?;
    nearest(generator, first_of(&drawn, BESIDE), &targets.train, pictures, artifact)?;
    Ok(gtn_metrics::variance_kept(targets.train.view(), drawn.view())?)
}

/// What ĥ makes of straight ways from one normal vector to another.
fn ways(generator: &Generator, artifact: &mut Artifact, context: &Context<'_>) -> Result<()> {
    let ends = context.streams.normal("ways", 0, 2 * WAYS, generator.source_dim());
    let mut ways = Vec::with_capacity(WAYS);
    for way in 0..WAYS {
        let way = Path::Line.between(ends.row(2 * way), ends.row(2 * way + 1), STEPS)?;
        ways.push(generator.map(way.view())?);
    }
    let ways: Vec<_> = ways.iter().map(|way| way.view()).collect();
    let ways = concatenate(Axis(0), &ways).expect("all ways have the latents' columns");
    artifact.insert_f32("ways", generator.decode(ways.view())?.into_dyn());
    Ok(artifact.set_note("ways_steps", &STEPS)?)
}

/// Where latents lie along the two directions in which those of the training images vary most: held-out real ones, ĥ's, and
/// those of simpler generators.
fn scatter(drawn: &Array2<f32>, made: &Made<'_>, artifact: &mut Artifact) -> Result<()> {
    let targets = made.targets;
    if drawn.ncols() < 2 {
        return Ok(());
    }
    let axes = PrincipalAxes::of(&Moments::of(targets.train.view())?, 2)?;
    let mut sets = vec![("real", &targets.validation), ("generated", drawn)];
    if evaluate::can_measure(targets) {
        let simpler = made.baselines.drawn()?;
        sets.extend([("gaussian", &simpler.gaussian), ("mixture", &simpler.mixture)]);
    }
    for (name, rows) in sets {
        let places = axes.project(first_of(rows, SCATTERED))?;
        artifact.insert_f32(format!("scatter.{name}"), places.into_dyn());
    }
    Ok(artifact.set_note("scatter_share", &axes.share())?)
}

/// Samples and, below each, the training images as they are whose latents are nearest to it, row by row.
fn nearest(
    generator: &Generator,
    latents: ArrayView2<'_, f32>,
    train: &Array2<f32>,
    Pictures { images, split, .. }: &Pictures,
    artifact: &mut Artifact,
) -> Result<()> {
    let mut search = NearestRows::of(latents, NEAREST)?;
    search.among(train.view())?;
    let found = search.finish();
    let mut rows = vec![generator.decode(latents)?];
    for rank in 0..NEAREST.min(train.nrows()) {
        let indices: Vec<usize> = found.iter().map(|nearest| split.train[nearest[rank].row]).collect();
        rows.push(images.batch(&indices));
    }
    let rows: Vec<_> = rows.iter().map(|row| row.view()).collect();
    let images = concatenate(Axis(0), &rows).expect("the decoder makes images of the data's size");
    artifact.insert_f32("nearest", images.into_dyn());
    Ok(artifact.set_note("nearest_columns", &latents.nrows())?)
}

fn first_of(rows: &Array2<f32>, most: usize) -> ArrayView2<'_, f32> {
    rows.slice(s![..most.min(rows.nrows()), ..])
}

/// Up to four of the epochs that improved the validation loss, from the first to the best, with their snapshots.
pub(super) fn improvements(context: &mut Context<'_>) -> Result<Vec<(usize, Artifact)>> {
    let mut whole = Vec::new();
    for (epoch, path) in context.run.snapshots() {
        match Artifact::read(&path) {
            Ok(snapshot) => whole.push((epoch, snapshot)),
            Err(gtn_run::Error::Damaged { path, reason }) => {
                context.observer.note(&format!("{} is damaged: {reason}; it is left out", path.display()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let last = whole.len().saturating_sub(1);
    let shown = |index: &usize| (0..IMPROVEMENTS).any(|part| *index == (part * last + 1) / (IMPROVEMENTS - 1));
    Ok(whole.into_iter().enumerate().filter(|(index, _)| shown(index)).map(|(_, one)| one).collect())
}

/// The mean cosine of the training pairs in equal bins of the order in which they were made.
fn similarity_by_rank(context: &Context<'_>) -> Result<Array1<f32>> {
    let pairs = Artifact::read(&context.run.pairs())?;
    let similarity = pairs.f32("train.similarity")?;
    let in_order: Vec<f32> = pairs.u64("train.order")?.iter().map(|&row| similarity[[row as usize]]).collect();
    let bins = BINS.min(in_order.len());
    let mean = |bin: usize| {
        let part = &in_order[bin * in_order.len() / bins..(bin + 1) * in_order.len() / bins];
        (part.iter().map(|&cosine| f64::from(cosine)).sum::<f64>() / part.len() as f64) as f32
    };
    Ok((0..bins).map(mean).collect())
}
