//! Which weights of Inception networks a run measures with.

use std::path::Path;

use gtn_data::inception;
use gtn_models::{InceptionOutput, InceptionVariant};
use gtn_run::RunFolder;
use gtn_run::config::{Config, FidSettings, InceptionOverrides, InceptionScoreSettings, Overrides, Selection};
use gtn_train::{InceptionFiles, inception_weights_sha256};

use crate::args::{FidSamples, InceptionOptions};
use crate::failure::Failure;

/// Completes the overrides of an experiment, and returns the files that belong to them. `resolved` is the experiment without
/// them. A run that exists keeps its own settings, unless options name others: weights that appeared or disappeared since do not
/// make it another run.
pub(crate) fn resolve(
    options: &InceptionOptions,
    (resolved, run): (&Config, &RunFolder),
    data_dir: &Path,
    overrides: &mut Overrides,
) -> Result<InceptionFiles, Failure> {
    let files = InceptionFiles {
        score: options.is_weights.clone().or_else(|| inception::is_weights(data_dir)),
        fid: options.fid_weights.clone().or_else(|| inception::fid_weights(data_dir)),
    };
    let knows_inception = resolved.inception.is_some();
    refuse_without_images(options, knows_inception, &resolved.experiment)?;
    if !knows_inception {
        return Ok(files);
    }
    let existing = run.record().ok().map(|record| record.config);
    let wanted = &mut overrides.inception;
    let stored = existing.as_ref().map(|config| config.inception.clone().unwrap_or_default());
    wanted.score_weights = match (&stored, &options.is_weights, &files.score) {
        (Some(stored), None, _) => {
            stored.score.as_ref().and_then(|InceptionScoreSettings { weights, .. }| weights.clone())
        }
        (_, _, Some(path)) => {
            Some(inception_weights_sha256(path, InceptionVariant::Torchvision, InceptionOutput::Logits)?)
        }
        _ => None,
    };
    if let Some(existing) = &existing
        && overrides.select.is_none()
    {
        let keeps = existing.h.training.select != Selection::InceptionScore || wanted.score_weights.is_some();
        overrides.select = Some(existing.h.training.select).filter(|_| keeps);
    }
    resolve_fid(options, stored.map(|stored| stored.fid), &files, wanted)?;
    Ok(files)
}

/// `stored` is what the run has, if it exists.
fn resolve_fid(
    options: &InceptionOptions,
    stored: Option<Option<FidSettings>>,
    files: &InceptionFiles,
    wanted: &mut InceptionOverrides,
) -> Result<(), Failure> {
    let names_settings =
        options.fid_samples.is_some() || options.inception_dims.is_some() || options.fid_weights.is_some();
    if let (Some(stored), false) = (&stored, names_settings) {
        if let Some(FidSettings { dims, images, weights, .. }) = stored {
            (wanted.fid_dims, wanted.fid_images, wanted.fid_weights) = (Some(*dims), *images, weights.clone());
        }
        return Ok(());
    }
    if options.fid_samples == Some(FidSamples::None) {
        return Ok(());
    }
    let output = options.inception_dims.unwrap_or(InceptionOutput::Features2048);
    wanted.fid_dims = output.name().parse().ok();
    wanted.fid_images = match options.fid_samples {
        Some(FidSamples::Count(count)) => Some(count),
        _ => None,
    };
    wanted.fid_weights = match &files.fid {
        Some(path) => Some(inception_weights_sha256(path, InceptionVariant::Fid, output)?),
        None if names_settings => {
            return Err(Failure::users(
                "FID needs the weights of pytorch-fid's Inception network; download them with `gtn data fetch inception`, or pass \
                 --fid-weights FILE",
            ));
        }
        None => None,
    };
    Ok(())
}

fn refuse_without_images(options: &InceptionOptions, knows_inception: bool, experiment: &str) -> Result<(), Failure> {
    let InceptionOptions { fid_samples, inception_dims, fid_weights, is_weights } = options;
    let named = [
        ("--fid-samples", fid_samples.is_some()),
        ("--inception-dims", inception_dims.is_some()),
        ("--fid-weights", fid_weights.is_some()),
        ("--is-weights", is_weights.is_some()),
    ];
    match named.iter().find(|(_, is_named)| *is_named) {
        Some((option, _)) if !knows_inception => Err(Failure::users(format!(
            "{option} is for experiments with the table [inception], such as celeba and hap, and `{experiment}` has none; leave it out"
        ))),
        _ => Ok(()),
    }
}
