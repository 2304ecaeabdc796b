use nalgebra::DMatrix;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::eigen::eigen;
use crate::gaussian::narrow;
use crate::input::check_columns;
use crate::{Error, Moments, Set};

/// The orthogonal directions in which rows vary most (principal components): what a picture in the plane shows of rows
/// of many columns.
///
/// They are eigenvectors of the covariance matrix, of length 1, in the order of decreasing variance. An eigenvector and its
/// opposite are the same direction; here the entry of the largest size is positive, the first of several.
///
/// ```
/// use gtn_metrics::{Moments, PrincipalAxes};
/// use ndarray::array;
///
/// // The second column is three times the first, but for a little.
/// let rows = array![[1.0_f32, 3.0], [2.0, 6.1], [3.0, 8.9], [4.0, 12.0]];
/// let axes = PrincipalAxes::of(&Moments::of(rows.view())?, 1)?;
/// assert!(axes.share() > 0.999);
/// let places = axes.project(rows.view())?;
/// assert_eq!(places.dim(), (4, 1));
/// assert!((places[[3, 0]] - places[[0, 0]] - 3.0 * 10.0_f32.sqrt()).abs() < 0.1);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PrincipalAxes {
    mean: Array1<f64>,
    /// One direction a row.
    axes: Array2<f64>,
    variances: Array1<f64>,
    total: f64,
}

impl PrincipalAxes {
    /// The first `count` directions of rows with these moments, or all d if there are fewer.
    ///
    /// # Errors
    ///
    /// [`Error::NoEigenvectors`].
    pub fn of(moments: &Moments, count: usize) -> Result<Self, Error> {
        let (values, vectors) = eigen(moments.symmetric())?;
        let d = values.len();
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        order.truncate(count);
        let directed = |column: usize| {
            let largest = (0..d).fold(0, |at, row| if larger(&vectors, column, row, at) { row } else { at });
            if vectors[(largest, column)] < 0.0 { -1.0 } else { 1.0 }
        };
        let axes = Array2::from_shape_fn((order.len(), d), |(i, k)| directed(order[i]) * vectors[(k, order[i])]);
        // Rounding may leave a negative trace where there is no variance.
        let variances = order.iter().map(|&i| values[i].max(0.0)).collect();
        Ok(Self { mean: moments.mean().to_owned(), axes, variances, total: moments.trace() })
    }

    /// The directions, one a row: count × d.
    pub fn axes(&self) -> ArrayView2<'_, f64> {
        self.axes.view()
    }

    /// The variance along each direction.
    pub fn variances(&self) -> ArrayView1<'_, f64> {
        self.variances.view()
    }

    /// The share of the total variance that lies in these directions, in [0, 1]; 1 if there is none.
    pub fn share(&self) -> f64 {
        if self.total > 0.0 { (self.variances.sum() / self.total).min(1.0) } else { 1.0 }
    }

    /// The places of n × d rows along the directions, from the mean: n × count. A row that is not finite has a place that
    /// is not.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnsNeeded`].
    pub fn project(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, Error> {
        check_columns(Set::Only, rows, self.mean.len())?;
        let centered = rows.mapv(f64::from) - &self.mean;
        Ok(centered.dot(&self.axes.t()).mapv(|place| if place.is_finite() { narrow(place) } else { f32::NAN }))
    }
}

fn larger(vectors: &DMatrix<f64>, column: usize, row: usize, than: usize) -> bool {
    vectors[(row, column)].abs() > vectors[(than, column)].abs()
}

#[cfg(test)]
mod tests {
    use ndarray::{Axis, array, s};

    use super::*;

    fn rows() -> Array2<f32> {
        Array2::from_shape_fn((200, 6), |(i, k)| {
            let value = |key: usize| ((i * i * 37 + i * (11 + key) + 29 * key) % 101) as f32 - 50.0;
            value(k) * (6 - k) as f32 + 0.5 * value(k + 3)
        })
    }

    #[test]
    fn directions_are_orthonormal_eigenvectors_in_order() {
        let moments = Moments::of(rows().view()).unwrap();
        let all = PrincipalAxes::of(&moments, 9).unwrap();
        assert_eq!(all.axes().dim(), (6, 6));
        let product = all.axes().dot(&all.axes().t()) - Array2::<f64>::eye(6);
        assert!(product.iter().all(|x| x.abs() < 1e-12));
        assert!(all.variances().windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
        for (axis, &variance) in all.axes().outer_iter().zip(all.variances()) {
            let left = moments.covariance().dot(&axis) - &axis * variance;
            assert!(left.iter().all(|x| x.abs() < 1e-9 * variance.max(1.0)), "{left}");
            let largest = axis.iter().fold(0.0_f64, |most, &x| if x.abs() > most.abs() { x } else { most });
            assert!(largest > 0.0);
        }
        assert!((all.share() - 1.0).abs() < 1e-12);
        let two = PrincipalAxes::of(&moments, 2).unwrap();
        assert_eq!(two.axes(), all.axes().slice(s![..2, ..]));
        assert!(two.share() < 1.0 && two.share() > 0.4, "{}", two.share());
    }

    #[test]
    fn places_have_the_variances_and_keep_distances() {
        let rows = rows();
        let axes = PrincipalAxes::of(&Moments::of(rows.view()).unwrap(), 6).unwrap();
        let places = axes.project(rows.view()).unwrap();
        let moments = Moments::of(places.view()).unwrap();
        for (k, &variance) in axes.variances().iter().enumerate() {
            assert!(moments.mean()[k].abs() < 1e-4);
            assert!((moments.covariance()[(k, k)] / variance - 1.0).abs() < 1e-5);
        }
        let length = |rows: &Array2<f32>| (&rows.row(3) - &rows.row(77)).mapv(|x| x * x).sum().sqrt();
        assert!((length(&places) / length(&rows) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn by_hand_and_at_the_edge() {
        // Along (0.6, 0.8), and at a right angle to it not at all.
        let rows = array![[3.0, 4.0], [-3.0, -4.0], [6.0, 8.0], [-6.0, -8.0]];
        let axes = PrincipalAxes::of(&Moments::of(rows.view()).unwrap(), 1).unwrap();
        assert!((axes.axes()[(0, 0)] - 0.6).abs() < 1e-12 && (axes.axes()[(0, 1)] - 0.8).abs() < 1e-12);
        assert!((axes.share() - 1.0).abs() < 1e-12);
        let places = axes.project(rows.view()).unwrap();
        assert!(places.index_axis(Axis(1), 0).iter().zip([5.0, -5.0, 10.0, -10.0]).all(|(a, b)| (a - b).abs() < 1e-5));

        let same = PrincipalAxes::of(&Moments::of(Array2::ones((3, 4)).view()).unwrap(), 2).unwrap();
        assert_eq!((same.share(), same.variances().to_vec()), (1.0, vec![0.0, 0.0]));
        let odd = array![[f32::NAN, 0.0], [f32::INFINITY, 0.0], [3.0, 4.0]];
        let places = axes.project(odd.view()).unwrap();
        assert!(places[[0, 0]].is_nan() && places[[1, 0]].is_nan() && places[[2, 0]].is_finite());
        let columns = Error::ColumnsNeeded { set: Set::Only, columns: 3, needed: 2 };
        assert_eq!(axes.project(Array2::zeros((1, 3)).view()), Err(columns));
    }
}
