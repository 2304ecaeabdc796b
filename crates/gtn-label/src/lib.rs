//! Exact greedy cosine matching of two point sets: Algorithm 1 of *Generative Topological Networks*
//! ([arXiv 2406.15152v2](https://arxiv.org/abs/2406.15152)), blocked, parallel, and usable alone.
//!
//! Every row of a *source* takes, in the order of its norm, the row of a *target* that is still free and has the highest
//! cosine similarity with it.
//!
//! ```
//! use gtn_label::{Rows, match_rows};
//!
//! // Two source rows and three target rows in the plane.
//! let source = Rows::new(&[0.0_f32, 2.0, 1.0, 0.0], 2, 2)?;
//! let target = Rows::new(&[3.0_f32, 0.1, 1.0, 1.0, -0.2, 5.0], 3, 2)?;
//! let matched = match_rows(source, target)?;
//!
//! assert_eq!(matched.order(), [1, 0]); // the shorter source row is served first
//! assert_eq!(matched.matching(), [2, 0]); // source row 0 takes target row 2, source row 1 takes target row 0
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `ndarray` (on by default) arrays and views go in as they are:
//!
//! ```
//! # #[cfg(feature = "ndarray")] {
//! use ndarray::array;
//!
//! let y = array![[1.0_f32, 0.0], [0.0, 2.0]];
//! let x = array![[-0.2_f32, 5.0], [3.0, 0.1]];
//! let matched = gtn_label::match_rows(&y, &x)?;
//! let x_y = x.select(ndarray::Axis(0), matched.matching()); // row i belongs to row i of y
//! assert_eq!(x_y, array![[3.0_f32, 0.1], [-0.2, 5.0]]);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Matcher`] sets the strategy, the number of threads, and a callback that follows or stops the work;
//! [`Matcher::match_components`] matches rows by labels; a [`Workspace`] keeps memory from one matching to the next and tells
//! what the last one took; [`replay`] checks single steps of a matching by the definition; a [`Proposer`] lets another device
//! do the heavy part.
//!
//! # What exactly is computed
//!
//! Rows are of `f32`, widened to `f64`, or of `f64`.
//!
//! - `dot(a, b) = (((0 + a₀b₀) + a₁b₁) + …)`, from left to right, without fused multiply-add (a product of two `f32` is exact in
//!   `f64`, so there it would change nothing). `nrm(a) = √dot(a, a)`.
//! - Source rows are served by ascending (`nrm(y)`, index).
//! - The score of a free target row x for y is `c = dot(x, y) / nrm(x)`, one IEEE division; `c = 0` if x or y is all zeros.
//! - y takes the first free x by (`c` descending, `nrm(x)` ascending, index ascending), compared as IEEE numbers (−0 = +0).
//! - The similarity reported is `clamp(c / nrm(y), −1, 1)` as `f32`, and 0 for zero rows.
//!
//! Every [`Strategy`] on any number of threads returns this matching, whole. A source smaller than the target leaves
//! target rows over; a larger one is an error.
//!
//! ## Precision
//!
//! In the plane, and for many rows, this is finer than anyone's intention: exact cosines hardly ever tie, so every source row
//! takes the target row of the nearest direction whatever its length, and the pairs say nearly nothing about lengths. For
//! 100,000 normal rows and as many rows uniform in a square the correlation between |y| and |x_y| is 0.12.
//! [`Precision::Single`] compares the similarities as they are reported, rounded to `f32`: directions within some 10⁻⁴ rad
//! of y tie, and among them the shortest free row is taken. The correlation is then 0.7. Code that computes cosines in
//! `f32` throughout, as the authors' does, has such ties without saying so. It matters for d = 2 with many rows, and hardly
//! for larger d.
//!
//! # Complexity and memory
//!
//! For n source rows, m target rows and d columns. All but [`Strategy::Reference`] use all threads.
//!
//! | strategy | operations | memory beyond the rows, in bytes |
//! |----------|------------|----------------------------------|
//! | [`Ordered`](Strategy::Ordered), d = 1 | O(n log n + m log m) | about 30 a row of either side |
//! | [`Angular`](Strategy::Angular), d = 2 | O(n log n + m log m), unless many directions crowd | about 80 a row of either side |
//! | [`Tree`](Strategy::Tree), few columns | O(n log m) for fixed d, times what grows exponentially with d, unless directions crowd | about 8d + 120 for each target row |
//! | [`Narrow`](Strategy::Narrow) | O(n·m·d), in 8 bits | about 5d + 120 for each target row |
//! | [`Blocked`](Strategy::Blocked) | O(n·m·d), in `f32` | about 8d + 120 for each target row |
//! | [`Reference`](Strategy::Reference) | O(n·m·d), in `f64`, one at a time | about 30 a row of either side |
//!
//! The middle three *propose* a few candidates for each row of a block of source rows, with a proved error bound; every free row
//! that the bound cannot exclude is scored in `f64` as defined above, and conflicts within the block are resolved by deferred
//! acceptance, whose outcome does not depend on the order of proposals. No score leaves the processor's registers unless it
//! reaches a list, so there is never an n × m matrix, or a part of one, in memory.
//!
//! [`Strategy::Auto`] takes `Ordered` for 1 column and `Angular` for 2 (of `f32`); `Tree` up to 8 columns, and up to 10 from 50,000 source
//! rows on; then `Narrow` from 150,000 numbers in the source on, if the processor has AVX-512 VNNI, and else `Blocked`. The
//! crossing points were measured (a table is in the source of `choice.rs`). On two cores of an AMD EPYC (Zen 4), normal
//! rows, n = m, by `cargo xtask bench label --scaling`:
//!
#![doc = include_str!("../docs/scaling.svg")]
//!
//! # Floating point
//!
//! Unit rows are computed in `f64` and rounded once to `f32`. With u = 2⁻²⁴, a score of `Blocked` or `Tree` differs from the
//! cosine by at most (d + 4)u + O(d²u²), in any order of summation; that of `Narrow` by what the rounding to 8 bits lost of
//! the two rows, which is computed for each row and not estimated. The proofs stand at the head of the modules `single`,
//! `narrow`, `tree` and `engine`. No finite `f32` row over- or underflows in `f64`; the largest entry of a row of `f64` must
//! lie between 10⁻¹⁵⁰ and 10¹⁵⁰ in size, or the row be all zeros.
//!
//! In the plane, the target rows are sorted by angle without an error, and a row further from y than another one on the
//! same side scores at most 2⁻⁵⁰·|c| more than its score c: rounding cannot do more (see the source of `angular.rs`).
//!
//! # Limits
//!
//! - The rounded scores of x and 3x may differ in the last bit, so the tie-break by norm is guaranteed only for
//!   multiples by powers of two, and for rows of `f32` with d = 1 or along an axis.
//! - A target with many equal directions, or many within some 5·10⁻⁴·√d rad of one another, makes proposals useless: each
//!   source row then looks at every free target row and scores its crowd in `f64`, on all threads. 10,000 source rows against
//!   multiples of 3 rows took 2.2 s for 100 columns ([`Strategy::Reference`]: 4.9 s) and 0.8 s for 5 (0.3 s), in proportion to
//!   both numbers.
//!   So it is with zero rows, with rows of `f64` and one column, which have but two directions, and with a million rows of
//!   `f64` in the plane; as `f32` these are sorted.
//! - A source of few directions (one, or a narrow cone) wants the same target rows over and over: blocks become short, and
//!   the work is some 10 to 100 times that of an isotropic source.
//! - [`Strategy::Angular`] meets such a crowd with [`Precision::Double`] where cosines with y agree to 2⁻⁵⁰ and the rows
//!   are not powers of two times one another: multiples of one row, or directions within some 10⁻⁸ rad of y. Each source
//!   row then scores all free rows of the crowd. Past 256 directions a crowd is scored with vector instructions, and past
//!   32,768 on all threads: 100,000 source rows against as many multiples of one row take some seconds, in proportion to
//!   both numbers. With [`Precision::Single`] a crowd costs nothing extra, unless its cosines lie within 2⁻⁵⁰ of a number
//!   where rounding to `f32` changes sides.
//! - [`Strategy::Ordered`] and [`Strategy::Angular`] rest on exact products and take rows of `f32` only.
//! - At most 2³² − 1 target rows; [`Strategy::Tree`] hands more than 2³¹ − 1 to [`Strategy::Blocked`].
//! - The authors' code clamps norms at 10⁻⁶ and lets `f32` noise decide ties for d = 1. Neither is done here.

