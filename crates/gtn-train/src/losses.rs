//! The losses of steps, read when they must be: whoever reads one from a GPU waits for all that is queued there.

use gtn_models::{Device, Tensor};

use crate::Result;

/// Steps on a GPU after which their losses are read.
const TOGETHER: usize = 50;

/// Losses that are not read yet.
#[derive(Debug)]
pub(crate) struct Losses {
    waiting: Vec<(Tensor, usize, usize)>,
    together: usize,
}

/// The mean loss over the samples of a batch.
#[derive(Debug)]
pub(crate) struct Loss {
    pub(crate) value: f64,
    /// The step of the epoch, counted from 1.
    pub(crate) step: usize,
    pub(crate) samples: usize,
}

impl Losses {
    /// On a CPU each loss is read at once.
    pub(crate) fn of(device: &Device) -> Self {
        Self { waiting: Vec::new(), together: if device.is_cpu() { 1 } else { TOGETHER } }
    }

    pub(crate) fn push(&mut self, loss: &Tensor, step: usize, samples: usize) {
        // Detached, or it would keep all that its gradient needs.
        self.waiting.push((loss.detach(), step, samples));
    }

    /// Whether so many are waiting that they should be read.
    pub(crate) fn are_due(&self) -> bool {
        self.waiting.len() >= self.together
    }

    /// Samples whose losses are not read yet.
    pub(crate) fn samples(&self) -> usize {
        self.waiting.iter().map(|(.., samples)| samples).sum()
    }

    /// All that are waiting.
    pub(crate) fn read(&mut self) -> Result<Vec<Loss>> {
        if self.waiting.is_empty() {
            return Ok(Vec::new());
        }
        let waiting = std::mem::take(&mut self.waiting);
        let losses: Vec<&Tensor> = waiting.iter().map(|(loss, ..)| loss).collect();
        let values = Tensor::stack(&losses, 0).and_then(|losses| losses.to_vec1::<f32>());
        let values = values.map_err(gtn_models::Error::from)?;
        let of =
            |(value, (_, step, samples)): (f32, (Tensor, usize, usize))| Loss { value: value.into(), step, samples };
        Ok(values.into_iter().zip(waiting).map(of).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_read_in_their_order() {
        let mut losses = Losses { together: 3, ..Losses::of(&Device::Cpu) };
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
        assert!(Losses::of(&Device::Cpu).together == 1);
    }
}
