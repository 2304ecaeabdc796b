#![allow(missing_docs, clippy::print_stdout)]
use gtn_metrics::*;
use ndarray::{Array1, Array2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::time::Instant;
fn rows(n: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut r = ChaCha8Rng::seed_from_u64(seed);
    let scale = Array1::from_shape_fn(d, |k| 10f32.powf(-4.0 * k as f32 / d as f32));
    let z = Array2::from_shape_simple_fn((n, d), || r.sample::<f32, _>(StandardNormal)) * &scale;
    let mut out = z.clone();
    for k in 1..d {
        let prev = out.column(k - 1).to_owned();
        let mut c = out.column_mut(k);
        c += &(&prev * 0.5);
    }
    out
}
fn main() {
    let which: Vec<String> = std::env::args().skip(1).collect();
    if which.contains(&"f".into()) {
        for (d, n) in [(100, 10000), (768, 10000), (768, 500), (2048, 5000), (2048, 1000)] {
            let (x, y) = (rows(n, d, 1), rows(n, d, 2));
            let t = Instant::now();
            let (a, b) = (Moments::of(x.view()).unwrap(), Moments::of(y.view()).unwrap());
            println!("{d} {n} two moments {:?}", t.elapsed());
            let t = Instant::now();
            println!("{d} {n} frechet {:?} {:?}", frechet_between(&a, &b), t.elapsed());
            if d < 1000 {
                println!("same {:?} of trace {}", frechet_between(&a, &a), a.covariance().diag().sum());
            }
        }
    }
    if which.contains(&"k".into()) {
        for d in [5, 25, 100] {
            let (x, y) = (rows(10000, d, 1), rows(10000, d, 2));
            let t = Instant::now();
            println!("{d} {:?} {:?}", precision_recall(x.view(), y.view(), 3), t.elapsed());
            let t = Instant::now();
            println!("{d} {:?} {:?}", density_coverage(x.view(), y.view(), 5), t.elapsed());
            let tr = rows(48000, d, 3);
            let t = Instant::now();
            let m = memorization(tr.view(), x.view(), y.view()).unwrap();
            println!("{d} memo {} {} {} {:?}", m.median_ratio, m.nearer, m.below_percentile, t.elapsed());
        }
    }
    if which.contains(&"g".into()) {
        for (n, d, k) in [(48000, 5, 10), (48000, 5, 30), (15000, 100, 10)] {
            let mut r = ChaCha8Rng::seed_from_u64(9);
            let centers = Array2::from_shape_simple_fn((k, d), || {
                2.5 * r.sample::<f32, _>(StandardNormal) / (d as f32).sqrt() * 2.0
            });
            let mut x = rows(n, d, 4);
            for (i, mut row) in x.outer_iter_mut().enumerate() {
                row += &centers.row(i * i % 97 % k);
            }
            for seed in 0..3 {
                let t = Instant::now();
                let m = GaussianMixture::fit(x.view(), Em::new(k), ChaCha8Rng::seed_from_u64(seed)).unwrap();
                println!(
                    "{n} {d} {k}: {} steps {} {:?} {:?}",
                    m.history().len(),
                    m.converged(),
                    m.mean_log_likelihood(x.view()),
                    t.elapsed()
                );
            }
            let g = Gaussian::fit(x.view()).unwrap();
            let t = Instant::now();
            g.sample(10000, ChaCha8Rng::seed_from_u64(1));
            println!("gauss sample {:?}", t.elapsed());
            ndarray_write(&x, n, d);
        }
    }
}
fn ndarray_write(x: &Array2<f32>, n: usize, d: usize) {
    let bytes: Vec<u8> = x.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(format!("/tmp/w/mix-{n}-{d}.bin"), bytes).unwrap();
}
