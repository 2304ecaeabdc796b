use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::backprop::GradStore;
use candle_core::{Device, Shape, Tensor, Var};
use ndarray::ArrayD;
use rand::Rng;

use crate::convert::{to_array, to_tensor};
use crate::error::require_array;
use crate::ops::Weight;
use crate::{Error, Result};

/// Arrays by name, in the order of their names.
pub type NamedArrays = BTreeMap<String, ArrayD<f32>>;

/// The parameters of a network by name: trainable ones and buffers. The buffers are BatchNorm's running statistics, which an
/// optimizer does not train.
///
/// Iteration is always in the order of the names.
#[derive(Debug)]
pub struct Parameters {
    trainable: BTreeMap<String, Var>,
    /// The trainable parameters as the fused operations see them.
    weights: BTreeMap<String, Weight>,
    /// Whether backward passes keep gradients in the weights.
    in_place: Arc<AtomicBool>,
    buffers: BTreeMap<String, Var>,
    device: Device,
}

impl Parameters {
    pub(crate) fn new(device: &Device) -> Self {
        Self {
            trainable: BTreeMap::new(),
            weights: BTreeMap::new(),
            in_place: Arc::default(),
            buffers: BTreeMap::new(),
            device: device.clone(),
        }
    }

    /// The device that holds the parameters.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Those whose names start with `prefix`, shared with this network.
    pub(crate) fn starting_with(&self, prefix: &str) -> Self {
        fn of<T: Clone>(all: &BTreeMap<String, T>, prefix: &str) -> BTreeMap<String, T> {
            let of_part = all.iter().filter(|(name, _)| name.starts_with(prefix));
            of_part.map(|(name, value)| (name.clone(), value.clone())).collect()
        }
        Self {
            trainable: of(&self.trainable, prefix),
            weights: of(&self.weights, prefix),
            in_place: self.in_place.clone(),
            buffers: of(&self.buffers, prefix),
            device: self.device.clone(),
        }
    }

    /// The trainable parameters, in the order of their names. Gradients of a loss flow to these tensors, whose values change
    /// with each step of an optimizer.
    pub fn trainable(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.variables().map(|(name, var)| (name, var.as_tensor()))
    }

