//! The pairs as ĥ is trained on them: in coordinates, with the component of each.

use gtn_models::Coordinates;
use ndarray::{Array2, Axis, concatenate};

use crate::handoff::{Pairs, SplitPairs, Targets};

/// The input of ĥ and its target for each pair.
pub(super) struct TrainingPairs {
    pub(super) input: Array2<f32>,
    pub(super) target: Array2<f32>,
}

impl TrainingPairs {
    /// The training pairs, with those whose targets are not in the data.
    pub(super) fn train(targets: &Targets, pairs: &Pairs) -> Self {
        let of_data = Self::of_split(&pairs.train, &targets.train, targets, pairs);
        let Some(fresh) = &pairs.fresh else { return of_data };
        let parts = Self::new(&fresh.source, &fresh.target, &fresh.components, targets, pairs);
        let both = |a: &Array2<f32>, b: &Array2<f32>| {
            concatenate(Axis(0), &[a.view(), b.view()]).expect("both have the same columns")
        };
        Self { input: both(&of_data.input, &parts.input), target: both(&of_data.target, &parts.target) }
    }

    /// The validation pairs.
    pub(super) fn validation(targets: &Targets, pairs: &Pairs) -> Self {
        Self::of_split(&pairs.validation, &targets.validation, targets, pairs)
    }

    fn of_split(split: &SplitPairs, rows: &Array2<f32>, targets: &Targets, pairs: &Pairs) -> Self {
        Self::new(&split.source, &rows.select(Axis(0), &split.assignment), &split.components, targets, pairs)
    }

    fn new(source: &Array2<f32>, rows: &Array2<f32>, components: &[u32], targets: &Targets, pairs: &Pairs) -> Self {
        let normalized = targets.normalizer.normalize(rows.view());
        match &pairs.coordinates {
            None => Self { input: source.clone(), target: normalized },
            Some(coordinates) => Self {
                input: input(source, coordinates, components),
                target: coordinates.to_coordinates(normalized.view(), components),
            },
        }
    }
}

/// The input of ĥ for normal vectors of these components.
pub(super) fn input(source: &Array2<f32>, coordinates: &Coordinates, components: &[u32]) -> Array2<f32> {
    let points = coordinates.source_to_coordinates(source.view(), components);
    coordinates.with_indicators(points.view(), components)
}
