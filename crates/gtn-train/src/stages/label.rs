//! Pairs normal vectors with targets.

use gtn_models::purpose;
use gtn_run::schema::{PairKeys, Split, Statistic, pairs as keys};
use gtn_run::{Artifact, Config, Stage, Statistics};
use ndarray::{Array1, Array2};

use crate::Result;
use crate::context::{Context, Counter, Part, PartKind, fingerprint};
use crate::handoff::{Pairs, SplitPairs, Targets};
use crate::pairing::{Matched, Pairing, pairing};

pub(crate) struct Inputs<'a> {
    pub(crate) config: &'a Config,
    pub(crate) targets: &'a Targets,
}

pub(crate) fn run(Inputs { config, targets }: Inputs<'_>, context: &mut Context<'_>) -> Result<Pairs> {
    let settings = (config.seed, config.pairing.method, config.pairing.precision);
    let pair_count = targets.train.nrows() + targets.validation.nrows();
    let main = Part {
        path: context.run.pairs(),
        inputs: fingerprint("label", &settings, &[&targets.checksum]),
        samples: pair_count,
    };
    // The normalization comes from the training latents.
    let test = targets.test.as_ref().map(|test| Part {
        path: context.run.test_pairs(),
        inputs: fingerprint("label/test", &settings, &[&targets.checksum, &test.checksum]),
        samples: test.rows.nrows(),
    });
    let pairing = &*pairing(&config.pairing);
    let (pairs, test) = context.complete_parts(Stage::Label, main, test, |kind, artifact, counter, context| {
        let mut pair = |split, rows| pair_split(pairing, targets, (split, rows), counter, context);
        if let (PartKind::Test, Some(test)) = (kind, &targets.test) {
            insert(pair(Split::Test, &test.rows)?, artifact, &PairKeys::TEST);
            return Ok(Statistics::new());
        }
        let train = pair(Split::Train, &targets.train)?;
        let similarity = mean(&train.similarity);
        artifact.insert(&keys::TRAIN_ORDER, to_u64(&train.order));
        artifact.insert(&keys::TRAIN_SIMILARITY, Array1::from(train.similarity.clone()));
        insert(train, artifact, &PairKeys::TRAIN);
        insert(pair(Split::Validation, &targets.validation)?, artifact, &PairKeys::VALIDATION);
        Ok(Statistics::from([(Statistic::Pairs, pair_count as f64), (Statistic::MeanSimilarity, similarity)]))
    })?;
    Ok(Pairs {
        train: SplitPairs::read(&pairs, &PairKeys::TRAIN)?,
        validation: SplitPairs::read(&pairs, &PairKeys::VALIDATION)?,
        checksum: pairs.checksum(),
        test: test.as_ref().map(|test| SplitPairs::read(test, &PairKeys::TEST)).transpose()?,
        test_checksum: test.as_ref().map(Artifact::checksum),
    })
}

/// Pairs the targets of one split with normal vectors of its own.
fn pair_split(
    pairing: &dyn Pairing,
    targets: &Targets,
    (split, rows): (Split, &Array2<f32>),
    counter: &mut Counter,
    context: &mut Context<'_>,
) -> Result<Matched> {
    let source = context.streams.normal(&purpose::source(split.name()), 0, rows.nrows(), rows.ncols());
    let target = targets.normalizer.normalize(rows.view());
    let matched = pairing.pair(source, &target, counter, context);
    counter.add(rows.nrows());
    matched
}

fn insert(matched: Matched, artifact: &mut Artifact, keys: &PairKeys) {
    artifact.insert(&keys.source, matched.source);
    artifact.insert(&keys.assignment, to_u64(&matched.assignment));
}

fn to_u64(rows: &[usize]) -> Array1<u64> {
    rows.iter().map(|&row| row as u64).collect()
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64
}