    /// The trainable parameters as variables, which an optimizer sets.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.trainable.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// Adds a trainable parameter drawn from U(−1/√`fan_in`, 1/√`fan_in`), PyTorch's default for weights and biases of linear
    /// and convolution layers.
    pub(crate) fn uniform(&mut self, name: &str, shape: &[usize], fan_in: usize, rng: &mut impl Rng) -> Result<Weight> {
        let bound = 1.0 / (fan_in as f32).sqrt();
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| (2.0 * rng.random::<f32>() - 1.0) * bound).collect();
        Ok(self.add(name, Var::from_vec(values, shape, &self.device)?))
    }

    fn add(&mut self, name: &str, var: Var) -> Weight {
        let weight = Weight::new(var.as_tensor().clone(), self.in_place.clone());
        self.trainable.insert(name.to_owned(), var);
        self.weights.insert(name.to_owned(), weight.clone());
        weight
    }

    /// Adds a trainable parameter of this shape whose values all start as `value`.
    pub(crate) fn constant(&mut self, name: &str, shape: impl Into<Shape>, value: f32) -> Result<Weight> {
        let shape = shape.into();
        Ok(self.add(name, Var::from_vec(vec![value; shape.elem_count()], shape, &self.device)?))
    }

    /// Adds a buffer of `len` values that all start as `value`.
    pub(crate) fn buffer(&mut self, name: &str, len: usize, value: f32) -> Result<Var> {
        let var = Var::from_vec(vec![value; len], len, &self.device)?;
        self.buffers.insert(name.to_owned(), var.clone());
        Ok(var)
    }

    /// Runs the backward pass of `loss` and keeps gradients in the weights where the network supports it. The returned store
    /// contains the other gradients.
    pub(crate) fn backward_in_place(&self, loss: &Tensor) -> Result<GradStore> {
        /// Resets the flag when dropped.
        struct InPlace<'a>(&'a AtomicBool);
        impl Drop for InPlace<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Relaxed);
            }
        }
        // A pass that failed may have left gradients of another loss.
        self.weights.values().for_each(Weight::clear_gradient);
        self.in_place.store(true, Ordering::Relaxed);
        let _in_place = InPlace(&self.in_place);
        Ok(loss.backward()?)
    }

    /// Adds to the gradient that is kept in a weight.
    pub(crate) fn add_gradient(&self, name: &str, gradient: &[f32]) {
        if let Some(weight) = self.weights.get(name) {
            weight.gradient().accumulate(gradient.iter().copied());
        }
    }

    /// Takes the gradient that is kept in a weight, if there is one, and passes it to `work`.
    pub(crate) fn take_gradient<R>(&self, name: &str, work: impl FnOnce(&[f32]) -> R) -> Option<R> {
        self.weights.get(name)?.gradient().take().map(work)
    }

    /// Takes the gradient that is kept in a weight on a GPU, if there is one.
    #[cfg(gpu)]
    pub(crate) fn take_gradient_from_gpu(&self, name: &str) -> Option<Tensor> {
        self.weights.get(name)?.gradient().take_from_gpu()
    }

    /// The gradients of all trainable parameters that `loss` depends on, by name.
    ///
    /// Unlike Candle's `GradStore`, this also contains the gradients of a network on a GPU.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device fails.
    pub fn gradients(&self, loss: &Tensor) -> Result<NamedArrays> {
        let store = self.backward_in_place(loss)?;
        let mut gradients = NamedArrays::new();
        for (name, var) in &self.trainable {
            let through_candle = store.get(var.as_tensor()).map(to_array).transpose()?;
            let in_place = self.take_gradient_in_place(name, var)?;
            let gradient = match (through_candle, in_place) {
                (Some(one), Some(other)) => Some(one + other),
                (one, other) => one.or(other),
            };
            gradients.extend(gradient.map(|gradient| (name.clone(), gradient)));
        }
        Ok(gradients)
    }

    /// Takes the gradient that a backward pass has kept in a weight.
    fn take_gradient_in_place(&self, name: &str, var: &Var) -> Result<Option<ArrayD<f32>>> {
        let array = |values: Vec<f32>| {
            ArrayD::from_shape_vec(var.dims().to_vec(), values).expect("a gradient has as many values as its weight")
        };
        #[cfg(gpu)]
        if let Some(gradient) = self.take_gradient_from_gpu(name) {
            return Ok(Some(array(gradient.to_vec1()?)));
        }
        Ok(self.take_gradient(name, |gradient| array(gradient.to_vec())))
    }

    /// Appends the gradients of all trainable parameters one after another to `flat`, in the order of their names: 0 where `loss` does not
    /// depend on a parameter. [`Adam::step_with`](crate::Adam::step_with) takes them, or the sum of several.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device fails.
    pub fn append_gradients(&self, loss: &Tensor, flat: &mut Vec<f32>) -> Result<()> {
        let store = self.backward_in_place(loss)?;
        flat.reserve(self.trainable.values().map(|var| var.elem_count()).sum());
        for (name, var) in &self.trainable {
            let start = flat.len();
            // On the host, gradients of this crate's operations are in the weights.
            let in_place = self.take_gradient(name, |gradient| flat.extend_from_slice(gradient));
            let others = [
                if in_place.is_none() { self.take_gradient_in_place(name, var)? } else { None },
                store.get(var.as_tensor()).map(to_array).transpose()?,
            ];
            flat.resize(start + var.elem_count(), 0.0);
            for other in others.into_iter().flatten() {
                flat[start..].iter_mut().zip(&other).for_each(|(sum, &gradient)| *sum += gradient);
            }
        }
        Ok(())
    }

    fn all(&self) -> impl Iterator<Item = (&String, &Var)> {
        self.trainable.iter().chain(&self.buffers)
    }

    /// Copies of all parameters and buffers by name. Candle reads and writes them as a safetensors file:
    /// [`candle_core::safetensors`].
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if they cannot be copied to the host.
    pub fn state_dict(&self) -> Result<NamedArrays> {
        self.all().map(|(name, var)| Ok((name.clone(), to_array(var.as_tensor())?))).collect()
    }

    /// Sets all parameters and buffers. Arrays of other names are ignored.
    ///
    /// # Errors
    ///
    /// [`Error::MissingWeight`], [`Error::WeightShape`] or [`Error::NotFinite`] if `arrays` do not fit the network;
    /// then nothing is set.
    pub fn load_state_dict(&self, arrays: &NamedArrays) -> Result<()> {
        let mut tensors = Vec::new();
        for (name, var) in self.all() {
            let array = require_array(arrays, name, var.dims())?;
            if !array.iter().all(|value| value.is_finite()) {
                return Err(Error::NotFinite { name: name.clone() });
            }
            tensors.push((var, to_tensor(array.view(), &self.device)?));
        }
        for (var, tensor) in tensors {
            var.set(&tensor)?;
        }
        Ok(())
    }
}
