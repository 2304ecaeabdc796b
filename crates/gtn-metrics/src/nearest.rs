use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};

use crate::input::{check_columns, check_rows};
use crate::{Error, Set};

/// Training rows that meet all others at once.
const BLOCK: usize = 256;

/// The nearest of a set of rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// Its index; of several at the same distance the lowest.
    pub row: usize,
    /// The Euclidean distance to it.
    pub distance: f64,
}

/// Finds for each of some rows the k nearest training rows, which may come in parts: those of a set of images need not all
/// be in memory as numbers.
///
/// A distance is the root of a sum of squared differences in `f64`, from the first column to the last, so that a copy is
/// at distance 0 exactly; of training rows at equal distances the first comes first. Products of matrices only say which
/// pairs may be near enough: those that the bound of their rounding cannot exclude are measured in that way.
///
/// It costs about n m d multiplications for n training rows and m others, and memory for these others and a part.
///
/// ```
/// use gtn_metrics::NearestRows;
/// use ndarray::array;
///
/// let mut search = NearestRows::of(array![[2.0_f32], [19.0]].view(), 2)?;
/// search.among(array![[0.0], [10.0]].view())?;
/// search.among(array![[20.0]].view())?;
/// let found = search.finish();
/// assert_eq!(found[0].iter().map(|one| (one.row, one.distance)).collect::<Vec<_>>(), [(0, 2.0), (1, 8.0)]);
/// assert_eq!(found[1].iter().map(|one| (one.row, one.distance)).collect::<Vec<_>>(), [(2, 1.0), (1, 9.0)]);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct NearestRows {
    rows: Array2<f64>,
    /// The squared length of each row.
    lengths: Vec<f64>,
    k: usize,
    /// For each row up to k training rows with the squares of their distances, which increase.
    found: Vec<Vec<Nearest>>,
    /// Training rows that were met.
    met: usize,
}

impl NearestRows {
    /// A search for the `k` nearest training rows of each of m × d `rows`, m and d ≥ 1.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`].
    pub fn of(rows: ArrayView2<'_, f32>, k: usize) -> Result<Self, Error> {
        check_rows(Set::Only, rows)?;
        Ok(Self::of_checked(rows, k))
    }

    pub(crate) fn of_checked(rows: ArrayView2<'_, f32>, k: usize) -> Self {
        let rows = rows.mapv(f64::from).as_standard_layout().into_owned();
        let lengths = squared_lengths(&rows);
        Self { found: vec![Vec::new(); rows.nrows()], rows, lengths, k, met: 0 }
    }

    /// Meets more training rows, of d columns. They are counted from where the part before ended.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnsNeeded`], [`Error::NotFinite`]; then none of them was met.
    pub fn among(&mut self, training: ArrayView2<'_, f32>) -> Result<(), Error> {
        check_columns(Set::Training, training, self.rows.ncols())?;
        crate::input::check_finite(Set::Training, training)?;
        if self.k > 0 {
            for block in training.axis_chunks_iter(Axis(0), BLOCK) {
                self.meet(&block.mapv(f64::from).as_standard_layout().into_owned());
            }
        }
        Ok(())
    }

    fn meet(&mut self, block: &Array2<f64>) {
        // |y − x|² = |y|² + |x|² − 2⟨y, x⟩, each sum with a relative error of at most d 2⁻⁵³ of its terms' sizes, which
        // together are at most 2 (|y|² + |x|²); as much again for the exact sum that it stands for.
        let slack = 4.0 * (block.ncols() + 8) as f64 * f64::EPSILON;
        let lengths = squared_lengths(block);
        let mut products = Array2::zeros((self.rows.nrows(), block.nrows()));
        general_mat_mul(1.0, &self.rows, &block.t(), 0.0, &mut products);
        let rows = self.rows.outer_iter().zip(&self.lengths).zip(&mut self.found);
        for (((row, &length), found), products) in rows.zip(products.outer_iter()) {
            let mut furthest = furthest(found, self.k);
            for ((index, &other), &product) in lengths.iter().enumerate().zip(products) {
                let sizes = length + other;
                if sizes - 2.0 * product - slack * sizes >= furthest {
                    continue;
                }
                let square = row.iter().zip(block.row(index)).fold(0.0, |sum, (y, x)| sum + (y - x) * (y - x));
                if square < furthest {
                    let place = found.partition_point(|other| other.distance <= square);
                    found.truncate(self.k - 1);
                    found.insert(place, Nearest { row: self.met + index, distance: square });
                    furthest = self::furthest(found, self.k);
                }
            }
        }
        self.met += block.nrows();
    }

