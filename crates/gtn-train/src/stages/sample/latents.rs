//! Generated vectors beside the held-out ones and those of the baselines.

use gtn_models::purpose;
use gtn_run::{Artifact, Stage};

use super::scatter::{self, SCATTERED};
use crate::Result;
use crate::baselines;
use crate::context::Context;
use crate::results::Results;

/// What the artifact depends on.
pub(super) fn settings() -> String {
    format!("{SCATTERED} in the plane, {}", baselines::settings())
}

pub(super) fn sample(
    Results { targets, trained, baselines, .. }: Results<'_>,
    artifact: &mut Artifact,
    context: &Context<'_>,
) -> Result<()> {
    let mut stream = context.streams.stream(purpose::SAMPLE, 0);
    let latents = trained.generator()?.sample_latents(SCATTERED, &mut stream)?;
    scatter::insert(&latents, targets, baselines.samples(Stage::Sample, context)?, artifact)
}
