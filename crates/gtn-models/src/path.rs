use ndarray::{Array1, Array2, ArrayView1, Axis};

use crate::{Error, Result};

/// The way from one normal vector to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Path {
    /// The straight line, as in the paper's Figure 6.
    #[default]
    Line,
    /// The great circle: directions turn evenly from one to the other, and norms go evenly from one to the other. Far from
    /// the origin, where normal vectors of many dimensions lie, it stays where the straight line cuts through the middle.
    /// Opposite vectors (to 1e-7 of their length) have no one great circle, and a zero vector none; between them it is the
    /// straight line, which then passes the origin.
    Circle,
}

impl Path {
    /// `steps` vectors on the way, the ends among them to the bit, evenly spaced, shape (`steps`, d). One step is the start
    /// alone.
    ///
    /// ```
    /// use gtn_models::Path;
    /// use ndarray::array;
    ///
    /// let (from, to) = (array![2.0_f32, 0.0], array![0.0_f32, 2.0]);
    /// let line = Path::Line.between(from.view(), to.view(), 3)?;
    /// assert_eq!(line, array![[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]]);
    /// let circle = Path::Circle.between(from.view(), to.view(), 3)?;
    /// assert!((circle[[1, 0]] - 2.0_f32.sqrt()).abs() < 1e-6); // as far from the origin as the ends
    /// # Ok::<(), gtn_models::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the vectors differ in length.
    pub fn between(self, from: ArrayView1<'_, f32>, to: ArrayView1<'_, f32>, steps: usize) -> Result<Array2<f32>> {
        if from.len() != to.len() {
            return Err(Error::Columns { what: "the ends of a way", found: to.len(), expected: from.len() });
        }
        let (a, b) = (from.mapv(f64::from), to.mapv(f64::from));
        let mut way = Array2::zeros((steps, a.len()));
        for (step, mut row) in way.axis_iter_mut(Axis(0)).enumerate() {
            let t = step as f64 / steps.saturating_sub(1).max(1) as f64;
            let point = match self {
                Path::Circle => circle(&a, &b, t).unwrap_or_else(|| line(&a, &b, t)),
                Path::Line => line(&a, &b, t),
            };
            row.assign(&point.mapv(|entry| entry as f32));
        }
        // A turn by sines comes back to its ends only nearly.
        if steps > 1 {
            way.row_mut(steps - 1).assign(&to);
        }
        if steps > 0 {
            way.row_mut(0).assign(&from);
        }
        Ok(way)
    }
}

fn line(a: &Array1<f64>, b: &Array1<f64>, t: f64) -> Array1<f64> {
    a * (1.0 - t) + b * t
}

