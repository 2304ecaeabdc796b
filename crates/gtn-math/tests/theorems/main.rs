//! The theorems of the paper as property tests. The table on the crate's front page lists the test of each statement.

mod bad_input;
mod common;
mod empirical;
mod labeling;
mod line;
mod line_wise;
mod mixture;
mod radial;
mod swiss_roll;
mod union;
