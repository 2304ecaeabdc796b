//! Which run `gtn fit` begins, resumes or extends.

use std::path::{Path, PathBuf};

use gtn_run::config::{PairingMethod, ResizeSetting};
use gtn_run::{Config, Observer, RunFolder, Tee};
use gtn_train::{InceptionFiles, Job};
use serde::{Deserialize, Serialize};

use crate::args::{Dim, Fit};
use crate::commands::provenance::{of_command, quoted};
use crate::commands::reproduce::{RUNS, refuse_autoencoder_settings};
use crate::console;
use crate::failure::Failure;
use crate::progress::Progress;

/// A run to begin or to resume.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) root: PathBuf,
    pub(super) config: Config,
    /// Where its data are.
    pub(super) data: PathBuf,
    pub(super) labels: Option<PathBuf>,
}

/// The run that the arguments begin, resume or extend.
pub(super) fn plan(args: &Fit, further: &mut dyn Observer) -> Result<Plan, Failure> {
    match &args.run {
        Some(root) => existing(args, root),
        None => new(args, further),
    }
}

/// The job of a planned run.
pub(super) fn job(args: &Fit, plan: &Plan) -> Job {
    let plan = plan.clone();
    Job {
        config: plan.config,
        data_dir: plan.data,
        labels: plan.labels,
        cache_dir: args.cache.path(),
        provenance: of_command(command(args)),
        force: args.force,
        autoencoder: args.autoencoder.clone(),
        inception: InceptionFiles::default(),
        device: args.on.name(),
    }
}

/// A run that exists, with more time if it is wanted.
fn existing(args: &Fit, root: &Path) -> Result<Plan, Failure> {
    let run = RunFolder::at(root);
    if !run.config().is_file() && (root.is_dir() || gtn_data::own_images::is_archive(root)) {
        return Err(Failure::users(format!(
            "{} is not a run; to train on the images in it, run `gtn fit --images {}`",
            root.display(),
            quoted(&root.display().to_string())
        )));
    }
    let mut record = run.record()?;
    if !record.config.data.are_own() {
        return Err(Failure::users(format!(
            "{} is a run of the experiment `{}`, and not of `gtn fit`; resume it with the command in its config.toml",
            root.display(),
            record.config.experiment
        )));
    }
    let given = args.images.clone().or_else(|| args.latents.clone());
    let Some(data) = given.or_else(|| record.provenance.data_path.clone()) else {
        return Err(Failure::users(format!(
            "{} does not say where its data are; pass --images or --latents as well",
            root.display()
        )));
    };
    let labels = args.labels.clone().or_else(|| record.provenance.labels_path.clone());
    if let Some(seconds) = args.extend {
        if record.provenance.h_epochs.is_none() && record.config.extension.is_some() {
            // The same command resumes an extension.
            console::status(&format!(
                "note: {} is being extended; this finishes it, and adds no further time",
                root.display()
            ));
        } else {
            // A run whose data are gone is not changed.
            std::fs::metadata(gtn_io::arrays::without_array_name(&data)).map_err(gtn_io::Error::read(&data))?;
            record.config = gtn_train::extend(&run, seconds)?;
            console::status(&format!("{} is extended by {seconds} s", root.display()));
        }
    }
    Ok(Plan { root: root.to_path_buf(), config: record.config, data, labels })
}

/// A run as the command line describes it. It may exist already.
fn new(args: &Fit, further: &mut dyn Observer) -> Result<Plan, Failure> {
    let mut overrides = args.overrides();
    if args.autoencoder.is_some() {
        refuse_autoencoder_settings(&overrides)?;
    }
    let mut progress = Progress::new();
    let mut observers = Tee(vec![&mut progress, further]);
    let (mut config, notes, data) = match (&args.images, &args.latents) {
        (Some(path), _) => {
            if let (Some(autoencoder), Dim::Auto) = (&args.autoencoder, args.dim) {
                // The latents are those of the other run.
                overrides.dim = Some(RunFolder::at(autoencoder).record()?.config.dim);
            }
            let (config, notes) =
                gtn_train::configure_images(path, &args.cache.path(), &args.settings(), &overrides, &mut observers)?;
            (config, notes, path)
        }
        (None, Some(path)) => {
            let (config, notes) = gtn_train::configure_latents(path, args.labels.as_deref(), &overrides)?;
            (config, notes, path)
        }
        (None, None) => return Err(Failure::users("nothing to train on; pass --images, --latents or a run")),
    };
    if let Some(autoencoder) = &args.autoencoder {
        config = gtn_train::reuse_autoencoder(&config, autoencoder)?;
    }
    let root = args.out.clone().unwrap_or_else(|| {
        let limit = config.data.limit().map_or(String::new(), |limit| format!("-limit{limit}"));
        Path::new(RUNS).join(format!("{}-d{}-seed{}{limit}", config.experiment, config.dim, config.seed))
    });
    if let Ok(record) = RunFolder::at(&root).record() {
        if args.shards.is_none() {
            // The same command resumes a run on another number of processes.
            config.set_shards(record.config.shards());
        }
        let without_extension = Config { extension: None, ..record.config.clone() };
        let other_budget = Config { time_budget: config.time_budget, ..without_extension.clone() };
        if without_extension == config {
            // The same command resumes a run that was extended.
            config.extension = record.config.extension;
        } else if other_budget == config && !args.force {
            return Err(Failure::users(format!(
                "{} is this run with another time budget; resume it with `gtn fit {}`, add time to it with --extend, or choose another \
                 folder with --out",
                root.display(),
                quoted(&root.display().to_string())
            )));
        }
    }
    notes.iter().for_each(|note| progress.note(note));
    Ok(Plan { root, config, data: data.clone(), labels: args.labels.clone() })
}

/// The command that begins the same run, without options that concern only this machine.
fn command(args: &Fit) -> String {
    let settings = args.settings();
    let mut words = vec!["gtn fit".to_owned()];
    let mut option = |name: &str, value: Option<String>| words.extend(value.map(|value| format!("--{name} {value}")));
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| quoted(&path.display().to_string()));
    option("images", path(&args.images));
    option("latents", path(&args.latents));
    option("labels", path(&args.labels));
    if args.images.is_some() {
        option("side", (settings.side != 64).then(|| settings.side.to_string()));
        option("resize", (settings.resize != ResizeSetting::Crop).then(|| settings.resize.to_string()));
        let [red, green, blue] = settings.background;
        option("background", (settings.background != [255; 3]).then(|| format!("{red:02x}{green:02x}{blue:02x}")));
        option("max-unreadable", (settings.max_unreadable != 0.05).then(|| settings.max_unreadable.to_string()));
        option(
            "dim",
            match args.dim {
                Dim::Auto => None,
                Dim::Is(dim) => Some(dim.to_string()),
            },
        );
    }
    option("time-budget", args.time_budget.map(|seconds| format!("{seconds}s")));
    option("epochs", args.epochs.map(|epochs| epochs.to_string()));
    option("limit", args.limit.map(|limit| limit.to_string()));
    option("pairing", (args.pairing != PairingMethod::Flow).then(|| args.pairing.to_string()));
    option("components", args.components.map(|components| components.to_string()));
    option("autoencoder", path(&args.autoencoder));
    let shards = args.overrides().shards.filter(|&shards| shards != 1);
    option("shards", shards.map(|shards| shards.to_string()));
    option("seed", (args.seed != 1).then(|| args.seed.to_string()));
    if args.flip && args.images.is_some() {
        words.push("--flip".to_owned());
    }
    words.join(" ")
}
