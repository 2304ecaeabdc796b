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

/// Changes with what the stages compute from the same inputs, so that results of old and new code do not mix in one run.
const GENERATION: &str = "2";

/// The fingerprint of a stage's inputs: its settings, and the checksums of the artifacts that it reads.
fn fingerprint(stage: &str, settings: &impl Serialize, inputs: &[&str]) -> Fingerprint {
    let settings = serde_json::to_string(settings).unwrap_or_default();
    let parts: Vec<&str> = [GENERATION, settings.as_str()].into_iter().chain(inputs.iter().copied()).collect();
    Fingerprint::new(stage, &parts)
}
