use std::collections::BTreeMap;
use std::sync::Mutex;

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use ndarray::ArrayD;

use crate::arrays::{array_of, tensor_of};
#[cfg(gpu)]
use crate::gpu::{Gpu, Table};
use crate::ops::{Descent, Home, Ops, Rates, read};
use crate::{Error, NamedArrays, Parameters, Result};

/// Adam's settings; the default is PyTorch's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamSettings {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Factor of the weights that is added to their gradients (PyTorch's `weight_decay`; not AdamW's).
    pub l2: f64,
}

impl Default for AdamSettings {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, l2: 0.0 }
    }
}

/// Adam (Kingma and Ba, arXiv 1412.6980) as `torch.optim.Adam` has it, with L2 in the gradient and moments that can be saved.
#[derive(Debug)]
pub struct Adam {
    settings: AdamSettings,
    steps: u64,
    /// First and second moment of each trained weight.
    moments: BTreeMap<String, Pair>,
    /// Set if a step is one kernel on a GPU.
    #[cfg(gpu)]
    on_gpu: Option<(Gpu, Table)>,
}

/// The moments of one weight.
#[derive(Debug)]
enum Pair {
    /// On the host, where a step is one pass in place.
    Host(Box<[ArrayD<f32>; 2]>),
    /// On a GPU, where it is one kernel for all weights; or for comparison, where it is Candle's operations.
    Tensors(Tensor, Tensor),
}

/// What an optimizer remembers, for a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Steps taken.
    pub steps: u64,
    /// Running mean of the gradients, by weight.
    pub first: NamedArrays,
    /// Running mean of their squares, by weight.
    pub second: NamedArrays,
}

impl Adam {
    /// An optimizer of `parameters` before its first step.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device has no room for the moments.
    pub fn new(parameters: &Parameters, settings: AdamSettings) -> Result<Self> {
        Self::with_ops(parameters, settings, Ops::default())
    }

    /// The same, made of these operations.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device has no room for the moments.
    pub fn with_ops(parameters: &Parameters, settings: AdamSettings, ops: Ops) -> Result<Self> {
        let home = ops.home(parameters.device())?;
        let pair = |var: &Var| -> Result<Pair> {
            let zeros = || ArrayD::zeros(var.dims());
            Ok(match home {
                Some(Home::Host) => Pair::Host(Box::new([zeros(), zeros()])),
                _ => Pair::Tensors(var.zeros_like()?, var.zeros_like()?),
            })
        };
        let moments =
            parameters.trained().map(|(name, var)| Ok((name.to_owned(), pair(var)?))).collect::<Result<_>>()?;
        Ok(Self {
            settings,
            steps: 0,
            moments,
            #[cfg(gpu)]
            on_gpu: match home {
                Some(Home::Gpu(gpu)) => Some((gpu, Table::default())),
                _ => None,
            },
        })
    }

    /// Takes one step along `gradients`. A weight without a gradient is left alone. On a GPU a network keeps the gradients of
    /// its weights to itself; they are taken from there, and what `gradients` holds is added.
    ///
    /// # Errors
    ///
    /// [`Error::MissingWeight`] if `parameters` are another network's; then nothing changes. [`Error::Device`] if the device
    /// fails.
    pub fn step(&mut self, parameters: &Parameters, gradients: &GradStore) -> Result<()> {
        self.begin_step(parameters)?;
        #[cfg(gpu)]
        if self.on_gpu.is_some() {
            return self.step_on_gpu(parameters, gradients);
        }
        for (name, var) in parameters.trained() {
            let (Some(pair), Some(gradient)) = (self.moments.get_mut(name), gradients.get(var.as_tensor())) else {
                continue;
            };
            let (step, gradient) = ((self.steps, var), gradient.contiguous()?);
            match pair {
                Pair::Tensors(..) => self.settings.descend(step, &gradient, pair)?,
                Pair::Host(moments) => self.settings.descend_in_place(step, &read(&gradient)?, moments)?,
            }
        }
        Ok(())
    }

