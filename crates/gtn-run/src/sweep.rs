//! A sweep: runs of one experiment with every combination of some settings (Appendix F of the paper).
//!
//! Its folder has one run for each combination, and `sweep.json`, the [`SweepRecord`].
//!
//! ```
//! use gtn_run::sweep::Grid;
//!
//! let grid = Grid { widths: vec![500, 1000], learning_rates: vec![1e-3, 5e-5], ..Grid::default() };
//! grid.check()?;
//! let names: Vec<String> = grid.choices().iter().map(|choice| choice.name()).collect();
//! assert_eq!(names[1], "width-500-learning-rate-5e-5");
//! assert_eq!(names.len(), 4);
//! # Ok::<(), gtn_run::Error>(())
//! ```

mod grid;
mod ranking;
mod record;

pub use grid::{Choice, Grid, SweptSetting};
pub use ranking::Ranking;
pub use record::{CombinationFailure, CombinationRecord, CombinationState, SWEEP_FORMAT, SweepRecord};
