//! One module for each stage.

pub(crate) mod autoencode;
pub(crate) mod encode;
pub(crate) mod evaluate;
pub(crate) mod fit;
pub(crate) mod label;
pub(crate) mod prepare;
pub(crate) mod sample;

use gtn_run::Fingerprint;
use serde::Serialize;

/// The version of the computations of the stages. It increases when a stage computes something else from the same inputs, so that
/// old and new results do not mix in one run.
const STAGES_VERSION: &str = "2";

/// The fingerprint of a stage's inputs: its settings, and the checksums of the artifacts that it reads.
fn fingerprint(stage: &str, settings: &impl Serialize, inputs: &[&str]) -> Fingerprint {
    let settings = serde_json::to_string(settings).unwrap_or_default();
    let parts: Vec<&str> = [STAGES_VERSION, settings.as_str()].into_iter().chain(inputs.iter().copied()).collect();
    Fingerprint::new(stage, &parts)
}
