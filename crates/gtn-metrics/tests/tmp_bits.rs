//! Temporary.
use gtn_metrics::*;
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::hash::{DefaultHasher, Hasher};
#[test]
fn bits() {
    for (n, d, k) in [(300, 1, 3), (700, 2, 10), (3000, 5, 30), (1500, 40, 7), (1025, 100, 3), (48_000, 5, 100)] {
        let mut rng = ChaCha8Rng::seed_from_u64(n as u64);
        let centers = Array2::from_shape_simple_fn((20, d), || 2.0 * rng.sample::<f32, _>(StandardNormal));
        let rows = Array2::from_shape_fn((n, d), |(i, j)| {
            centers[((i * 7) % 20, j)] + rng.sample::<f32, _>(StandardNormal).powi(3)
        });
        let start = std::time::Instant::now();
        let m = GaussianMixture::fit(rows.view(), GaussianMixtureParams::new(k), &mut ChaCha8Rng::seed_from_u64(5))
            .unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let mut h = DefaultHasher::new();
        for x in
            m.weights().iter().chain(m.means().iter()).chain(m.covariances().iter()).chain(m.log_likelihood_history())
        {
            h.write_u64(x.to_bits());
        }
        h.write_u64(m.mean_log_likelihood(rows.view()).unwrap().to_bits());
        for x in m.sample(100, &mut rng).iter() {
            h.write_u32(x.to_bits());
        }
        eprintln!("BITS {n} {d} {k} {:x} iterations {} {seconds:.2}s", h.finish(), m.log_likelihood_history().len());
    }
}
#[test]
fn best() {
    for (n, d) in [(48_000, 5), (14_925, 100)] {
        let mut rng = ChaCha8Rng::seed_from_u64(n as u64);
        let centers = Array2::from_shape_simple_fn((20, d), || 2.0 * rng.sample::<f32, _>(StandardNormal));
        let rows = Array2::from_shape_fn((n, d), |(i, j)| {
            centers[((i * 7) % 20, j)] + rng.sample::<f32, _>(StandardNormal).powi(3)
        });
        let start = std::time::Instant::now();
        let m = GaussianMixture::fit_best(
            rows.view(),
            &[1, 3, 10, 30, 100],
            GaussianMixtureParams::new(1),
            &mut rng,
            &|| false,
        )
        .unwrap();
        eprintln!(
            "BEST {n} {d} {:?} {:.1}s refit {}",
            m.candidates,
            start.elapsed().as_secs_f64(),
            m.mixture.log_likelihood_history().len()
        );
    }
}
