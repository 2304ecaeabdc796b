//! Runs that are observed: their progress, figures of their epochs, and TensorBoard events.

use gtn_report::{EpochFigures, TensorBoard};
use gtn_run::{Observer, Tee};

/// Calls `work` with observers that write figures of epochs and, if it is wanted, TensorBoard events, and with `progress`, which sees
/// what the others wrote.
pub(crate) fn with_observers<T>(
    progress: &mut dyn Observer,
    tensorboard: bool,
    work: impl FnOnce(&mut dyn Observer) -> T,
) -> T {
    let (mut figures, mut events) = (EpochFigures::new(), TensorBoard::new());
    let mut observers = Tee(vec![&mut figures]);
    if tensorboard {
        observers.0.push(&mut events);
    }
    observers.0.push(progress);
    work(&mut observers)
}
