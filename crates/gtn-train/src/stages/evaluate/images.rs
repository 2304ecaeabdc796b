//! Latents of samples against those of real images, beside two simpler generators that were fitted to the same latents.

use gtn_metrics::{
    Draws, density_coverage, energy_distance, frechet_distance, mean_over_draws, memorization, precision_recall,
    sliced_wasserstein, variance_kept,
};
use gtn_models::Generator;
use gtn_run::MetricRecord;
use ndarray::{Array2, ArrayView2, s};

use super::{DRAWS, FLOOR, Figures, Found, GTN, PROJECTIONS, records, tell, unless_held_out_are_copies};
use crate::Result;
use crate::baselines::{COMPONENTS, GAUSSIAN, MIXTURE};
use crate::pipeline::{Context, Made};
use crate::targets::Targets;

/// Latents that are measured at most, of each kind; and for the figures whose work grows with its square.
const MEASURED: usize = 10_000;
const NEIGHBORS: usize = 5_000;
/// The neighbors of precision and recall, and of density and coverage, as their sources have them.
pub(super) const K_MANIFOLD: usize = 3;
pub(super) const K_DENSITY: usize = 5;
/// What the results depend on beside the constants that points share.
pub(super) const SIZES: [usize; 5] = [MEASURED, NEIGHBORS, K_MANIFOLD, K_DENSITY, COMPONENTS];

/// Of a handful of images nothing can be said.
pub(super) fn can_measure(targets: &Targets) -> bool {
    let n = targets.validation.nrows().min(MEASURED);
    n > 2 * K_DENSITY && targets.train.nrows() >= n
}

/// Held-out latents are what is compared with. The floor is what as many training latents reach in place of the samples, and
/// for memorization what one half of the held-out ones reaches against the other.
pub(super) fn measure(
    &Made { targets, baselines, .. }: &Made<'_>,
    generator: &Generator,
    context: &mut Context<'_>,
) -> Result<Vec<MetricRecord>> {
    if !can_measure(targets) {
        return Ok(Vec::new());
    }
    let real = first_of(&targets.validation, MEASURED);
    let n = real.nrows();
    let samples = generator.sample_latents(n, &context.streams)?;
    let simpler = baselines.drawn()?;
    let sets = [
        (GTN, samples.view()),
        (FLOOR, first_of(&targets.train, n)),
        (GAUSSIAN, first_of(&simpler.gaussian, n)),
        (MIXTURE, first_of(&simpler.mixture, n)),
    ];
    let mut found: Found<10> = Found::new();
    for (done, (name, set)) in sets.iter().enumerate() {
        tell(done, sets.len(), context)?;
        found.insert(name, figures(real, *set, targets, *name == FLOOR, context)?);
    }
    Ok(records(&found, &[GAUSSIAN, MIXTURE], n))
}

fn figures(
    real: ArrayView2<'_, f32>,
    set: ArrayView2<'_, f32>,
    targets: &Targets,
    is_floor: bool,
    context: &Context<'_>,
) -> Result<Figures<10>> {
    // The same draws and directions for every set, so that only the sets differ.
    let stream = |purpose: &str| context.streams.stream(purpose, 1);
    let draws = Draws { size: DRAWS.size.min(real.nrows()), ..DRAWS };
    let few = |rows: ArrayView2<'_, f32>| rows.slice(s![..NEIGHBORS.min(rows.nrows()), ..]).to_owned();
    let (x, y) = (few(real), few(set));
    let near = precision_recall(x.view(), y.view(), K_MANIFOLD)?;
    let dense = density_coverage(x.view(), y.view(), K_DENSITY)?;
    let half = x.nrows() / 2;
    let (held_out, other) = (x.slice(s![..half, ..]), x.slice(s![half.., ..]));
    let copied = memorization(targets.train.view(), held_out, if is_floor { other } else { y.view() });
    let copied = unless_held_out_are_copies(copied)?;
    Ok([
        ("frechet_latent", Some(frechet_distance(real, set)?)),
        ("energy_distance", Some(mean_over_draws(real, set, draws, stream("energy"), energy_distance)?)),
        ("sliced_wasserstein", Some(sliced_wasserstein(real, set, PROJECTIONS, stream("directions"))?)),
        ("precision", Some(near.precision)),
        ("recall", Some(near.recall)),
        ("density", Some(dense.density)),
        ("coverage", Some(dense.coverage)),
        ("memorization", copied.as_ref().map(|copied| copied.median_ratio)),
        ("all_but_copies", copied.as_ref().map(|copied| copied.below_percentile)),
        ("variance_kept", Some(variance_kept(real, set)?)),
    ])
}

fn first_of(rows: &Array2<f32>, most: usize) -> ArrayView2<'_, f32> {
    rows.slice(s![..most.min(rows.nrows()), ..])
}
