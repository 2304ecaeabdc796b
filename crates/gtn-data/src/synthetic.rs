//! Points from known distributions: the paper's two experiments without images, the swiss roll and the uniform square, and two
//! squares that lie apart.
//!
//! ```
//! use gtn_data::synthetic;
//! use rand::SeedableRng;
//!
//! let rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
//! let points = synthetic::swiss_roll_points(100, rng); // (θ·cos θ, θ·sin θ) with θ ~ U(1.5π, 4.5π)
//! assert_eq!(points.dim(), (100, 2));
//! assert!(points.rows().into_iter().all(|p| (4.7..14.2).contains(&p[0].hypot(p[1]))));
//! ```

use gtn_math::{Distribution, OpenInterval, SwissRoll, Uniform};
use ndarray::{Array2, ArrayView2};
use rand::Rng;
use rand::distr::Open01;

/// `n` angles of the swiss roll, θ ~ U(1.5π, 4.5π) in radians, shape (n, 1), each rounded to the nearest f32.
#[must_use]
pub fn swiss_roll_angles(n: usize, rng: impl Rng) -> Array2<f32> {
    let angles = SwissRoll::paper().angles();
    Array2::from_shape_vec((n, 1), uniform(n, angles, rng).map(|angle| angle as f32).collect())
        .expect("one angle per row")
}

/// `n` points of the swiss roll, (θ·cos θ, θ·sin θ) with θ ~ U(1.5π, 4.5π), shape (n, 2). With the same random number
/// generator, they belong to the angles of [`swiss_roll_angles`].
#[must_use]
pub fn swiss_roll_points(n: usize, rng: impl Rng) -> Array2<f32> {
    let angles = SwissRoll::paper().angles();
    let points = uniform(n, angles, rng).flat_map(|angle| [angle * angle.cos(), angle * angle.sin()]);
    Array2::from_shape_vec((n, 2), points.map(|coordinate| coordinate as f32).collect()).expect("two per row")
}

/// Maps angles (n, 1) to points (θ·cos θ, θ·sin θ), shape (n, 2). Angles outside the roll's range extend the roll.
#[must_use]
pub fn swiss_roll_from_angles(angles: ArrayView2<'_, f32>) -> Array2<f32> {
    Array2::from_shape_fn((angles.nrows(), 2), |(row, column)| {
        let angle = f64::from(angles[[row, 0]]);
        (angle * if column == 0 { angle.cos() } else { angle.sin() }) as f32
    })
}

/// `n` points of the uniform distribution on the unit square, shape (n, 2).
#[must_use]
pub fn unit_square_points(n: usize, rng: impl Rng) -> Array2<f32> {
    let coordinates = uniform(2 * n, Uniform::standard().support(), rng).map(|coordinate| coordinate as f32);
    Array2::from_shape_vec((n, 2), coordinates.collect()).expect("two per row")
}

/// `n` points of the uniform distribution on two squares that lie apart, [0, 1]² and [2, 3] × [0, 1], shape (n, 2). Each point is
/// on either square with a probability of ½.
#[must_use]
pub fn two_squares_points(n: usize, rng: impl Rng) -> Array2<f32> {
    // The first coordinate is uniform on (0, 2), and the second half of that moves to (2, 3).
    let coordinate = |(index, u): (usize, f64)| match (index % 2 == 0, u < 0.5) {
        (true, true) => 2.0 * u,
        (true, false) => 2.0 * u + 1.0,
        (false, _) => u,
    };
    let coordinates = uniform(2 * n, Uniform::standard().support(), rng).enumerate();
    let coordinates = coordinates.map(|numbered| coordinate(numbered) as f32);
    Array2::from_shape_vec((n, 2), coordinates.collect()).expect("two per row")
}

fn uniform(n: usize, interval: OpenInterval, rng: impl Rng) -> impl Iterator<Item = f64> {
    let width = interval.upper() - interval.lower();
    rng.sample_iter(Open01).take(n).map(move |u: f64| interval.lower() + u * width)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(5)
    }

    #[test]
    fn points_are_in_range_and_belong_to_the_angles() {
        let angles = swiss_roll_angles(1000, rng());
        let points = swiss_roll_points(1000, rng());
        let range = SwissRoll::paper().angles();
        assert!(angles.iter().all(|&angle| (range.lower() as f32..=range.upper() as f32).contains(&angle)));
        for (rolled, point) in swiss_roll_from_angles(angles.view()).rows().into_iter().zip(points.rows()) {
            // Rounding an angle to f32 moves its point along the roll by at most half a unit in the last place.
            assert!((rolled[0] - point[0]).abs() < 1e-4 && (rolled[1] - point[1]).abs() < 1e-4);
        }
        assert!(unit_square_points(1000, rng()).iter().all(|&coordinate| (0.0..=1.0).contains(&coordinate)));
        let inside = |x: f32| (0.0..=1.0).contains(&x);
        let squares = two_squares_points(1000, rng());
        assert!(squares.rows().into_iter().all(|p| (inside(p[0]) || inside(p[0] - 2.0)) && inside(p[1])));
    }

    #[test]
    fn the_distributions_have_the_expected_means() {
        // Five standard errors of the mean of 10,000 draws: one false alarm in 1.7 million.
        let mean = |values: &Array2<f32>| values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
        let pi = std::f64::consts::PI;
        let bound = |width: f64, n: usize| 5.0 * width / (12.0 * n as f64).sqrt();
        assert!((mean(&swiss_roll_angles(10_000, rng())) - 3.0 * pi).abs() < bound(3.0 * pi, 10_000));
        assert!((mean(&unit_square_points(10_000, rng())) - 0.5).abs() < bound(1.0, 20_000));
        // Half of the points are on each square, and uniform there.
        let squares = two_squares_points(40_000, rng());
        let left: Vec<_> = squares.rows().into_iter().filter(|point| point[0] < 1.5).collect();
        assert!((left.len() as f64 - 20_000.0).abs() < 5.0 * 100.0, "{}", left.len());
        for column in [0, 1] {
            let sum: f64 = left.iter().map(|point| f64::from(point[column])).sum();
            assert!((sum / left.len() as f64 - 0.5).abs() < bound(1.0, left.len()));
        }
        assert!((mean(&squares.column(0).to_owned().insert_axis(ndarray::Axis(1))) - 1.5).abs() < bound(3.7, 40_000));
    }
}
