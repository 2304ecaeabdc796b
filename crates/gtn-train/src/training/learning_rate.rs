//! The learning rate of each step.

use gtn_run::config::{Schedule, Training};

/// Steps in which a cosine schedule reaches its full learning rate.
const WARM_UP: usize = 100;

/// The learning rate of a step: in `epoch`, counted from 1, of `epochs`, at the batch `index` of `count`.
///
/// A cosine schedule is constant until the end of the first epoch, after a short linear rise. So the first epoch does not depend
/// on the number of epochs, which may be planned by the time that it took.
pub(super) fn learning_rate(settings: &Training, epochs: usize, (epoch, index, count): (usize, usize, usize)) -> f64 {
    let full = settings.learning_rate;
    match settings.schedule {
        Schedule::Cosine if epoch > 1 => {
            let done = ((epoch - 2) * count + index) as f64 / ((epochs.max(2) - 1) * count) as f64;
            full * 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
        }
        Schedule::Cosine => full * ((index + 1) as f64 / WARM_UP as f64).min(1.0),
        _ => full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_schedule_rises_and_falls_to_zero() {
        let constant = Training::new(4, 4, 10, 2.0);
        let cosine = Training { schedule: Schedule::Cosine, ..constant.clone() };
        let rates: Vec<f64> = (1..=4)
            .flat_map(|epoch| (0..200).map(move |index| (epoch, index)))
            .map(|(epoch, index)| learning_rate(&cosine, 4, (epoch, index, 200)))
            .collect();
        assert_eq!((rates[0], rates[99], rates[200]), (0.02, 2.0, 2.0));
        assert!(rates[200..].windows(2).all(|pair| pair[1] < pair[0]));
        assert!((rates[500] - 1.0).abs() < 1e-9 && rates[799] < 1e-4);
        assert_eq!(learning_rate(&constant, 4, (3, 7, 200)), 2.0);
        // A single epoch has the full rate throughout.
        assert_eq!(learning_rate(&cosine, 1, (1, 150, 200)), 2.0);
    }
}
