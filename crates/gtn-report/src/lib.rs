//! Shows what a GTN run made: pictures of its images or of the points it drew, curves of its losses, and a report in one
//! HTML file.
//!
//! [`write_report`] reads a run folder and writes `figures/`, `metrics.csv` and `report.html` into it. The report needs nothing beside
//! itself: figures, pictures and style are part of the file. The same run gives the same bytes.
//! [`grid`](grid::grid), [`forth_and_back`](animation::forth_and_back), [`loss_svg`](curves::loss_svg) and
//! [`scaling_svg`](scaling::scaling_svg) serve on their own. While a run is at work [`TensorBoard`] writes
//! its losses and images as events, and [`EpochFigures`] its images as PNG files; both are observers of it.
//!
//! ```
//! use gtn_report::grid::grid;
//!
//! // Four gray images of 2 × 3 pixels, from black (-1) to white (1), in two columns.
//! let mut images = ndarray::Array4::<f32>::from_elem((4, 1, 2, 3), -1.0);
//! images[[3, 0, 1, 2]] = 1.0;
//! let picture = grid(images.view(), 2)?;
//! assert_eq!((picture.width(), picture.height()), (3 + 2 + 3, 2 + 2 + 2));
//! assert_eq!(picture.pixels().last(), Some(&255));
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("images.png"), picture.upscaled(4)?.to_png()?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod animation;
mod canvas;
pub mod curves;
mod epochs;
mod error;
pub mod grid;
mod palette;
pub mod report;
pub mod scaling;
mod tensorboard;
mod ticks;

pub use epochs::EpochFigures;
pub use error::Error;
pub use grid::Picture;
pub use report::write_report;
pub use tensorboard::TensorBoard;

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
