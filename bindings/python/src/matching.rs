//! Algorithm 1 on NumPy arrays.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use gtn_label::{Element, Matcher, Matching, Precision};
use ndarray::ArrayView2;
use numpy::{
    Element as NumpyElement, PyArray1, PyArrayDescrMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::errors;
use crate::threads::detached;

/// How often Python is asked whether a signal has arrived.
const ASK_AFTER: Duration = Duration::from_millis(50);

/// `assignment`, `order` and `similarity` of a matching.
type Arrays<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<f32>>);

/// Matches the rows of two arrays of the same type, float32 or float64; see `gtn.match`. Labels are two arrays, of the source and the target.
#[pyfunction]
#[pyo3(signature = (source, target, *, precision, threads, labels))]
pub(crate) fn match_rows<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyUntypedArray>,
    target: &Bound<'py, PyUntypedArray>,
    precision: &str,
    threads: usize,
    labels: Option<(PyReadonlyArray1<'py, u32>, PyReadonlyArray1<'py, u32>)>,
) -> PyResult<Arrays<'py>> {
    let precision: Precision = precision.parse().map_err(|error| PyValueError::new_err(format!("{error}")))?;
    let matcher = Matcher::new().precision(precision).threads(threads);
    let matched = if source.dtype().is_equiv_to(&numpy::dtype::<f32>(py)) {
        match_typed::<f32>(py, matcher, source, target, labels)?
    } else {
        match_typed::<f64>(py, matcher, source, target, labels)?
    };
    let indices = |values: &[usize]| PyArray1::from_iter(py, values.iter().map(|&value| value as i64));
    let similarity = PyArray1::from_slice(py, matched.similarity());
    Ok((indices(matched.assignment()), indices(matched.order()), similarity))
}

fn match_typed<'py, T: Element + NumpyElement>(
    py: Python<'py>,
    matcher: Matcher<'_>,
    source: &Bound<'py, PyUntypedArray>,
    target: &Bound<'py, PyUntypedArray>,
    labels: Option<(PyReadonlyArray1<'py, u32>, PyReadonlyArray1<'py, u32>)>,
) -> PyResult<Matching> {
    let rows = |array: &Bound<'py, PyUntypedArray>| -> PyResult<PyReadonlyArray2<'py, T>> {
        array
            .extract()
            .map_err(|_| PyTypeError::new_err("both arrays must have two axes and the same type, float32 or float64"))
    };
    let (source, target) = (rows(source)?, rows(target)?);
    let (source, target): (ArrayView2<'_, T>, ArrayView2<'_, T>) = (source.as_array(), target.as_array());
    let labels = labels.as_ref().map(|(source, target)| (source.as_array(), target.as_array()));
    let labels = labels.map(|(source, target)| (source.to_vec(), target.to_vec()));
    let mut asked = Instant::now();
    let matcher = matcher.progress(move |_| {
        if asked.elapsed() < ASK_AFTER {
            return ControlFlow::Continue(());
        }
        asked = Instant::now();
        // The exception stays set until `errors::of_matching` takes it.
        let is_fine = Python::attach(|py| py.check_signals().map_err(|error| error.restore(py)).is_ok());
        if is_fine { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let matched = detached(py, || match &labels {
        None => matcher.match_rows(source, target),
        Some((of_source, of_target)) => matcher.match_components(source, of_source, target, of_target),
    })?;
    matched.map_err(|error| errors::of_matching(&error, py))
}
