//! The cases of `gtn bench label`.

use std::fmt;
use std::str::FromStr;

use gtn_models::Streams;
use ndarray::Array2;

/// Source and target rows, the same number of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) data: Data,
}

gtn_io::names! {
    /// The distribution of the rows: those that do not say otherwise are standard normal.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Data: "distribution" {
        /// All of them.
        Normal => "normal",
        /// Column k = 1, 2, ... of the target rows has standard deviation σ = k^−½ and mean 0.3σ, similar to latents of images.
        Decaying => "decaying",
        /// Source rows in a narrow cone, so that all compete for the same target rows: one row plus 0.01 times a normal one.
        Cone => "cone",
        /// A hundred different target rows.
        Equal => "equal",
        /// Target rows that are multiples of one row, so that their cosines differ by rounding alone.
        Multiples => "multiples",
        /// Zeros in every other target row and every fourth source row.
        Zeros => "zeros",
    }
}

/// Different target rows of [`Data::Equal`].
const DIFFERENT_ROWS: usize = 100;

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}:{}", self.rows, self.columns, self.data)
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (shape, data) = text.split_once(':')?;
            let (rows, columns) = shape.split_once('x')?;
            let number = |text: &str| text.parse::<u32>().ok().filter(|&number| number > 0).map(|n| n as usize);
            Some(Case { rows: number(rows)?, columns: number(columns)?, data: data.parse().ok()? })
        };
        read().ok_or_else(|| {
            "write ROWSxCOLUMNS:DATA, where DATA is normal, decaying, cone, equal, multiples or zeros, as in 20000x100:normal"
                .to_owned()
        })
    }
}

impl Case {
    /// The default cases.
    pub(crate) const ALL: [Case; 8] = [
        Case::new(20_000, 100, Data::Normal),
        Case::new(20_000, 100, Data::Decaying),
        Case::new(162_770, 100, Data::Decaying),
        Case::new(20_000, 5, Data::Normal),
        Case::new(1_000_000, 5, Data::Normal),
        Case::new(1_000_000, 5, Data::Decaying),
        Case::new(1_000_000, 2, Data::Normal),
        Case::new(10_000_000, 1, Data::Normal),
    ];

    pub(crate) const fn new(rows: usize, columns: usize, data: Data) -> Self {
        Self { rows, columns, data }
    }

    /// Source and target, the same in every process.
    pub(crate) fn draw(&self) -> (Array2<f32>, Array2<f32>) {
        let streams = Streams::new(1);
        let normal = |purpose: &str| streams.normal(purpose, self.columns as u64, self.rows, self.columns);
        let (mut source, mut target) = (normal("source"), normal("target"));
        match self.data {
            Data::Normal => {}
            Data::Decaying => {
                for (k, mut column) in target.columns_mut().into_iter().enumerate() {
                    let sigma = ((k + 1) as f32).sqrt().recip();
                    column.mapv_inplace(|value| sigma * (value + 0.3));
                }
            }
            Data::Cone => {
                let center = source.row(0).to_owned();
                source.rows_mut().into_iter().for_each(|mut row| row.zip_mut_with(&center, |y, c| *y = c + 0.01 * *y));
            }
            Data::Equal => {
                for row in DIFFERENT_ROWS.min(self.rows)..self.rows {
                    let other = target.row(row % DIFFERENT_ROWS).to_owned();
                    target.row_mut(row).assign(&other);
                }
            }
            Data::Multiples => {
                let first = target.row(0).to_owned();
                target.rows_mut().into_iter().for_each(|mut row| {
                    let factor = 0.5 + row[0].abs();
                    row.zip_mut_with(&first, |x, first| *x = factor * first);
                });
            }
            Data::Zeros => {
                target.rows_mut().into_iter().step_by(2).for_each(|mut row| row.fill(0.0));
                source.rows_mut().into_iter().step_by(4).for_each(|mut row| row.fill(0.0));
            }
        }
        (source, target)
    }

    /// Operations of Algorithm 1 by its definition: the k-th source row is compared with n − k + 1 target rows, n²/2 pairs in all,
    /// each with a multiplication and an addition per column.
    pub(crate) fn operations(&self) -> f64 {
        (self.rows as f64).powi(2) * self.columns as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_round_trip_as_text() {
        for case in Case::ALL {
            assert_eq!(case.to_string().parse(), Ok(case));
        }
        for text in ["", "20000", "20000x100", "20000x100:", "x:normal", "0x5:normal", "5x0:normal", "5x5:even"] {
            assert!(text.parse::<Case>().is_err(), "{text}");
        }
    }

    #[test]
    fn hard_rows_are_as_documented() {
        let draw = |data| Case::new(400, 3, data).draw();
        let (source, _) = draw(Data::Cone);
        assert!(source.rows().into_iter().all(|row| (&row - &source.row(0)).iter().all(|off| off.abs() < 0.1)));
        let (_, target) = draw(Data::Equal);
        assert!((0..300).all(|row| target.row(row) == target.row(row + 100)) && target.row(0) != target.row(1));
        let (_, target) = draw(Data::Multiples);
        assert!(
            target
                .rows()
                .into_iter()
                .all(|row| (row[1] / row[0] / (target[(0, 1)] / target[(0, 0)]) - 1.0).abs() < 1e-6)
        );
        let (source, target) = draw(Data::Zeros);
        let zeros = |rows: &Array2<f32>| rows.rows().into_iter().filter(|row| row.iter().all(|&x| x == 0.0)).count();
        assert_eq!((zeros(&source), zeros(&target)), (100, 200));
    }

    #[test]
    fn decaying_columns_have_the_documented_mean_and_deviation() {
        let (source, target) = Case::new(20_000, 9, Data::Decaying).draw();
        for (k, column) in target.columns().into_iter().enumerate() {
            let sigma = 1.0 / ((k + 1) as f32).sqrt();
            assert!((column.mean().unwrap() / sigma - 0.3).abs() < 0.03, "column {k}");
            assert!((column.std(1.0) / sigma - 1.0).abs() < 0.02, "column {k}");
        }
        assert!((source.std(1.0) - 1.0).abs() < 0.02);
    }
}
