//! Pairs normal vectors with targets: by Algorithm 1, or by sorting.

use std::ops::ControlFlow;
use std::time::Instant;

use gtn_label::{MatchError, Matcher};
use gtn_models::purpose;
use gtn_run::config::{PairingMethod, SimilarityPrecision};
use gtn_run::schema::{PairKeys, Split, Statistic, pairs as keys};
use gtn_run::{Artifact, Config, Stage, StageProgress, Statistics};
use ndarray::{Array1, Array2};

use crate::pipeline::Context;
use crate::stages::fingerprint;
use crate::targets::{Targets, to_matrix};
use crate::{Error, Result};

/// The pairs (y, x_y) of one split.
pub(crate) struct SplitPairs {
    /// The normal vectors y.
    pub(crate) source: Array2<f32>,
    /// For each of them the row of its target.
    pub(crate) assignment: Vec<usize>,
}

/// The pairs of all splits.
pub(crate) struct Pairs {
    pub(crate) train: SplitPairs,
    pub(crate) validation: SplitPairs,
    pub(crate) checksum: String,
    /// Those of the official test set, if it exists.
    pub(crate) test: Option<SplitPairs>,
    pub(crate) test_checksum: Option<String>,
}

pub(crate) fn run(config: &Config, targets: &Targets, context: &mut Context<'_>) -> Result<Pairs> {
    let settings = (config.seed, config.pairing.method, config.pairing.precision);
    let inputs = fingerprint("label", &settings, &[&targets.checksum]);
    // The normalization comes from the training latents.
    let test_inputs = targets.test.as_ref();
    let test_inputs =
        test_inputs.map(|test| fingerprint("label/test", &settings, &[&targets.checksum, &test.checksum]));
    let (path, test_path) = (context.run.pairs(), context.run.test_pairs());
    let started = Instant::now();
    let parts = [(path.as_path(), Some(&inputs)), (&test_path, test_inputs.as_ref())];
    let [pairs, test] = context.completed_parts(Stage::Label, parts)?;

    let (pairs_are_missing, test_is_missing) = (pairs.is_none(), test.is_none());
    let pair_count = targets.train.nrows() + targets.validation.nrows();
    let test_count = targets.test.as_ref().filter(|_| test_is_missing).map_or(0, |test| test.rows.nrows());
    let mut progress = Progress { done: 0, total: test_count + if pairs_are_missing { pair_count } else { 0 } };
    let test = match (test, &targets.test, test_inputs) {
        (None, Some(test_targets), Some(inputs)) => {
            let matched = pair(config, targets, (Split::Test, &test_targets.rows), &mut progress, context)?;
            let mut artifact = Artifact::new(inputs);
            matched.insert_into(&mut artifact, &PairKeys::TEST);
            artifact.write(&test_path)?;
            Some(artifact)
        }
        (test, ..) => test,
    };
    let pairs = match pairs {
        Some(pairs) => {
            if test_is_missing && test.is_some() {
                context.finish_parts((Stage::Label, started), &pairs)?;
            }
            pairs
        }
        None => {
            let mut artifact = Artifact::new(inputs);
            let train = pair(config, targets, (Split::Train, &targets.train), &mut progress, context)?;
            let similarity = mean(&train.similarity);
            artifact.insert(&keys::TRAIN_ORDER, to_u64(&train.order));
            artifact.insert(&keys::TRAIN_SIMILARITY, Array1::from(train.similarity.clone()));
            train.insert_into(&mut artifact, &PairKeys::TRAIN);
            let validation = pair(config, targets, (Split::Validation, &targets.validation), &mut progress, context)?;
            validation.insert_into(&mut artifact, &PairKeys::VALIDATION);
            let statistics =
                Statistics::from([(Statistic::Pairs, pair_count as f64), (Statistic::MeanSimilarity, similarity)]);
            context.write((Stage::Label, started), artifact, statistics, &path)?
        }
    };
    Ok(Pairs {
        train: SplitPairs::read(&pairs, &PairKeys::TRAIN)?,
        validation: SplitPairs::read(&pairs, &PairKeys::VALIDATION)?,
        checksum: pairs.checksum(),
        test: test.as_ref().map(|test| SplitPairs::read(test, &PairKeys::TEST)).transpose()?,
        test_checksum: test.as_ref().map(Artifact::checksum),
    })
}

