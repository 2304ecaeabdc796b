use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};

use crate::input_checks::{check_columns, check_finite, check_rows};
use crate::{Error, SampleSet};

/// Reference rows that are compared with all queries at once.
const BLOCK_ROWS: usize = 256;

/// A reference row near a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// Index of the reference row. Among rows at the same distance, the lowest index comes first.
    pub index: usize,
    /// Euclidean distance to the query.
    pub distance: f64,
}

/// Exact k-nearest-neighbor search in reference rows that may come in parts.
///
/// Use it to find the training samples nearest to generated ones when the training set is too large to hold in memory
/// as one array, such as a set of images. Create the search with the query rows, pass each part of the reference rows
/// to [`partial_fit`](Self::partial_fit), then call [`into_neighbors`](Self::into_neighbors).
///
/// ```
/// use gtn_metrics::NearestNeighbors;
/// use ndarray::array;
///
/// let mut search = NearestNeighbors::new(array![[2.0_f32], [19.0]].view(), 2)?;
/// search.partial_fit(array![[0.0], [10.0]].view())?;
/// search.partial_fit(array![[20.0]].view())?;
/// let neighbors = search.into_neighbors();
/// let pairs = |query: usize| neighbors[query].iter().map(|one| (one.index, one.distance)).collect::<Vec<_>>();
/// assert_eq!(pairs(0), [(0, 2.0), (1, 8.0)]);
/// assert_eq!(pairs(1), [(2, 1.0), (1, 9.0)]);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
///
/// A distance is the square root of the sum of squared differences in `f64`, from the first column to the last. A copy
/// is therefore at distance 0 exactly. Matrix products serve only to skip pairs that are too far apart, with a bound on
/// their rounding error; the distances of all other pairs are computed directly.
///
/// For n reference rows and m queries the search costs about n m d multiplications. It needs memory for the queries and
/// for one part.
#[derive(Debug, Clone)]
pub struct NearestNeighbors {
    queries: Array2<f64>,
    /// The squared norm of each query.
    squared_norms: Vec<f64>,
    k: usize,
    /// For each query, up to k neighbors in increasing order, with squared distances.
    neighbors: Vec<Vec<Neighbor>>,
    /// Reference rows searched so far.
    searched: usize,
}

impl NearestNeighbors {
    /// A search for the `k` nearest reference rows of each of m × d `queries`, m and d ≥ 1.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`].
    pub fn new(queries: ArrayView2<'_, f32>, k: usize) -> Result<Self, Error> {
        check_rows(SampleSet::Single, queries)?;
        Ok(Self::new_unchecked(queries, k))
    }

    pub(crate) fn new_unchecked(queries: ArrayView2<'_, f32>, k: usize) -> Self {
        let queries = queries.mapv(f64::from).as_standard_layout().into_owned();
        let squared_norms = squared_norms(&queries);
        Self { neighbors: vec![Vec::new(); queries.nrows()], queries, squared_norms, k, searched: 0 }
    }

    /// Searches the next part of the reference rows, which must have d columns. Indices continue from the part before.
    ///
    /// # Errors
    ///
    /// [`Error::WrongColumnCount`], [`Error::NotFinite`]. After an error the search is unchanged.
    pub fn partial_fit(&mut self, reference: ArrayView2<'_, f32>) -> Result<(), Error> {
        check_columns(SampleSet::Training, reference, self.queries.ncols())?;
        check_finite(SampleSet::Training, reference)?;
        if self.k > 0 {
            for block in reference.axis_chunks_iter(Axis(0), BLOCK_ROWS) {
                self.search_block(&block.mapv(f64::from).as_standard_layout().into_owned());
            }
        }
        Ok(())
    }

    fn search_block(&mut self, block: &Array2<f64>) {
        // |y − x|² = |y|² + |x|² − 2⟨y, x⟩. Each sum has a relative error of at most d 2⁻⁵³ of the absolute values of
        // its terms, which together are at most 2 (|y|² + |x|²). The directly computed sum has the same error.
        let slack = 4.0 * (block.ncols() + 8) as f64 * f64::EPSILON;
        let block_norms = squared_norms(block);
        let mut products = Array2::zeros((self.queries.nrows(), block.nrows()));
        general_mat_mul(1.0, &self.queries, &block.t(), 0.0, &mut products);
        let queries = self.queries.outer_iter().zip(&self.squared_norms).zip(&mut self.neighbors);
        for (((query, &query_norm), neighbors), products) in queries.zip(products.outer_iter()) {
            let mut limit = kth_squared_distance(neighbors, self.k);
            for ((row, &row_norm), &product) in block_norms.iter().enumerate().zip(products) {
                let norms = query_norm + row_norm;
                if norms - 2.0 * product - slack * norms >= limit {
                    continue;
                }
                let square = query.iter().zip(block.row(row)).fold(0.0, |sum, (y, x)| sum + (y - x) * (y - x));
                if square < limit {
                    let position = neighbors.partition_point(|other| other.distance <= square);
                    neighbors.truncate(self.k - 1);
                    neighbors.insert(position, Neighbor { index: self.searched + row, distance: square });
                    limit = kth_squared_distance(neighbors, self.k);
                }
            }
        }
        self.searched += block.nrows();
    }

