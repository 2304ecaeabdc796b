//! Which strategy is the fastest.

use crate::dense::Narrow;
use crate::{Element, Strategy};

/// The fastest strategy for this number of source rows and of columns.
pub(crate) fn fastest<T: Element>(rows: usize, dim: usize) -> Strategy {
    match dim {
        1 if T::EXACT => Strategy::Ordered,
        2 if T::EXACT => Strategy::Angular,
        _ if rows > 0 && dim > 8 && Narrow::is_fast(dim) => Strategy::Narrow,
        _ => Strategy::Blocked,
    }
}
