//! Which weights of Inception networks a run measures with.

use std::path::Path;

use gtn_data::inception;
use gtn_models::{InceptionOutput, InceptionVariant};
use gtn_run::config::{Config, FidSettings, InceptionOverrides, Selection};
use gtn_train::{InceptionFiles, inception_weights_sha256};

use crate::args::{FidSamples, InceptionOptions};
use crate::failure::Failure;

/// What a command chooses for an experiment: to be applied by [`Config::with_inception`].
pub(crate) struct InceptionChoice {
    /// The weights that exist, and settings of what is measured with them.
    pub(crate) overrides: InceptionOverrides,
    /// The rule that the caller wants, or that an existing run has.
    pub(crate) select: Option<Selection>,
    /// The files of these weights.
    pub(crate) files: InceptionFiles,
}

/// The weights that exist and the rule that the caller wants. A run that exists (with the configuration `existing`) keeps its own
/// settings, unless options name others: weights that appeared or disappeared since do not make it another run.
pub(crate) fn resolve(
    (config, mut select): (&Config, Option<Selection>),
    options: &InceptionOptions,
    existing: Option<Config>,
    data_dir: &Path,
) -> Result<InceptionChoice, Failure> {
    let networks = &options.networks;
    let files = InceptionFiles {
        score: networks.is_weights.clone().or_else(|| inception::is_weights(data_dir)),
        fid: networks.fid_weights.clone().or_else(|| inception::fid_weights(data_dir)),
    };
    let mut overrides = InceptionOverrides::default();
    if config.inception.is_none() {
        refuse_options(options, &config.experiment)?;
        return Ok(InceptionChoice { overrides, select, files });
    }
    let stored = existing.as_ref().map(|config| config.inception.clone().unwrap_or_default());
    overrides.score_weights = match (&stored, &networks.is_weights, &files.score) {
        (Some(stored), None, _) => stored.score.as_ref().and_then(|score| score.weights.clone()),
        (_, _, Some(path)) => {
            Some(inception_weights_sha256(path, InceptionVariant::Torchvision, InceptionOutput::Logits)?)
        }
        _ => None,
    };
    let of_run = existing.map(|config| config.h.training.select);
    let has_weights = overrides.score_weights.is_some();
    select = select.or(of_run.filter(|rule| *rule != Selection::InceptionScore || has_weights));
    resolve_fid(options, stored.map(|stored| stored.fid), files.fid.as_deref(), &mut overrides)?;
    Ok(InceptionChoice { overrides, select, files })
}

/// `stored` is what the run has, if it exists.
fn resolve_fid(
    options: &InceptionOptions,
    stored: Option<Option<FidSettings>>,
    file: Option<&Path>,
    wanted: &mut InceptionOverrides,
) -> Result<(), Failure> {
    let names_settings = named_for_fid(options).is_some();
    if let (Some(stored), false) = (&stored, names_settings) {
        if let Some(FidSettings { dims, images, weights, .. }) = stored {
            (wanted.fid_dims, wanted.fid_images, wanted.fid_weights) = (Some(*dims), *images, weights.clone());
        }
        return Ok(());
    }
    if options.fid_samples == Some(FidSamples::None) {
        return Ok(());
    }
    let output = options.networks.inception_dims.unwrap_or(InceptionOutput::Features2048);
    wanted.fid_dims = output.name().parse().ok();
    wanted.fid_images = match options.fid_samples {
        Some(FidSamples::Count(count)) => Some(count),
        _ => None,
    };
    wanted.fid_weights = match file {
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

/// Refuses options for an experiment that measures nothing with Inception networks.
fn refuse_options(options: &InceptionOptions, experiment: &str) -> Result<(), Failure> {
    let of_score = options.networks.is_weights.is_some().then_some("--is-weights");
    match named_for_fid(options).or(of_score) {
        Some(option) => Err(Failure::users(format!(
            "{option} is for experiments with the table [inception], such as celeba and hap, and `{experiment}` has none; leave it out"
        ))),
        None => Ok(()),
    }
}

/// The first option that concerns FID.
fn named_for_fid(InceptionOptions { fid_samples, networks }: &InceptionOptions) -> Option<&'static str> {
    let named = [
        ("--fid-samples", fid_samples.is_some()),
        ("--inception-dims", networks.inception_dims.is_some()),
        ("--fid-weights", networks.fid_weights.is_some()),
    ];
    named.iter().find(|(_, is_named)| *is_named).map(|(option, _)| *option)
}