    /// For each query its nearest reference rows, nearest first: k of them, or all if there are fewer.
    #[must_use]
    pub fn into_neighbors(mut self) -> Vec<Vec<Neighbor>> {
        self.neighbors.iter_mut().flatten().for_each(|neighbor| neighbor.distance = neighbor.distance.sqrt());
        self.neighbors
    }
}

/// The squared distance that a new neighbor must stay below.
fn kth_squared_distance(neighbors: &[Neighbor], k: usize) -> f64 {
    if neighbors.len() < k { f64::INFINITY } else { neighbors[k - 1].distance }
}

fn squared_norms(rows: &Array2<f64>) -> Vec<f64> {
    rows.outer_iter().map(|row| row.iter().fold(0.0, |sum, x| sum + x * x)).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// All distances, sorted.
    fn brute_force(queries: &Array2<f32>, reference: &Array2<f32>, k: usize) -> Vec<Vec<Neighbor>> {
        let neighbors = |query: ndarray::ArrayView1<'_, f32>| {
            let distance = |other: ndarray::ArrayView1<'_, f32>| {
                let squares = query.iter().zip(other).map(|(&y, &x)| (f64::from(y) - f64::from(x)).powi(2));
                squares.fold(0.0, |sum, square| sum + square).sqrt()
            };
            let mut all: Vec<_> = reference
                .outer_iter()
                .enumerate()
                .map(|(index, other)| Neighbor { index, distance: distance(other) })
                .collect();
            all.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            all.truncate(k);
            all
        };
        queries.outer_iter().map(neighbors).collect()
    }

    #[test]
    fn ties_go_to_the_lowest_index() {
        let reference = array![[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [6.0, 8.0]];
        let mut search = NearestNeighbors::new(array![[3.0, 4.0], [1.5, 2.0], [60.0, 80.0]].view(), 2).unwrap();
        search.partial_fit(reference.view()).unwrap();
        let expected = [[(1, 0.0), (2, 0.0)], [(0, 2.5), (1, 2.5)], [(3, 90.0), (1, 95.0)]];
        assert_eq!(
            search.into_neighbors(),
            expected.map(|row| row.map(|(index, distance)| Neighbor { index, distance }))
        );
    }

    #[test]
    fn the_search_agrees_with_brute_force() {
        // Far from the origin, where the rounding errors of the products exceed the distances; with ties and copies.
        for (n, m, d, offset) in [(1, 1, 1, 0.0), (600, 40, 3, 1e6), (300, 30, 100, 0.0), (520, 20, 40, 3e4)] {
            let value = |i: usize, k: usize, key: usize| offset + ((i * 37 + k * 11 + key) % 101) as f32 / 8.0;
            let reference = Array2::from_shape_fn((n, d), |(i, k)| value(i * i, k, 5));
            let queries = Array2::from_shape_fn((m, d), |(i, k)| value(i, k * k, 60));
            for k in [0, 1, 3, 700] {
                let mut search = NearestNeighbors::new(queries.view(), k).unwrap();
                for part in reference.axis_chunks_iter(Axis(0), 270) {
                    search.partial_fit(part).unwrap();
                }
                assert_eq!(search.into_neighbors(), brute_force(&queries, &reference, k), "{n} × {d}, k = {k}");
            }
        }
    }

    #[test]
    fn invalid_input_is_an_error() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        assert_eq!(NearestNeighbors::new(zeros(0, 2).view(), 1).unwrap_err(), Error::Empty { set: SampleSet::Single });
        assert_eq!(NearestNeighbors::new(zeros(2, 0).view(), 1).unwrap_err(), Error::NoColumns);
        let mut search = NearestNeighbors::new(zeros(2, 2).view(), 1).unwrap();
        let columns = Error::WrongColumnCount { set: SampleSet::Training, columns: 3, expected: 2 };
        assert_eq!(search.partial_fit(zeros(1, 3).view()), Err(columns));
        let bad = array![[0.0, 1.0], [f32::NAN, 0.0]];
        assert_eq!(search.partial_fit(bad.view()), Err(Error::NotFinite { set: SampleSet::Training, row: 1 }));
        assert_eq!(search.into_neighbors(), [[], []]);
    }
}
