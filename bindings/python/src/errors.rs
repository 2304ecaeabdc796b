//! Errors of the library as exceptions of Python.

use gtn_label::MatchError;
use pyo3::exceptions::{PyFileNotFoundError, PyKeyboardInterrupt, PyOSError, PyValueError};
use pyo3::{PyErr, Python};

/// The exception of a matching: that of the signal handler if one ended it, and otherwise a `ValueError` with the same sentence as in the
/// program.
pub(crate) fn of_matching(error: &MatchError, py: Python<'_>) -> PyErr {
    match error {
        MatchError::Cancelled { .. } => PyErr::take(py).unwrap_or_else(|| PyKeyboardInterrupt::new_err(())),
        error => PyValueError::new_err(error.to_string()),
    }
}

/// The exception of a model: `FileNotFoundError` if there is no file, `OSError` if the machine fails, and otherwise `ValueError`.
pub(crate) fn of_models(error: &gtn_models::Error) -> PyErr {
    of_error(error, error.is_user_error())
}

/// The exception of a metric: all of its errors are about the arrays and the settings.
pub(crate) fn of_metrics(error: &gtn_metrics::Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn of_error(error: &(dyn std::error::Error + 'static), is_users: bool) -> PyErr {
    let mut cause = Some(error);
    while let Some(found) = cause {
        if found.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return PyFileNotFoundError::new_err(error.to_string());
        }
        cause = found.source();
    }
    if is_users { PyValueError::new_err(error.to_string()) } else { PyOSError::new_err(error.to_string()) }
}
