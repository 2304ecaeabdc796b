//! Metrics of generated latents against held-out real ones, with two baselines that are fitted to the same latents.

use std::time::Instant;

use gtn_metrics::{
    Subsets, density_coverage, energy_distance, frechet_distance, mean_over_subsets, memorization, precision_recall,
    sliced_wasserstein, variance_kept,
};
use gtn_models::{Generator, Sampling, purpose};
use gtn_run::schema::{Baseline, Metric};
use gtn_run::{MetricRecord, Stage};
use ndarray::{Array2, ArrayView2, s};

use super::values::{
    K_MANIFOLD, PROJECTIONS, SUBSETS, SampleSet, Values, ValuesBySet, records, report_progress,
    unless_held_out_are_copies,
};
use crate::Result;
use crate::baselines::MAX_LATENTS;
use crate::context::Context;
use crate::handoff::{Targets, first_rows};
use crate::results::Results;
use gtn_run::metric_constants::K_DENSITY;

/// Maximum number of latents of each set for metrics whose cost is quadratic in it.
const MAX_NEIGHBOR_LATENTS: usize = 5_000;
/// Sizes that the results depend on, beside those that points share. The last, the number of components that the mixture had, is
/// part of the fingerprint of finished runs on points.
pub(super) const SIZES: [usize; 5] = [MAX_LATENTS, MAX_NEIGHBOR_LATENTS, K_MANIFOLD, K_DENSITY, 10];

/// Compares with held-out latents. The noise floor is measured on as many training latents; for memorization, on one half of the
/// held-out latents against the other half.
pub(super) fn measure(
    Results { targets, trained, baselines, vae, .. }: Results<'_>,
    context: &mut Context<'_>,
) -> Result<Vec<MetricRecord>> {
    let Some(baselines) = baselines.samples(Stage::Evaluate, context)? else { return Ok(Vec::new()) };
    let real = first_rows(&targets.validation, MAX_LATENTS);
    let n = real.nrows();
    let started = Instant::now();
    let generated = trained.generator()?.sample_latents(n, &mut context.streams.stream(purpose::SAMPLE, 0))?;
    let seconds = started.elapsed().as_secs_f64() / n as f64;
    context.update_provenance(|provenance| provenance.h_sample_seconds = Some(seconds))?;
    let of_vae = vae.map(|vae| vae.latents(n, &context.streams)).transpose()?;
    let mut sets = vec![
        (SampleSet::Generated, generated.view()),
        (SampleSet::NoiseFloor, first_rows(&targets.train, n)),
        (SampleSet::Baseline(Baseline::Gaussian), first_rows(&baselines.gaussian, n)),
        (SampleSet::Baseline(Baseline::Mixture), first_rows(&baselines.mixture, n)),
    ];
    let started = Instant::now();
    let by_flow = sample_by_flow(trained.generator()?, n, context)?;
    if by_flow.is_some() {
        let seconds = started.elapsed().as_secs_f64() / n as f64;
        context.update_provenance(|provenance| provenance.flow_sample_seconds = Some(seconds))?;
    }
    sets.extend(by_flow.as_ref().map(|by_flow| (SampleSet::Baseline(Baseline::Flow), by_flow.view())));
    sets.extend(of_vae.iter().map(|latents| (SampleSet::Baseline(Baseline::Vae), latents.view())));
    let mut values: ValuesBySet<10> = ValuesBySet::new();
    for (done, (name, set)) in sets.iter().enumerate() {
        report_progress(done, sets.len(), context)?;
        values.insert(*name, measure_set(real, *set, targets, *name == SampleSet::NoiseFloor, context)?);
    }
    Ok(records(&values, n))
}

/// Latents of the flow that the pairs of ĥ come from, from the normal vectors of the samples; `None` if there is no flow.
pub(super) fn sample_by_flow(generator: &Generator, n: usize, context: &Context<'_>) -> Result<Option<Array2<f32>>> {
    let Some(steps) = generator.flow_steps() else { return Ok(None) };
    let sampling = Sampling::default().with_steps(steps);
    let mut stream = context.streams.stream(purpose::SAMPLE, 0);
    Ok(Some(generator.sample_latents_by(n, &sampling, &mut stream)?))
}

fn measure_set(
    real: ArrayView2<'_, f32>,
    set: ArrayView2<'_, f32>,
    targets: &Targets,
    is_floor: bool,
    context: &Context<'_>,
) -> Result<Values<10>> {
    // The same subsets and directions for every set, so that only the sets differ.
    let stream = |purpose: &str| context.streams.stream(purpose, 1);
    let subsets = Subsets { size: SUBSETS.size.min(real.nrows()), ..SUBSETS };
    let subset = |rows: ArrayView2<'_, f32>| rows.slice(s![..MAX_NEIGHBOR_LATENTS.min(rows.nrows()), ..]).to_owned();
    let (x, y) = (subset(real), subset(set));
    let manifold = precision_recall(x.view(), y.view(), K_MANIFOLD)?;
    let density = density_coverage(x.view(), y.view(), K_DENSITY)?;
    let half = x.nrows() / 2;
    let (held_out, other_half) = (x.slice(s![..half, ..]), x.slice(s![half.., ..]));
    let copies = memorization(targets.train.view(), held_out, if is_floor { other_half } else { y.view() });
    let copies = unless_held_out_are_copies(copies)?;
    let energy = mean_over_subsets(real, set, subsets, &mut stream(purpose::ENERGY), energy_distance)?;
    let sliced = sliced_wasserstein(real, set, PROJECTIONS, &mut stream(purpose::DIRECTIONS))?;
    Ok([
        (Metric::FrechetDistance, Some(frechet_distance(real, set)?)),
        (Metric::EnergyDistance, Some(energy)),
        (Metric::SlicedWasserstein, Some(sliced)),
        (Metric::Precision, Some(manifold.precision)),
        (Metric::Recall, Some(manifold.recall)),
        (Metric::Density, Some(density.density)),
        (Metric::Coverage, Some(density.coverage)),
        (Metric::NnDistanceRatio, copies.as_ref().map(|copies| copies.median_distance_ratio)),
        (Metric::NearCopyFraction, copies.as_ref().map(|copies| copies.near_copy_fraction)),
        (Metric::VarianceKept, Some(variance_kept(real, set)?)),
    ])
}
