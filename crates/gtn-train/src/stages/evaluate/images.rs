//! Latents of samples against those of real images, beside two simpler generators that were fitted to the same latents.

use std::collections::BTreeMap;

use gtn_metrics::{
    Draws, Em, Gaussian, GaussianMixture, density_coverage, energy_distance, frechet_distance, mean_over_draws,
    memorisation, precision_recall, sliced_wasserstein, variance_kept,
};
use gtn_models::Generator;
use gtn_run::MetricRecord;
use ndarray::{Array2, ArrayView2, s};

use super::{DRAWS, PROJECTIONS, tell};
use crate::Result;
use crate::pipeline::Context;
use crate::targets::Targets;

/// Latents that are measured at most, of each kind; and for the figures whose work grows with its square.
const MEASURED: usize = 10_000;
const NEIGHBOURS: usize = 5_000;
/// The neighbours of precision and recall, and of density and coverage, as their sources have them.
const K_MANIFOLD: usize = 3;
const K_DENSITY: usize = 5;
/// Components of the mixture: as many as there are digits.
const COMPONENTS: usize = 10;
/// What the results depend on beside the constants that points share.
pub(super) const SIZES: [usize; 5] = [MEASURED, NEIGHBOURS, K_MANIFOLD, K_DENSITY, COMPONENTS];

/// One figure of a set of latents: of samples, of a baseline's, or for the floor of real ones.
type Figures = [(&'static str, f64); 10];

/// Held-out latents are what is compared with. The floor is what as many training latents reach in place of the samples, and
/// for memorisation what one half of the held-out ones reaches against the other.
pub(super) fn measure(
    targets: &Targets,
    generator: &Generator,
    context: &mut Context<'_>,
) -> Result<Vec<MetricRecord>> {
    let real = first_of(&targets.validation, MEASURED);
    let n = real.nrows();
    // Of a handful of images nothing can be said.
    if n <= 2 * K_DENSITY || targets.train.nrows() < n {
        return Ok(Vec::new());
    }
    let train = targets.train.view();
    let stream = |purpose: &str| context.streams.stream(purpose, 0);
    let sets = [
        ("gtn", generator.sample_latents(n, &context.streams)?),
        ("floor", first_of(&targets.train, n).to_owned()),
        ("gaussian", Gaussian::fit(train)?.sample(n, stream("gaussian"))),
        ("mixture", {
            let em = Em::new(COMPONENTS.min(targets.train.nrows()));
            GaussianMixture::fit(train, em, stream("mixture"))?.sample(n, stream("mixture/sample"))
        }),
    ];
    let mut found: BTreeMap<&str, Figures> = BTreeMap::new();
    for (done, (name, set)) in sets.iter().enumerate() {
        tell(done, sets.len(), context)?;
        found.insert(name, figures(real, set.view(), targets, *name == "floor", context)?);
    }
    let of = |set: &str, index: usize| found[set][index].1;
    let names = found["gtn"].map(|(name, _)| name);
    let records = names.iter().enumerate().map(|(index, name)| MetricRecord {
        metric: (*name).to_owned(),
        value: of("gtn", index),
        floor: Some(of("floor", index)),
        baselines: ["gaussian", "mixture"].map(|set| (set.to_owned(), of(set, index))).into(),
        samples: n,
    });
    Ok(records.collect())
}

fn figures(
    real: ArrayView2<'_, f32>,
    set: ArrayView2<'_, f32>,
    targets: &Targets,
    is_floor: bool,
    context: &Context<'_>,
) -> Result<Figures> {
    // The same draws and directions for every set, so that only the sets differ.
    let stream = |purpose: &str| context.streams.stream(purpose, 1);
    let draws = Draws { size: DRAWS.size.min(real.nrows()), ..DRAWS };
    let few = |rows: ArrayView2<'_, f32>| rows.slice(s![..NEIGHBOURS.min(rows.nrows()), ..]).to_owned();
    let (x, y) = (few(real), few(set));
    let near = precision_recall(x.view(), y.view(), K_MANIFOLD)?;
    let dense = density_coverage(x.view(), y.view(), K_DENSITY)?;
    let half = x.nrows() / 2;
    let (held_out, other) = (x.slice(s![..half, ..]), x.slice(s![half.., ..]));
    let copied = memorisation(targets.train.view(), held_out, if is_floor { other } else { y.view() })?;
    Ok([
        ("frechet_latent", frechet_distance(real, set)?),
        ("energy_distance", mean_over_draws(real, set, draws, stream("energy"), energy_distance)?),
        ("sliced_wasserstein", sliced_wasserstein(real, set, PROJECTIONS, stream("directions"))?),
        ("precision", near.precision),
        ("recall", near.recall),
        ("density", dense.density),
        ("coverage", dense.coverage),
        ("memorisation", copied.median_ratio),
        ("all_but_copies", copied.below_percentile),
        ("variance_kept", variance_kept(real, set)?),
    ])
}

fn first_of(rows: &Array2<f32>, most: usize) -> ArrayView2<'_, f32> {
    rows.slice(s![..most.min(rows.nrows()), ..])
}
