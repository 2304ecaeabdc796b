//! Pairs normal vectors with targets.

use gtn_metrics::{pair_noise, source_statistics};
use gtn_run::config::PairingMethod;
use gtn_run::schema::{PairKeys, Split, Statistic, pairs as keys};
use gtn_run::{Artifact, Config, Stage, Statistics};
use ndarray::{Array1, Array2, Axis};

use crate::Result;
use crate::context::{Context, Counter, Part, PartKind, fingerprint};
use crate::handoff::{FreshPairs, Pairs, SplitPairs, Targets, first_rows, to_u64};
use crate::pairing::{Matched, Pairing, Space, pairing};

pub(crate) struct Inputs<'a> {
    pub(crate) config: &'a Config,
    pub(crate) targets: &'a Targets,
}

/// Validation pairs that the statistics are computed of.
const MEASURED_PAIRS: usize = 2_000;
/// Training pairs among which the nearest one is searched.
const SEARCHED_PAIRS: usize = 50_000;

pub(crate) fn run(Inputs { config, targets }: Inputs<'_>, context: &mut Context<'_>) -> Result<Pairs> {
    let space = &Space::new(config, targets, context)?;
    let mut pairing = pairing(&config.pairing);
    let prepared = pairing.prepare(space, context)?;
    let pairing = &*pairing;

    let flow = &config.pairing.flow;
    let of_flow = (config.pairing.method == PairingMethod::Flow).then_some((flow.integration_steps, flow.fresh_pairs));
    let settings = (config.seed, config.pairing.method, config.pairing.greedy.precision);
    let mut inputs = vec![targets.checksum.as_str()];
    inputs.extend(space.checksum.as_deref());
    inputs.extend(prepared.as_deref());
    // The settings of a flow are appended, so that other pairs keep their fingerprint.
    let of_flow = of_flow.map(|settings| format!("{settings:?}"));
    inputs.extend(of_flow.as_deref());
    let pair_count = targets.train.nrows() + targets.validation.nrows();
    let main = Part {
        path: context.run.pairs(),
        inputs: fingerprint("label", &settings, &inputs),
        samples: pair_count + pairing.fresh_pairs(),
    };
    // The normalization comes from the training latents.
    let test = targets.test.as_ref().map(|test| {
        let mut inputs = inputs.clone();
        inputs.push(&test.checksum);
        Part {
            path: context.run.test_pairs(),
            inputs: fingerprint("label/test", &settings, &inputs),
            samples: test.rows.nrows(),
        }
    });
    let rows = |request: &[u8]| pairing.rows(request);
    let (pairs, test) =
        context.complete_parts(Stage::Label, main, test, rows, |kind, artifact, counter, context| {
            if let (PartKind::Test, Some(test)) = (kind, &targets.test) {
                let pairs = pair_split(pairing, space, (Split::Test, &test.rows), counter, context)?;
                insert(pairs, artifact, &PairKeys::TEST);
                return Ok(Statistics::new());
            }
            let train = pair_split(pairing, space, (Split::Train, &targets.train), counter, context)?;
            let similarity = mean(&train.matched.similarity);
            artifact.insert(&keys::TRAIN_ORDER, to_rows(&train.matched.order));
            artifact.insert(&keys::TRAIN_SIMILARITY, Array1::from(train.matched.similarity.clone()));
            let validation = pair_split(pairing, space, (Split::Validation, &targets.validation), counter, context)?;
            let mut statistics =
                Statistics::from([(Statistic::Pairs, pair_count as f64), (Statistic::MeanSimilarity, similarity)]);
            if space.components() > 1 {
                statistics.insert(Statistic::Components, space.components() as f64);
            }
            measure(&train, &validation, targets, &mut statistics)?;
            insert(train, artifact, &PairKeys::TRAIN);
            insert(validation, artifact, &PairKeys::VALIDATION);
            if let Some(fresh) = pairing.fresh(space, counter, context)? {
                fresh.write_into(artifact);
            }
            pairing.describe(artifact, &mut statistics)?;
            Ok(statistics)
        })?;
    Ok(Pairs {
        train: SplitPairs::read(&pairs, &PairKeys::TRAIN)?,
        validation: SplitPairs::read(&pairs, &PairKeys::VALIDATION)?,
        checksum: pairs.checksum(),
        test: test.as_ref().map(|test| SplitPairs::read(test, &PairKeys::TEST)).transpose()?,
        test_checksum: test.as_ref().map(Artifact::checksum),
        fresh: FreshPairs::read(&pairs)?,
        coordinates: space.coordinates.clone(),
        integration_steps: pairs.metadata(&keys::INTEGRATION_STEPS),
    })
}

