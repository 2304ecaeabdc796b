//! Pairs every row of one point set with a row of its own in another, greedily, by highest cosine similarity.
//!
//! This is Algorithm 1 of *Generative Topological Networks*
//! ([arXiv 2406.15152v2](https://arxiv.org/abs/2406.15152)), which labels normal vectors with data vectors. The *source* rows
//! are processed in order of increasing norm, and each one takes the free *target* row with the highest cosine similarity.
//! Use the crate to label the training data of a GTN, or wherever you need a one-to-one greedy matching of many vectors: the
//! result is exact and reproducible to the bit, on any number of threads, and the n × m similarity matrix is never stored.
//! The crate does not depend on the rest of the workspace.
//!
//! ```
//! use gtn_label::{Rows, match_rows};
//!
//! // Two source rows and three target rows in the plane.
//! let source = Rows::new(&[0.0_f32, 2.0, 1.0, 0.0], 2, 2)?;
//! let target = Rows::new(&[3.0_f32, 0.1, 1.0, 1.0, -0.2, 5.0], 3, 2)?;
//! let matched = match_rows(source, target)?;
//!
//! assert_eq!(matched.order(), [1, 0]); // the shorter source row is processed first
//! assert_eq!(matched.assignment(), [2, 0]); // source row 0 takes target row 2, source row 1 takes target row 0
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `ndarray` (on by default), arrays and views of the crate [`ndarray`], which is re-exported, can be passed
//! directly:
//!
//! ```
//! # #[cfg(feature = "ndarray")] {
//! use gtn_label::ndarray::{Axis, array};
//!
//! let y = array![[1.0_f32, 0.0], [0.0, 2.0]];
//! let x = array![[-0.2_f32, 5.0], [3.0, 0.1]];
//! let matched = gtn_label::match_rows(&y, &x)?;
//! let x_y = x.select(Axis(0), matched.assignment()); // row i is the label of row i of y
//! assert_eq!(x_y, array![[3.0_f32, 0.1], [-0.2, 5.0]]);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Matcher`] sets the strategy, the number of threads, and a callback that reports progress and can stop the work.
//! - [`Matcher::match_components`] matches the rows of each label separately.
//! - A [`Workspace`] reuses memory between matchings and holds the [statistics](MatchStats) of the last one.
//! - [`verify_steps`] verifies individual steps of a matching by the definition.
//! - [`match_shards`] works on target rows that are divided among several processes, or that no memory holds at once.
//! - A [`Proposer`] lets another device, such as a GPU, do the expensive part.
//!
//! # What exactly is computed
//!
//! Rows hold `f32` values, which are widened to `f64`, or `f64` values.
//!
//! - `dot(a, b) = (((0 + a₀b₀) + a₁b₁) + …)`, from left to right, without fused multiply-add (the product of two `f32` is exact
//!   in `f64`, so fusing would change nothing there). `nrm(a) = √dot(a, a)`.
//! - Source rows are processed by ascending (`nrm(y)`, index).
//! - The score of a free target row x for y is `c = dot(x, y) / nrm(x)`, one IEEE division; `c = 0` if x or y is all zeros.
//! - y takes the first free x by (`c` descending, `nrm(x)` ascending, index ascending), compared as IEEE numbers (−0 = +0).
//! - The reported similarity is `clamp(c / nrm(y), −1, 1)` as `f32`, and 0 for zero rows.
//!
//! Every [`Strategy`], on any number of threads, returns exactly this matching. If the source is smaller than the target, some
//! target rows stay unmatched; a larger source is an error.
//!
//! ## Precision
//!
//! In the plane, and for many rows, this definition is finer than anyone intends: exact cosines hardly ever tie, so every source
//! row takes the target row of the nearest direction whatever its length, and the pairs carry almost no information about
//! lengths. For 100,000 normal rows and as many rows uniform in a square, the correlation between |y| and |x_y| is 0.12.
//! [`Precision::Single`] compares the similarities as they are reported, rounded to `f32`: directions within about 10⁻⁴ rad
//! of y tie, and among them the shortest free row is taken. The correlation is then 0.7. Code that computes cosines in
//! `f32` throughout, as the authors' code does, has the same ties without saying so. The setting matters for d = 2 with many
//! rows, and hardly for larger d.
//!
//! # Complexity and memory
//!
//! For n source rows, m target rows and d columns. All strategies except [`Strategy::Reference`] use all threads.
//!
//! | strategy | operations | memory beyond the rows, in bytes |
//! |----------|------------|----------------------------------|
//! | [`Sorted`](Strategy::Sorted), d = 1 | O(n log n + m log m) | about 30 per source or target row |
//! | [`Angular`](Strategy::Angular), d = 2 | O(n log n + m log m), unless many directions nearly tie | about 80 per source or target row |
//! | [`Tree`](Strategy::Tree), few columns | O(n log m) for fixed d, times a factor exponential in d, unless directions nearly tie | about 8d + 120 per target row |
//! | [`Int8`](Strategy::Int8) | O(n·m·d), in 8 bits | about 5d + 120 per target row |
//! | [`Dense`](Strategy::Dense) | O(n·m·d), in `f32` | about 8d + 120 per target row |
//! | [`Reference`](Strategy::Reference) | O(n·m·d), in `f64`, one at a time | about 30 per source or target row |
//!
//! `Tree`, `Int8` and `Dense` *propose* a few candidates for each row of a block of source rows, with a proved error bound. Every
//! free row that the bound cannot exclude is scored in `f64` as defined above, and conflicts within the block are resolved by
//! deferred acceptance, whose outcome does not depend on the order of proposals. No score leaves the processor's registers
//! unless it reaches a list, so neither an n × m matrix nor a part of one is ever in memory.
//!
//! [`Strategy::Auto`] chooses `Sorted` for 1 column and `Angular` for 2 (of `f32`); `Tree` for up to 8 columns, or up to 10 from
//! 50,000 source rows on; then `Int8` from 150,000 source values on, if the processor has AVX2 or AVX-512 VNNI, and `Dense` otherwise.
//! The crossing points were measured (the table is in the source of `cost_model.rs`). The figure shows two cores of an AMD EPYC
//! (Zen 4), normal rows, n = m, by `cargo xtask bench label --scaling`:
//!
#![doc = include_str!("../docs/scaling.svg")]
//!
//! # Floating point
//!
//! Unit rows are computed in `f64` and rounded once to `f32`. With u = 2⁻²⁴, a score of `Dense` or `Tree` differs from the
//! cosine by at most (d + 4)u + O(d²u²), in any order of summation. A score of `Int8` differs by what the rounding of the two
//! rows to 8 bits lost, which is computed for each row, not estimated. The proofs are at the top of the modules `float32`,
//! `quantized`, `tree` and `block`. No finite `f32` row overflows or underflows in `f64`; the largest entry of a row of `f64` must
//! be between 10⁻¹⁵⁰ and 10¹⁵⁰ in magnitude, unless the row is all zeros.
//!
//! In the plane, the target rows are sorted by angle without error, and a row further from y than another row on the same side
//! scores at most 2⁻⁵⁰·|c| more than that row's score c: rounding cannot do more (see the source of `angular.rs`).
//!
//! # Limits
//!
//! - The rounded scores of x and 3x may differ in the last bit, so the tie-break by norm is guaranteed only for
//!   multiples by powers of two, and for rows of `f32` with d = 1 or along an axis.
//! - Candidate lists do not help if the target has many equal directions, or many within about 5·10⁻⁴·√d rad of one another:
//!   each source row then scans every free target row and scores its near-tie cluster in `f64`, on all threads. 10,000 source
//!   rows against multiples of 3 rows took 2.2 s for 100 columns ([`Strategy::Reference`]: 4.9 s) and 0.8 s for 5 (0.3 s); the
//!   time is proportional to n and to m. The same happens with zero rows, with rows of `f64` and one column, which have
//!   only two directions, and with a million rows of `f64` in the plane; as `f32`, the last two are sorted instead.
//! - In a source with few directions (a single one, or a narrow cone), many rows compete for the same target rows: blocks become
//!   short, and the work is about 10 to 100 times that of an isotropic source.
//! - With [`Precision::Double`], [`Strategy::Angular`] meets a near-tie cluster where cosines with y agree to 2⁻⁵⁰ and the rows
//!   are not powers of two times one another: multiples of one row, or directions within about 10⁻⁸ rad of y. Each source
//!   row then scores all free rows of the cluster. Beyond 256 directions a cluster is scored with vector instructions, and
//!   beyond 32,768 on all threads: 100,000 source rows against as many multiples of one row take a few seconds, in proportion
//!   to n and to m. With [`Precision::Single`] a cluster costs nothing extra, unless its cosines are within 2⁻⁵⁰ of a
//!   number where rounding to `f32` switches to the next value.
//! - [`Strategy::Sorted`] and [`Strategy::Angular`] rely on exact products and support rows of `f32` only.
//! - At most 2³² − 1 target rows; for more than 2³¹ − 1, [`Strategy::Tree`] falls back to [`Strategy::Dense`].
//! - The authors' code clamps norms at 10⁻⁶ and lets `f32` noise decide ties for d = 1. This crate does neither.