/// Spherical interpolation of the directions (Shoemake 1985), linear interpolation of the norms.
fn circle(a: &Array1<f64>, b: &Array1<f64>, t: f64) -> Option<Array1<f64>> {
    let (norm_a, norm_b) = (a.dot(a).sqrt(), b.dot(b).sqrt());
    if norm_a == 0.0 || norm_b == 0.0 {
        return None;
    }
    let (u, v) = (a / norm_a, b / norm_b);
    // Exact also where the cosine is close to ±1.
    let (difference, sum) = (&u - &v, &u + &v);
    let angle = 2.0 * difference.dot(&difference).sqrt().atan2(sum.dot(&sum).sqrt());
    if angle.sin() < 1e-7 {
        return None;
    }
    let direction = u * (((1.0 - t) * angle).sin() / angle.sin()) + v * ((t * angle).sin() / angle.sin());
    Some(direction * (norm_a * (1.0 - t) + norm_b * t))
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    fn vector() -> impl Strategy<Value = Array1<f32>> {
        prop::collection::vec(-3.0_f32..3.0, 4).prop_map(Array1::from)
    }

    proptest! {
        #[test]
        fn a_way_starts_and_ends_where_it_should((a, b) in (vector(), vector()), steps in 2_usize..30) {
            for path in [Path::Line, Path::Circle] {
                let way = path.between(a.view(), b.view(), steps).unwrap();
                prop_assert_eq!(way.row(0), &a, "{:?}", path);
                prop_assert_eq!(way.row(steps - 1), &b, "{:?}", path);
                // Even steps: none is much longer than the mean would have it.
                let lengths: Vec<f32> = way.axis_iter(Axis(0)).zip(way.axis_iter(Axis(0)).skip(1))
                    .map(|(p, q)| (&p - &q).mapv(|x| x * x).sum().sqrt()).collect();
                let mean = lengths.iter().sum::<f32>() / lengths.len() as f32;
                prop_assert!(path == Path::Circle || lengths.iter().all(|&length| (length - mean).abs() < 1e-4));
            }
        }

        #[test]
        fn the_circle_keeps_the_norm(a in vector(), b in vector(), t in 0.0_f64..1.0) {
            let (a, b) = (a.mapv(f64::from), b.mapv(f64::from));
            let norm = |v: &Array1<f64>| v.dot(v).sqrt();
            prop_assume!(norm(&a) > 1e-3 && norm(&b) > 1e-3);
            let b = &b * (norm(&a) / norm(&b));
            if let Some(point) = circle(&a, &b, t) {
                prop_assert!((norm(&point) - norm(&a)).abs() < 1e-6 * norm(&a));
            }
        }

        #[test]
        fn norms_on_the_circle_go_evenly_from_one_end_to_the_other((a, b) in (vector(), vector()), steps in 3_usize..30) {
            let norm = |v: ArrayView1<'_, f32>| v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            let (from, to) = (norm(a.view()), norm(b.view()));
            prop_assume!(from > 1e-3 && to > 1e-3);
            let cosine = a.iter().zip(&b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>() / (from * to);
            prop_assume!(cosine > -0.999_999);
            let way = Path::Circle.between(a.view(), b.view(), steps).unwrap();
            let norms: Vec<f64> = way.axis_iter(Axis(0)).map(norm).collect();
            for (step, found) in norms.iter().enumerate() {
                let t = step as f64 / (steps - 1) as f64;
                let expected = from + t * (to - from);
                prop_assert!((found - expected).abs() < 1e-5 * expected, "{found} {expected}");
            }
            // So they never turn back, but for rounding.
            let up = (to - from).signum();
            prop_assert!(norms.windows(2).all(|pair| up * (pair[1] - pair[0]) > -1e-5 * from.max(to)), "{norms:?}");
        }

        #[test]
        fn opposite_and_nearly_opposite_ends_have_a_way_of_numbers(
            a in vector(), factor in 0.01_f32..100.0, exponent in -30_i32..0, steps in 2_usize..30,
        ) {
            let mut b = &a * -factor;
            b[0] += 2.0_f32.powi(exponent);
            for (from, to) in [(&a, &b), (&b, &a), (&a, &-&a)] {
                let way = Path::Circle.between(from.view(), to.view(), steps).unwrap();
                let reach = from.iter().chain(to).fold(0.0_f32, |most, x| most.max(x.abs()));
                // No farther out than the longer end.
                prop_assert!(way.iter().all(|x| x.abs() <= 2.01 * reach), "{way}");
            }
        }
    }

    #[test]
    fn where_there_is_no_circle_the_way_is_straight() {
        let (a, zero) = (array![1.0_f32, 0.0], array![0.0_f32, 0.0]);
        for (from, to) in [(&a, &-&a), (&a, &zero), (&zero, &zero), (&a, &a)] {
            let [line, circle] =
                [Path::Line, Path::Circle].map(|path| path.between(from.view(), to.view(), 5).unwrap());
            assert_eq!(line, circle);
        }
        let straight = |steps| Path::Line.between(a.view(), zero.view(), steps).unwrap();
        assert_eq!(straight(1), array![[1.0, 0.0]]);
        assert_eq!(straight(0).nrows(), 0);
        assert!(Path::Line.between(a.view(), array![1.0].view(), 3).is_err());
    }
}
