//! The trained autoencoder of another run, which a run takes instead of training its own.
//!
//! The configuration has the checksum of its weights, and the seed of the split that it was trained on. The weights themselves are
//! copied into the checkpoints of the run, so that the other folder is not needed afterwards.

use std::path::Path;

use gtn_data::Images;
use gtn_models::{Autoencoder, AutoencoderShape, Device};
use gtn_run::checkpoint::{BestEpoch, TrainState};
use gtn_run::config::{AutoencoderWeights, ReusedAutoencoder};
use gtn_run::schema::{Statistic, checkpoint as keys};
use gtn_run::{Artifact, Config, Network, Provenance, RunFolder, RunRecord, Statistics};

use crate::{Error, Job, Result};

/// An autoencoder to take.
pub(crate) struct Reused {
    /// The run that it is read from. That is the run itself, if it has the weights already.
    pub(crate) run: RunFolder,
    pub(crate) record: RunRecord,
    pub(crate) best: Artifact,
    /// The weights of the last epoch, if they are used.
    pub(crate) last: Option<Artifact>,
    /// Those of the decoder that was trained alone afterwards, if one was.
    pub(crate) decoder: Option<Artifact>,
    shape: AutoencoderShape,
}

/// The configuration with the trained autoencoder of the run at `path`, or of the weights of a run, in place of its own.
///
/// # Errors
///
/// [`Error::UnusableAutoencoder`] if the configuration cannot use it, [`Error::Run`] if the folder is not a run or is damaged,
/// [`Error::Models`] if there are no weights yet or they do not belong to its configuration.
pub fn reuse_autoencoder(config: &Config, path: &Path) -> Result<Config> {
    let other = RunFolder::at(path);
    let has_decoder = other.record()?.config.decoder_training().is_some();
    let reused = Reused::read(config, &other, has_decoder)?;
    let mut config = config.clone();
    if let (Some(settings), Some(of_other)) = (&mut config.autoencoder, &reused.record.config.autoencoder) {
        settings.take_training(of_other);
        let (weights, split_seed) = (reused.checksum(), reused.record.config.split_seed());
        let decoder = reused.decoder.as_ref().map(Artifact::checksum);
        settings.reused = Some(ReusedAutoencoder { weights, decoder, split_seed });
    }
    Ok(config)
}

/// The configuration of a job in a run folder, and the autoencoder that it takes.
///
/// A job that names no autoencoder takes that of the folder, if the folder has one of another run, so that the command without
/// `--autoencoder` resumes the run.
pub(crate) fn resolve(job: &Job, run: &RunFolder) -> Result<(Config, Option<Reused>)> {
    let mut config = job.config.clone();
    if let Some(path) = &job.autoencoder {
        let other = RunFolder::at(path);
        if is_same_folder(path, run.root()) {
            return Err(other_run(&other, "it is the folder of this run; choose another folder with --out"));
        }
        let config = reuse_autoencoder(&config, path)?;
        let has_decoder = config.reused_autoencoder().is_some_and(|reused| reused.decoder.is_some());
        let reused = Reused::read(&config, &other, has_decoder)?;
        return Ok((config, Some(reused)));
    }
    let existing = if job.force && config.reused_autoencoder().is_none() { None } else { run.record().ok() };
    let of_folder = existing.as_ref().and_then(|record| record.config.autoencoder.as_ref());
    if let (Some(settings), Some(of_folder)) = (&mut config.autoencoder, of_folder)
        && settings.reused.is_none()
        && of_folder.reused.is_some()
    {
        settings.reused.clone_from(&of_folder.reused);
        settings.take_training(of_folder);
    }
    let Some(ReusedAutoencoder { weights, decoder, .. }) = config.reused_autoencoder().cloned() else {
        return Ok((config, None));
    };
    let original = existing.and_then(|record| record.provenance.autoencoder_from).map(RunFolder::at);
    for folder in [Some(run.clone()), original].into_iter().flatten() {
        if let Ok(reused) = Reused::read(&config, &folder, decoder.is_some())
            && reused.checksum() == weights
            && reused.decoder.as_ref().map(Artifact::checksum) == decoder
        {
            return Ok((config, Some(reused)));
        }
    }
    Err(Error::MissingAutoencoder { weights })
}

