//! The program `gtn` within the process of Python.

use std::ffi::OsString;

use gtn_cli::Invocation;
use pyo3::prelude::*;

/// Runs the program `gtn` with these arguments, the first of which is its name, and returns its exit code. It handles signals from then on,
/// so call it only in a process that does nothing else. `program` are the words that start such a process.
#[pyfunction]
pub(crate) fn run_program(py: Python<'_>, arguments: Vec<OsString>, program: Vec<OsString>) -> u8 {
    let invocation = Invocation::of_this_program().with_arguments(arguments).started_by(program);
    py.detach(|| gtn_cli::run(invocation))
}
