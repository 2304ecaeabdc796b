use gtn_io::names;
use ndarray::{Array1, Array2, ArrayView1, Axis};

use crate::Result;
use crate::error::require_columns;
use crate::{Generator, Sampling, SourceRows, Streams, purpose};

names! {
    /// How to interpolate between two normal vectors.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    #[non_exhaustive]
    pub enum Interpolation: "interpolation" {
        /// Linear interpolation along a straight line, as in the paper's Figure 6.
        #[default]
        Linear => "linear",
        /// Spherical interpolation (slerp) of the directions and linear interpolation of the norms.
        ///
        /// Normal vectors of many dimensions are concentrated far from the origin. Spherical interpolation keeps that
        /// distance, whereas a straight line passes closer to the origin. If the vectors are opposite (to 1e-7 of their
        /// length), their great circle is not unique, and if one of them is zero, there is none; then the interpolation is
        /// linear.
        Spherical => "spherical",
    }
}

impl Interpolation {
    /// `count` evenly spaced vectors from `from` to `to`, shape (`count`, d).
    ///
    /// The first and the last row equal `from` and `to` bit for bit. If `count` is 1, the only row is `from`.
    ///
    /// ```
    /// use gtn_models::Interpolation;
    /// use ndarray::array;
    ///
    /// let (from, to) = (array![2.0_f32, 0.0], array![0.0_f32, 2.0]);
    /// let linear = Interpolation::Linear.between(from.view(), to.view(), 3)?;
    /// assert_eq!(linear, array![[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]]);
    /// let spherical = Interpolation::Spherical.between(from.view(), to.view(), 3)?;
    /// assert!((spherical[[1, 0]] - 2.0_f32.sqrt()).abs() < 1e-6); // as far from the origin as the endpoints
    /// # Ok::<(), gtn_models::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Columns`](crate::Error::Columns) if the vectors differ in length.
    pub fn between(self, from: ArrayView1<'_, f32>, to: ArrayView1<'_, f32>, count: usize) -> Result<Array2<f32>> {
        require_columns("the second endpoint of an interpolation", to.len(), from.len())?;
        let (a, b) = (from.mapv(f64::from), to.mapv(f64::from));
        let mut points = Array2::zeros((count, a.len()));
        for (index, mut row) in points.axis_iter_mut(Axis(0)).enumerate() {
            let t = index as f64 / count.saturating_sub(1).max(1) as f64;
            let point = match self {
                Interpolation::Spherical => spherical(&a, &b, t).unwrap_or_else(|| linear(&a, &b, t)),
                Interpolation::Linear => linear(&a, &b, t),
            };
            row.assign(&point.mapv(|value| value as f32));
        }
        // The sines reproduce the endpoints only up to rounding.
        if count > 1 {
            points.row_mut(count - 1).assign(&to);
        }
        if count > 0 {
            points.row_mut(0).assign(&from);
        }
        Ok(points)
    }
}

fn linear(a: &Array1<f64>, b: &Array1<f64>, t: f64) -> Array1<f64> {
    a * (1.0 - t) + b * t
}

/// Spherical interpolation of the directions (Shoemake 1985), linear interpolation of the norms.
fn spherical(a: &Array1<f64>, b: &Array1<f64>, t: f64) -> Option<Array1<f64>> {
    let (norm_a, norm_b) = (a.dot(a).sqrt(), b.dot(b).sqrt());
    if norm_a == 0.0 || norm_b == 0.0 {
        return None;
    }
    let (u, v) = (a / norm_a, b / norm_b);
    // Unlike the arccosine, this is accurate even where the cosine is close to ±1.
    let (difference, sum) = (&u - &v, &u + &v);
    let angle = 2.0 * difference.dot(&difference).sqrt().atan2(sum.dot(&sum).sqrt());
    if angle.sin() < 1e-7 {
        return None;
    }
    let direction = u * (((1.0 - t) * angle).sin() / angle.sin()) + v * ((t * angle).sin() / angle.sin());
    Some(direction * (norm_a * (1.0 - t) + norm_b * t))
}

impl Generator {
    /// Endpoints of `rows` interpolations, shape (2 `rows`, d): row 2i and row 2i + 1 belong together. They have the same component, so that
    /// each interpolation is connected.
    #[must_use]
    pub fn draw_endpoints(&self, rows: usize, streams: &Streams) -> SourceRows {
        let source = streams.normal(purpose::INTERPOLATE, 0, 2 * rows, self.source_dim());
        let mut stream = streams.stream(purpose::INTERPOLATE_COMPONENTS, 0);
        let components = self.draw_components(rows, &mut stream);
        SourceRows { source, components: components.into_iter().flat_map(|component| [component; 2]).collect() }
    }

