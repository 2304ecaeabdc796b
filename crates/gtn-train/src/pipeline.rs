//! The stages in their order, each with the results of those before it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use gtn_dist::{Collective, Single};
use gtn_models::{Device, Streams};
use gtn_run::config::Components;
use gtn_run::folder::Lock;
use gtn_run::{Config, MetricsLog, Network, Observer, Provenance, RunFolder, Stage};

use crate::baselines::Baselines;
use crate::context::{Context, in_turn};
use crate::handoff::Source;
use crate::results::{Results, Trained};
use crate::reused_autoencoder::Reused;
use crate::stages::{autoencode, baselines, decoder, encode, evaluate, fit, label, prepare, sample};
use crate::{Error, Job, Result, reused_autoencoder};

/// Executes all stages of a run that are not completed. The run stays locked until the returned value is dropped.
///
/// # Errors
///
/// [`Error::Stopped`](crate::Error::Stopped) if the observer asked for it; otherwise an error of the data, the folder or the
/// training. Completed stages keep their results.
pub fn reproduce(job: &Job, run: &RunFolder, observer: &mut dyn Observer) -> Result<Lock> {
    let lock = reproduce_after(job, run, observer, &Single, &mut |_| Ok(()))?;
    Ok(lock.expect("the only process locks the run"))
}

/// The same on several processes, each of which calls this function with the same job and a folder that all of them see. Process 0 decides,
/// writes, and holds the lock. The others help to train networks whose batches are [divided](gtn_run::config::Training::shards); they report
/// nothing to their observers.
///
/// The weights are those of [`reproduce`] with the same configuration, to the bit.
///
/// # Errors
///
/// As [`reproduce`], and [`Error::Processes`]. If one process fails, the others may wait for it, so the caller has to
/// [end](Collective::abort) all.
pub fn reproduce_on(
    collective: &dyn Collective,
    job: &Job,
    run: &RunFolder,
    observer: &mut dyn Observer,
) -> Result<Option<Lock>> {
    reproduce_after(job, run, observer, collective, &mut |_| Ok(()))
}

/// The same, after `prepare_folder` was called with the folder, which is open and locked then.
pub(crate) fn reproduce_after(
    job: &Job,
    run: &RunFolder,
    observer: &mut dyn Observer,
    collective: &dyn Collective,
    prepare_folder: &mut dyn FnMut(&RunFolder) -> Result<()>,
) -> Result<Option<Lock>> {
    let opened = in_turn(collective, || open(job, run, observer, collective, prepare_folder))?;
    execute(opened, job, run, observer, collective)
}

/// What a run begins with.
struct Opened {
    config: Config,
    reused: Option<Reused>,
    device: Device,
    data: prepare::Outputs,
    prepare_seconds: f64,
    provenance: Provenance,
    /// Held by process 0.
    lock: Option<Lock>,
}

/// Reads the data, and opens the folder.
fn open(
    job: &Job,
    run: &RunFolder,
    observer: &mut dyn Observer,
    collective: &dyn Collective,
    prepare_folder: &mut dyn FnMut(&RunFolder) -> Result<()>,
) -> Result<Opened> {
    let (config, reused) = reused_autoencoder::resolve(job, run)?;
    let config = config.with_available_inception();
    config.check()?;
    let device = job.device.open()?;
    // The data come first: without them, no folder is created.
    observer.stage_started(Stage::Prepare);
    let started = Instant::now();
    let split_streams = Streams::new(config.split_seed());
    let inputs = prepare::Inputs {
        config: &config,
        data_dir: &job.data_dir,
        labels: job.labels.as_deref(),
        cache_dir: &job.cache_dir,
        streams: &split_streams,
        observer: &mut *observer,
    };
    let data = prepare::run(inputs)?;
    if let (Some(reused), prepare::Outputs::Images(images)) = (&reused, &data) {
        reused.check_images(&config, &images.images)?;
    }
    if config.pairing.components() == Components::Labels && !data.has_labels() {
        return Err(Error::NoLabels { experiment: config.experiment.clone() });
    }
    let prepare_seconds = started.elapsed().as_secs_f64();

    let mut provenance = Provenance {
        data_sha256: Some(data.checksum().to_owned()),
        device: Some(gtn_models::describe_device(&device)),
        ..job.provenance.clone()
    };
    if let Some(reused) = &reused {
        reused.describe_in(&mut provenance);
    }
    let lock = match collective.is_first() {
        true => Some(run.open(&config, &provenance, job.force)?),
        false => None,
    };
    if lock.is_some() {
        prepare_folder(run)?;
    }
    Ok(Opened { config, reused, device, data, prepare_seconds, provenance, lock })
}

