//! Chooses the fastest strategy.
//!
//! Measured on two cores with AVX-512 VNNI, on normal target rows and on rows whose columns have decreasing variance
//! (seconds for n source and n target rows, the slower of both kinds):
//!
//! |   d |       n |  tree |   dense |   int8 |
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
//! So the tree is the fastest up to 8 columns, and up to 10 for many rows. Beyond that, rounding to 8 bits is, if the processor
//! has the instructions and there are enough rows for it to matter.

use crate::dense::Int8Proposer;
use crate::{Element, Strategy};

/// Rows from which on the tree is the fastest for up to [`MAX_TREE_COLUMNS_MANY_ROWS`].
const MANY_ROWS: usize = 50_000;
const MAX_TREE_COLUMNS: usize = 8;
const MAX_TREE_COLUMNS_MANY_ROWS: usize = 10;
/// Source values from which on quantizing them pays off.
const MIN_INT8_VALUES: usize = 150_000;

/// The fastest strategy for this number of source rows and of columns.
pub(crate) fn fastest<T: Element>(rows: usize, dim: usize) -> Strategy {
    let max_tree_columns = if rows < MANY_ROWS { MAX_TREE_COLUMNS } else { MAX_TREE_COLUMNS_MANY_ROWS };
    match dim {
        1 if T::EXACT_PRODUCTS => Strategy::Sorted,
        2 if T::EXACT_PRODUCTS => Strategy::Angular,
        _ if dim <= max_tree_columns => Strategy::Tree,
        _ if rows * dim >= MIN_INT8_VALUES && Int8Proposer::is_fast(dim) => Strategy::Int8,
        _ => Strategy::Dense,
    }
}
