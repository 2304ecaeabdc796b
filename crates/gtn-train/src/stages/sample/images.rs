//! Generated images, and what the report shows beside them.

use gtn_metrics::NearestNeighbors;
use gtn_models::{Generator, Interpolation, Sampling, SourceRows, purpose};
use gtn_run::config::PairingMethod;
use gtn_run::schema::{IMPROVEMENTS, Statistic, image_samples as keys, pairs as pair_keys, snapshot};
use gtn_run::{Artifact, Stage, Statistics};
use ndarray::{Array1, Array2, Array4, ArrayView2, Axis, concatenate};

use super::scatter::{self, SCATTERED};
use crate::Result;
use crate::baselines;
use crate::context::Context;
use crate::datasets::{ImageData, shown_samples};
use crate::handoff::{first_rows, to_matrix};
use crate::results::Results;

/// Interpolations between normal vectors, and samples in each.
const INTERPOLATIONS: usize = 8;
const STEPS: usize = 12;
/// Bins of the ranks over which the similarity is averaged.
const BINS: usize = 200;
/// Images of the mixture of Gaussians.
const COMPARED: usize = 50;
/// Number of latents.
const LATENTS: usize = 10_000;
/// Samples that are shown with their nearest training images, and how many of these.
const NEAREST_SAMPLES: usize = 10;
const NEAREST: usize = 3;

/// What the artifact depends on.
pub(super) fn settings() -> String {
    format!(
        "{LATENTS} latents, {COMPARED} of the mixture, originals, {INTERPOLATIONS} interpolations of {STEPS} steps, {BINS} bins, {SCATTERED} in the plane, \
         {NEAREST_SAMPLES} with {NEAREST} nearest, {}",
        baselines::settings()
    )
}

/// Generated images, real ones before and after the autoencoder, and what the report shows beside them.
pub(super) fn sample(
    Results { config, targets, trained, baselines, vae, .. }: Results<'_>,
    images: &ImageData,
    improvements: &[(usize, Artifact)],
    artifact: &mut Artifact,
    context: &Context<'_>,
) -> Result<Statistics> {
    let generator = trained.generator()?;
    let count = shown_samples(&config.data);
    let latents = generator.sample_latents(LATENTS, &mut context.streams.stream(purpose::SAMPLE, 0))?;
    let generated = generator.decode(first_rows(&latents, count))?;
    let decoded = generator.decode(first_rows(&targets.validation, count))?;
    let shown = &images.split.validation[..count.min(images.split.validation.len())];
    let original = images.images.batch(shown);
    let of_original = pixel_variance(&original);
    let relative = |of: &Array4<f32>| pixel_variance(of) / of_original;
    let variances =
        [(Statistic::GeneratedVariance, relative(&generated)), (Statistic::DecodedVariance, relative(&decoded))];
    artifact.insert(&keys::GENERATED, generated);
    artifact.insert(&keys::DECODED, decoded);
    artifact.insert(&keys::ORIGINAL, original);
    if let Some(samples) = baselines.samples(Stage::Sample, context)? {
        artifact.insert(&keys::MIXTURE, generator.decode(first_rows(&samples.mixture, COMPARED.min(count)))?);
    }
    if let Some(vae) = vae {
        artifact.insert(&keys::VAE, vae.images(count, &context.streams)?);
    }
    for (key, (_, snapshot)) in IMPROVEMENTS.iter().zip(improvements) {
        let latents = to_matrix(snapshot.tensor(&snapshot::GENERATED)?);
        artifact.insert(key, generator.decode(latents.view())?);
    }
    let epochs: Vec<usize> = improvements.iter().map(|(epoch, _)| *epoch).collect();
    artifact.set_metadata(&keys::IMPROVEMENT_EPOCHS, &epochs)?;

    interpolate(generator, artifact, context)?;
    // Pairs of a flow have no order.
    if config.pairing.method != PairingMethod::Flow {
        artifact.insert(&keys::SIMILARITY_BY_RANK, similarity_by_rank(context)?);
    }
    scatter::insert(&latents, targets, baselines.samples(Stage::Sample, context)?, artifact)?;
    nearest(generator, first_rows(&latents, NEAREST_SAMPLES), &targets.train, images, artifact)?;
    // Without several real images, or if all are the same, there is nothing to compare with.
    Ok(variances.into_iter().filter(|(_, variance)| variance.is_finite()).collect())
}

