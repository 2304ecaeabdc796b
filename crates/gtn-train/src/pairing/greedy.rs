use std::ops::ControlFlow;

use gtn_label::{MatchError, Matcher};
use gtn_run::Stage;
use gtn_run::config::SimilarityPrecision;
use ndarray::Array2;

use super::matched::{Matched, Pairing};
use crate::context::{Context, Counter};
use crate::{Error, Result};

/// Algorithm 1: greedy matching by cosine similarity, in the order of the norms.
pub(super) struct Greedy {
    pub(super) precision: SimilarityPrecision,
}

/// Minimum numbers of rows and columns at which a GPU is faster than the CPU. The matching is the same on both.
const MIN_ROWS_FOR_GPU: usize = 10_000;
const MIN_COLUMNS_FOR_GPU: usize = 10;

fn is_faster_on_gpu(target: &Array2<f32>) -> bool {
    target.nrows() >= MIN_ROWS_FOR_GPU && target.ncols() >= MIN_COLUMNS_FOR_GPU
}

impl Pairing for Greedy {
    fn pair(
        &self,
        source: Array2<f32>,
        target: &Array2<f32>,
        counter: &Counter,
        context: &mut Context<'_>,
    ) -> Result<Matched> {
        let mut proposer = if is_faster_on_gpu(target) { gtn_models::proposer(&context.device)? } else { None };
        let observer = &mut *context.observer;
        let precision = match self.precision {
            SimilarityPrecision::Double => gtn_label::Precision::Double,
            SimilarityPrecision::Single => gtn_label::Precision::Single,
        };
        let mut matcher = Matcher::new().precision(precision);
        if let Some(proposer) = &mut proposer {
            matcher = matcher.proposer(proposer.as_mut());
        }
        let matched = matcher
            .progress(|of_split| {
                counter.report(of_split.done, observer);
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
}
