//! Which strategy is the fastest.
//!
//! Measured on two cores with AVX-512 VNNI, on normal target rows and on rows whose columns have less and less variance
//! (seconds for n source and n target rows, the slower of both kinds):
//!
//! |   d |       n |  tree | blocked | narrow |
//! |-----|---------|-------|---------|--------|
//! |   5 |   2,000 | 0.004 |   0.004 |  0.006 |
//! |   5 |  20,000 | 0.032 |   0.057 |  0.143 |
//! |   8 |  20,000 | 0.047 |   0.054 |  0.072 |
//! |   8 | 200,000 |  1.02 |    2.40 |   2.32 |
//! |  10 |  20,000 | 0.077 |   0.073 |  0.082 |
//! |  10 | 200,000 |  2.01 |    2.97 |   2.21 |
//! |  12 |  20,000 | 0.113 |   0.076 |  0.087 |
//! |  12 | 200,000 |  4.80 |    3.42 |   2.38 |
//! |  16 |   5,000 | 0.023 |   0.014 |  0.016 |
//! |  16 |  60,000 |  2.76 |    0.85 |   0.61 |
//! | 100 |  20,000 |       |    0.25 |   0.19 |
//!
//! So the tree is the best up to 8 columns, and up to 10 for many rows; from there on rounding to 8 bits is, where the processor
//! has the instructions and the rows are not so few that it does not matter.

use crate::dense::Narrow;
use crate::{Element, Strategy};

/// Rows from which the tree is the fastest for up to [`TREE_COLUMNS_OF_MANY`].
const MANY: usize = 50_000;
const TREE_COLUMNS: usize = 8;
const TREE_COLUMNS_OF_MANY: usize = 10;
/// Numbers in the source from which rounding them pays.
const NARROW_NUMBERS: usize = 150_000;

/// The fastest strategy for this number of source rows and of columns.
pub(crate) fn fastest<T: Element>(rows: usize, dim: usize) -> Strategy {
    let tree_columns = if rows < MANY { TREE_COLUMNS } else { TREE_COLUMNS_OF_MANY };
    match dim {
        1 if T::EXACT => Strategy::Ordered,
        2 if T::EXACT => Strategy::Angular,
        _ if dim <= tree_columns => Strategy::Tree,
        _ if rows * dim >= NARROW_NUMBERS && Narrow::is_fast(dim) => Strategy::Narrow,
        _ => Strategy::Blocked,
    }
}