    /// Takes one step down from `loss`: the same as [`step`](Self::step) along `loss.backward()`, but sooner, since gradients are
    /// taken from where they arise.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub fn minimize(&mut self, parameters: &Parameters, loss: &Tensor) -> Result<()> {
        #[cfg(gpu)]
        if self.on_gpu.is_some() {
            let gradients = parameters.backward_in_place(loss)?;
            return self.step(parameters, &gradients);
        }
        if !self.moments.values().all(|pair| matches!(pair, Pair::Host(_))) {
            return self.step(parameters, &loss.backward()?);
        }
        let gradients = parameters.backward_in_place(loss)?;
        self.begin_step(parameters)?;
        for (name, var) in parameters.trained() {
            let Some(Pair::Host(moments)) = self.moments.get_mut(name) else { continue };
            // What does not come through the network, such as a penalty on its weights, comes through Candle.
            if let Some(gradient) = gradients.get(var.as_tensor()) {
                parameters.add_gradient(name, &read(&gradient.contiguous()?)?);
            }
            let (settings, step) = (self.settings, (self.steps, var));
            let work = |gradient: &[f32]| settings.descend_in_place(step, gradient, moments);
            parameters.take_gradient(name, work).transpose()?;
        }
        Ok(())
    }

    /// A step on all weights at once.
    #[cfg(gpu)]
    fn step_on_gpu(&mut self, parameters: &Parameters, gradients: &GradStore) -> Result<()> {
        let rates = self.settings.rates(self.steps);
        let Some((gpu, table)) = &mut self.on_gpu else { unreachable!("the caller has looked") };
        let mut found = Vec::new();
        for (name, var) in parameters.trained() {
            // What does not come through the network, such as a penalty on its weights, comes through Candle.
            let others = gradients.get(var.as_tensor()).map(Tensor::contiguous).transpose()?;
            let gradient = match (parameters.take_gradient_from_gpu(name), others) {
                (Some(gradient), Some(others)) => {
                    gpu.add_to(gpu.span(&gradient)?, gpu.span(&others)?)?;
                    gradient
                }
                (Some(gradient), None) | (None, Some(gradient)) => gradient,
                (None, None) => continue,
            };
            found.push((name, var, gradient));
        }
        let steps = found.iter().filter_map(|(name, var, gradient)| match self.moments.get(*name) {
            Some(Pair::Tensors(first, second)) => Some([var.as_tensor(), gradient, first, second]),
            _ => None,
        });
        Ok(table.descend(gpu, &rates, &steps.collect::<Vec<_>>())?)
    }

    /// Counts a step, if the moments are those of `parameters`.
    fn begin_step(&mut self, parameters: &Parameters) -> Result<()> {
        for (name, _) in parameters.trained() {
            if !self.moments.contains_key(name) {
                return Err(Error::MissingWeight { name: name.to_owned() });
            }
        }
        self.steps += 1;
        Ok(())
    }

    /// Copies of what the optimizer remembers.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if it cannot be brought to the host.
    pub fn moments(&self) -> Result<Moments> {
        let mut moments = Moments { steps: self.steps, first: NamedArrays::new(), second: NamedArrays::new() };
        for (name, pair) in &self.moments {
            let (first, second) = match pair {
                Pair::Host(moments) => (moments[0].clone(), moments[1].clone()),
                Pair::Tensors(first, second) => (array_of(first)?, array_of(second)?),
            };
            moments.first.insert(name.clone(), first);
            moments.second.insert(name.clone(), second);
        }
        Ok(moments)
    }

    /// Takes up where another optimizer of the same network left off.
    ///
    /// # Errors
    ///
    /// [`Error::MissingWeight`] or [`Error::WeightShape`] if `moments` are another network's; then nothing changes.
    pub fn restore(&mut self, moments: &Moments) -> Result<()> {
        let mut restored = BTreeMap::new();
        for (name, pair) in &self.moments {
            let of = |arrays: &NamedArrays| -> Result<ArrayD<f32>> {
                let array = arrays.get(name).ok_or_else(|| Error::MissingWeight { name: name.clone() })?;
                let expected = match pair {
                    Pair::Host(moments) => moments[0].shape(),
                    Pair::Tensors(first, _) => first.dims(),
                };
                if array.shape() != expected {
                    let (found, expected) = (array.shape().to_vec(), expected.to_vec());
                    return Err(Error::WeightShape { name: name.clone(), found, expected });
                }
                Ok(array.as_standard_layout().into_owned())
            };
            let (first, second) = (of(&moments.first)?, of(&moments.second)?);
            let pair = match pair {
                Pair::Host(_) => Pair::Host(Box::new([first, second])),
                Pair::Tensors(old, _) => {
                    let tensor = |array: ArrayD<f32>| tensor_of(array.view(), old.device());
                    Pair::Tensors(tensor(first)?, tensor(second)?)
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
    /// The corrections of the moments after `steps` steps.
    fn corrections(&self, steps: u64) -> (f64, f64) {
        (1.0 - self.beta1.powf(steps as f64), 1.0 - self.beta2.powf(steps as f64))
    }

    /// A step on the host.
    fn descend_in_place(
        &self,
        (steps, var): (u64, &Var),
        gradient: &[f32],
        moments: &mut [ArrayD<f32>; 2],
    ) -> Result<()> {
        let rates = self.rates(steps);
        let [first, second] = moments.each_mut().map(ArrayD::as_slice_mut);
        let (Some(first), Some(second)) = (first, second) else {
            unreachable!("moments are made in standard layout");
        };
        let descent = Descent { rates, gradient, moments: Mutex::new((first, second)) };
        Ok(var.as_tensor().inplace_op1(&descent)?)
    }

    /// The numbers of step `steps`.
    fn rates(&self, steps: u64) -> Rates {
        let (correction1, correction2) = self.corrections(steps);
        Rates {
            beta1: self.beta1 as f32,
            beta2: self.beta2 as f32,
            rest1: (1.0 - self.beta1) as f32,
            rest2: (1.0 - self.beta2) as f32,
            size: (self.learning_rate / correction1) as f32,
            root: (1.0 / correction2.sqrt()) as f32,
            eps: self.eps as f32,
            l2: self.l2 as f32,
        }
    }

    /// A step by Candle's operations.
    fn descend(&self, (steps, var): (u64, &Var), gradient: &Tensor, pair: &mut Pair) -> Result<()> {
        let Pair::Tensors(first, second) = pair else { unreachable!("the caller has looked") };
        let (correction1, correction2) = self.corrections(steps);
        // Detached, or each step would hold on to the graphs of all before it.
        let (weight, gradient) = (var.as_tensor().detach(), gradient.detach());
        let gradient = if self.l2 == 0.0 { gradient } else { (gradient + weight.affine(self.l2, 0.0)?)? };
        *first = (first.affine(self.beta1, 0.0)? + gradient.affine(1.0 - self.beta1, 0.0)?)?;
        *second = (second.affine(self.beta2, 0.0)? + gradient.sqr()?.affine(1.0 - self.beta2, 0.0)?)?;
        let denominator = second.sqrt()?.affine(1.0 / correction2.sqrt(), self.eps)?;
        let update = (&*first / denominator)?.affine(self.learning_rate / correction1, 0.0)?;
        Ok(var.set(&(weight - update)?)?)
    }
}
