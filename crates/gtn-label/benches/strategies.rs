//! Compares the fast strategies with the algorithm as written, and with one another, on normal rows.
//!
//!     cargo bench -p gtn-label
//!
//! Prints the ratio of the mean times for each shape; both are measured in the same run. Some shapes take a minute; an argument,
//! such as `/20000x2`, selects one.
#![allow(missing_docs, clippy::print_stdout)]

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode};
use gtn_label::{Matcher, Rows, Strategy};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

fn normal(len: usize, dim: usize, seed: u64) -> Vec<f32> {
    StandardNormal.sample_iter(ChaCha8Rng::seed_from_u64(seed)).take(len * dim).collect()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("match_rows");
    group.sampling_mode(SamplingMode::Flat).sample_size(10).warm_up_time(Duration::from_millis(500));
    let mut ratios = Vec::new();
    for (len, dim, fast, slow) in [
        (5_000, 5, Strategy::Tree, Strategy::Reference),
        (5_000, 100, Strategy::Int8, Strategy::Reference),
        (20_000, 100, Strategy::Dense, Strategy::Reference),
        (20_000, 100, Strategy::Int8, Strategy::Dense),
        (100_000, 5, Strategy::Tree, Strategy::Dense),
        (20_000, 2, Strategy::Angular, Strategy::Reference),
    ] {
        let (source, target) = (normal(len, dim, 1), normal(len, dim, 2));
        let mean = |strategy: Strategy, group: &mut criterion::BenchmarkGroup<'_, _>| {
            let spent = Cell::new((Duration::ZERO, 0_u64));
            group.bench_function(BenchmarkId::new(strategy.name(), format!("{len}x{dim}")), |bencher| {
                bencher.iter_custom(|iterations| {
                    let started = Instant::now();
                    for _ in 0..iterations {
                        let rows = |data| Rows::new(data, len, dim).expect("the data has len × dim values");
                        let matched = Matcher::new().strategy(strategy).match_rows(rows(&source), rows(&target));
                        black_box(matched.expect("the rows are finite and have the same shape"));
                    }
                    let elapsed = started.elapsed();
                    let (before, count) = spent.get();
                    spent.set((before + elapsed, count + iterations));
                    elapsed
                });
            });
            let (elapsed, count) = spent.get();
            elapsed.as_secs_f64() / count as f64
        };
        let fast_mean = mean(fast, &mut group);
        let slow_mean = mean(slow, &mut group);
        ratios.push((len, dim, fast.name(), slow.name(), slow_mean / fast_mean));
    }
    group.finish();
    for (len, dim, fast, slow, ratio) in ratios.into_iter().filter(|(.., ratio)| ratio.is_finite()) {
        println!("{len} x {dim}: {fast} is {ratio:.1} times as fast as {slow}");
    }
    criterion.final_summary();
}
