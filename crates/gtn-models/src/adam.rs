use std::collections::BTreeMap;
use std::sync::Mutex;

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use ndarray::ArrayD;

use crate::convert::{to_array, to_tensor};
use crate::error::{require, require_array};
#[cfg(gpu)]
use crate::gpu::{AdamTable, Gpu};
use crate::ops::{AdamCoefficients, AdamKernel, Ops, Placement, read};
use crate::{Error, NamedArrays, Parameters, Result};

/// Settings of [`Adam`]. The defaults are those of PyTorch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamSettings {
    /// Learning rate.
    pub learning_rate: f64,
    /// Decay rate of the first moment.
    pub beta1: f64,
    /// Decay rate of the second moment.
    pub beta2: f64,
    /// Term that is added to the square root of the second moment.
    pub eps: f64,
    /// Weight decay. By default it is an L2 penalty: this factor times the weights is added to their gradients, as in
    /// `torch.optim.Adam`.
    pub weight_decay: f64,
    /// Whether the weight decay is decoupled from the gradients: weights are multiplied by 1 − `learning_rate`·`weight_decay`
    /// before each update, as in `torch.optim.AdamW` (Loshchilov and Hutter, arXiv 1711.05101).
    pub decoupled: bool,
}

impl Default for AdamSettings {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, decoupled: false }
    }
}

/// The optimizer Adam (Kingma and Ba, arXiv 1412.6980) with the semantics of `torch.optim.Adam`, or of `torch.optim.AdamW` with
/// [`AdamSettings::decoupled`].
///
/// Its state can be saved ([`moments`](Self::moments)) and restored ([`restore`](Self::restore)).
#[derive(Debug)]
pub struct Adam {
    settings: AdamSettings,
    steps: u64,
    /// First and second moment of each trainable parameter.
    moments: BTreeMap<String, MomentPair>,
    /// Set on a GPU, where a step is a single kernel.
    #[cfg(gpu)]
    on_gpu: Option<(Gpu, AdamTable)>,
}

/// The first and second moment of one parameter.
#[derive(Debug)]
enum MomentPair {
    /// On the host, where a step updates them in place.
    Host(Box<[ArrayD<f32>; 2]>),
    /// On a GPU, where a step is one kernel for all parameters, or on any device with Candle's operations.
    Tensors(Tensor, Tensor),
}

/// The state of [`Adam`], for a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Number of steps taken.
    pub steps: u64,
    /// Running mean of the gradients, by parameter.
    pub first: NamedArrays,
    /// Running mean of the squared gradients, by parameter.
    pub second: NamedArrays,
}

impl Adam {
    /// An optimizer for `parameters`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a setting is invalid, [`Error::Device`] if the device runs out of memory.
    pub fn new(parameters: &Parameters, settings: AdamSettings) -> Result<Self> {
        Self::with_ops(parameters, settings, Ops::default())
    }