    /// Latents along the interpolation between the endpoints 2 `row` and 2 `row` + 1, shape (`steps`, d).
    ///
    /// Between two components there is no path: the first half belongs to one, the second half to the other.
    ///
    /// # Errors
    ///
    /// As [`map_by`](Self::map_by).
    pub fn interpolate(
        &self,
        endpoints: &SourceRows,
        row: usize,
        interpolation: Interpolation,
        steps: usize,
    ) -> Result<Array2<f32>> {
        let (from, to) = (2 * row, 2 * row + 1);
        let source = interpolation.between(endpoints.source.row(from), endpoints.source.row(to), steps)?;
        let component = |step: usize| endpoints.components[if 2 * step < steps { from } else { to }];
        let components = (0..steps).map(component).collect();
        self.map_by(&SourceRows { source, components }, &Sampling::default())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    fn vector() -> impl Strategy<Value = Array1<f32>> {
        prop::collection::vec(-3.0_f32..3.0, 4).prop_map(Array1::from)
    }

    #[test]
    fn display_and_from_str_round_trip() {
        for &interpolation in Interpolation::ALL {
            assert_eq!(interpolation.to_string().parse(), Ok(interpolation));
        }
        assert!("circle".parse::<Interpolation>().is_err());
    }

    proptest! {
        #[test]
        fn endpoints_are_exact((a, b) in (vector(), vector()), count in 2_usize..30) {
            for interpolation in [Interpolation::Linear, Interpolation::Spherical] {
                let points = interpolation.between(a.view(), b.view(), count).unwrap();
                prop_assert_eq!(points.row(0), &a, "{:?}", interpolation);
                prop_assert_eq!(points.row(count - 1), &b, "{:?}", interpolation);
                // Linear interpolation is evenly spaced: every distance is close to the mean distance.
                let lengths: Vec<f32> = points.axis_iter(Axis(0)).zip(points.axis_iter(Axis(0)).skip(1))
                    .map(|(p, q)| (&p - &q).mapv(|x| x * x).sum().sqrt()).collect();
                let mean = lengths.iter().sum::<f32>() / lengths.len() as f32;
                let is_spherical = interpolation == Interpolation::Spherical;
                prop_assert!(is_spherical || lengths.iter().all(|&length| (length - mean).abs() < 1e-4));
            }
        }

        #[test]
        fn spherical_interpolation_preserves_equal_norms(a in vector(), b in vector(), t in 0.0_f64..1.0) {
            let (a, b) = (a.mapv(f64::from), b.mapv(f64::from));
            let norm = |v: &Array1<f64>| v.dot(v).sqrt();
            prop_assume!(norm(&a) > 1e-3 && norm(&b) > 1e-3);
            let b = &b * (norm(&a) / norm(&b));
            if let Some(point) = spherical(&a, &b, t) {
                prop_assert!((norm(&point) - norm(&a)).abs() < 1e-6 * norm(&a));
            }
        }

        #[test]
        fn spherical_interpolation_changes_norms_linearly((a, b) in (vector(), vector()), count in 3_usize..30) {
            let norm = |v: ArrayView1<'_, f32>| v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            let (from, to) = (norm(a.view()), norm(b.view()));
            prop_assume!(from > 1e-3 && to > 1e-3);
            let cosine = a.iter().zip(&b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>() / (from * to);
            prop_assume!(cosine > -0.999_999);
            let points = Interpolation::Spherical.between(a.view(), b.view(), count).unwrap();
            let norms: Vec<f64> = points.axis_iter(Axis(0)).map(norm).collect();
            for (index, found) in norms.iter().enumerate() {
                let t = index as f64 / (count - 1) as f64;
                let expected = from + t * (to - from);
                prop_assert!((found - expected).abs() < 1e-5 * expected, "{found} {expected}");
            }
            // Hence the norms are monotonic up to rounding.
            let up = (to - from).signum();
            prop_assert!(norms.windows(2).all(|pair| up * (pair[1] - pair[0]) > -1e-5 * from.max(to)), "{norms:?}");
        }

        #[test]
        fn opposite_and_nearly_opposite_endpoints_give_bounded_points(
            a in vector(), factor in 0.01_f32..100.0, exponent in -30_i32..0, count in 2_usize..30,
        ) {
            let mut b = &a * -factor;
            b[0] += 2.0_f32.powi(exponent);
            for (from, to) in [(&a, &b), (&b, &a), (&a, &-&a)] {
                let points = Interpolation::Spherical.between(from.view(), to.view(), count).unwrap();
                let largest = from.iter().chain(to).fold(0.0_f32, |largest, x| largest.max(x.abs()));
                // No point is farther from the origin than the longer endpoint.
                prop_assert!(points.iter().all(|x| x.abs() <= 2.01 * largest), "{points}");
            }
        }
    }

    #[test]
    fn without_a_unique_great_circle_spherical_interpolation_is_linear() {
        let (a, zero) = (array![1.0_f32, 0.0], array![0.0_f32, 0.0]);
        for (from, to) in [(&a, &-&a), (&a, &zero), (&zero, &zero), (&a, &a)] {
            let [linear, spherical] = [Interpolation::Linear, Interpolation::Spherical]
                .map(|interpolation| interpolation.between(from.view(), to.view(), 5).unwrap());
            assert_eq!(linear, spherical);
        }
        let linear = |count| Interpolation::Linear.between(a.view(), zero.view(), count).unwrap();
        assert_eq!(linear(1), array![[1.0, 0.0]]);
        assert_eq!(linear(0).nrows(), 0);
        assert!(Interpolation::Linear.between(a.view(), array![1.0].view(), 3).is_err());
    }
}