/// The pairs of a split, with the component of each source row.
struct PairedSplit {
    matched: Matched,
    components: Vec<u32>,
}

/// Pairs the targets of one split with normal vectors of its own.
fn pair_split(
    pairing: &dyn Pairing,
    space: &Space<'_>,
    (split, rows): (Split, &Array2<f32>),
    counter: &mut Counter,
    context: &mut Context<'_>,
) -> Result<PairedSplit> {
    let placed = space.place(split, rows);
    let matched = pairing.pair(split, &placed, space, counter, context);
    counter.add(rows.nrows());
    let matched = matched?;
    let components = matched.assignment.iter().map(|&row| placed.components[row]).collect();
    Ok(PairedSplit { matched, components })
}

/// How much x depends on anything but y, and how normal y is, from the first pairs.
fn measure(
    train: &PairedSplit,
    validation: &PairedSplit,
    targets: &Targets,
    statistics: &mut Statistics,
) -> Result<()> {
    let searched = first_pairs(train, &targets.train, SEARCHED_PAIRS);
    let measured = first_pairs(validation, &targets.validation, MEASURED_PAIRS);
    if measured.1.nrows() < 2 {
        return Ok(());
    }
    let variance = gtn_metrics::total_variance(measured.1.view())?;
    let noise = noise_within_components(&searched, &measured)?.filter(|_| variance > 0.0);
    statistics.extend(noise.map(|noise| (Statistic::PairNoise, noise / variance)));
    let of_source = source_statistics(validation.matched.source.view())?;
    statistics.extend([
        (Statistic::SourceMean, of_source.largest_mean),
        (Statistic::SourceVariance, of_source.largest_variance_error),
        (Statistic::SourceKs, of_source.largest_ks),
        (Statistic::SourceKsLimit, of_source.ks_limit),
    ]);
    Ok(())
}

/// Normal vectors, their targets, and the component of each.
type PartOfPairs<'a> = (Array2<f32>, Array2<f32>, &'a [u32]);

fn first_pairs<'a>(pairs: &'a PairedSplit, rows: &Array2<f32>, max: usize) -> PartOfPairs<'a> {
    let source = first_rows(&pairs.matched.source, max).to_owned();
    let target = rows.select(Axis(0), &pairs.matched.assignment[..source.nrows()]);
    let components = &pairs.components[..source.nrows()];
    (source, target, components)
}

/// Mean squared error of predicting the x of a pair by that of the searched pair of the same component with the nearest y: ĥ is
/// told the component as well. `None` if there are no such pairs.
fn noise_within_components(searched: &PartOfPairs<'_>, measured: &PartOfPairs<'_>) -> Result<Option<f64>> {
    let rows_of = |(y, x, components): &PartOfPairs<'_>, component: u32| {
        let rows: Vec<usize> = (0..y.nrows()).filter(|&row| components[row] == component).collect();
        (y.select(Axis(0), &rows), x.select(Axis(0), &rows))
    };
    let components = measured.2.iter().max().map_or(0, |&component| component + 1);
    let (mut sum, mut count) = (0.0, 0);
    for component in 0..components {
        let ((near_y, near_x), (y, x)) = (rows_of(searched, component), rows_of(measured, component));
        let variance = if y.nrows() > 1 { gtn_metrics::total_variance(x.view())? } else { 0.0 };
        if variance > 0.0 && near_y.nrows() > 0 {
            let noise = pair_noise((near_y.view(), near_x.view()), (y.view(), x.view()))?;
            sum += noise * variance * y.nrows() as f64;
            count += y.nrows();
        }
    }
    Ok((count > 0).then(|| sum / count as f64))
}

fn insert(pairs: PairedSplit, artifact: &mut Artifact, keys: &PairKeys) {
    artifact.insert(&keys.source, pairs.matched.source);
    artifact.insert(&keys.assignment, to_rows(&pairs.matched.assignment));
    if pairs.components.iter().any(|&component| component > 0) {
        artifact.insert(&keys.component, to_u64(&pairs.components));
    }
}

fn to_rows(rows: &[usize]) -> Array1<u64> {
    rows.iter().map(|&row| row as u64).collect()
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64
}
