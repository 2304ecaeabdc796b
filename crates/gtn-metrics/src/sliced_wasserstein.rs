use ndarray::ArrayView2;
use rand::Rng;
use rand_distr::StandardNormal;

use crate::Error;
use crate::input_checks::{check_counts, check_pair};

/// The sliced Wasserstein-2 distance of two sets of rows: √(1/L Σₗ W₂²(⟨θₗ, real⟩, ⟨θₗ, generated⟩)) over random
/// directions θₗ.
///
/// It projects both sets onto random lines and compares the projections, which is much cheaper than the Wasserstein
/// distance itself.
///
/// `real` is n × d and `generated` is m × d; n, m and d ≥ 1. The θₗ are L = `projections` independent uniform unit
/// vectors. They depend only on `rng`, L and d, so the same seed gives the same directions for any data with d columns.
/// On each line W₂² is exact: ∫₀¹ (F⁻¹(p) − G⁻¹(p))² dp, where F⁻¹ and G⁻¹ are the quantile functions of the projected
/// sets. Their steps, at multiples of 1/n and 1/m, are merged in integers. n and m may differ.
///
/// Directions have length 1, and squared distances are averaged over the directions. The result is not divided by a
/// standard deviation and not multiplied by d. It therefore has the unit of the data, and it is between 0 and the W₂ of
/// the two sets. If one set is the other shifted by t, the distance is |t| for d = 1, and it converges to |t|/√d for
/// many directions, because the mean of ⟨θ, t⟩² is |t|²/d. So multiply by √d before you compare values for different d.
///
/// The distance of two samples of one distribution is above 0. To measure the noise floor, pass a second real sample of
/// m rows as `generated`, with the same seed.
///
/// The order of the rows does not matter, to the last bit. The cost is L ((n + m) d + n log n + m log m) operations.
///
/// Sources: Rabin, Peyré, Delon and Bernot 2011, *Wasserstein Barycenter and Its Application to Texture Mixing*;
/// Bonneel, Rabin, Peyré and Pfister 2015, *Sliced and Radon Wasserstein Barycenters of Measures*.
///
/// # Errors
///
/// [`Error::ColumnMismatch`], [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::ZeroSetting`] if
/// `projections` is 0.
///
/// ```
/// use ndarray::array;
/// use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
///
/// // In one dimension all directions agree: the rows are 3 apart.
/// let (real, generated) = (array![[0.0_f32], [1.0]], array![[4.0_f32], [3.0]]);
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// assert_eq!(gtn_metrics::sliced_wasserstein(real.view(), generated.view(), 10, &mut rng)?, 3.0);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn sliced_wasserstein(
    real: ArrayView2<'_, f32>,
    generated: ArrayView2<'_, f32>,
    projections: usize,
    rng: &mut impl Rng,
) -> Result<f64, Error> {
    check_pair(real, generated)?;
    check_counts([("number of projections", projections)])?;
    let (mut x, mut y) = (Projection::new(real), Projection::new(generated));
    let mut direction = vec![0.0; real.ncols()];
    let mut sum = 0.0;
    for _ in 0..projections {
        draw_direction(&mut direction, rng);
        sum += squared_wasserstein(x.sorted_along(&direction), y.sorted_along(&direction));
    }
    Ok((sum / projections as f64).sqrt())
}

/// Rows in column-major order, which makes projecting a sum of scaled columns, and a buffer for the projected values.
struct Projection {
    columns: Vec<f64>,
    values: Vec<f64>,
}

impl Projection {
    fn new(rows: ArrayView2<'_, f32>) -> Self {
        Self { columns: rows.t().iter().map(|&x| f64::from(x)).collect(), values: vec![0.0; rows.nrows()] }
    }

