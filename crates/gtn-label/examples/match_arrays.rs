//! Matches the rows of two arrays, and verifies a few steps of the result by the definition:
//!
//!     cargo run --release -p gtn-label --example match_arrays
#![allow(clippy::print_stdout)]

use std::time::Instant;

use gtn_label::ndarray::{Array2, Axis};
use gtn_label::{Matcher, Precision, Workspace, verify_steps};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The source has one row for each pair; the target has at least as many. Both have the same number of columns.
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let source = Array2::<f32>::from_shape_simple_fn((20_000, 5), || rng.sample(StandardNormal));
    let target = Array2::<f32>::from_shape_simple_fn((30_000, 5), || rng.random_range(-1.0..1.0));

    // `gtn_label::match_rows(&source, &target)` is enough. A workspace also says how it was done.
    let started = Instant::now();
    let mut workspace = Workspace::new();
    let matched = Matcher::new().match_rows_in(&mut workspace, &source, &target)?;
    println!("{} rows matched in {:.0?}, strategy {}", matched.len(), started.elapsed(), workspace.stats().strategy);

    // Row i of x_y is the target row that source row i took.
    let x_y = target.select(Axis(0), matched.assignment());
    println!("source row 0: {:.2}", source.row(0));
    println!("its target:   {:.2}, cosine {:.4}", x_y.row(0), matched.similarity()[0]);

    // Rows with a small norm choose first, so the last ones get what is left.
    for (name, rows) in [("first", &matched.order()[..1000]), ("last", &matched.order()[19_000..])] {
        let sum: f32 = rows.iter().map(|&row| matched.similarity()[row]).sum();
        println!("mean cosine of the {name} 1,000 rows: {:.4}", sum / 1000.0);
    }

    // Some steps, recomputed one by one from the rows.
    let steps: Vec<usize> = (0..source.nrows()).step_by(1000).collect();
    verify_steps(&source, &target, Precision::Double, &matched, &steps)?;
    println!("{} steps verified", steps.len());
    Ok(())
}