/// Executes the stages.
fn execute(
    Opened { config, reused, device, data, prepare_seconds, provenance, lock }: Opened,
    job: &Job,
    run: &RunFolder,
    observer: &mut dyn Observer,
    collective: &dyn Collective,
) -> Result<Option<Lock>> {
    let config = &config;
    if let Some(reference) = config.reference_run() {
        observer.note("starting the reference run in one dimension");
        let job = Job { config: reference, ..job.clone() };
        drop(reproduce_on(collective, &job, &run.reference_run(), observer)?);
        observer.note("starting the run in two dimensions");
    }
    observer.run_opened(run);
    // Opening the log removes an incomplete line, so no other process may be writing.
    let (record, log) = in_turn(collective, || Ok((run.record()?, MetricsLog::open(&run.metrics())?)))?;
    collective.barrier()?;
    let streams = Streams::new(config.seed);
    let mut context = Context {
        run,
        record,
        log,
        observer,
        streams,
        device,
        inception: job.inception.clone(),
        cache_dir: job.cache_dir.clone(),
        collective,
    };
    let device_name = provenance.device;
    if !context.device.is_cpu()
        && let Some(device) = &device_name
    {
        context.observer.note(&format!("networks run on {device}"));
    }
    let notes = data.notes().to_vec();
    context.update_provenance(|provenance| {
        provenance.device = device_name;
        provenance.data_notes = notes;
        if config.data.are_own() {
            // They may have moved since the run began.
            provenance.data_path = absolute(&job.data_dir);
            provenance.labels_path = job.labels.as_deref().and_then(absolute);
        }
    })?;
    context.finish(Stage::Prepare, prepare_seconds, data.statistics())?;

    let context = &mut context;
    let (source, targets, autoencoder) = match data {
        prepare::Outputs::Images(images) => {
            let settings = config.autoencoder.as_ref().expect("a checked configuration has an autoencoder for images");
            let inputs = autoencode::Inputs { config, settings, images: &images, reused: reused.as_ref() };
            let trained = autoencode::run(inputs, context)?;
            let targets = encode::run(encode::Inputs { config, images: &images, trained: &trained }, context)?;
            let inputs = decoder::Inputs { config, images: &images, targets: &targets, reused: reused.as_ref() };
            let trained = decoder::run(inputs, trained, context)?;
            (Source::Images(Box::new(images)), targets, Some((trained, settings)))
        }
        prepare::Outputs::Points(points, targets) => (Source::Points(points), targets, None),
        prepare::Outputs::Latents(targets, _) => (Source::Latents, targets, None),
    };
    let (source, targets) = (&source, &targets);
    let pairs = &label::run(label::Inputs { config, targets }, context)?;
    let decoder_checksum = autoencoder.as_ref().map(|(trained, _)| trained.decoder_checksum.clone());
    let inputs = fit::Inputs { config, targets, pairs, decoder_checksum: decoder_checksum.as_deref() };
    let fit::Outputs { checksum } = fit::run(inputs, context)?;
    if !context.is_first() {
        return Ok(None);
    }
    let vae = match (source, &autoencoder) {
        (Source::Images(images), Some((trained, settings))) => {
            let encoder = trained.autoencoder.encoder();
            baselines::run(baselines::Inputs { config, settings, images, encoder }, context)?
        }
        _ => None,
    };
    let trained = &Trained::new(run, &context.device, checksum, decoder_checksum);
    let of_latents = &Baselines::new(targets, context.streams);
    let results = Results { config, source, targets, pairs, trained, baselines: of_latents, vae: vae.as_ref() };
    sample::run(results, context)?;
    evaluate::run(results, context)?;
    Ok(lock)
}

/// Adds seconds to the time budget of a run, so that [`reproduce`] trains on: the autoencoder from where it ended, and then the
/// networks that follow it from their beginning, with a schedule for the longer time. Returns the new configuration.
///
/// # Errors
///
/// [`Error::Extension`] if the run has no time budget or is unfinished, [`Error::Run`] if the folder is not a run, is in use, or cannot be written.
pub fn extend(run: &RunFolder, seconds: u64) -> Result<Config> {
    let _lock = run.lock()?;
    let mut record = run.record()?;
    if record.config.time_budget.is_none() {
        let reason =
            "it has no time budget, and its training ended by its own rules; train a new run with other settings";
        return Err(Error::Extension { run: run.root().to_path_buf(), reason: reason.to_owned() });
    }
    if record.provenance.h_epochs.is_none() {
        let reason = "it is unfinished; finish it without --extend first";
        return Err(Error::Extension { run: run.root().to_path_buf(), reason: reason.to_owned() });
    }
    let state = run.last_checkpoint(Network::Autoencoder);
    if record.config.data.are_images() && record.config.reused_autoencoder().is_none() && !state.is_file() {
        let reason = format!(
            "its autoencoder trains on from {}, which is missing; put the file back, or train a new run",
            state.display()
        );
        return Err(Error::Extension { run: run.root().to_path_buf(), reason });
    }
    let extension = record.config.extension.unwrap_or_default().saturating_add(seconds);
    record.config.extension = Some(extension);
    record.config.check()?;
    // Until they are trained again, they do not belong to the autoencoder.
    let of = &mut record.provenance;
    (of.flow_epochs, of.h_epochs) = (None, None);
    if record.config.trains_decoder() {
        of.decoder_epochs = None;
    }
    run.write_record(&record)?;
    Ok(record.config)
}

/// The path from everywhere; `None` if it is no text, which the record of a run could not hold.
fn absolute(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    path.to_str().is_some().then_some(path)
}