    /// ⟨direction, row⟩ for all rows, in increasing order.
    fn sorted_along(&mut self, direction: &[f64]) -> &[f64] {
        self.values.fill(0.0);
        for (column, scale) in self.columns.chunks_exact(self.values.len()).zip(direction) {
            for (value, x) in self.values.iter_mut().zip(column) {
                *value += scale * x;
            }
        }
        self.values.sort_unstable_by(f64::total_cmp);
        &self.values
    }
}

/// A uniform direction: a normalized vector of independent normal values.
fn draw_direction(direction: &mut [f64], rng: &mut impl Rng) {
    direction.fill_with(|| rng.sample(StandardNormal));
    let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
    if norm > 0.0 {
        direction.iter_mut().for_each(|x| *x /= norm);
    } else {
        // This has probability 0, but a broken random number generator must not make the result NaN.
        direction.fill(0.0);
        direction[0] = 1.0;
    }
}

/// W₂² of two sets of values, each in increasing order: the integral of the squared difference of their quantile
/// functions.
fn squared_wasserstein(a: &[f64], b: &[f64]) -> f64 {
    // Mass in units of 1/lcm(n, m): each value of a has mass m/gcd, and each value of b has mass n/gcd.
    let divisor = gcd(a.len(), b.len());
    let (mass_a, mass_b) = (b.len() / divisor, a.len() / divisor);
    let (mut i, mut j, mut rest_a, mut rest_b) = (0, 0, mass_a, mass_b);
    let mut sum = 0.0;
    while i < a.len() && j < b.len() {
        let moved = rest_a.min(rest_b);
        sum += moved as f64 * (a[i] - b[j]).powi(2);
        rest_a -= moved;
        rest_b -= moved;
        if rest_a == 0 {
            (i, rest_a) = (i + 1, mass_a);
        }
        if rest_b == 0 {
            (j, rest_b) = (j + 1, mass_b);
        }
    }
    sum / (a.len() as f64 * mass_a as f64)
}