mod angular;
mod components;
mod cost_model;
mod dense;
mod element;
mod engine;
mod error;
mod exact;
mod instructions;
mod matcher;
mod matching;
mod options;
mod parallel;
mod problem;
mod proposer;
mod reference;
mod rows;
mod score;
mod sharded;
mod sort;
mod sorted;
mod stats;
mod tree;
mod units;
mod verify;
mod workspace;

/// The crate whose arrays [`Rows`] are made from.
#[cfg(feature = "ndarray")]
pub use ndarray;

pub use element::Element;
pub use error::{MatchError, PointSet, RowsError};
pub use instructions::Instructions;
#[doc(hidden)]
pub use instructions::arch;
pub use matcher::Matcher;
pub use matching::{Matching, Progress};
pub use options::{ParseOptionError, Precision, Strategy};
pub use proposer::{Candidate, Candidates, Proposer, ProposerError, UnitRows};
pub use rows::Rows;
pub use sharded::{LocalShards, LongerList, Preference, PreferenceList, Shard, Shards, match_shards};
pub use stats::MatchStats;
pub use verify::{MatchedPairs, VerifyError, verify_steps};
pub use workspace::Workspace;

/// Matches every source row to a target row of its own by Algorithm 1, with [`Strategy::Auto`] on all threads.
///
/// `source` has n rows; `target` has at least as many, with the same number of columns. The [front page](crate) defines the
/// result. (The authors' code calls this algorithm `angular`. Here, only [`Strategy::Angular`] has that name.)
///
/// # Errors
///
/// [`MatchError`] if the shapes do not fit each other or a row contains NaN or an infinity.
pub fn match_rows<'s, 't, T: Element>(
    source: impl Into<Rows<'s, T>>,
    target: impl Into<Rows<'t, T>>,
) -> Result<Matching, MatchError> {
    Matcher::new().match_rows(source, target)
}

/// The norms of source rows, `nrm(y)` of the [front page](crate), for [`match_shards`]. `first` is the index of the first row, which an error
/// adds to the index of the row that it names.
///
/// # Errors
///
/// [`MatchError`] if a row contains NaN or an infinity, or a row of `f64` is too large or too small.
pub fn norms<T: Element>(source: &Rows<'_, T>, first: usize) -> Result<Vec<f64>, MatchError> {
    problem::checked_norms(source, PointSet::Source).map_err(|error| error.map_rows(|_, row| first + row))
}

/// Compiles and runs the program of the README.
#[cfg(all(doctest, feature = "ndarray"))]
#[doc = include_str!("../README.md")]
struct Readme;
