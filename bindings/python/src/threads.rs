//! Work without the lock of Python.

use std::process;
use std::sync::OnceLock;

use pyo3::exceptions::PyRuntimeError;
use pyo3::marker::Ungil;
use pyo3::prelude::*;

/// The process that has started the threads.
static PROCESS: OnceLock<u32> = OnceLock::new();

/// Runs work that uses the threads of this process, and that other threads of Python need not wait for.
///
/// # Errors
///
/// `RuntimeError` in a process that was forked from one that had started its threads: they do not exist in it, and the work would never end.
pub(crate) fn detached<T: Ungil>(py: Python<'_>, work: impl FnOnce() -> T + Ungil) -> PyResult<T> {
    if *PROCESS.get_or_init(process::id) != process::id() {
        return Err(PyRuntimeError::new_err(
            "gtn was used before this process was forked; start processes by the method 'spawn' or 'forkserver'",
        ));
    }
    Ok(py.detach(work))
}
