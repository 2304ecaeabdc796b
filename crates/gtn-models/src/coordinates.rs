use gtn_run::config::CoordinateSystem;
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};
use rand::Rng;

use crate::error::{require_array, require_columns};
use crate::{Error, NamedArrays, Result};

/// The components of a source (Appendix C), and the linear map between data and the coordinates in which each component is
/// paired and learned.
///
/// Component k has the probability wₖ, the mean mₖ and the covariance Lₖ Lₖᵀ. Let sₖ be the root of the mean variance of a column.
/// A normal vector y starts at the point u of the coordinates, and a point z of the coordinates belongs to the data vector x:
///
/// | system | u | x |
/// |---|---|---|
/// | `normalized` | y | z |
/// | `scaled` | y | mₖ + sₖ z |
/// | `whitened` | y | mₖ + Lₖ z |
/// | `covariance` | Lₖ y / sₖ | mₖ + sₖ z |
///
/// ```
/// use gtn_models::Coordinates;
/// use gtn_run::config::CoordinateSystem;
/// use ndarray::array;
///
/// // Two components of equal size, around −5 and 5.
/// let (weights, means, factors) = (array![0.5, 0.5], array![[-5.0], [5.0]], array![[[1.0]], [[2.0]]]);
/// let coordinates = Coordinates::new(CoordinateSystem::Scaled, weights, means, factors)?;
/// let z = coordinates.to_coordinates(array![[-4.0], [9.0]].view(), &[0, 1]);
/// assert_eq!(z, array![[1.0], [2.0]]);
/// assert_eq!(coordinates.to_data(z.view(), &[0, 1]), array![[-4.0], [9.0]]);
/// assert_eq!(coordinates.assign(array![[-3.0], [1.0]].view()), [0, 1]);
/// # Ok::<(), gtn_models::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Coordinates {
    system: CoordinateSystem,
    weights: Array1<f32>,
    means: Array2<f32>,
    factors: Array3<f32>,
    components: Vec<Component>,
}

/// What is derived from one component, in f64.
#[derive(Debug, Clone, PartialEq)]
struct Component {
    mean: Array1<f64>,
    scale: f64,
    /// Lᵀ
    transposed: Array2<f64>,
    /// (L⁻¹)ᵀ
    transposed_inverse: Array2<f64>,
    /// ln w − ln det L
    log_weight: f64,
}

pub(crate) const WEIGHTS: &str = "weights";
pub(crate) const MEANS: &str = "means";
pub(crate) const FACTORS: &str = "factors";

impl Coordinates {
    /// Coordinates of K components in d dimensions: probabilities of shape (K), means (K, d), and lower triangular factors of
    /// the covariances (K, d, d).
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the shapes do not belong together, [`Error::NotFinite`] or [`Error::NotPositive`] if a value is
    /// invalid, or if a diagonal has a value that is not above 0.
    pub fn new(
        system: CoordinateSystem,
        weights: Array1<f32>,
        means: Array2<f32>,
        factors: Array3<f32>,
    ) -> Result<Self> {
        let (count, dim) = means.dim();
        require_columns("the weights of the components", weights.len(), count)?;
        for (axis, expected) in [(0, count), (1, dim), (2, dim)] {
            require_columns("the factors of the components", factors.len_of(Axis(axis)), expected)?;
        }
        let are_finite = weights.iter().chain(&means).chain(&factors).all(|value| value.is_finite());
        if !are_finite {
            return Err(Error::NotFinite { name: "coordinates".to_owned() });
        }
        let diagonals = factors.outer_iter().flat_map(|factor| factor.diag().to_vec());
        if count == 0 || dim == 0 || !weights.iter().copied().chain(diagonals).all(|value| value > 0.0) {
            return Err(Error::NotPositive { name: "coordinates".to_owned() });
        }
        let component = |k: usize| Component::new(weights[k], &means.index_axis(Axis(0), k).to_owned(), &factors, k);
        let components = (0..count).map(component).collect();
        Ok(Self { system, weights, means, factors, components })
    }

    /// How the data of a component are transformed.
    #[must_use]
    pub fn system(&self) -> CoordinateSystem {
        self.system
    }

    /// Number of components K, at least 1.
    #[must_use]
    pub fn components(&self) -> usize {
        self.components.len()
    }

