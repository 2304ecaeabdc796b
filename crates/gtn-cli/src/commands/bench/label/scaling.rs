//! `gtn bench label --scaling`: seconds against the number of rows.

use std::time::Instant;

use gtn_io::atomic;
use gtn_label::match_rows;
use gtn_report::count;
use gtn_report::scaling::{Series, scaling_svg};
use serde_json::json;

use super::case::{Case, Data};
use crate::args::BenchLabel;
use crate::commands::bench::process::{median, repeated};
use crate::commands::bench::time;
use crate::failure::Failure;
use crate::{console, output};

/// Columns, and the maximum number of rows; rows are doubled from [`MIN_ROWS`] on.
const SERIES: [(usize, usize); 5] = [(2, 1_024_000), (5, 1_024_000), (10, 256_000), (25, 256_000), (100, 256_000)];

const MIN_ROWS: usize = 2_000;

/// Seconds for some numbers of rows of as many columns, by ascending rows.
struct Measured {
    columns: usize,
    points: Vec<(usize, f64)>,
}

pub(crate) fn run(args: &BenchLabel) -> Result<(), Failure> {
    if let Some(figure) = &args.figure {
        output::refuse_existing(figure, args.force)?;
    }
    let mut all = Vec::new();
    for (columns, max_rows) in SERIES {
        let measured = Measured::new(columns, max_rows, args.max_seconds)?;
        if args.json {
            console::print(&measured.json());
        } else {
            console::status(&format!("measured {columns} columns up to {} rows", count(measured.last().0)));
        }
        all.push(measured);
    }
    if !args.json {
        table(&all).iter().for_each(|line| console::print(line));
    }
    if let Some(figure) = &args.figure {
        let series: Vec<Series> = all.iter().map(Measured::series).collect();
        if let Some(svg) = scaling_svg(&series) {
            atomic::write(figure, output::existing(args.force), |file| file.write_all(svg.as_bytes()))?;
        }
    }
    Ok(())
}

impl Measured {
    /// Measures up to `max_rows` rows, as long as they are expected to take at most `limit` seconds.
    fn new(columns: usize, max_rows: usize, limit: f64) -> Result<Self, Failure> {
        let mut measured = Self { columns, points: Vec::new() };
        let mut rows = MIN_ROWS;
        while rows <= max_rows && measured.expected() <= limit {
            let (source, target) = Case::new(rows, columns, Data::Normal).draw();
            let mut seconds = repeated(|| {
                let started = Instant::now();
                match_rows(&source, &target)?;
                Ok(started.elapsed().as_secs_f64())
            })?;
            measured.points.push((rows, median(&mut seconds)));
            rows *= 2;
        }
        Ok(measured)
    }

    /// Seconds that twice the rows will take, if it keeps growing at the same rate; the first two are always measured.
    fn expected(&self) -> f64 {
        match self.points.as_slice() {
            [.., (_, before), (_, last)] => last * (last / before).max(2.0),
            _ => 0.0,
        }
    }

    fn last(&self) -> (usize, f64) {
        self.points[self.points.len() - 1]
    }

    /// b of the curve a·nᵇ through the upper half of the points: by least squares of logarithms.
    fn exponent(&self) -> f64 {
        let upper = &self.points[(self.points.len() / 2).min(self.points.len() - 2)..];
        let logs = || upper.iter().map(|&(rows, seconds)| ((rows as f64).ln(), seconds.ln()));
        let mean = |of: fn((f64, f64)) -> f64| logs().map(of).sum::<f64>() / upper.len() as f64;
        let (x, y) = (mean(|log| log.0), mean(|log| log.1));
        let product = logs().map(|log| (log.0 - x) * (log.1 - y)).sum::<f64>();
        product / logs().map(|log| (log.0 - x).powi(2)).sum::<f64>()
    }

    fn series(&self) -> Series {
        Series {
            name: format!("d = {}: exponent {:.2}", self.columns, self.exponent()),
            points: self.points.iter().map(|&(rows, seconds)| [rows as f64, seconds]).collect(),
        }
    }

    fn json(&self) -> String {
        let points: Vec<_> =
            self.points.iter().map(|(rows, seconds)| json!({ "rows": rows, "seconds": seconds })).collect();
        json!({ "columns": self.columns, "points": points, "exponent": self.exponent() }).to_string()
    }
}

/// A row for each number of rows, a column for each series, and the exponents below.
fn table(all: &[Measured]) -> Vec<String> {
    let line = |first: &str, cell: &dyn Fn(&Measured) -> String| {
        let cells: String = all.iter().map(|measured| format!(" {:>8} |", cell(measured))).collect();
        format!("| {first:>9} |{cells}")
    };
    let header = line("rows", &|measured| format!("d = {}", measured.columns));
    let mut lines = vec![header.clone(), header.replace(|c| c != '|', "-")];
    let max_rows = all.iter().map(|measured| measured.last().0).max().unwrap_or(0);
    let rows = std::iter::successors(Some(MIN_ROWS), |rows| Some(2 * rows)).take_while(|&rows| rows <= max_rows);
    lines.extend(rows.map(|rows| {
        line(&count(rows), &|measured| {
            let point = measured.points.iter().find(|point| point.0 == rows);
            point.map_or("–".to_owned(), |point| time(point.1))
        })
    }));
    lines.push(line("exponent", &|measured| format!("{:.2}", measured.exponent())));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(columns: usize, curve: impl Fn(f64) -> f64, points: u32) -> Measured {
        let rows = (0..points).map(|power| MIN_ROWS << power);
        Measured { columns, points: rows.map(|rows| (rows, curve(rows as f64))).collect() }
    }

    #[test]
    fn the_exponent_is_that_of_the_upper_half() {
        for points in [2, 3, 8] {
            let found = measured(5, |n| 3e-7 * n.powf(1.7), points).exponent();
            assert!((found - 1.7).abs() < 1e-9, "{found}");
        }
        let bent = measured(5, |n| if n < 16_000.0 { 1.0 } else { n * n }, 8).exponent();
        assert!((bent - 2.0).abs() < 1e-9, "{bent}");
        let quadratic = measured(5, |n| n * n, 4);
        assert_eq!(quadratic.expected(), 4.0 * quadratic.last().1);
    }

    #[test]
    fn series_of_different_lengths_stand_in_one_table() {
        let lines = table(&[measured(2, |n| 1e-6 * n, 3), measured(100, |n| 1e-9 * n * n, 2)]);
        assert_eq!(lines.len(), 2 + 3 + 1, "{lines:?}");
        assert!(lines[4].starts_with("|     8,000 |  8.00 ms |        – |"), "{lines:?}");
        assert!(lines[5].ends_with("|     1.00 |     2.00 |"), "{lines:?}");
    }
}
