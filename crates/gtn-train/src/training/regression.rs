use std::ops::Range;

use gtn_models::{H, Mode, Parameters, Tensor, mean_squared_error, to_tensor};
use gtn_run::Network;
use ndarray::ArrayView2;

use super::task::{BatchId, TrainingTask};
use crate::Result;

/// Regression of ĥ on pairs: y to x_y by mean squared error (the paper's Section 3).
#[derive(Debug)]
pub struct Regression<'a> {
    h: &'a H,
    train: DevicePairs,
    validation: DevicePairs,
}

/// Pairs on the device.
#[derive(Debug)]
struct DevicePairs {
    source: Tensor,
    target: Tensor,
}

impl<'a> Regression<'a> {
    /// Copies the pairs (y, x_y) to the device of ĥ: the training pairs, then the validation pairs. Row i of a target belongs to
    /// row i of its source.
    ///
    /// # Errors
    ///
    /// [`Error::Models`](crate::Error::Models) if the device has too little memory.
    pub fn new(h: &'a H, pairs: [(ArrayView2<'_, f32>, ArrayView2<'_, f32>); 2]) -> Result<Self> {
        let device = h.parameters().device();
        let [train, validation] = pairs.map(|(source, target)| -> Result<DevicePairs> {
            Ok(DevicePairs { source: to_tensor(source, device)?, target: to_tensor(target, device)? })
        });
        Ok(Self { h, train: train?, validation: validation? })
    }

    fn pairs(&self, mode: Mode) -> &DevicePairs {
        match mode {
            Mode::Train => &self.train,
            Mode::Evaluate => &self.validation,
        }
    }
}

impl TrainingTask for Regression<'_> {
    /// Rows of the pairs on the device.
    type Batch = Vec<u32>;

    fn network(&self) -> Network {
        Network::H
    }

    fn parameters(&self) -> &Parameters {
        self.h.parameters()
    }

    fn samples(&self, mode: Mode) -> usize {
        self.pairs(mode).source.dims()[0]
    }

    fn gather(&self, _mode: Mode, indices: &[usize], _batch: BatchId) -> Vec<u32> {
        indices.iter().map(|&index| index as u32).collect()
    }

    fn part(&self, batch: &Vec<u32>, samples: Range<usize>) -> Vec<u32> {
        batch[samples].to_vec()
    }

    fn loss(&self, mode: Mode, batch: Vec<u32>) -> Result<Tensor> {
        let pairs = self.pairs(mode);
        let rows = Tensor::new(batch, self.h.parameters().device()).map_err(gtn_models::Error::from)?;
        let select = |tensor: &Tensor| tensor.index_select(&rows, 0).map_err(gtn_models::Error::from);
        let output = self.h.forward(&select(&pairs.source)?, mode)?;
        Ok(mean_squared_error(&output, &select(&pairs.target)?)?)
    }
}
