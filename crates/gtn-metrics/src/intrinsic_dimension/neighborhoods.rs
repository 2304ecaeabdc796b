use std::cmp::Ordering;
use std::ops::ControlFlow;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::input_checks::{check_counts, check_neighbor_count, check_rows};
use crate::{Error, NearestNeighbors, Neighbor, SampleSet};

/// Rows whose neighbors one thread searches for at once.
const QUERY_ROWS: usize = 64;

/// Rows between two calls of a progress callback.
const PROGRESS_ROWS: usize = 16 * QUERY_ROWS;

/// The nearest neighbors of rows among the other rows, which all estimates of the intrinsic dimension are computed from.
///
/// ```
/// use gtn_metrics::{LikelihoodForm, Neighborhoods, VarianceRule, ndarray::Array2};
///
/// // A curve in space: one number describes each of its points.
/// let curve = Array2::from_shape_fn((500, 3), |(row, column)| {
///     let random = (43_758.547 * (12.9898 * row as f32).sin()).rem_euclid(1.0);
///     let angle = 6.0 * random;
///     [angle.cos(), angle.sin(), 0.3 * angle][column]
/// });
/// let neighborhoods = Neighborhoods::find(curve.view(), 10, 500)?;
/// let likelihood = neighborhoods.maximum_likelihood(10, LikelihoodForm::default())?;
/// assert!((likelihood.value() - 1.0).abs() < 0.3);
/// assert_eq!(neighborhoods.local_pca(10, VarianceRule::default())?.value(), 1.0);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Neighborhoods {
    /// Each distinct row once, in the order of the rows.
    pub(super) rows: Array2<f32>,
    pub(super) duplicates: usize,
    /// For each query its own index and its neighbors.
    pub(super) neighbors: Vec<(usize, Vec<Neighbor>)>,
    pub(super) k: usize,
}

impl Neighborhoods {
    /// The `k` nearest other rows of `queries` of the n × d rows, which are spread evenly over the set; of all rows if there are not more.
    /// Rows that are equal to an earlier row are dropped, because a distance of 0 has no logarithm; see [`duplicates`](Self::duplicates).
    ///
    /// The cost is about n × queries × d multiplications, on the threads of the current rayon pool; their number changes no bit.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidNeighborCount`] if k is 0, or not below the number of distinct rows; [`Error::ZeroSetting`] without queries;
    /// [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`].
    pub fn find(rows: ArrayView2<'_, f32>, k: usize, queries: usize) -> Result<Self, Error> {
        Self::find_with_progress(rows, k, queries, &mut |_, _| ControlFlow::Continue(()))
    }