    /// As [`new`](Self::new), but with these operations.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_ops(parameters: &Parameters, settings: AdamSettings, ops: Ops) -> Result<Self> {
        settings.check()?;
        let placement = ops.placement(parameters.device())?;
        let pair = |var: &Var| -> Result<MomentPair> {
            let zeros = || ArrayD::zeros(var.dims());
            Ok(match placement {
                Some(Placement::Host) => MomentPair::Host(Box::new([zeros(), zeros()])),
                _ => MomentPair::Tensors(var.zeros_like()?, var.zeros_like()?),
            })
        };
        let moments =
            parameters.variables().map(|(name, var)| Ok((name.to_owned(), pair(var)?))).collect::<Result<_>>()?;
        Ok(Self {
            settings,
            steps: 0,
            moments,
            #[cfg(gpu)]
            on_gpu: match placement {
                Some(Placement::Gpu(gpu)) => Some((gpu, AdamTable::default())),
                _ => None,
            },
        })
    }

    /// The learning rate of the next step.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.settings.learning_rate
    }

    /// Sets the learning rate of the following steps, as a schedule does. It must be finite and at least 0; it is not checked.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.settings.learning_rate = learning_rate;
    }

    /// Takes one step with these gradients. A parameter without a gradient is not changed.
    ///
    /// On a GPU, a network keeps the gradients of its parameters itself. They are used, and those in `gradients` are added.
    ///
    /// # Errors
    ///
    /// [`Error::MissingWeight`] if `parameters` belong to another network; then nothing changes. [`Error::Device`] if the
    /// device fails.
    pub fn step(&mut self, parameters: &Parameters, gradients: &GradStore) -> Result<()> {
        self.begin_step(parameters)?;
        #[cfg(gpu)]
        if self.on_gpu.is_some() {
            return self.step_on_gpu(parameters, gradients);
        }
        for (name, var) in parameters.variables() {
            let (Some(pair), Some(gradient)) = (self.moments.get_mut(name), gradients.get(var.as_tensor())) else {
                continue;
            };
            let (step, gradient) = ((self.steps, var), gradient.contiguous()?);
            match pair {
                MomentPair::Tensors(..) => self.settings.update_by_candle(step, &gradient, pair)?,
                MomentPair::Host(moments) => self.settings.update_in_place(step, &read(&gradient)?, moments)?,
            }
        }
        Ok(())
    }

    /// Runs the backward pass of `loss` and takes one step, as `Optimizer::backward_step` of candle-nn does.
    ///
    /// The result is that of [`step`](Self::step) with `loss.backward()`. This is faster, because gradients of this crate's
    /// operations are not copied to Candle's `GradStore`.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub fn backward_step(&mut self, parameters: &Parameters, loss: &Tensor) -> Result<()> {
        #[cfg(gpu)]
        if self.on_gpu.is_some() {
            let gradients = parameters.backward_in_place(loss)?;
            return self.step(parameters, &gradients);
        }
        if !self.moments.values().all(|pair| matches!(pair, MomentPair::Host(_))) {
            return self.step(parameters, &loss.backward()?);
        }
        let gradients = parameters.backward_in_place(loss)?;
        self.begin_step(parameters)?;
        for (name, var) in parameters.variables() {
            let Some(MomentPair::Host(moments)) = self.moments.get_mut(name) else { continue };
            // Gradients of other terms of the loss, such as a penalty on the weights, come through Candle.
            if let Some(gradient) = gradients.get(var.as_tensor()) {
                parameters.add_gradient(name, &read(&gradient.contiguous()?)?);
            }
            let (settings, step) = (self.settings, (self.steps, var));
            let work = |gradient: &[f32]| settings.update_in_place(step, gradient, moments);
            parameters.take_gradient(name, work).transpose()?;
        }
        Ok(())
    }

    /// Takes one step with the gradients of [`Parameters::append_gradients`], or the sum of several.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step); [`Error::WeightShape`] if there are more or fewer gradients than parameters.
    pub fn step_with(&mut self, parameters: &Parameters, gradients: &[f32]) -> Result<()> {
        let expected: usize = parameters.variables().map(|(_, var)| var.elem_count()).sum();
        if gradients.len() != expected {
            let (expected, found) = (vec![expected], vec![gradients.len()]);
            return Err(Error::WeightShape { name: "gradients".to_owned(), expected, found });
        }
        self.begin_step(parameters)?;
        let mut rest = gradients;
        for (name, var) in parameters.variables() {
            let gradient;
            (gradient, rest) = rest.split_at(var.elem_count());
            match self.moments.get_mut(name) {
                Some(MomentPair::Host(moments)) => {
                    self.settings.update_in_place((self.steps, var), gradient, moments)?;
                }
                Some(pair) => {
                    let gradient = Tensor::from_slice(gradient, var.shape(), var.device())?;
                    self.settings.update_by_candle((self.steps, var), &gradient, pair)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// A step for all parameters at once.
    #[cfg(gpu)]
    fn step_on_gpu(&mut self, parameters: &Parameters, gradients: &GradStore) -> Result<()> {
        let coefficients = self.settings.coefficients(self.steps);
        let Some((gpu, table)) = &mut self.on_gpu else { unreachable!("the caller checks this") };
        let mut updates = Vec::new();
        for (name, var) in parameters.variables() {
            // Gradients of other terms of the loss, such as a penalty on the weights, come through Candle.
            let others = gradients.get(var.as_tensor()).map(Tensor::contiguous).transpose()?;
            let gradient = match (parameters.take_gradient_from_gpu(name), others) {
                (Some(gradient), Some(others)) => {
                    gpu.add_assign(gpu.slice_of(&gradient)?, gpu.slice_of(&others)?)?;
                    gradient
                }
                (Some(gradient), None) | (None, Some(gradient)) => gradient,
                (None, None) => continue,
            };
            updates.push((name, var, gradient));
        }
        let tensors = updates.iter().filter_map(|(name, var, gradient)| match self.moments.get(*name) {
            Some(MomentPair::Tensors(first, second)) => Some([var.as_tensor(), gradient, first, second]),
            _ => None,
        });
        Ok(table.step(gpu, &coefficients, &tensors.collect::<Vec<_>>())?)
    }

    /// Increments the number of steps if there are moments for all of `parameters`.
    fn begin_step(&mut self, parameters: &Parameters) -> Result<()> {
        for (name, _) in parameters.variables() {
            if !self.moments.contains_key(name) {
                return Err(Error::MissingWeight { name: name.to_owned() });
            }
        }
        self.steps += 1;
        Ok(())
    }

    /// A copy of the optimizer's state.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the moments cannot be copied to the host.
    pub fn moments(&self) -> Result<Moments> {
        let mut moments = Moments { steps: self.steps, first: NamedArrays::new(), second: NamedArrays::new() };
        for (name, pair) in &self.moments {
            let (first, second) = match pair {
                MomentPair::Host(moments) => (moments[0].clone(), moments[1].clone()),
                MomentPair::Tensors(first, second) => (to_array(first)?, to_array(second)?),
            };
            moments.first.insert(name.clone(), first);
            moments.second.insert(name.clone(), second);
        }
        Ok(moments)
    }

    /// Replaces the optimizer's state by that of another optimizer of the same network, to resume training.
    ///
    /// # Errors
    ///
    /// [`Error::MissingWeight`] or [`Error::WeightShape`] if `moments` belong to another network; then nothing
    /// changes.
    pub fn restore(&mut self, moments: &Moments) -> Result<()> {
        let mut restored = BTreeMap::new();
        for (name, pair) in &self.moments {
            let moment = |arrays: &NamedArrays| -> Result<ArrayD<f32>> {
                let expected = match pair {
                    MomentPair::Host(moments) => moments[0].shape(),
                    MomentPair::Tensors(first, _) => first.dims(),
                };
                Ok(require_array(arrays, name, expected)?.as_standard_layout().into_owned())
            };
            let (first, second) = (moment(&moments.first)?, moment(&moments.second)?);
            let pair = match pair {
                MomentPair::Host(_) => MomentPair::Host(Box::new([first, second])),
                MomentPair::Tensors(old, _) => {
                    let tensor = |array: ArrayD<f32>| to_tensor(array.view(), old.device());
                    MomentPair::Tensors(tensor(first)?, tensor(second)?)
                }
            };
            restored.insert(name.clone(), pair);
        }
        self.moments = restored;
        self.steps = moments.steps;
        Ok(())
    }
}

impl AdamSettings {
    /// Checks all settings, as [`Adam::new`] does.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the learning rate, eps or the weight decay is negative, or a decay rate is not in [0, 1), or one
    /// of them is not finite.
    pub fn check(&self) -> Result<()> {
        let Self { learning_rate, beta1, beta2, eps, weight_decay, decoupled: _ } = *self;
        for (what, value) in [("learning_rate", learning_rate), ("eps", eps), ("weight_decay", weight_decay)] {
            require(value >= 0.0 && value.is_finite(), what, value, "must be a finite number of at least 0")?;
        }
        for (what, value) in [("beta1", beta1), ("beta2", beta2)] {
            require((0.0..1.0).contains(&value), what, value, "must be at least 0 and less than 1")?;
        }
        Ok(())
    }

    /// The bias corrections of the moments after `steps` steps, 1 − β₁ⁿ and 1 − β₂ⁿ.
    fn bias_corrections(&self, steps: u64) -> (f64, f64) {
        (1.0 - self.beta1.powf(steps as f64), 1.0 - self.beta2.powf(steps as f64))
    }

    /// Updates one parameter and its moments in place on the host.
    fn update_in_place(
        &self,
        (steps, var): (u64, &Var),
        gradient: &[f32],
        moments: &mut [ArrayD<f32>; 2],
    ) -> Result<()> {
        let coefficients = self.coefficients(steps);
        let [first, second] = moments.each_mut().map(ArrayD::as_slice_mut);
        let (Some(first), Some(second)) = (first, second) else {
            unreachable!("moments are always in standard layout");
        };
        let kernel = AdamKernel { coefficients, gradient, moments: Mutex::new((first, second)) };
        Ok(var.as_tensor().inplace_op1(&kernel)?)
    }

    /// The coefficients of step number `steps`.
    fn coefficients(&self, steps: u64) -> AdamCoefficients {
        let (bias_correction1, bias_correction2) = self.bias_corrections(steps);
        AdamCoefficients {
            beta1: self.beta1 as f32,
            beta2: self.beta2 as f32,
            one_minus_beta1: (1.0 - self.beta1) as f32,
            one_minus_beta2: (1.0 - self.beta2) as f32,
            step_size: (self.learning_rate / bias_correction1) as f32,
            inverse_bias_correction2_sqrt: (1.0 / bias_correction2.sqrt()) as f32,
            eps: self.eps as f32,
            weight_decay: self.penalty() as f32,
            shrinkage: self.shrinkage() as f32,
        }
    }

    /// The factor of the weights that is added to their gradients.
    fn penalty(&self) -> f64 {
        if self.decoupled { 0.0 } else { self.weight_decay }
    }

    /// The factor of decoupled weight decay, or 1.
    fn shrinkage(&self) -> f64 {
        if self.decoupled { 1.0 - self.learning_rate * self.weight_decay } else { 1.0 }
    }

    /// Updates one parameter and its moments by Candle's operations.
    fn update_by_candle(&self, (steps, var): (u64, &Var), gradient: &Tensor, pair: &mut MomentPair) -> Result<()> {
        let MomentPair::Tensors(first, second) = pair else { unreachable!("the caller checks this") };
        let (bias_correction1, bias_correction2) = self.bias_corrections(steps);
        // Without detaching, each step would keep the graphs of all earlier steps alive.
        let (weight, gradient) = (var.as_tensor().detach(), gradient.detach());
        let (penalty, shrinkage) = (self.penalty(), self.shrinkage());
        let gradient = if penalty == 0.0 { gradient } else { (gradient + weight.affine(penalty, 0.0)?)? };
        let weight = if shrinkage == 1.0 { weight } else { weight.affine(shrinkage, 0.0)? };
        *first = (first.affine(self.beta1, 0.0)? + gradient.affine(1.0 - self.beta1, 0.0)?)?;
        *second = (second.affine(self.beta2, 0.0)? + gradient.sqr()?.affine(1.0 - self.beta2, 0.0)?)?;
        let denominator = second.sqrt()?.affine(1.0 / bias_correction2.sqrt(), self.eps)?;
        let update = (&*first / denominator)?.affine(self.learning_rate / bias_correction1, 0.0)?;
        Ok(var.set(&(weight - update)?)?)
    }
}
