use std::ops::ControlFlow;

use gtn_label::{MatchError, Matcher};
use gtn_run::Stage;
use gtn_run::config::SimilarityPrecision;
use gtn_run::schema::Split;
use ndarray::Array2;

use super::matched::{Matched, Pairing};
use super::space::{Space, SpaceTargets};
use crate::context::{Context, Counter};
use crate::{Error, Result};

/// Algorithm 1: greedy matching by cosine similarity, in the order of the norms. Several components are matched separately.
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
        split: Split,
        targets: &SpaceTargets,
        space: &Space<'_>,
        counter: &Counter,
        context: &mut Context<'_>,
    ) -> Result<Matched> {
        let target = &targets.rows;
        let source = space.draw_source(split, target.nrows(), &context.streams);
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
        let matcher = matcher.progress(|of_split| {
            counter.report(of_split.done, observer);
            if observer.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let matched = if space.components() > 1 {
            // Each component has as many normal vectors as targets: those of its targets' rows.
            matcher.match_components(&source, &targets.components, target, &targets.components)
        } else {
            matcher.match_rows(&source, target)
        };
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