    /// Dimension d.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.means.ncols()
    }

    /// The probabilities wₖ of the components, shape (K). They sum to 1 up to rounding.
    #[must_use]
    pub fn weights(&self) -> &Array1<f32> {
        &self.weights
    }

    /// The number of columns by which a network is told the component: K, or 0 if there is only one.
    #[must_use]
    pub fn indicator_columns(&self) -> usize {
        if self.components() > 1 { self.components() } else { 0 }
    }

    /// z of data vectors x, shape (n, d). `labels` has the component of each row.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, or if a label is not below [`components`](Self::components).
    #[must_use]
    pub fn to_coordinates(&self, data: ArrayView2<'_, f32>, labels: &[u32]) -> Array2<f32> {
        let system = self.system;
        self.map(data, labels, |component, x| match system {
            CoordinateSystem::Whitened => (x - &component.mean).dot(&component.transposed_inverse),
            CoordinateSystem::Scaled | CoordinateSystem::Covariance => (x - &component.mean) / component.scale,
            _ => x,
        })
    }

    /// x of points z, shape (n, d): the inverse of [`to_coordinates`](Self::to_coordinates).
    ///
    /// # Panics
    ///
    /// As [`to_coordinates`](Self::to_coordinates).
    #[must_use]
    pub fn to_data(&self, points: ArrayView2<'_, f32>, labels: &[u32]) -> Array2<f32> {
        let system = self.system;
        self.map(points, labels, |component, z| match system {
            CoordinateSystem::Whitened => z.dot(&component.transposed) + &component.mean,
            CoordinateSystem::Scaled | CoordinateSystem::Covariance => z * component.scale + &component.mean,
            _ => z,
        })
    }

    /// u of normal vectors y, shape (n, d).
    ///
    /// # Panics
    ///
    /// As [`to_coordinates`](Self::to_coordinates).
    #[must_use]
    pub fn source_to_coordinates(&self, source: ArrayView2<'_, f32>, labels: &[u32]) -> Array2<f32> {
        match self.system {
            CoordinateSystem::Covariance => {
                self.map(source, labels, |component, y| y.dot(&component.transposed) / component.scale)
            }
            _ => source.to_owned(),
        }
    }

    /// y of points u, shape (n, d): the inverse of [`source_to_coordinates`](Self::source_to_coordinates).
    ///
    /// # Panics
    ///
    /// As [`to_coordinates`](Self::to_coordinates).
    #[must_use]
    pub fn coordinates_to_source(&self, points: ArrayView2<'_, f32>, labels: &[u32]) -> Array2<f32> {
        match self.system {
            CoordinateSystem::Covariance => {
                self.map(points, labels, |component, u| u.dot(&component.transposed_inverse) * component.scale)
            }
            _ => points.to_owned(),
        }
    }

    /// The component of each data vector: that with the largest probability, where the density of each component is a normal
    /// distribution.
    ///
    /// # Panics
    ///
    /// If the data do not have [`dim`](Self::dim) columns.
    #[must_use]
    pub fn assign(&self, data: ArrayView2<'_, f32>) -> Vec<u32> {
        if self.components() == 1 {
            return vec![0; data.nrows()];
        }
        let data = data.mapv(f64::from);
        let mut best = vec![(f64::NEG_INFINITY, 0); data.nrows()];
        for (k, component) in (0..).zip(&self.components) {
            let whitened = (&data - &component.mean).dot(&component.transposed_inverse);
            for (best, row) in best.iter_mut().zip(whitened.outer_iter()) {
                let log_density = component.log_weight - 0.5 * row.dot(&row);
                if log_density > best.0 {
                    *best = (log_density, k);
                }
            }
        }
        best.into_iter().map(|(_, k)| k).collect()
    }

    /// Draws the components of `n` samples. With a single component, nothing is drawn from `rng`.
    #[must_use]
    pub fn draw(&self, n: usize, rng: &mut (impl Rng + ?Sized)) -> Vec<u32> {
        if self.components() == 1 {
            return vec![0; n];
        }
        let total: f64 = self.weights.iter().map(|&weight| f64::from(weight)).sum();
        let last = self.components() as u32 - 1;
        let mut draw = || {
            let mut rest = rng.random::<f64>() * total;
            for (k, &weight) in (0..).zip(&self.weights) {
                rest -= f64::from(weight);
                if rest < 0.0 {
                    return k;
                }
            }
            last
        };
        (0..n).map(|_| draw()).collect()
    }

    /// The points with a column for each component beside them, which is 1 for that of the row and 0 otherwise; the points alone
    /// if there is only one component: the input of a network.
    ///
    /// # Panics
    ///
    /// As [`to_coordinates`](Self::to_coordinates).
    #[must_use]
    pub fn with_indicators(&self, points: ArrayView2<'_, f32>, labels: &[u32]) -> Array2<f32> {
        let (n, d) = points.dim();
        let mut input = Array2::zeros((n, d + self.indicator_columns()));
        input.slice_mut(s![.., ..d]).assign(&points);
        if self.components() > 1 {
            for (mut row, &label) in input.outer_iter_mut().zip(labels) {
                row[d + label as usize] = 1.0;
            }
        }
        input
    }

    /// Weights, means and factors by name.
    #[must_use]
    pub fn to_arrays(&self) -> NamedArrays {
        [
            (WEIGHTS, self.weights.clone().into_dyn()),
            (MEANS, self.means.clone().into_dyn()),
            (FACTORS, self.factors.clone().into_dyn()),
        ]
        .map(|(name, array)| (name.to_owned(), array))
        .into()
    }

    /// The coordinates of [`to_arrays`](Self::to_arrays), in `dim` dimensions.
    ///
    /// # Errors
    ///
    /// [`Error::MissingWeight`] or [`Error::WeightShape`] if an array is missing or has another shape; otherwise as
    /// [`new`](Self::new).
    pub fn from_arrays(system: CoordinateSystem, dim: usize, arrays: &NamedArrays) -> Result<Self> {
        let count = arrays.get(WEIGHTS).map_or(0, |weights| weights.len());
        let array = |name, shape: &[usize]| require_array(arrays, name, shape).cloned();
        let checked = "the number of dimensions was checked";
        Self::new(
            system,
            array(WEIGHTS, &[count])?.into_dimensionality().expect(checked),
            array(MEANS, &[count, dim])?.into_dimensionality().expect(checked),
            array(FACTORS, &[count, dim, dim])?.into_dimensionality().expect(checked),
        )
    }

    /// Applies a map to the rows of each component, in f64.
    fn map(
        &self,
        rows: ArrayView2<'_, f32>,
        labels: &[u32],
        apply: impl Fn(&Component, Array2<f64>) -> Array2<f64>,
    ) -> Array2<f32> {
        assert_eq!(rows.nrows(), labels.len(), "each row has a component");
        if let [component] = self.components.as_slice() {
            return apply(component, rows.mapv(f64::from)).mapv(|value| value as f32);
        }
        let mut rows_of: Vec<Vec<usize>> = vec![Vec::new(); self.components()];
        for (row, &label) in labels.iter().enumerate() {
            rows_of[label as usize].push(row);
        }
        let mut mapped = rows.to_owned();
        for (component, indices) in self.components.iter().zip(&rows_of) {
            let part = apply(component, rows.select(Axis(0), indices).mapv(f64::from));
            for (&row, part) in indices.iter().zip(part.outer_iter()) {
                mapped.row_mut(row).assign(&part.mapv(|value| value as f32));
            }
        }
        mapped
    }
}

