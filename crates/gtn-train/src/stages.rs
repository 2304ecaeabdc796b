//! One module for each stage.

pub(crate) mod autoencode;
pub(crate) mod encode;
pub(crate) mod fit;
pub(crate) mod label;
pub(crate) mod prepare;
pub(crate) mod sample;

use gtn_run::Fingerprint;
use serde::Serialize;

/// The fingerprint of what a stage is made from: its settings and the identities of its inputs.
fn fingerprint(stage: &str, settings: &impl Serialize, inputs: &[&str]) -> Fingerprint {
    let settings = serde_json::to_string(settings).unwrap_or_default();
    let parts: Vec<&str> = std::iter::once(settings.as_str()).chain(inputs.iter().copied()).collect();
    Fingerprint::of(stage, &parts)
}
