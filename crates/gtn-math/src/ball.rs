use std::fmt;

/// An open ball around the origin: the vectors of a given dimension whose norm is below a radius, which may be
/// infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpenBall {
    dimension: usize,
    radius: f64,
}

impl OpenBall {
    pub(crate) const fn new(dimension: usize, radius: f64) -> Self {
        Self { dimension, radius }
    }

    /// The number of coordinates of the vectors.
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    /// The radius: positive, and infinite for the entire space.
    pub const fn radius(&self) -> f64 {
        self.radius
    }

    /// Whether the vector has the right dimension, finite coordinates, and a norm below the radius.
    pub fn contains(&self, vector: &[f64]) -> bool {
        vector.len() == self.dimension && norm(vector) < self.radius
    }

    /// Moves a vector with finite coordinates toward the origin, ulp by ulp, until it is inside the ball. The vector
    /// must be inside up to rounding.
    pub(crate) fn clamp_inside(&self, mut vector: Vec<f64>) -> Vec<f64> {
        while self.radius.is_finite() && norm(&vector) >= self.radius {
            for v in &mut vector {
                *v = if *v > 0.0 { v.next_down() } else { -(-*v).next_down().max(0.0) };
            }
        }
        vector
    }
}

impl fmt::Display for OpenBall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the open ball of radius {:?} in {} dimensions", self.radius, self.dimension)
    }
}

/// The Euclidean norm. It overflows only if the norm itself exceeds the largest `f64`, and never underflows.
pub(crate) fn norm(vector: &[f64]) -> f64 {
    let (largest, scaled) = scaled_norm(vector);
    largest * scaled
}

/// The largest absolute coordinate, and the norm divided by it, which is between 1 and √d (1 for the zero vector).
pub(crate) fn scaled_norm(vector: &[f64]) -> (f64, f64) {
    // f64::max would ignore a NaN.
    let largest = vector.iter().map(|v| v.abs()).fold(0.0, |m, v| if v <= m { m } else { v });
    if largest == 0.0 {
        return (0.0, 1.0);
    }
    let squares: f64 = vector.iter().map(|v| (v / largest).powi(2)).sum();
    (largest, squares.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_near_underflow_and_overflow() {
        for unit in [1.0, 1e-320, 1e-200, 1e200, 1e307] {
            let computed = norm(&[3.0 * unit, -4.0 * unit]);
            assert!((computed / unit - 5.0).abs() < 1e-2 * f64::from(unit < 1e-300) + 1e-14, "{unit:?}");
        }
        assert_eq!(norm(&[0.0, -0.0]), 0.0);
        assert_eq!(norm(&[f64::MAX, f64::MAX]), f64::INFINITY);
    }

    #[test]
    fn clamp_inside_moves_by_a_few_ulps() {
        for radius in [1.0, 1e-320, f64::from_bits(1), f64::MAX] {
            let ball = OpenBall::new(3, radius);
            for on_the_sphere in [[radius, 0.0, 0.0], [0.0, -radius, 0.0], [-0.6 * radius, 0.0, 0.8 * radius]] {
                let inside = ball.clamp_inside(on_the_sphere.to_vec());
                assert!(ball.contains(&inside), "{on_the_sphere:?} -> {inside:?}");
                assert!((norm(&inside) / radius - 1.0).abs() < 1e-15 || radius < 1e-300);
            }
            assert_eq!(ball.clamp_inside(vec![0.5 * radius, 0.0, 0.0]), [0.5 * radius, 0.0, 0.0]);
        }
        assert_eq!(OpenBall::new(1, f64::INFINITY).clamp_inside(vec![f64::MAX]), [f64::MAX]);
    }

    #[test]
    fn only_finite_vectors_of_the_right_dimension_are_inside() {
        let space = OpenBall::new(2, f64::INFINITY);
        assert!(space.contains(&[1e300, -1e300]));
        assert!(!space.contains(&[1.0]));
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!space.contains(&[bad, 1.0]) && !space.contains(&[1.0, bad]), "{bad}");
        }
        // A single NaN must not be treated as a zero.
        assert!(!OpenBall::new(1, f64::INFINITY).contains(&[f64::NAN]));
        assert!(OpenBall::new(2, 5.1).contains(&[3.0, 4.0]));
        assert!(!OpenBall::new(2, 5.0).contains(&[3.0, 4.0]));
    }
}
