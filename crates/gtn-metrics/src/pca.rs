use nalgebra::DMatrix;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::eigen::Algorithm;
use crate::gaussian::clamp_to_f32;
use crate::input_checks::check_columns;
use crate::{Error, SampleMoments, SampleSet};

/// Principal component analysis: the orthogonal directions in which rows vary most.
///
/// Use it to plot rows of many columns in the plane. It works like scikit-learn's `PCA`.
///
/// The components are eigenvectors of the covariance matrix, of length 1 and in order of decreasing variance. Their
/// sign is chosen so that the entry of the largest magnitude is positive (the first one if there are several).
///
/// ```
/// use gtn_metrics::Pca;
/// use ndarray::array;
///
/// // The second column is approximately three times the first.
/// let rows = array![[1.0_f32, 3.0], [2.0, 6.1], [3.0, 8.9], [4.0, 12.0]];
/// let pca = Pca::fit(rows.view(), 1)?;
/// assert!(pca.explained_variance_ratio() > 0.999);
/// let projected = pca.transform(rows.view())?;
/// assert_eq!(projected.dim(), (4, 1));
/// assert!((projected[[3, 0]] - projected[[0, 0]] - 3.0 * 10.0_f32.sqrt()).abs() < 0.1);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    mean: Array1<f64>,
    /// One component per row.
    components: Array2<f64>,
    explained_variance: Array1<f64>,
    total_variance: f64,
}

impl Pca {
    /// The first `n_components` components of n × d rows, or all d if there are fewer.
    ///
    /// # Errors
    ///
    /// Those of [`SampleMoments::from_rows`]; [`Error::EigendecompositionFailed`].
    pub fn fit(rows: ArrayView2<'_, f32>, n_components: usize) -> Result<Self, Error> {
        Self::from_moments(&SampleMoments::from_rows(rows)?, n_components)
    }

    /// The first `n_components` components of rows with these moments, or all d if there are fewer.
    ///
    /// # Errors
    ///
    /// [`Error::EigendecompositionFailed`].
    pub fn from_moments(moments: &SampleMoments, n_components: usize) -> Result<Self, Error> {
        let (values, vectors) = Algorithm::Unblocked.symmetric_eigen(moments.covariance_matrix())?;
        let d = values.len();
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        order.truncate(n_components);
        let sign = |column: usize| {
            let largest = (0..d).fold(0, |at, row| if is_larger(&vectors, column, row, at) { row } else { at });
            if vectors[(largest, column)] < 0.0 { -1.0 } else { 1.0 }
        };
        let components = Array2::from_shape_fn((order.len(), d), |(i, k)| sign(order[i]) * vectors[(k, order[i])]);
        // Rounding may make a zero variance slightly negative.
        let explained_variance = order.iter().map(|&i| values[i].max(0.0)).collect();
        Ok(Self { mean: moments.mean().to_owned(), components, explained_variance, total_variance: moments.trace() })
    }

    /// The components, one per row: n_components × d.
    pub fn components(&self) -> ArrayView2<'_, f64> {
        self.components.view()
    }

    /// The variance along each component.
    pub fn explained_variance(&self) -> ArrayView1<'_, f64> {
        self.explained_variance.view()
    }

    /// The fraction of the total variance that all components together explain, in [0, 1]. It is 1 if the rows have no
    /// variance. (scikit-learn's `explained_variance_ratio_` has one such fraction per component; this is their sum.)
    pub fn explained_variance_ratio(&self) -> f64 {
        let explained = self.explained_variance.sum();
        if self.total_variance > 0.0 { (explained / self.total_variance).min(1.0) } else { 1.0 }
    }

    /// The coordinates of n × d rows along the components, relative to the mean: n × n_components. A row that is not
    /// finite has coordinates that are not finite.
    ///
    /// # Errors
    ///
    /// [`Error::WrongColumnCount`].
    pub fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, Error> {
        check_columns(SampleSet::Single, rows, self.mean.len())?;
        let centered = rows.mapv(f64::from) - &self.mean;
        let coordinates = centered.dot(&self.components.t());
        Ok(coordinates.mapv(|x| if x.is_finite() { clamp_to_f32(x) } else { f32::NAN }))
    }
}

