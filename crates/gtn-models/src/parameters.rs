use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use ndarray::ArrayD;
use rand::Rng;

use crate::ops::Weight;
use crate::{Error, Result, Streams};

/// Arrays by name, in the order of their names.
pub type NamedArrays = BTreeMap<String, ArrayD<f32>>;

/// The weights of a network by name: those that an optimizer trains, and BatchNorm's running statistics, which it does not.
///
/// Iteration is in the order of the names, never in that of a hash table.
#[derive(Debug)]
pub struct Parameters {
    trained: BTreeMap<String, Var>,
    weights: BTreeMap<String, Weight>,
    /// Whether backward passes leave gradients with the weights.
    in_place: Arc<AtomicBool>,
    statistics: BTreeMap<String, Var>,
    device: Device,
}

impl Parameters {
    pub(crate) fn new(device: &Device) -> Self {
        Self {
            trained: BTreeMap::new(),
            weights: BTreeMap::new(),
            in_place: Arc::default(),
            statistics: BTreeMap::new(),
            device: device.clone(),
        }
    }

    /// Where the weights live.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The weights that are trained, in the order of their names.
    pub fn trained(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.trained.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// Adds a trained weight drawn from U(−1/√`fan_in`, 1/√`fan_in`), PyTorch's default for linear and convolution layers
    /// and their biases, from the stream of its name.
    pub(crate) fn uniform(&mut self, name: &str, shape: &[usize], fan_in: usize, streams: &Streams) -> Result<Weight> {
        let bound = 1.0 / (fan_in as f32).sqrt();
        let mut rng = streams.stream(&format!("init/{name}"), 0);
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| (2.0 * rng.random::<f32>() - 1.0) * bound).collect();
        Ok(self.add(name, Var::from_vec(values, shape, &self.device)?))
    }

    fn add(&mut self, name: &str, var: Var) -> Weight {
        let weight = Weight::new(var.as_tensor().clone(), self.in_place.clone());
        self.trained.insert(name.to_owned(), var);
        self.weights.insert(name.to_owned(), weight.clone());
        weight
    }

    /// Adds a trained weight that starts as `value` everywhere.
    pub(crate) fn constant(&mut self, name: &str, len: usize, value: f32) -> Result<Weight> {
        Ok(self.add(name, Var::from_vec(vec![value; len], len, &self.device)?))
    }

    /// Adds a running statistic that starts as `value` everywhere.
    pub(crate) fn statistic(&mut self, name: &str, len: usize, value: f32) -> Result<Var> {
        let var = Var::from_vec(vec![value; len], len, &self.device)?;
        self.statistics.insert(name.to_owned(), var.clone());
        Ok(var)
    }

    /// Goes backward from a loss and leaves the gradients of weights with them, where the network can; those that it cannot
    /// leave are in what is returned.
    pub(crate) fn backward_in_place(&self, loss: &Tensor) -> Result<GradStore> {
        /// Ends with its scope, however that is left.
        struct InPlace<'a>(&'a AtomicBool);
        impl Drop for InPlace<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Relaxed);
            }
        }
        // What a pass that failed may have left is not of this loss.
        self.weights.values().for_each(Weight::forget_gradient);
        self.in_place.store(true, Ordering::Relaxed);
        let _in_place = InPlace(&self.in_place);
        Ok(loss.backward()?)
    }

    /// Adds to the gradient that was left with a weight.
    pub(crate) fn add_gradient(&self, name: &str, gradient: &[f32]) {
        if let Some(weight) = self.weights.get(name) {
            weight.gradient().put(gradient.iter().copied());
        }
    }

    /// Shows the gradient that was left with a weight to `work`, if there is one, and forgets it.
    pub(crate) fn take_gradient<R>(&self, name: &str, work: impl FnOnce(&[f32]) -> R) -> Option<R> {
        self.weights.get(name)?.gradient().take().map(work)
    }

    /// The same on a GPU, without a look at it.
    #[cfg(gpu)]
    pub(crate) fn take_gradient_from_gpu(&self, name: &str) -> Option<Tensor> {
        self.weights.get(name)?.gradient().take_from_gpu()
    }

    /// The gradients of all weights that `loss` depends on, by name, wherever the network is at home.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device fails.
    pub fn gradients(&self, loss: &Tensor) -> Result<NamedArrays> {
        let store = self.backward_in_place(loss)?;
        let mut gradients = NamedArrays::new();
        for (name, var) in &self.trained {
            let through_candle = store.get(var.as_tensor()).map(crate::arrays::array_of).transpose()?;
            let in_place = self.gradient_in_place(name, var)?;
            let gradient = match (through_candle, in_place) {
                (Some(one), Some(other)) => Some(one + other),
                (one, other) => one.or(other),
            };
            gradients.extend(gradient.map(|gradient| (name.clone(), gradient)));
        }
        Ok(gradients)
    }

    /// What a backward pass has left with a weight, which is then forgotten.
    fn gradient_in_place(&self, name: &str, var: &Var) -> Result<Option<ArrayD<f32>>> {
        let array = |values: Vec<f32>| {
            ArrayD::from_shape_vec(var.dims().to_vec(), values).expect("a gradient has its weight's numbers")
        };
        #[cfg(gpu)]
        if let Some(gradient) = self.take_gradient_from_gpu(name) {
            return Ok(Some(array(gradient.to_vec1()?)));
        }
        Ok(self.take_gradient(name, |gradient| array(gradient.to_vec())))
    }

    fn all(&self) -> impl Iterator<Item = (&String, &Var)> {
        self.trained.iter().chain(&self.statistics)
    }

    /// Copies of all weights and statistics.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if they cannot be brought to the host.
    pub fn snapshot(&self) -> Result<NamedArrays> {
        self.all().map(|(name, var)| Ok((name.clone(), crate::arrays::array_of(var.as_tensor())?))).collect()
    }

    /// Sets all weights and statistics. Arrays that the network has no use for are left alone.
    ///
    /// # Errors
    ///
    /// [`Error::MissingWeight`], [`Error::WeightShape`] or [`Error::NotFinite`] if `arrays` are not this network's; then
    /// nothing is set.
    pub fn load(&self, arrays: &NamedArrays) -> Result<()> {
        let mut tensors = Vec::new();
        for (name, var) in self.all() {
            let array = arrays.get(name).ok_or_else(|| Error::MissingWeight { name: name.clone() })?;
            if array.shape() != var.dims() {
                let (found, expected) = (array.shape().to_vec(), var.dims().to_vec());
                return Err(Error::WeightShape { name: name.clone(), found, expected });
            }
            if !array.iter().all(|value| value.is_finite()) {
                return Err(Error::NotFinite { name: name.clone() });
            }
            tensors.push((var, crate::arrays::tensor_of(array.view(), &self.device)?));
        }
        for (var, tensor) in tensors {
            var.set(&tensor)?;
        }
        Ok(())
    }
}