mod angular;
mod choice;
mod components;
mod dense;
mod element;
mod engine;
mod error;
mod matcher;
mod matching;
mod order;
mod ordered;
mod parallel;
mod proposer;
mod reference;
mod replay;
mod rows;
mod score;
mod statistics;
mod task;
mod tree;
mod workspace;

pub use element::Element;
pub use error::{MatchError, RowsError, Side};
pub use matcher::{Matcher, Precision, Strategy};
pub use matching::{Matching, Progress};
pub use proposer::{Candidate, Candidates, Proposer, ProposerError, UnitRows};
pub use replay::{Pairs, ReplayError, replay};
pub use rows::Rows;
pub use statistics::Statistics;
pub use workspace::Workspace;

/// Matches every source row to a target row of its own by Algorithm 1, with [`Strategy::Auto`] on all threads.
///
/// `source` has n rows, `target` at least as many, of the same number of columns. See the [front page](crate) for what is
/// computed.
///
/// # Errors
///
/// [`MatchError`] if the shapes do not fit each other or a row holds NaN or an infinity.
pub fn match_rows<'s, 't, T: Element>(
    source: impl Into<Rows<'s, T>>,
    target: impl Into<Rows<'t, T>>,
) -> Result<Matching, MatchError> {
    Matcher::new().match_rows(source, target)
}

/// The name that the authors' code gives to [`match_rows`], after the angle between y and x.
///
/// # Errors
///
/// Those of [`match_rows`].
pub fn angular<'s, 't, T: Element>(
    source: impl Into<Rows<'s, T>>,
    target: impl Into<Rows<'t, T>>,
) -> Result<Matching, MatchError> {
    match_rows(source, target)
}
