//! The native part of the Python package `gtn`. `py_src/gtn` wraps it: what Python does better, such as reading arrays of other
//! libraries, is there.

mod errors;
mod fitting;
mod matching;
mod metrics;
mod model;
mod program;
mod threads;

use pyo3::prelude::*;

// As in the program: training allocates and frees thousands of large tensors per second.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Generative Topological Networks, native part.
#[pymodule]
mod _gtn {
    #[pymodule_export]
    use crate::fitting::{fit, write_images};
    #[pymodule_export]
    use crate::matching::match_rows;
    #[pymodule_export]
    use crate::metrics::{
        density_coverage, dimension, energy_distance, frechet_distance, kernel_distance, memorization,
        precision_recall, sliced_wasserstein, variance_kept,
    };
    #[pymodule_export]
    use crate::model::PyModel;
    #[pymodule_export]
    use crate::program::run_program;

    /// Adds the version.
    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        pyo3::types::PyModuleMethods::add(module, "__version__", env!("CARGO_PKG_VERSION"))
    }
}
