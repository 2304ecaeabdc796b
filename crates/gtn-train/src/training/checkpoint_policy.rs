use std::time::{Duration, Instant};

use gtn_models::Parameters;

/// Interval between checkpoints: a killed process loses at most this much work, or the rest of an epoch.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);
/// The interval for a network whose state takes a while to write.
const LARGE_CHECKPOINT_INTERVAL: Duration = Duration::from_secs(300);
/// Weights of a large network: 120 MB with both moments.
const MIN_LARGE_WEIGHTS: usize = 10_000_000;

/// When the complete state is written.
pub(super) struct CheckpointPolicy {
    interval: Duration,
    /// Whether it is also written after each epoch.
    each_epoch: bool,
    last: Instant,
}

impl CheckpointPolicy {
    pub(super) fn new(parameters: &Parameters) -> Self {
        let weights: usize = parameters.trainable().map(|(_, weights)| weights.elem_count()).sum();
        let is_large = weights >= MIN_LARGE_WEIGHTS;
        let interval = if is_large { LARGE_CHECKPOINT_INTERVAL } else { CHECKPOINT_INTERVAL };
        Self { interval, each_epoch: !is_large, last: Instant::now() }
    }

    /// Whether a checkpoint is due.
    pub(super) fn is_due(&mut self, after_epoch: bool) -> bool {
        let is_due = (after_epoch && self.each_epoch) || self.last.elapsed() > self.interval;
        if is_due {
            self.last = Instant::now();
        }
        is_due
    }
}