/// The mean variance of a pixel over images; not finite for less than two.
fn pixel_variance(images: &Array4<f32>) -> f64 {
    if images.len_of(Axis(0)) < 2 {
        return f64::NAN;
    }
    images.var_axis(Axis(0), 1.0).mapv(f64::from).mean().unwrap_or(f64::NAN)
}

/// Images along straight lines between normal vectors.
fn interpolate(generator: &Generator, artifact: &mut Artifact, context: &Context<'_>) -> Result<()> {
    let endpoints = purpose::INTERPOLATION_ENDPOINTS;
    let endpoints = context.streams.normal(endpoints, 0, 2 * INTERPOLATIONS, generator.source_dim());
    // Both ends of an interpolation belong to the same component, so that it stays connected.
    let mut stream = context.streams.stream(purpose::INTERPOLATION_COMPONENTS, 0);
    let components = generator.draw_components(INTERPOLATIONS, &mut stream);
    let mut latents = Vec::with_capacity(INTERPOLATIONS);
    for (row, component) in components.into_iter().enumerate() {
        let source = Interpolation::Linear.between(endpoints.row(2 * row), endpoints.row(2 * row + 1), STEPS)?;
        let rows = SourceRows { source, components: vec![component; STEPS] };
        latents.push(generator.map_by(&rows, &Sampling::default())?);
    }
    let latents: Vec<_> = latents.iter().map(|latents| latents.view()).collect();
    let latents = concatenate(Axis(0), &latents).expect("all interpolations have the latent dimension");
    artifact.insert(&keys::INTERPOLATIONS, generator.decode(latents.view())?);
    Ok(artifact.set_metadata(&keys::INTERPOLATION_STEPS, &STEPS)?)
}

/// Generated images, followed rank by rank by the training images with the nearest latents.
fn nearest(
    generator: &Generator,
    latents: ArrayView2<'_, f32>,
    train: &Array2<f32>,
    ImageData { images, split, .. }: &ImageData,
    artifact: &mut Artifact,
) -> Result<()> {
    let mut search = NearestNeighbors::new(latents, NEAREST)?;
    search.partial_fit(train.view())?;
    let neighbors = search.into_neighbors();
    let mut rows = vec![generator.decode(latents)?];
    for rank in 0..NEAREST.min(train.nrows()) {
        let indices: Vec<usize> = neighbors.iter().map(|nearest| split.train[nearest[rank].index]).collect();
        rows.push(images.batch(&indices));
    }
    let rows: Vec<_> = rows.iter().map(|row| row.view()).collect();
    let images = concatenate(Axis(0), &rows).expect("decoded images have the size of the data");
    artifact.insert(&keys::NEAREST, images);
    Ok(artifact.set_metadata(&keys::NEAREST_COLUMNS, &latents.nrows())?)
}

/// Up to four of the epochs that improved the validation loss, from the first to the best, with their snapshots.
pub(super) fn improvements(context: &mut Context<'_>) -> Result<Vec<(usize, Artifact)>> {
    let mut snapshots = Vec::new();
    for (epoch, path) in context.run.snapshots() {
        match Artifact::read(&path) {
            Ok(snapshot) => snapshots.push((epoch, snapshot)),
            Err(gtn_run::Error::Damaged { path, reason }) => {
                context.observer.note(&format!("{} is damaged: {reason}; the report omits it", path.display()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let last = snapshots.len().saturating_sub(1);
    let count = IMPROVEMENTS.len();
    let is_shown = |index: &usize| (0..count).any(|part| *index == (part * last + 1) / (count - 1));
    Ok(snapshots.into_iter().enumerate().filter(|(index, _)| is_shown(index)).map(|(_, snapshot)| snapshot).collect())
}

/// The mean cosine similarity of the training pairs, in equal bins of the order in which they were paired.
fn similarity_by_rank(context: &Context<'_>) -> Result<Array1<f32>> {
    let pairs = Artifact::read(&context.run.pairs())?;
    let similarity = pairs.tensor(&pair_keys::TRAIN_SIMILARITY)?;
    let order = pairs.tensor(&pair_keys::TRAIN_ORDER)?;
    let in_order: Vec<f32> = order.iter().map(|&row| similarity[[row as usize]]).collect();
    let bins = BINS.min(in_order.len());
    let mean = |bin: usize| {
        let part = &in_order[bin * in_order.len() / bins..(bin + 1) * in_order.len() / bins];
        (part.iter().map(|&cosine| f64::from(cosine)).sum::<f64>() / part.len() as f64) as f32
    };
    Ok((0..bins).map(mean).collect())
}
