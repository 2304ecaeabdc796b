//! Clusters of rows by k-means, from which the fit of a mixture starts.

use ndarray::{Array2, ArrayView1};
use rand::Rng;

/// Maximum number of k-means iterations. k-means usually converges earlier.
const MAX_KMEANS_ITERATIONS: usize = 300;

/// Draws an index with a probability proportional to its weight, or uniformly if all weights are 0.
pub(crate) fn draw_index(weights: impl ExactSizeIterator<Item = f64> + Clone, rng: &mut impl Rng) -> usize {
    let total: f64 = weights.clone().sum();
    let (uniform, last) = (rng.random::<f64>(), weights.len() - 1);
    if total == 0.0 {
        return ((uniform * weights.len() as f64) as usize).min(last);
    }
    let mut remaining = uniform * total;
    let is_drawn = |weight: f64| {
        remaining -= weight;
        remaining < 0.0
    };
    // Because of rounding, something may remain after the last weight. Then the last positive weight is drawn.
    weights
        .clone()
        .position(is_drawn)
        .unwrap_or_else(|| weights.enumerate().fold(0, |k, (i, w)| if w > 0.0 { i } else { k }))
}

/// The component of each row. There must be at least as many rows as components.
pub(crate) fn k_means(rows: &Array2<f64>, components: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut centers = Array2::zeros((components, rows.ncols()));
    let mut nearest = vec![f64::INFINITY; rows.nrows()];
    for k in 0..components {
        // All rows have the same probability for the first center.
        let candidates = if k == 0 { 1 } else { 2 + (components as f64).ln() as usize };
        let mut best = f64::INFINITY;
        let before = nearest.clone();
        for _ in 0..candidates {
            let chosen = draw_index(before.iter().map(|&square| if k == 0 { 0.0 } else { square }), rng);
            let center = rows.row(chosen);
            let after = before.iter().zip(rows.outer_iter()).map(|(&old, row)| old.min(squared_distance(row, center)));
            let after: Vec<f64> = after.collect();
            let sum = after.iter().sum();
            if sum < best {
                centers.row_mut(k).assign(&center);
                (best, nearest) = (sum, after);
            }
        }
    }
    let mut labels = vec![usize::MAX; rows.nrows()];
    for _ in 0..MAX_KMEANS_ITERATIONS {
        let mut moved = false;
        for (label, row) in labels.iter_mut().zip(rows.outer_iter()) {
            let mut best = (0, f64::INFINITY);
            for (k, center) in centers.outer_iter().enumerate() {
                let square = squared_distance(row, center);
                if square < best.1 {
                    best = (k, square);
                }
            }
            moved |= *label != best.0;
            *label = best.0;
        }
        if !moved {
            break;
        }
        let (mut sums, mut sizes) = (Array2::<f64>::zeros(centers.dim()), vec![0_u32; components]);
        for (&label, row) in labels.iter().zip(rows.outer_iter()) {
            sums.row_mut(label).zip_mut_with(&row, |sum, x| *sum += x);
            sizes[label] += 1;
        }
        for ((mut center, sum), &size) in centers.outer_iter_mut().zip(sums.outer_iter()).zip(&sizes) {
            // A center without rows does not move.
            if size > 0 {
                center.assign(&(&sum / f64::from(size)));
            }
        }
    }
    labels
}

fn squared_distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}
