//! The rows of one process.

use std::ops::Range;

use gtn_label::Rows;

use crate::{Collective, part_of};

/// The rows of a set that one process has: those that [`part_of`] gives to its number of rows.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// The rows.
    pub rows: Rows<'a>,
    /// The number of rows of all processes.
    pub total: usize,
}

impl Part<'_> {
    pub(super) fn range(&self, collective: &dyn Collective) -> Range<usize> {
        part_of(self.total, collective.rank(), collective.size())
    }
}