fn gcd(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    use super::*;
    use crate::SampleSet;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(7)
    }

    #[test]
    fn equal_sizes_are_paired_by_rank() {
        assert_eq!(squared_wasserstein(&[0.0, 1.0], &[2.0, 5.0]), (4.0 + 16.0) / 2.0);
    }

    #[test]
    fn unequal_sizes_split_mass() {
        // One value of mass 1 against two of mass 1/2.
        assert_eq!(squared_wasserstein(&[0.0], &[1.0, 3.0]), 5.0);
        // In sixths: 0 and 6 have mass three; 0, 3 and 6 have mass two. So 0→0 twice, 0→3, 6→3, 6→6 twice.
        assert_eq!(squared_wasserstein(&[0.0, 6.0], &[0.0, 3.0, 6.0]), 18.0 / 6.0);
        assert_eq!(squared_wasserstein(&[1.0, 2.0], &[1.0, 1.0, 1.0, 2.0, 2.0, 2.0]), 0.0);
    }

    #[test]
    fn unequal_sizes_agree_with_repeated_rows() {
        let value = |i: usize, offset: usize| ((i * 37 + offset) % 101) as f64 / 7.0;
        for (n, m) in [(1, 6), (2, 3), (4, 6), (7, 5), (12, 18), (16, 15)] {
            let mut a: Vec<f64> = (0..n).map(|i| value(i, 3)).collect();
            let mut b: Vec<f64> = (0..m).map(|i| value(i * i, 50)).collect();
            a.sort_by(f64::total_cmp);
            b.sort_by(f64::total_cmp);
            let lcm = n * m / gcd(n, m);
            let squares = (0..lcm).map(|k| (a[k / (lcm / n)] - b[k / (lcm / m)]).powi(2));
            let expected = squares.sum::<f64>() / lcm as f64;
            let result = squared_wasserstein(&a, &b);
            assert!((result - expected).abs() <= 1e-13 * expected, "{n} and {m}: {result}, {expected}");
        }
    }

    #[test]
    fn in_one_dimension_the_distance_of_a_shift_is_its_length() {
        let x = array![[0.5_f32], [-3.0], [7.25], [1.0]];
        for shift in [0.0_f32, 0.25, -6.5] {
            let distance = sliced_wasserstein(x.view(), (&x + shift).view(), 9, &mut rng());
            assert_eq!(distance, Ok(f64::from(shift.abs())));
        }
    }

    #[test]
    fn the_distance_is_the_root_of_the_mean_over_the_directions() {
        let x = array![[1.0_f32, -2.0, 0.5], [3.0, 0.0, 4.0]];
        let shift = array![[2.0_f32, 1.0, -2.0]];
        let (mut generator, mut sum, mut direction) = (rng(), 0.0, [0.0; 3]);
        for _ in 0..50 {
            draw_direction(&mut direction, &mut generator);
            assert!((direction.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-15);
            sum += (2.0 * direction[0] + direction[1] - 2.0 * direction[2]).powi(2);
        }
        let distance = sliced_wasserstein(x.view(), (&x + &shift).view(), 50, &mut rng()).unwrap();
        assert!((distance - (sum / 50.0).sqrt()).abs() < 1e-14);
    }

    /// In three dimensions, the coordinate of a uniform direction along any axis is uniform on [-1, 1] (Archimedes). By
    /// Massart's bound, the probability of a false alarm is at most 2 exp(−2 · 2.8²) = 3.1e-7 for each axis.
    #[test]
    fn directions_are_uniform() {
        let (n, mut generator) = (100_000, &mut rng());
        let mut directions = vec![[0.0; 3]; n];
        directions.iter_mut().for_each(|direction| draw_direction(direction, &mut generator));
        let root = (1.0_f64 / 3.0).sqrt();
        for axis in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [root, root, root], [0.6, -0.8, 0.0]] {
            let coordinate = |direction: &[f64; 3]| direction.iter().zip(&axis).map(|(a, b)| a * b).sum();
            let coordinates: Vec<f64> = directions.iter().map(coordinate).collect();
            let distance = crate::ks_one_sample(&coordinates, |x| f64::midpoint(x, 1.0).clamp(0.0, 1.0)).unwrap();
            assert!(distance < 2.8 / (n as f64).sqrt(), "{axis:?}: {distance}");
        }
    }

    #[test]
    fn invalid_input_is_an_error() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        let distance = |x: Array2<f32>, y: Array2<f32>, l| sliced_wasserstein(x.view(), y.view(), l, &mut rng());
        assert_eq!(distance(zeros(2, 1), zeros(2, 2), 3), Err(Error::ColumnMismatch { real: 1, generated: 2 }));
        assert_eq!(distance(zeros(2, 1), zeros(0, 1), 3), Err(Error::Empty { set: SampleSet::Generated }));
        assert_eq!(distance(zeros(2, 0), zeros(2, 0), 3), Err(Error::NoColumns));
        assert_eq!(distance(zeros(2, 1), zeros(2, 1), 0), Err(Error::ZeroSetting { setting: "number of projections" }));
        let bad = array![[0.0], [f32::INFINITY]];
        assert_eq!(distance(bad, zeros(2, 1), 3), Err(Error::NotFinite { set: SampleSet::Real, row: 1 }));
    }

    #[test]
    fn a_zero_direction_is_replaced() {
        /// Always returns the bits for which the normal value is 0.
        struct ZeroRng;
        impl RngCore for ZeroRng {
            fn next_u32(&mut self) -> u32 {
                1 << 31
            }
            fn next_u64(&mut self) -> u64 {
                1 << 63
            }
            fn fill_bytes(&mut self, bytes: &mut [u8]) {
                bytes.fill(0);
            }
        }
        assert_eq!(ZeroRng.sample::<f64, _>(StandardNormal), 0.0);
        let distance = sliced_wasserstein(array![[1.0, 5.0]].view(), array![[3.0, 5.0]].view(), 2, &mut ZeroRng);
        assert_eq!(distance, Ok(2.0));
    }
}
