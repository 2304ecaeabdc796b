//! Losses of steps, which are read in groups: reading a loss from a GPU waits for all work that is queued there.

use gtn_models::{Device, Tensor};

use crate::Result;

/// Number of steps on a GPU after which their losses are read.
const GROUP_SIZE: usize = 50;

/// Losses that have not been read.
#[derive(Debug)]
pub(super) struct Losses {
    pending: Vec<(Tensor, usize, usize)>,
    group_size: usize,
}

/// The mean loss over the samples of a batch.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) value: f64,
    /// The step of the epoch, counted from 1.
    pub(super) step: usize,
    pub(super) samples: usize,
}

impl Losses {
    /// On a CPU, each loss is read immediately.
    pub(super) fn new(device: &Device) -> Self {
        Self { pending: Vec::new(), group_size: if device.is_cpu() { 1 } else { GROUP_SIZE } }
    }

    pub(super) fn push(&mut self, loss: &Tensor, step: usize, samples: usize) {
        // Detached, so that it does not keep the tensors of its gradient alive.
        self.pending.push((loss.detach(), step, samples));
    }

    /// Whether a group is complete and should be read.
    pub(super) fn are_due(&self) -> bool {
        self.pending.len() >= self.group_size
    }

    /// Samples whose losses have not been read.
    pub(super) fn samples(&self) -> usize {
        self.pending.iter().map(|(.., samples)| samples).sum()
    }

    /// Reads all pending losses.
    pub(super) fn read(&mut self) -> Result<Vec<Loss>> {
        if self.pending.is_empty() {
            return Ok(Vec::new());
        }
        let pending = std::mem::take(&mut self.pending);
        let losses: Vec<&Tensor> = pending.iter().map(|(loss, ..)| loss).collect();
        let values = Tensor::stack(&losses, 0).and_then(|losses| losses.to_vec1::<f32>());
        let values = values.map_err(gtn_models::Error::from)?;
        let to_loss =
            |(value, (_, step, samples)): (f32, (Tensor, usize, usize))| Loss { value: value.into(), step, samples };
        Ok(values.into_iter().zip(pending).map(to_loss).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_read_in_their_order() {
        let mut losses = Losses { group_size: 3, ..Losses::new(&Device::Cpu) };
        assert!(losses.read().unwrap().is_empty());
        for step in 1..=3 {
            assert!(!losses.are_due());
            losses.push(&Tensor::new(step as f32, &Device::Cpu).unwrap(), step, 10 * step);
        }
        assert!(losses.are_due() && losses.samples() == 60);
        let read = losses.read().unwrap();
        let read: Vec<_> = read.iter().map(|loss| (loss.value, loss.step, loss.samples)).collect();
        assert_eq!(read, [(1.0, 1, 10), (2.0, 2, 20), (3.0, 3, 30)]);
        assert!(!losses.are_due() && losses.samples() == 0);
        assert!(Losses::new(&Device::Cpu).group_size == 1);
    }
}