    /// As [`find`](Self::find). `progress` is called with the number of rows that are done, and their total number.
    ///
    /// # Errors
    ///
    /// As for [`find`](Self::find), and [`Error::Stopped`] if `progress` asks to stop.
    pub fn find_with_progress(
        rows: ArrayView2<'_, f32>,
        k: usize,
        queries: usize,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Self, Error> {
        check_rows(SampleSet::Single, rows)?;
        check_counts([("number of queries", queries)])?;
        let distinct = distinct_rows(rows);
        let duplicates = rows.nrows() - distinct.len();
        let rows = rows.select(Axis(0), &distinct);
        let n = rows.nrows();
        check_neighbor_count(SampleSet::Single, k, n)?;
        let queries = queries.min(n);
        // ⌊i n / queries⌋, without overflow.
        let indices: Vec<usize> = (0..queries).map(|i| (i as u128 * n as u128 / queries as u128) as usize).collect();
        let search = |indices: &[usize]| {
            // The row itself is the nearest.
            let mut search = NearestNeighbors::new_unchecked(rows.select(Axis(0), indices).view(), k + 1);
            search.partial_fit(rows.view())?;
            let found = indices.iter().zip(search.into_neighbors());
            Ok(found.map(|(&index, neighbors)| (index, others(index, neighbors, k))).collect::<Vec<_>>())
        };
        let mut neighbors = Vec::with_capacity(queries);
        for part in indices.chunks(PROGRESS_ROWS) {
            if progress(neighbors.len(), queries) == ControlFlow::Break(()) {
                return Err(Error::Stopped);
            }
            let found: Result<Vec<_>, Error> = part.par_chunks(QUERY_ROWS).map(search).collect();
            neighbors.extend(found?.into_iter().flatten());
        }
        Ok(Self { rows, duplicates, neighbors, k })
    }

    /// How many rows were dropped because they are equal to an earlier row.
    #[must_use]
    pub fn duplicates(&self) -> usize {
        self.duplicates
    }

    /// The number of distinct rows.
    #[must_use]
    pub fn distinct_rows(&self) -> usize {
        self.rows.nrows()
    }

    /// The number of rows whose neighbors were searched for.
    #[must_use]
    pub fn queries(&self) -> usize {
        self.neighbors.len()
    }

    /// The first k neighbors of each query.
    pub(super) fn nearest(&self, k: usize) -> Result<impl Iterator<Item = (usize, &[Neighbor])>, Error> {
        check_neighbor_count(SampleSet::Single, k, self.k + 1)?;
        Ok(self.neighbors.iter().map(move |(index, neighbors)| (*index, &neighbors[..k])))
    }
}

/// The neighbors of a row without itself.
fn others(index: usize, neighbors: Vec<Neighbor>, k: usize) -> Vec<Neighbor> {
    neighbors.into_iter().filter(|neighbor| neighbor.index != index).take(k).collect()
}

/// The index of each row that is not equal to an earlier one, in increasing order.
fn distinct_rows(rows: ArrayView2<'_, f32>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.nrows()).collect();
    // A stable sort, so that the first of equal rows stays first.
    order.par_sort_by(|&a, &b| compare(rows.row(a), rows.row(b)));
    order.dedup_by(|b, a| compare(rows.row(*a), rows.row(*b)) == Ordering::Equal);
    order.sort_unstable();
    order
}

/// The lexicographic order of finite values, in which −0 and 0 are equal.
fn compare(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> Ordering {
    let differing = a.iter().zip(b).find_map(|(a, b)| a.partial_cmp(b).filter(|order| order.is_ne()));
    differing.unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn equal_rows_are_dropped_and_counted() {
        let rows = array![[0.0_f32, 1.0], [2.0, 2.0], [-0.0, 1.0], [5.0, 2.0], [2.0, 2.0]];
        let found = Neighborhoods::find(rows.view(), 2, 10).unwrap();
        assert_eq!((found.duplicates(), found.distinct_rows(), found.queries()), (2, 3, 3));
        let pairs =
            |index: usize| found.neighbors[index].1.iter().map(|one| (one.index, one.distance)).collect::<Vec<_>>();
        assert_eq!(pairs(0), [(1, 5.0_f64.sqrt()), (2, 26.0_f64.sqrt())]);
        assert_eq!(pairs(1), [(0, 5.0_f64.sqrt()), (2, 3.0)]);
        // A fraction of the rows, spread evenly.
        let rows = Array2::from_shape_fn((1000, 1), |(row, _)| row as f32);
        let found = Neighborhoods::find(rows.view(), 1, 4).unwrap();
        assert_eq!(found.neighbors.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 250, 500, 750]);
    }

    #[test]
    fn too_few_distinct_rows_are_an_error() {
        let equal = Array2::<f32>::ones((10, 3));
        let error = Neighborhoods::find(equal.view(), 1, 10).unwrap_err();
        assert_eq!(error, Error::InvalidNeighborCount { set: SampleSet::Single, k: 1, samples: 1 });
        let rows = Array2::from_shape_fn((5, 1), |(row, _)| row as f32);
        assert!(Neighborhoods::find(rows.view(), 5, 5).is_err() && Neighborhoods::find(rows.view(), 0, 5).is_err());
        assert_eq!(
            Neighborhoods::find(rows.view(), 2, 0).unwrap_err(),
            Error::ZeroSetting { setting: "number of queries" }
        );
        let found = Neighborhoods::find(rows.view(), 3, 5).unwrap();
        assert!(found.nearest(3).is_ok() && found.nearest(4).is_err());
    }
}
