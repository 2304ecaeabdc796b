//! The batches of an epoch, and gathering them in advance.

use std::sync::mpsc::sync_channel;
use std::time::Instant;

use gtn_models::Mode;

use super::task::{BatchId, TrainingTask};
use crate::Result;

/// Splits `order` into batches. A last batch of one sample, on which BatchNorm cannot train, is added to the one before it.
pub(super) fn batches(order: &[usize], size: usize, drop_last: bool) -> Vec<&[usize]> {
    let rest = order.len() % size;
    let full = order.len() - rest;
    if full == 0 {
        return vec![order];
    }
    let mut batches: Vec<&[usize]> = order[..full].chunks(size).collect();
    match rest {
        0 => {}
        _ if drop_last => {}
        1 => *batches.last_mut().expect("there is a full batch") = &order[full - size..],
        _ => batches.push(&order[full..]),
    }
    batches
}

/// Batches that are gathered in advance.
const PREFETCH_FACTOR: usize = 2;

/// Calls `step` with each batch in turn, while another thread gathers the next ones. `first` identifies the first batch. Its last argument is the time that steps
/// waited for data so far, in seconds.
pub(super) fn prefetch<T: TrainingTask>(
    task: &T,
    mode: Mode,
    (batches, first): (&[&[usize]], BatchId),
    mut step: impl FnMut(&[usize], T::Batch, f64) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(PREFETCH_FACTOR);
        let id = move |offset| BatchId { index: first.index + offset, ..first };
        let gather_all = move || {
            for (offset, batch) in batches.iter().enumerate() {
                // After an error or a stop nobody receives the rest.
                if sender.send(task.gather(mode, batch, id(offset))).is_err() {
                    break;
                }
            }
        };
        let spawned = std::thread::Builder::new().spawn_scoped(scope, gather_all);
        if let Err(error) = spawned {
            tracing::debug!("batches are gathered between steps, because no thread could be started: {error}");
        }
        let mut data_wait = 0.0;
        for (offset, batch) in batches.iter().enumerate() {
            let requested = Instant::now();
            let gathered = receiver.recv().unwrap_or_else(|_| task.gather(mode, batch, id(offset)));
            data_wait += requested.elapsed().as_secs_f64();
            step(batch, gathered, data_wait)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::batches;

    #[test]
    fn no_batch_has_one_sample_and_samples_are_dropped_only_on_request() {
        for len in 2..40 {
            let order: Vec<usize> = (0..len).collect();
            for size in 2..12 {
                let kept = batches(&order, size, false);
                assert_eq!(kept.concat(), order);
                assert!(kept.iter().all(|batch| (2..=size + 1).contains(&batch.len())));
                let dropped = batches(&order, size, true);
                assert!(dropped.iter().all(|batch| batch.len() == size.min(len)));
                assert_eq!(dropped.concat(), order[..dropped.concat().len()]);
            }
        }
    }
}