    /// For each row its nearest training rows, the nearest first: k of them, or all if there were fewer.
    #[must_use]
    pub fn finish(mut self) -> Vec<Vec<Nearest>> {
        self.found.iter_mut().flatten().for_each(|nearest| nearest.distance = nearest.distance.sqrt());
        self.found
    }
}

/// The square that a further row must stay below.
fn furthest(found: &[Nearest], k: usize) -> f64 {
    if found.len() < k { f64::INFINITY } else { found[k - 1].distance }
}

fn squared_lengths(rows: &Array2<f64>) -> Vec<f64> {
    rows.outer_iter().map(|row| row.iter().fold(0.0, |sum, x| sum + x * x)).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// All distances, sorted.
    fn by_hand(rows: &Array2<f32>, training: &Array2<f32>, k: usize) -> Vec<Vec<Nearest>> {
        let of = |row: ndarray::ArrayView1<'_, f32>| {
            let distance = |other: ndarray::ArrayView1<'_, f32>| {
                let squares = row.iter().zip(other).map(|(&y, &x)| (f64::from(y) - f64::from(x)).powi(2));
                squares.fold(0.0, |sum, square| sum + square).sqrt()
            };
            let mut all: Vec<_> = training
                .outer_iter()
                .enumerate()
                .map(|(row, other)| Nearest { row, distance: distance(other) })
                .collect();
            all.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            all.truncate(k);
            all
        };
        rows.outer_iter().map(of).collect()
    }

    #[test]
    fn the_nearest_rows_are_named_and_the_first_of_equals() {
        let training = array![[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [6.0, 8.0]];
        let mut search = NearestRows::of(array![[3.0, 4.0], [1.5, 2.0], [60.0, 80.0]].view(), 2).unwrap();
        search.among(training.view()).unwrap();
        let expected = [[(1, 0.0), (2, 0.0)], [(0, 2.5), (1, 2.5)], [(3, 90.0), (1, 95.0)]];
        assert_eq!(search.finish(), expected.map(|row| row.map(|(row, distance)| Nearest { row, distance })));
    }

    #[test]
    fn products_leave_nothing_out() {
        // Far from the origin, where the products round to more than the distances; with ties and copies.
        for (n, m, d, offset) in [(1, 1, 1, 0.0), (600, 40, 3, 1e6), (300, 30, 100, 0.0), (520, 20, 40, 3e4)] {
            let value = |i: usize, k: usize, key: usize| offset + ((i * 37 + k * 11 + key) % 101) as f32 / 8.0;
            let training = Array2::from_shape_fn((n, d), |(i, k)| value(i * i, k, 5));
            let rows = Array2::from_shape_fn((m, d), |(i, k)| value(i, k * k, 60));
            for k in [0, 1, 3, 700] {
                let mut search = NearestRows::of(rows.view(), k).unwrap();
                for part in training.axis_chunks_iter(Axis(0), 270) {
                    search.among(part).unwrap();
                }
                assert_eq!(search.finish(), by_hand(&rows, &training, k), "{n} × {d}, k = {k}");
            }
        }
    }

    #[test]
    fn what_cannot_be_searched_is_an_error() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        assert_eq!(NearestRows::of(zeros(0, 2).view(), 1).unwrap_err(), Error::Empty { set: Set::Only });
        assert_eq!(NearestRows::of(zeros(2, 0).view(), 1).unwrap_err(), Error::NoColumns);
        let mut search = NearestRows::of(zeros(2, 2).view(), 1).unwrap();
        let columns = Error::ColumnsNeeded { set: Set::Training, columns: 3, needed: 2 };
        assert_eq!(search.among(zeros(1, 3).view()), Err(columns));
        let bad = array![[0.0, 1.0], [f32::NAN, 0.0]];
        assert_eq!(search.among(bad.view()), Err(Error::NotFinite { set: Set::Training, row: 1 }));
        assert_eq!(search.finish(), [[], []]);
    }
}
