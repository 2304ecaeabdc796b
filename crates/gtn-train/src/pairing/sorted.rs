use gtn_run::schema::Split;
use ndarray::Array2;

use super::matched::{Matched, Pairing};
use super::space::{Space, SpaceTargets};
use crate::Result;
use crate::context::{Context, Counter};

/// Figure 2, for d = 1: sorts both sides, and pairs them in this order.
pub(super) struct Sorted;

impl Pairing for Sorted {
    fn pair(
        &self,
        split: Split,
        targets: &SpaceTargets,
        space: &Space<'_>,
        _counter: &Counter,
        context: &mut Context<'_>,
    ) -> Result<Matched> {
        let source = space.draw_source(split, targets.rows.nrows(), &context.streams);
        let values = |rows: &Array2<f32>| rows.column(0).iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
        let (y, x) = (values(&source), values(&targets.rows));
        let assignment = gtn_math::sorted_labeling(&y, &x)?;
        let mut order: Vec<usize> = (0..y.len()).collect();
        order.sort_by(|&a, &b| y[a].total_cmp(&y[b]));
        // In one dimension the cosine is the product of the signs.
        let sign = |value: f64| if value == 0.0 { 0.0 } else { value.signum() as f32 };
        let similarity = assignment.iter().zip(&y).map(|(&row, &y)| sign(y) * sign(x[row])).collect();
        Ok(Matched { source, assignment, order, similarity })
    }
}
