//! Squared Euclidean distances between all rows of two sets. The order of the computation depends only on the shapes.

use ndarray::ArrayView2;

/// Distances computed at once: enough independent sums to fill the vector registers.
const LANES: usize = 8;

/// Rows that are compared with a panel in turn while the panel is in the L1 cache.
const BLOCK_ROWS: usize = 64;

/// Rows stored twice: in row-major order, and in panels of `LANES` rows in column-major order. With panels, the
/// distances of a row to all rows of a panel are one loop without dependencies between lanes. The last panel is padded
/// with zeros.
pub(crate) struct PackedRows {
    columns: usize,
    pub(crate) count: usize,
    rows: Vec<f64>,
    panels: Vec<f64>,
}

impl PackedRows {
    /// `view` needs at least one column.
    pub(crate) fn new(view: ArrayView2<'_, f32>) -> Self {
        let (count, columns) = view.dim();
        let rows: Vec<f64> = view.iter().map(|&x| f64::from(x)).collect();
        let mut panels = vec![0.0; count.div_ceil(LANES) * LANES * columns];
        for (panel, block) in panels.chunks_exact_mut(LANES * columns).zip(rows.chunks(LANES * columns)) {
            for (lane, row) in block.chunks_exact(columns).enumerate() {
                for (k, &x) in row.iter().enumerate() {
                    panel[k * LANES + lane] = x;
                }
            }
        }
        Self { columns, count, rows, panels }
    }

    /// Each panel with the index of its first row and its number of rows.
    pub(crate) fn panels(&self) -> impl Iterator<Item = (&[f64], usize, usize)> {
        let with_size = |(p, panel)| (panel, p * LANES, LANES.min(self.count - p * LANES));
        self.panels.chunks_exact(LANES * self.columns).enumerate().map(with_size)
    }

    /// The rows `from..to`.
    pub(crate) fn range(&self, from: usize, to: usize) -> impl Iterator<Item = &[f64]> {
        self.rows[from * self.columns..to * self.columns].chunks_exact(self.columns)
    }

    /// Calls `each(i, first, squares)` with the squared distances of row i to the rows of `other` that start at index
    /// `first`, until every pair was visited once. For each i, the indices of `other` come in increasing order.
    ///
    /// A squared distance is the sum of the squared differences in `f64`, from the first column to the last. It is
    /// therefore exactly symmetric, and 0 only between equal rows.
    pub(crate) fn for_each_squared_distance(&self, other: &PackedRows, mut each: impl FnMut(usize, usize, &[f64])) {
        for from in (0..self.count).step_by(BLOCK_ROWS) {
            let to = self.count.min(from + BLOCK_ROWS);
            for (panel, first, size) in other.panels() {
                for (i, row) in (from..).zip(self.range(from, to)) {
                    each(i, first, &squared_distances(row, panel)[..size]);
                }
            }
        }
    }

    /// The squared distance of each row to its k-th nearest neighbor among the other rows, 1 ≤ k < `count`. Equal rows
    /// are neighbors at distance 0; only the row itself is excluded.
    pub(crate) fn squared_kth_neighbor_distances(&self, k: usize) -> Vec<f64> {
        // The k smallest squared distances so far, in increasing order.
        let mut nearest = vec![f64::INFINITY; self.count * k];
        self.for_each_squared_distance(self, |i, first, squares| {
            let nearest = &mut nearest[i * k..(i + 1) * k];
            for (j, &square) in (first..).zip(squares) {
                if square < nearest[k - 1] && j != i {
                    let position = nearest.partition_point(|&other| other <= square);
                    nearest[position..].rotate_right(1);
                    nearest[position] = square;
                }
            }
        });
        nearest.chunks_exact(k).map(|nearest| nearest[k - 1]).collect()
    }
}

/// The squared distances of a row to the rows of a panel.
pub(crate) fn squared_distances(row: &[f64], panel: &[f64]) -> [f64; LANES] {
    let mut squares = [0.0; LANES];
    for (x, coordinates) in row.iter().zip(panel.chunks_exact(LANES)) {
        for (square, y) in squares.iter_mut().zip(coordinates) {
            let difference = x - y;
            *square += difference * difference;
        }
    }
    squares
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn every_pair_is_visited_once_and_in_order() {
        for (n, m, d) in [(1, 1, 1), (3, 8, 2), (64, 9, 3), (65, 17, 1), (130, 16, 5)] {
            let value = |i: usize, k: usize, key: usize| ((i * 37 + k * 11 + key) % 101) as f32 / 7.0;
            let x = Array2::from_shape_fn((n, d), |(i, k)| value(i, k, 5));
            let y = Array2::from_shape_fn((m, d), |(i, k)| value(i * i, k, 60));
            let mut visited = vec![Vec::new(); n];
            PackedRows::new(x.view()).for_each_squared_distance(&PackedRows::new(y.view()), |i, first, squares| {
                assert_eq!(visited[i].len(), first);
                visited[i].extend_from_slice(squares);
            });
            for (i, row) in visited.iter().enumerate() {
                let square = |j: usize| {
                    let squares =
                        x.row(i).into_iter().zip(y.row(j)).map(|(&s, &t)| (f64::from(s) - f64::from(t)).powi(2));
                    squares.fold(0.0, |sum, square| sum + square)
                };
                assert_eq!(*row, (0..m).map(square).collect::<Vec<_>>(), "row {i} of {n} and {m}, d {d}");
            }
        }
    }

    #[test]
    fn kth_neighbors_exclude_only_the_row_itself() {
        let rows = PackedRows::new(array![[0.0], [0.0], [3.0], [1.0], [10.0]].view());
        assert_eq!(rows.squared_kth_neighbor_distances(1), [0.0, 0.0, 4.0, 1.0, 49.0]);
        assert_eq!(rows.squared_kth_neighbor_distances(2), [1.0, 1.0, 9.0, 1.0, 81.0]);
        assert_eq!(rows.squared_kth_neighbor_distances(3), [9.0, 9.0, 9.0, 4.0, 100.0]);
        assert_eq!(rows.squared_kth_neighbor_distances(4), [100.0, 100.0, 49.0, 81.0, 100.0]);
    }
}
