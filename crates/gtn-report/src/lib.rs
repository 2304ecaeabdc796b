//! Shows what a GTN run produced: grids of its images, plots of its points, loss curves, and a report in one HTML file.
//!
//! [`write_report`] reads the folder of a run and writes `figures/`, `metrics.csv` and `report.html` into it. The report is
//! self-contained: its figures and styles are part of the file. Equal runs give equal bytes.
//!
//! ```
//! use gtn_report::grid::grid;
//!
//! // Four gray images of 2 × 3 pixels, from black (-1) to white (1), in two columns.
//! let mut images = ndarray::Array4::<f32>::from_elem((4, 1, 2, 3), -1.0);
//! images[[3, 0, 1, 2]] = 1.0;
//! let raster = grid(images.view(), 2)?;
//! assert_eq!((raster.width(), raster.height()), (3 + 2 + 3, 2 + 2 + 2));
//! assert_eq!(raster.pixels().last(), Some(&255));
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("images.png"), raster.upscaled(4)?.to_png()?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Comparison`] lays several runs side by side in one HTML file, and has their metrics as one table. [`write_sweep`] writes the
//! page of a sweep, whose table is a [`SweepTable`].
//!
//! An [`Explorer`] is a trained generator as one HTML file, which samples in the browser.
//!
//! The parts of a report can be used without a run: [`grid`](grid::grid) for images,
//! [`back_and_forth`](animation::back_and_forth) for animations, [`loss_svg`](curves::loss_svg) for losses and
//! [`scaling_svg`](scaling::scaling_svg) for running times. [`TensorBoard`] and [`EpochFigures`] are observers: during a run,
//! the first writes its losses and images as TensorBoard events, the second its images as PNG files.

pub mod animation;
mod axis_scale;
mod canvas;
pub mod curves;
mod epoch_figures;
mod error;
mod explorer;
pub mod grid;
mod palette;
mod report;
pub mod scaling;
mod subscripts;
mod tensorboard;

pub use epoch_figures::EpochFigures;
pub use error::{Error, Result};
pub use explorer::{Explorer, WeightBits};
pub use grid::Raster;
pub use report::{
    Cell, Column, ColumnKind, ComparedRun, Comparison, MetricsTable, PaperRow, Row, Standing, SweepColumn, SweepRow,
    SweepTable, Table2, count, previous, standing, verdict, write_report, write_sweep,
};
pub use tensorboard::TensorBoard;

/// Compiles and runs the program of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