impl SplitPairs {
    fn read(artifact: &Artifact, keys: &PairKeys) -> Result<Self> {
        Ok(Self {
            source: to_matrix(artifact.tensor(&keys.source)?),
            assignment: artifact.tensor(&keys.assignment)?.iter().map(|&row| row as usize).collect(),
        })
    }
}

/// Rows that are paired, over all splits.
struct Progress {
    done: usize,
    total: usize,
}

/// The pairs of one split, as they were computed.
struct Matched {
    /// The normal vectors y.
    source: Array2<f32>,
    /// For each of them the row of its target.
    assignment: Vec<usize>,
    /// Rows of the sources in the order in which they were paired.
    order: Vec<usize>,
    /// Cosine similarity of each pair.
    similarity: Vec<f32>,
}

impl Matched {
    fn insert_into(self, artifact: &mut Artifact, keys: &PairKeys) {
        artifact.insert(&keys.source, self.source);
        artifact.insert(&keys.assignment, to_u64(&self.assignment));
    }
}

fn to_u64(rows: &[usize]) -> Array1<u64> {
    rows.iter().map(|&row| row as u64).collect()
}

/// Pairs the targets of one split with normal vectors of its own.
fn pair(
    config: &Config,
    targets: &Targets,
    (split, rows): (Split, &Array2<f32>),
    progress: &mut Progress,
    context: &mut Context<'_>,
) -> Result<Matched> {
    let source = context.streams.normal(&purpose::source(split.name()), 0, rows.nrows(), rows.ncols());
    let target = targets.normalizer.normalize(rows.view());
    let matched = match config.pairing.method {
        PairingMethod::Greedy => pair_greedily(source, &target, config.pairing.precision, progress, context),
        PairingMethod::Sorted => pair_by_sorting(source, &target),
    };
    progress.done += rows.nrows();
    matched
}

/// Minimum numbers of rows and columns at which a GPU is faster than the CPU. The matching is the same on both.
const MIN_ROWS_FOR_GPU: usize = 10_000;
const MIN_COLUMNS_FOR_GPU: usize = 10;

fn is_faster_on_gpu(target: &Array2<f32>) -> bool {
    target.nrows() >= MIN_ROWS_FOR_GPU && target.ncols() >= MIN_COLUMNS_FOR_GPU
}

fn pair_greedily(
    source: Array2<f32>,
    target: &Array2<f32>,
    precision: SimilarityPrecision,
    progress: &Progress,
    context: &mut Context<'_>,
) -> Result<Matched> {
    let mut proposer = if is_faster_on_gpu(target) { gtn_models::proposer(&context.device)? } else { None };
    let observer = &mut *context.observer;
    let precision = match precision {
        SimilarityPrecision::Double => gtn_label::Precision::Double,
        SimilarityPrecision::Single => gtn_label::Precision::Single,
    };
    let mut matcher = Matcher::new().precision(precision);
    if let Some(proposer) = &mut proposer {
        matcher = matcher.proposer(proposer.as_mut());
    }
    let matched = matcher
        .progress(|of_split| {
            let done = progress.done + of_split.done;
            observer.progress(&StageProgress::new(Stage::Label, done, progress.total));
            if observer.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .match_rows(&source, target);
    let matched = matched.map_err(|error| match error {
        MatchError::Cancelled { .. } => Error::Stopped { stage: Stage::Label },
        error => error.into(),
    })?;
    Ok(Matched {
        source,
        assignment: matched.assignment().to_vec(),
        order: matched.order().to_vec(),
        similarity: matched.similarity().to_vec(),
    })
}

/// Figure 2: sorts both sides, and pairs them in this order.
fn pair_by_sorting(source: Array2<f32>, target: &Array2<f32>) -> Result<Matched> {
    let values = |rows: &Array2<f32>| rows.column(0).iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let (y, x) = (values(&source), values(target));
    let assignment = gtn_math::sorted_labeling(&y, &x)?;
    let mut order: Vec<usize> = (0..y.len()).collect();
    order.sort_by(|&a, &b| y[a].total_cmp(&y[b]));
    // In one dimension the cosine is the product of the signs.
    let sign = |value: f64| if value == 0.0 { 0.0 } else { value.signum() as f32 };
    let similarity = assignment.iter().zip(&y).map(|(&row, &y)| sign(y) * sign(x[row])).collect();
    Ok(Matched { source, assignment, order, similarity })
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64
}
