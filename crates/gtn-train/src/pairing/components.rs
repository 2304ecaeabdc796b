//! Components of data that lie apart, found by a mixture of Gaussians.

use gtn_metrics::{GaussianMixture, GaussianMixtureParams, MixtureCandidate};
use gtn_models::purpose;
use gtn_run::Stage;
use gtn_run::config::Components;
use ndarray::Array2;

use crate::context::Context;
use crate::{Error, Result};

/// Numbers of components that are tried.
const CANDIDATES: [usize; 4] = [1, 3, 10, 30];
/// The smallest number is taken whose held-out log-likelihood is at most this much below the best one, in nats per row: the flow
/// learns what is left, and components are only needed where the data lie apart.
const TOLERANCE: f64 = 0.1;
/// Components with fewer rows, or with fewer than two for each column, are not kept: a network would learn nothing of them, and
/// their covariance would be singular.
const MIN_ROWS: usize = 20;

/// The component of each row. Numbers are consecutive, and each has rows.
pub(super) fn component_labels(
    rows: &Array2<f32>,
    components: Components,
    context: &mut Context<'_>,
) -> Result<Vec<u32>> {
    let mut stream = context.streams.stream(purpose::COMPONENTS, 0);
    let observer = &*context.observer;
    let stop = || observer.stop_requested();
    let stopped = |error| match error {
        gtn_metrics::Error::Stopped => Error::Stopped { stage: Stage::Label },
        error => error.into(),
    };
    let mixture = match components {
        Components::Count(1) => return Ok(vec![0; rows.nrows()]),
        Components::Count(count) => {
            let params = GaussianMixtureParams::new(count.min(rows.nrows()));
            GaussianMixture::fit(rows.view(), params, &mut stream)?
        }
        _ => {
            let params = GaussianMixtureParams::new(1);
            let selection =
                GaussianMixture::fit_best(rows.view(), &CANDIDATES, params, &mut stream, &stop).map_err(stopped)?;
            match smallest_sufficient(&selection.candidates) {
                count if count == selection.mixture.weights().len() => selection.mixture,
                1 => return Ok(vec![0; rows.nrows()]),
                count => {
                    let params = GaussianMixtureParams::new(count);
                    GaussianMixture::fit(rows.view(), params, &mut context.streams.stream(purpose::COMPONENTS, 1))?
                }
            }
        }
    };
    context.check_stop(Stage::Label)?;
    let labels: Vec<u32> = mixture.assign(rows.view())?.into_iter().map(|label| label as u32).collect();
    let labels = consecutive(&labels, MIN_ROWS.max(2 * rows.ncols()));
    if let Components::Count(count) = components {
        let found = labels.iter().max().map_or(1, |&label| label as usize + 1);
        if found < count {
            context.observer.note(&format!(
                "the source has {found} components instead of {count}: the others had too few training vectors"
            ));
        }
    }
    Ok(labels)
}

/// The smallest number of components that is nearly as good as the best one.
fn smallest_sufficient(candidates: &[MixtureCandidate]) -> usize {
    let best = candidates.iter().map(|candidate| candidate.held_out_log_likelihood).fold(f64::NEG_INFINITY, f64::max);
    let is_sufficient = |candidate: &&MixtureCandidate| candidate.held_out_log_likelihood >= best - TOLERANCE;
    candidates.iter().filter(is_sufficient).map(|candidate| candidate.components).min().unwrap_or(1)
}

/// Labels from 0 on, without gaps. Rows of a component with too few rows join the largest one.
pub(super) fn consecutive(labels: &[u32], min_rows: usize) -> Vec<u32> {
    let count = labels.iter().max().map_or(1, |&label| label as usize + 1);
    let mut sizes = vec![0; count];
    labels.iter().for_each(|&label| sizes[label as usize] += 1);
    let largest = (0..count).max_by_key(|&label| sizes[label]).unwrap_or_default();
    let mut next = 0;
    let number: Vec<Option<u32>> = (0..count)
        .map(|label| {
            (sizes[label] >= min_rows || label == largest).then(|| {
                next += 1;
                next - 1
            })
        })
        .collect();
    let rest = number[largest].unwrap_or_default();
    labels.iter().map(|&label| number[label as usize].unwrap_or(rest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_components_join_the_largest() {
        let mut labels = vec![4; 30];
        labels.extend(vec![1; 50]);
        labels.extend([0, 3, 3]);
        let consecutive = consecutive(&labels, 20);
        assert!(consecutive[..30].iter().all(|&label| label == 1));
        assert!(consecutive[30..].iter().all(|&label| label == 0));
        assert_eq!(super::consecutive(&[2, 2], 20), [0, 0]);
    }
}
