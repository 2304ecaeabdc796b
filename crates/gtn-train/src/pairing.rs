//! Pairings: how a target x_y is found for each normal vector y.

mod components;
mod flow;
mod greedy;
mod matched;
mod sorted;
mod space;

use gtn_run::config::{self, PairingMethod};

pub(crate) use matched::{Matched, Pairing};
pub(crate) use space::Space;

/// The pairing of an experiment.
pub(crate) fn pairing(settings: &config::Pairing) -> Box<dyn Pairing> {
    match settings.method {
        PairingMethod::Greedy => Box::new(greedy::Greedy { precision: settings.greedy.precision }),
        PairingMethod::Sorted => Box::new(sorted::Sorted),
        PairingMethod::Flow => Box::new(flow::ByFlow::new(settings.flow.clone())),
    }
}
