use std::collections::BTreeMap;

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use crate::arrays::{array_of, tensor_of};
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
    moments: BTreeMap<String, (Tensor, Tensor)>,
}

/// What an optimiser remembers, for a checkpoint.
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
    /// An optimiser of `parameters` before its first step.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device has no room for the moments.
    pub fn new(parameters: &Parameters, settings: AdamSettings) -> Result<Self> {
        let moments = parameters
            .trained()
            .map(|(name, var)| Ok((name.to_owned(), (var.zeros_like()?, var.zeros_like()?))))
            .collect::<Result<_>>()?;
        Ok(Self { settings, steps: 0, moments })
    }

    /// Takes one step along `gradients`. A weight without a gradient is left alone.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device fails.
    pub fn step(&mut self, parameters: &Parameters, gradients: &GradStore) -> Result<()> {
        let AdamSettings { learning_rate, beta1, beta2, eps, l2 } = self.settings;
        self.steps += 1;
        let t = self.steps as f64;
        let correction1 = 1.0 - beta1.powf(t);
        let correction2 = 1.0 - beta2.powf(t);
        for (name, var) in parameters.trained() {
            let Some(gradient) = gradients.get(var.as_tensor()) else { continue };
            let moments = self.moments.get_mut(name).ok_or_else(|| Error::MissingWeight { name: name.to_owned() })?;
            // Detached, or each step would hold on to the graphs of all before it.
            let weight = var.as_tensor().detach();
            let gradient = gradient.detach();
            let gradient = if l2 == 0.0 { gradient } else { (gradient + weight.affine(l2, 0.0)?)? };
            let first = (moments.0.affine(beta1, 0.0)? + gradient.affine(1.0 - beta1, 0.0)?)?;
            let second = (moments.1.affine(beta2, 0.0)? + gradient.sqr()?.affine(1.0 - beta2, 0.0)?)?;
            let denominator = second.sqrt()?.affine(1.0 / correction2.sqrt(), eps)?;
            let update = (&first / denominator)?.affine(learning_rate / correction1, 0.0)?;
            var.set(&(weight - update)?)?;
            *moments = (first, second);
        }
        Ok(())
    }

    /// Copies of what the optimiser remembers.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if it cannot be brought to the host.
    pub fn moments(&self) -> Result<Moments> {
        let copy = |which: fn(&(Tensor, Tensor)) -> &Tensor| {
            self.moments.iter().map(|(name, pair)| Ok((name.clone(), array_of(which(pair))?))).collect::<Result<_>>()
        };
        Ok(Moments { steps: self.steps, first: copy(|pair| &pair.0)?, second: copy(|pair| &pair.1)? })
    }

    /// Takes up where another optimiser of the same network left off.
    ///
    /// # Errors
    ///
    /// [`Error::MissingWeight`] or [`Error::WeightShape`] if `moments` are another network's; then nothing changes.
    pub fn restore(&mut self, moments: &Moments) -> Result<()> {
        let mut restored = BTreeMap::new();
        for (name, (first, _)) in &self.moments {
            let load = |arrays: &NamedArrays| {
                let array = arrays.get(name).ok_or_else(|| Error::MissingWeight { name: name.clone() })?;
                if array.shape() != first.dims() {
                    let (found, expected) = (array.shape().to_vec(), first.dims().to_vec());
                    return Err(Error::WeightShape { name: name.clone(), found, expected });
                }
                tensor_of(array.view(), first.device())
            };
            restored.insert(name.clone(), (load(&moments.first)?, load(&moments.second)?));
        }
        self.moments = restored;
        self.steps = moments.steps;
        Ok(())
    }
}