impl Component {
    fn new(weight: f32, mean: &Array1<f32>, factors: &Array3<f32>, k: usize) -> Self {
        let lower = factors.index_axis(Axis(0), k);
        let dim = lower.nrows();
        // What is above the diagonal does not count.
        let factor = Array2::from_shape_fn((dim, dim), |(i, j)| if j <= i { f64::from(lower[(i, j)]) } else { 0.0 });
        let mut inverse = Array2::zeros((dim, dim));
        for i in 0..dim {
            // Forward substitution: row i of the inverse from those above it.
            let mut row = -factor.slice(s![i, ..i]).dot(&inverse.slice(s![..i, ..]));
            row[i] += 1.0;
            inverse.row_mut(i).assign(&(row / factor[(i, i)]));
        }
        let variance = factor.iter().map(|value| value * value).sum::<f64>() / dim as f64;
        Self {
            mean: mean.mapv(f64::from),
            scale: variance.sqrt(),
            transposed: factor.t().to_owned(),
            transposed_inverse: inverse.t().to_owned(),
            log_weight: f64::from(weight).ln() - factor.diag().iter().map(|value| value.ln()).sum::<f64>(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::Streams;

    const SYSTEMS: [CoordinateSystem; 4] = [
        CoordinateSystem::Normalized,
        CoordinateSystem::Scaled,
        CoordinateSystem::Whitened,
        CoordinateSystem::Covariance,
    ];

    fn coordinates(system: CoordinateSystem) -> Coordinates {
        let factors = array![
            [[2.0, 0.0, 0.0], [0.5, 1.0, 0.0], [-1.0, 0.3, 0.7]],
            [[1.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.2, 0.1, 0.1]]
        ];
        let means = array![[1.0, 2.0, 3.0], [-20.0, 0.0, 5.0]];
        Coordinates::new(system, array![0.25, 0.75], means, factors).unwrap()
    }

    #[test]
    fn maps_are_undone_by_their_inverses() {
        let rows = Streams::new(1).normal("rows", 0, 50, 3);
        let labels: Vec<u32> = (0..50).map(|row| row % 2).collect();
        for system in SYSTEMS {
            let coordinates = coordinates(system);
            let x = coordinates.to_data(rows.view(), &labels);
            let z = coordinates.to_coordinates(x.view(), &labels);
            assert!((&z - &rows).iter().all(|error| error.abs() < 1e-4), "{system}");
            let u = coordinates.source_to_coordinates(rows.view(), &labels);
            let y = coordinates.coordinates_to_source(u.view(), &labels);
            assert!((&y - &rows).iter().all(|error| error.abs() < 1e-5), "{system}");
            let arrays = coordinates.to_arrays();
            assert_eq!(Coordinates::from_arrays(system, 3, &arrays).unwrap(), coordinates);
            assert!(Coordinates::from_arrays(system, 4, &arrays).is_err());
        }
    }

    #[test]
    fn the_source_has_the_covariance_of_the_data() {
        // u = L y / s and x = m + s u: together m + L y.
        let coordinates = coordinates(CoordinateSystem::Covariance);
        let y = array![[1.0, 0.0, 0.0]];
        let x = coordinates.to_data(coordinates.source_to_coordinates(y.view(), &[0]).view(), &[0]);
        for (found, expected) in x.iter().zip([3.0, 2.5, 2.0]) {
            assert!((found - expected).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn components_are_drawn_with_their_weights_and_found_again() {
        let coordinates = coordinates(CoordinateSystem::Whitened);
        let streams = Streams::new(2);
        let labels = coordinates.draw(4000, &mut streams.stream("labels", 0));
        let share = labels.iter().filter(|&&label| label == 1).count() as f64 / 4000.0;
        assert!((share - 0.75).abs() < 0.03, "{share}");
        let x = coordinates.to_data(streams.normal("rows", 0, 4000, 3).view(), &labels);
        assert_eq!(coordinates.assign(x.view()), labels);
        let input = coordinates.with_indicators(x.view(), &labels);
        assert_eq!(input.ncols(), 5);
        assert!(
            input
                .outer_iter()
                .zip(&labels)
                .all(|(row, &label)| row[3 + label as usize] == 1.0 && row[4 - label as usize] == 0.0)
        );
    }

    #[test]
    fn invalid_coordinates_are_rejected() {
        let new = |weights, means, factors| Coordinates::new(CoordinateSystem::Scaled, weights, means, factors);
        assert!(new(array![1.0], array![[0.0]], array![[[1.0]]]).is_ok());
        assert!(new(array![1.0, 1.0], array![[0.0]], array![[[1.0]]]).is_err());
        assert!(new(array![1.0], array![[0.0]], array![[[0.0]]]).is_err());
        assert!(new(array![1.0], array![[f32::NAN]], array![[[1.0]]]).is_err());
        assert!(new(array![0.0], array![[0.0]], array![[[1.0]]]).is_err());
        assert!(new(array![], Array2::zeros((0, 1)), Array3::zeros((0, 1, 1))).is_err());
    }
}
