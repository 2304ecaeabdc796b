//! Proposers that look at every free target row: all scores of a group of source rows are formed, panel by panel of the
//! target, and only those that reach a source row's list ever leave the registers.

mod gather;
mod narrow;
mod panels;
mod single;
mod vnni;

pub(crate) use narrow::Narrow;
pub(crate) use single::{Single, error as single_error};
