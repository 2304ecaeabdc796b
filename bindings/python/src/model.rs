//! A trained model: sampling, encoding and decoding.

use std::path::{Path, PathBuf};

use gtn_io::UnknownName;
use gtn_models::{Device, Generator, Interpolation, Model, Sampling, Streams, purpose};
use ndarray::{Array2, Axis, concatenate};
use numpy::{IntoPyArray, PyArray2, PyArray4, PyReadonlyArray2, PyReadonlyArray4};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors;
use crate::threads::detached;

/// A trained GTN.
#[pyclass(frozen, name = "Model", module = "gtn._gtn")]
pub(crate) struct PyModel {
    path: PathBuf,
    model: Model,
    generator: Generator,
    /// The names of the components, if they are classes.
    classes: Vec<String>,
}

#[pymethods]
impl PyModel {
    /// Reads a run folder, a weights folder or a model file.
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let read = || -> gtn_models::Result<_> {
            let model = Model::load(&path)?;
            let generator = model.generator(&Device::Cpu)?;
            Ok((model, generator))
        };
        let (model, generator) = detached(py, read)?.map_err(|error| errors::of_models(&error))?;
        let classes = model.card().component_classes();
        Ok(Self { path, model, generator, classes })
    }

    /// The latent dimension d.
    #[getter]
    fn dim(&self) -> usize {
        self.generator.source_dim()
    }

    /// The number of components of the source.
    #[getter]
    fn components(&self) -> usize {
        self.generator.components()
    }

    /// The names of the components, if they are classes.
    #[getter]
    fn classes(&self) -> Vec<String> {
        self.classes.clone()
    }

    /// Whether samples are images.
    #[getter]
    fn generates_images(&self) -> bool {
        self.generator.generates_images()
    }

    /// The values of a sample: those of an image, or d.
    #[getter]
    fn values_per_sample(&self) -> usize {
        self.generator.values_per_sample()
    }

    /// The path that it was read from.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Latents, shape (n, d). `component` is a number, or the name of a class.
    fn sample_latents<'py>(
        &self,
        py: Python<'py>,
        n: usize,
        seed: u64,
        component: Option<ComponentName>,
        temperature: f64,
        steps: usize,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let component = component.map(|component| self.component(component)).transpose()?;
        let sampling = Sampling::default().with_temperature(temperature).with_component(component).with_steps(steps);
        let mut stream = Streams::new(seed).stream(purpose::SAMPLE, 0);
        let latents = detached(py, || self.generator.sample_latents_by(n, &sampling, &mut stream))?;
        latents.map(|latents| latents.into_pyarray(py)).map_err(|error| errors::of_models(&error))
    }

    /// Images of latents, shape (n, C, H, W) in [−1, 1].
    fn decode<'py>(&self, py: Python<'py>, latents: PyReadonlyArray2<'py, f32>) -> PyResult<Bound<'py, PyArray4<f32>>> {
        let latents = latents.as_array();
        let images = detached(py, || self.generator.decode(latents))?;
        images.map(|images| images.into_pyarray(py)).map_err(|error| errors::of_models(&error))
    }

    /// Latents of images, shape (n, C, H, W) in [−1, 1].
    fn encode<'py>(&self, py: Python<'py>, images: PyReadonlyArray4<'py, f32>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let images = images.as_array();
        let latents = detached(py, || self.generator.encode(images))?;
        latents.map(|latents| latents.into_pyarray(py)).map_err(|error| errors::of_models(&error))
    }

    /// Latents along lines between normal vectors, shape (rows · steps, d), row by row: those of `gtn interpolate`.
    fn interpolate_latents<'py>(
        &self,
        py: Python<'py>,
        rows: usize,
        steps: usize,
        seed: u64,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        if rows == 0 || steps < 2 {
            return Err(PyValueError::new_err(format!(
                "rows is {rows} and steps is {steps}; there must be at least 1 row of 2 steps"
            )));
        }
        let interpolated = || -> gtn_models::Result<Array2<f32>> {
            let ends = self.generator.draw_endpoints(rows, &Streams::new(seed));
            let latents = (0..rows).map(|row| self.generator.interpolate(&ends, row, Interpolation::Linear, steps));
            let latents = latents.collect::<gtn_models::Result<Vec<_>>>()?;
            let views: Vec<_> = latents.iter().map(|latents| latents.view()).collect();
            Ok(concatenate(Axis(0), &views).expect("all rows have the latent dimension"))
        };
        let latents = detached(py, interpolated)?.map_err(|error| errors::of_models(&error))?;
        Ok(latents.into_pyarray(py))
    }

    /// Writes the model as one file, as `gtn export` does.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let write = || -> gtn_models::Result<()> { Ok(self.model.to_artifact()?.write(Path::new(&path))?) };
        detached(py, write)?.map_err(|error| errors::of_models(&error))
    }
}

/// A component by its number, or a class by its name.
#[derive(FromPyObject)]
enum ComponentName {
    Number(usize),
    Class(String),
}

impl PyModel {
    fn component(&self, component: ComponentName) -> PyResult<usize> {
        let name = match component {
            ComponentName::Number(number) => return Ok(number),
            ComponentName::Class(name) => name,
        };
        if self.classes.is_empty() {
            return Err(PyValueError::new_err(format!(
                "label {name:?}: the components of {} are no classes; pass the number of a component",
                self.path.display()
            )));
        }
        self.classes.iter().position(|class| *class == name).ok_or_else(|| {
            PyValueError::new_err(UnknownName::new("class", &name, self.classes.iter().map(String::as_str)).to_string())
        })
    }
}
