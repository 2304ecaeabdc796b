//! Clusters of rows by k-means, from which the fit of a mixture starts.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rand::Rng;
use rayon::prelude::*;

/// Rows that one thread compares with the centers at once.
const BLOCK_ROWS: usize = 2048;

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

/// The component of each row, or `None` if `stop` returned true before the end. There must be at least as many rows as
/// components, in row-major order.
pub(crate) fn k_means(
    rows: &Array2<f64>,
    components: usize,
    max_iterations: usize,
    rng: &mut impl Rng,
    stop: &dyn Fn() -> bool,
) -> Option<Vec<usize>> {
    let mut centers = Array2::zeros((components, rows.ncols()));
    let mut nearest = vec![f64::INFINITY; rows.nrows()];
    for k in 0..components {
        if stop() {
            return None;
        }
        // All rows have the same probability for the first center.
        let candidates = if k == 0 { 1 } else { 2 + (components as f64).ln() as usize };
        let mut best = f64::INFINITY;
        let before = nearest.clone();
        for _ in 0..candidates {
            let chosen = draw_index(before.iter().map(|&square| if k == 0 { 0.0 } else { square }), rng);
            let center = rows.row(chosen);
            let mut after = before.clone();
            blocks(rows, &mut after).into_par_iter().for_each(|(rows, after)| {
                for (square, row) in after.iter_mut().zip(rows.outer_iter()) {
                    *square = square.min(squared_distance(row, center));
                }
            });
            let sum = after.iter().sum();
            if sum < best {
                centers.row_mut(k).assign(&center);
                (best, nearest) = (sum, after);
            }
        }
    }
    let mut labels = vec![usize::MAX; rows.nrows()];
    for _ in 0..max_iterations {
        if stop() {
            return None;
        }
        let assign = |(rows, labels): (ArrayView2<'_, f64>, &mut [usize])| {
            let mut moved = false;
            for (label, row) in labels.iter_mut().zip(rows.outer_iter()) {
                let nearest = nearest_center(row, &centers);
                moved |= *label != nearest;
                *label = nearest;
            }
            moved
        };
        let moved = blocks(rows, &mut labels).into_par_iter().map(assign).reduce(|| false, |a, b| a | b);
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
    Some(labels)
}

/// Blocks of rows with the values that belong to them.
fn blocks<'a, T>(rows: &'a Array2<f64>, values: &'a mut [T]) -> Vec<(ArrayView2<'a, f64>, &'a mut [T])> {
    rows.axis_chunks_iter(Axis(0), BLOCK_ROWS).zip(values.chunks_mut(BLOCK_ROWS)).collect()
}

/// The first of the nearest centers.
fn nearest_center(row: ArrayView1<'_, f64>, centers: &Array2<f64>) -> usize {
    let mut best = (0, f64::INFINITY);
    for (k, center) in centers.outer_iter().enumerate() {
        let square = squared_distance(row, center);
        if square < best.1 {
            best = (k, square);
        }
    }
    best.0
}

fn squared_distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    // Slices are several times faster than arrays if there are few columns.
    let (a, b) = (a.to_slice().expect("a row in row-major order"), b.to_slice().expect("a row in row-major order"));
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}
