use std::collections::BTreeMap;

use candle_core::{Tensor, Var};

use crate::convert::{to_array, to_tensor};
use crate::error::{require, require_array};
use crate::ops::{MoveTowards, Ops, Placement};
use crate::{Error, NamedArrays, Parameters, Result};

/// Exponential moving averages (EMA) of the trainable parameters of a network.
///
/// Samples of a network with averaged weights are often better than with its last ones. For validation,
/// [`swap`](Self::swap) puts the averages into the network; a second call puts its own weights back, with the same bits.
///
/// ```
/// use gtn_models::{AveragedWeights, Device, ResidualMlp, ResidualShape, Streams};
///
/// let shape = ResidualShape { dim: 2, condition: 0, width: 8, blocks: 1, adds_input: true };
/// let h = ResidualMlp::new(&shape, "h", &Streams::new(1), &Device::Cpu)?;
/// let mut averages = AveragedWeights::new(h.parameters())?;
/// // After each step of the optimizer:
/// averages.update(h.parameters(), 0.999)?;
/// // For validation, and back:
/// averages.swap(h.parameters())?;
/// averages.swap(h.parameters())?;
/// # Ok::<(), gtn_models::Error>(())
/// ```
#[derive(Debug)]
pub struct AveragedWeights {
    /// The averages of each trainable parameter, on the device of the network.
    averages: BTreeMap<String, Var>,
    /// Where this crate's operations update them; `None` for Candle's.
    placement: Option<Placement>,
}

impl AveragedWeights {
    /// Averages that start as the present values.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device runs out of memory.
    pub fn new(parameters: &Parameters) -> Result<Self> {
        Self::with_ops(parameters, Ops::default())
    }

    /// As [`new`](Self::new), but with these operations.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_ops(parameters: &Parameters, ops: Ops) -> Result<Self> {
        let copy = |(name, var): (&str, &Var)| Ok((name.to_owned(), Var::from_tensor(&var.as_tensor().copy()?)?));
        let averages = parameters.variables().map(copy).collect::<Result<_>>()?;
        Ok(Self { averages, placement: ops.placement(parameters.device())? })
    }

    /// Moves the averages toward the present values by 1 − `decay` of the difference.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `decay` is not between 0 and 1, [`Error::MissingWeight`] or [`Error::WeightShape`] if `parameters`
    /// belong to another network; then nothing changes. [`Error::Device`] if the device fails.
    pub fn update(&mut self, parameters: &Parameters, decay: f64) -> Result<()> {
        require((0.0..=1.0).contains(&decay), "decay", decay, "must be between 0 and 1")?;
        for (average, value) in self.pairs(parameters)? {
            match &self.placement {
                Some(Placement::Host) => {
                    average.as_tensor().inplace_op2(value.as_tensor(), &MoveTowards((1.0 - decay) as f32))?;
                }
                #[cfg(gpu)]
                Some(Placement::Gpu(gpu)) => {
                    let (average, value) = (gpu.slice_of(average.as_tensor())?, gpu.slice_of(value.as_tensor())?);
                    gpu.move_towards(average, value, (1.0 - decay) as f32)?;
                }
                None => {
                    // Without detaching, each average would keep the graphs of all earlier ones alive.
                    let (old, new) = (average.as_tensor().detach(), value.as_tensor().detach());
                    average.set(&(&old + (new - &old)?.affine(1.0 - decay, 0.0)?)?)?;
                }
            }
        }
        Ok(())
    }

    /// Exchanges the averages and the present values, with all their bits. Other values of the network, such as the running
    /// statistics of BatchNorm, stay as they are.
    ///
    /// # Errors
    ///
    /// [`Error::MissingWeight`] or [`Error::WeightShape`] if `parameters` belong to another network; then nothing changes.
    /// [`Error::Device`] if the device fails.
    pub fn swap(&mut self, parameters: &Parameters) -> Result<()> {
        for (average, value) in self.pairs(parameters)? {
            let copy = value.as_tensor().copy()?;
            value.set(average.as_tensor())?;
            average.set(&copy)?;
        }
        Ok(())
    }

    /// Copies of the averages by name.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if they cannot be copied to the host.
    pub fn state_dict(&self) -> Result<NamedArrays> {
        self.averages.iter().map(|(name, average)| Ok((name.clone(), to_array(average.as_tensor())?))).collect()
    }

    /// Replaces the averages, to resume training. Arrays of other names are ignored.
    ///
    /// # Errors
    ///
    /// [`Error::MissingWeight`], [`Error::WeightShape`] or [`Error::NotFinite`] if `arrays` do not fit the network; then nothing
    /// changes.
    pub fn restore(&mut self, arrays: &NamedArrays) -> Result<()> {
        let mut restored: Vec<(&Var, Tensor)> = Vec::new();
        for (name, average) in &self.averages {
            let array = require_array(arrays, name, average.dims())?;
            if !array.iter().all(|value| value.is_finite()) {
                return Err(Error::NotFinite { name: name.clone() });
            }
            restored.push((average, to_tensor(array.view(), average.device())?));
        }
        restored.into_iter().try_for_each(|(average, tensor)| Ok(average.set(&tensor)?))
    }

    /// Each average with the present value of its parameter.
    fn pairs<'a>(&'a self, parameters: &'a Parameters) -> Result<Vec<(&'a Var, &'a Var)>> {
        let values: BTreeMap<&str, &Var> = parameters.variables().collect();
        if let Some(name) = values.keys().find(|name| !self.averages.contains_key(**name)) {
            return Err(Error::MissingWeight { name: (*name).to_owned() });
        }
        let pair = |(name, average): (&'a String, &'a Var)| {
            let Some(value) = values.get(name.as_str()) else {
                return Err(Error::MissingWeight { name: name.clone() });
            };
            if value.dims() != average.dims() {
                let (found, expected) = (value.dims().to_vec(), average.dims().to_vec());
                return Err(Error::WeightShape { name: name.clone(), found, expected });
            }
            Ok((average, *value))
        };
        self.averages.iter().map(pair).collect()
    }
}
