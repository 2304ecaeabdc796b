//! Matches normal vectors with other vectors by Algorithm 1. A program of the book (docs/book).
//!
//!     cargo run --release -p gtn-tests --example book_matching
#![allow(clippy::print_stdout)]

use std::error::Error;
// ANCHOR: use
use std::ops::ControlFlow;

use gtn_label::{Matcher, Precision, Workspace, match_rows, verify_steps};
use gtn_models::Streams; // keyed random streams
use ndarray::{Axis, array};
// ANCHOR_END: use

fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: rows
    let y = array![[0.0_f32, 2.0], [1.0, 0.0]]; // source: each row takes one target row
    let x = array![[3.0_f32, 0.1], [1.0, 1.0], [-0.2, 5.0]]; // target: at least as many rows as the source
    let matched = match_rows(&y, &x)?;
    assert_eq!(matched.order(), [1, 0]); // the shorter row of y takes first
    assert_eq!(matched.assignment(), [2, 0]); // the row of x for each row of y
    assert_eq!(x.select(Axis(0), matched.assignment()), array![[-0.2_f32, 5.0], [3.0, 0.1]]);
    // ANCHOR_END: rows

    // ANCHOR: settings
    let streams = Streams::new(1);
    let (y, x) = (streams.normal("y", 0, 5_000, 10), streams.normal("x", 0, 8_000, 10));
    let mut workspace = Workspace::new(); // holds memory that further matchings reuse
    let matched = Matcher::new()
        .precision(Precision::Double) // the default
        .threads(2) // by default, those of the current rayon pool; the pairs are the same
        .progress(|progress| {
            if progress.done == progress.total {
                println!("{} rows are matched", progress.total);
            }
            ControlFlow::Continue(()) // Break ends the work with an error
        })
        .match_rows_in(&mut workspace, &y, &x)?;
    let stats = workspace.stats();
    println!("strategy {}: {} scores decided in f64", stats.strategy, stats.rescored);
    // ANCHOR_END: settings

    // ANCHOR: verify
    // Every fiftieth step is recomputed by the definition; the first difference is an error.
    let steps: Vec<usize> = (0..y.nrows()).step_by(50).collect();
    verify_steps(&y, &x, Precision::Double, &matched, &steps)?;
    // ANCHOR_END: verify

    // ANCHOR: components
    let of_y: Vec<u32> = (0..5_000).map(|row| row % 2).collect();
    let of_x: Vec<u32> = (0..8_000).map(|row| row % 2).collect();
    let by_label = Matcher::new().match_components(&y, &of_y, &x, &of_x)?;
    let mut pairs = by_label.assignment().iter().zip(&of_y);
    assert!(pairs.all(|(&row, &label)| of_x[row] == label)); // only rows of the same label are paired
    // ANCHOR_END: components
    Ok(())
}