impl Reused {
    /// The autoencoder of `run` with the weights that `config` uses; with its decoder that was trained alone if `has_decoder`.
    fn read(config: &Config, run: &RunFolder, has_decoder: bool) -> Result<Self> {
        let fail = |reason: &str| Err(other_run(run, reason));
        let record = run.record()?;
        let Some(settings) = &config.autoencoder else {
            let reason =
                format!("`{}` has no autoencoder, because its data are points; omit --autoencoder", config.experiment);
            return fail(&reason);
        };
        if record.config.autoencoder.is_none() {
            return fail("its data are points; pass a run on images");
        }
        let (dim, found) = (config.dim, record.config.dim);
        if dim != found {
            return fail(&format!(
                "its latents have dimension {found}, and those of this run {dim}; pass --dim {found}"
            ));
        }
        let autoencoder = Autoencoder::load_before_decoder(run.root(), &Device::Cpu)?;
        let of_decoder = record.provenance.decoder_epochs;
        if record.provenance.autoencoder_epochs.is_none() || (has_decoder && of_decoder.is_none()) {
            return fail("its training is not over; resume that run first (`gtn runs` shows its progress)");
        }
        let of_other = record.config.autoencoder.as_ref().map(|autoencoder| autoencoder.weights);
        if has_decoder && of_other != Some(settings.weights) {
            return fail(
                "its decoder was trained on latents of other weights of the encoder; pass the --protocol of that run",
            );
        }
        let best = Artifact::read(&run.best_checkpoint(Network::Autoencoder))?;
        let last = match settings.weights {
            AutoencoderWeights::Best => None,
            AutoencoderWeights::LastEncoderBestDecoder => {
                let path = run.last_checkpoint(Network::Autoencoder);
                if !path.exists() {
                    return fail(&format!(
                        "under the repo protocol, the last weights encode the images, and {} is missing; pass --protocol paper, \
                         or a run that has them (`gtn reproduce --keep-checkpoints`)",
                        path.display()
                    ));
                }
                let last = Artifact::read(&path)?;
                autoencoder.parameters().load_checkpoint(&last)?;
                Some(last)
            }
        };
        let decoder = has_decoder.then(|| Artifact::read(&run.best_checkpoint(Network::Decoder))).transpose()?;
        Ok(Self { run: run.clone(), record, best, last, decoder, shape: *autoencoder.shape() })
    }

    /// The checksum of the weights, as the configuration has it.
    pub(crate) fn checksum(&self) -> String {
        let checksums = [Some(&self.best), self.last.as_ref()].into_iter().flatten().map(Artifact::checksum);
        checksums.collect::<Vec<_>>().join("+")
    }

    /// Refuses images of another size.
    pub(crate) fn check_images(&self, config: &Config, images: &Images) -> Result<()> {
        let AutoencoderShape { channels, side, .. } = self.shape;
        if (channels, side) == (images.channels(), images.side()) {
            return Ok(());
        }
        let reason = format!(
            "it encodes images of {channels} × {side} × {side}, and those of `{}` are {} × {2} × {2}; pass a run on the same images",
            config.experiment,
            images.channels(),
            images.side()
        );
        Err(other_run(&self.run, &reason))
    }

    /// Changes the provenance of a run to that of this autoencoder: the run that trained it, even if that run is not the one that it
    /// is read from.
    pub(crate) fn describe_in(&self, provenance: &mut Provenance) {
        let of_other = &self.record.provenance;
        provenance.autoencoder_epochs = of_other.autoencoder_epochs;
        if self.decoder.is_some() {
            provenance.decoder_epochs = of_other.decoder_epochs;
        }
        if self.record.config.reused_autoencoder().is_some() {
            provenance.autoencoder_from.clone_from(&of_other.autoencoder_from);
            provenance.autoencoder_data_sha256.clone_from(&of_other.autoencoder_data_sha256);
        } else {
            provenance.autoencoder_from = Some(self.run.root().display().to_string());
            provenance.autoencoder_data_sha256.clone_from(&of_other.data_sha256);
        }
    }

    /// What the user should know about an autoencoder that was trained on other images than those of this run.
    pub(crate) fn note(&self, config: &Config, data_sha256: &str) -> Option<String> {
        let run = self.run.root().display();
        let mut provenance = Provenance::default();
        self.describe_in(&mut provenance);
        if provenance.autoencoder_data_sha256.as_deref() != Some(data_sha256) {
            return Some(format!("the autoencoder of {run} was trained on other images than those of this run"));
        }
        (self.record.config.data != config.data).then(|| {
            format!(
                "the autoencoder of {run} was trained on another selection of the images, so it may have been trained on \
                 validation images of this run"
            )
        })
    }
}

/// How the weights were trained.
pub(crate) fn statistics(weights: &Artifact) -> Statistics {
    let mut statistics = Statistics::new();
    if let Some(TrainState { epochs, best: Some(BestEpoch { epoch, loss }), .. }) = weights.metadata(&keys::TRAIN_STATE)
    {
        statistics.extend([
            (Statistic::Epochs, epochs as f64),
            (Statistic::BestEpoch, epoch as f64),
            (Statistic::BestValidationLoss, loss),
        ]);
    }
    statistics
}

fn other_run(run: &RunFolder, reason: &str) -> Error {
    Error::UnusableAutoencoder { run: run.root().to_path_buf(), reason: reason.to_owned() }
}

fn is_same_folder(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