fn is_larger(vectors: &DMatrix<f64>, column: usize, row: usize, than: usize) -> bool {
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
    fn components_are_orthonormal_eigenvectors_in_order() {
        let moments = SampleMoments::from_rows(rows().view()).unwrap();
        let all = Pca::from_moments(&moments, 9).unwrap();
        assert_eq!(all.components().dim(), (6, 6));
        let product = all.components().dot(&all.components().t()) - Array2::<f64>::eye(6);
        assert!(product.iter().all(|x| x.abs() < 1e-12));
        assert!(all.explained_variance().windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
        for (component, &variance) in all.components().outer_iter().zip(all.explained_variance()) {
            let residual = moments.covariance().dot(&component) - &component * variance;
            assert!(residual.iter().all(|x| x.abs() < 1e-9 * variance.max(1.0)), "{residual}");
            let largest = component.iter().fold(0.0_f64, |max, &x| if x.abs() > max.abs() { x } else { max });
            assert!(largest > 0.0);
        }
        assert!((all.explained_variance_ratio() - 1.0).abs() < 1e-12);
        let two = Pca::from_moments(&moments, 2).unwrap();
        assert_eq!(two.components(), all.components().slice(s![..2, ..]));
        assert!(
            two.explained_variance_ratio() < 1.0 && two.explained_variance_ratio() > 0.4,
            "{}",
            two.explained_variance_ratio()
        );
    }

    #[test]
    fn coordinates_have_the_variances_and_keep_distances() {
        let rows = rows();
        let pca = Pca::fit(rows.view(), 6).unwrap();
        let coordinates = pca.transform(rows.view()).unwrap();
        let moments = SampleMoments::from_rows(coordinates.view()).unwrap();
        for (k, &variance) in pca.explained_variance().iter().enumerate() {
            assert!(moments.mean()[k].abs() < 1e-4);
            assert!((moments.covariance()[(k, k)] / variance - 1.0).abs() < 1e-5);
        }
        let length = |rows: &Array2<f32>| (&rows.row(3) - &rows.row(77)).mapv(|x| x * x).sum().sqrt();
        assert!((length(&coordinates) / length(&rows) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn small_and_degenerate_sets_match_hand_computed_values() {
        // All variance is along (0.6, 0.8).
        let rows = array![[3.0, 4.0], [-3.0, -4.0], [6.0, 8.0], [-6.0, -8.0]];
        let pca = Pca::fit(rows.view(), 1).unwrap();
        assert!((pca.components()[(0, 0)] - 0.6).abs() < 1e-12 && (pca.components()[(0, 1)] - 0.8).abs() < 1e-12);
        assert!((pca.explained_variance_ratio() - 1.0).abs() < 1e-12);
        let coordinates = pca.transform(rows.view()).unwrap();
        assert!(
            coordinates.index_axis(Axis(1), 0).iter().zip([5.0, -5.0, 10.0, -10.0]).all(|(a, b)| (a - b).abs() < 1e-5)
        );

        let constant = Pca::fit(Array2::ones((3, 4)).view(), 2).unwrap();
        assert_eq!(
            (constant.explained_variance_ratio(), constant.explained_variance().to_vec()),
            (1.0, vec![0.0, 0.0])
        );
        let not_finite = array![[f32::NAN, 0.0], [f32::INFINITY, 0.0], [3.0, 4.0]];
        let coordinates = pca.transform(not_finite.view()).unwrap();
        assert!(coordinates[[0, 0]].is_nan() && coordinates[[1, 0]].is_nan() && coordinates[[2, 0]].is_finite());
        let columns = Error::WrongColumnCount { set: SampleSet::Single, columns: 3, expected: 2 };
        assert_eq!(pca.transform(Array2::zeros((1, 3)).view()), Err(columns));
    }
}
