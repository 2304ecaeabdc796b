//! Pairings: how a target x_y is found for each normal vector y.

mod greedy;
mod matched;
mod sorted;

use gtn_run::config::{self, PairingMethod};

pub(crate) use matched::{Matched, Pairing};

/// The pairing of an experiment.
pub(crate) fn pairing(settings: &config::Pairing) -> Box<dyn Pairing> {
    match settings.method {
        PairingMethod::Greedy => Box::new(greedy::Greedy { precision: settings.precision }),
        PairingMethod::Sorted => Box::new(sorted::Sorted),
    }
}
