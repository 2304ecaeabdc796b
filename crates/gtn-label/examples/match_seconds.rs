//! Seconds of a matching of two arrays, as f32 and as f64, to compare those of Python with (`bindings/python/benches/matching.py`):
//!
//!     cargo run --release -p gtn-label --example match_seconds -- SOURCE TARGET COLUMNS [REPETITIONS]
//!
//! SOURCE and TARGET are files of f32 values, row by row, without a header. Prints the median of each type on a line, f32 first.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Instant;

use gtn_label::{Element, Matcher, Rows};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, target, columns, ..] = arguments.as_slice() else {
        return Err("pass two files and the number of columns".into());
    };
    let columns = columns.parse::<std::num::NonZero<usize>>()?.get();
    let repetitions = arguments.get(3).map_or(Ok(7), |text| text.parse())?;
    let (y, x) = (values(source)?, values(target)?);
    println!("{}", median_seconds(&y, &x, columns, repetitions)?);
    let [y, x] = [y, x].map(|values| values.into_iter().map(f64::from).collect::<Vec<_>>());
    println!("{}", median_seconds(&y, &x, columns, repetitions)?);
    Ok(())
}

fn values(path: &str) -> std::io::Result<Vec<f32>> {
    let bytes = std::fs::read(path)?;
    Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn median_seconds<T: Element>(y: &[T], x: &[T], columns: usize, repetitions: usize) -> Result<f64, Box<dyn Error>> {
    let mut seconds = Vec::with_capacity(repetitions);
    for _ in 0..repetitions.max(1) {
        let rows = |values| Rows::new(values, <[T]>::len(values) / columns, columns);
        let (source, target) = (rows(y)?, rows(x)?);
        let started = Instant::now();
        Matcher::new().match_rows(source, target)?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}
