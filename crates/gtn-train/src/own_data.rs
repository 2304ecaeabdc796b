//! The configuration of a run on the user's own data: what the data decide, beside what the user sets.

mod mirrored;
mod sizes;

use std::path::Path;

use gtn_data::own_images;
use gtn_metrics::{LikelihoodForm, Neighborhoods};
use gtn_models::Streams;
use gtn_run::config::{
    Components, Data, ImageSource, Overrides, OwnImages, OwnLatents, PairingMethod, ResidualSettings,
};
use gtn_run::{Config, Observer, Stage};

use self::mirrored::look_mirrored;
use self::sizes::{fit_to_size, latent_dimension};
use crate::datasets::{self, Reader, read_latent_rows};
use crate::{Error, Result, presets};

/// Fewer images or rows cannot be split, paired and measured.
const MIN_SAMPLES: usize = 20;
/// A class needs so many training samples, and two for each dimension, to be a component of its own.
const MIN_CLASS_SAMPLES: usize = 20;
/// Images need so many pixels a side for local spectra, by which the decoder is trained alone.
const MIN_SPECTRUM_SIDE: usize = 16;
/// Up to so many dimensions, smaller networks are enough.
const FEW_DIMENSIONS: usize = 16;
/// Up to so many training images, their mirror images are suggested.
const MAX_MIRRORED: usize = 50_000;
/// Images and neighbor searches from which the intrinsic dimension is estimated.
const ESTIMATED_IMAGES: usize = 2_000;
const ESTIMATED_VALUES: usize = 60_000_000;
const ESTIMATE_QUERIES: usize = 500;
/// Neighbors of each, as in most published estimates.
const NEIGHBORS: usize = 20;

/// The configuration of a run on own images, and what the user should know about it.
///
/// `settings` has no classes: they are found, and become components of the source if there are enough images of each. Without a
/// dimension in `overrides`, it is chosen by the number of images and their size. The images are decoded into the cache of `cache_dir`,
/// from which the run reads them.
///
/// # Errors
///
/// [`Error::Data`] if the images cannot be read, [`Error::OwnData`] if they are too few or do not fit the settings, [`Error::Run`] for
/// invalid settings.
pub fn configure_images(
    path: &Path,
    cache_dir: &Path,
    settings: &OwnImages,
    overrides: &Overrides,
    observer: &mut dyn Observer,
) -> Result<(Config, Vec<String>)> {
    let fail = |reason: String| Err(Error::OwnData { path: path.to_path_buf(), reason });
    let mut config = Config::from_preset("the preset of own images", presets::IMAGES, overrides)?;
    let settings = OwnImages { limit: overrides.limit, ..settings.clone() };
    config.data = Data::Images(ImageSource::Own(settings.clone()));
    config.experiment = experiment_name(path, "images");
    if settings.side < MIN_SPECTRUM_SIDE {
        config.autoencoder.iter_mut().for_each(|autoencoder| autoencoder.decoder = None);
    }
    config.check()?;

    observer.stage_started(Stage::Prepare);
    let streams = Streams::new(config.split_seed());
    let reader = &mut Reader { data_dir: path, cache_dir, streams: &streams, observer };
    let options = datasets::options(&settings);
    let cache = own_images::cache_path(cache_dir, path, &options);
    let set = own_images::read(path, &options, &cache, &mut |done, total| reader.progress(done, total))?;
    let images = set.images.len().min(settings.limit.unwrap_or(usize::MAX));
    if images < MIN_SAMPLES {
        let duplicates = match set.duplicates.len() {
            0 => String::new(),
            count => format!(", not counting {count} with the same pixels as another"),
        };
        return fail(format!(
            "it has {images} different images{duplicates}; at least {MIN_SAMPLES} are needed, and 200 or more give good samples"
        ));
    }
    let values = set.images.channels() * settings.side * settings.side;
    let split = datasets::split_own_images(&settings, set.images.len(), &streams);
    let training = split.train.len() * if settings.flip { 2 } else { 1 };

    let mut notes = Vec::new();
    if let Some(dim) = overrides.dim {
        if dim > values {
            return fail(format!("its images have {values} values, and --dim is {dim}; pass --dim {values} or less"));
        }
    } else {
        config.dim = latent_dimension(training, values);
        notes.push(format!("dim {}, chosen for {training} training images of {values} values{}", config.dim, {
            let estimated = estimated_dimension(&set.images, &split.train);
            estimated.map_or(String::new(), |dimension| {
                format!(
                    "; nearest neighbors suggest that the images vary in at least {dimension:.0} dimensions (TwoNN)"
                )
            })
        }));
    }
    if !settings.flip && training <= MAX_MIRRORED && look_mirrored(&set.images, &split.train) == Some(true) {
        notes.push("mirror images look like the images: --flip trains on both, which helps if time allows".to_owned());
    }
    if let Some(classes) = set.classes.filter(|classes| classes.names.len() <= Components::MAX) {
        let own = OwnImages { classes: classes.names, ..settings };
        let factor = training / split.train.len().max(1);
        let counts = class_counts(&classes.labels, &split.train, own.classes.len(), factor);
        choose_components(&mut config, path, (&own.classes, &counts), overrides, &mut notes)?;
        config.data = Data::Images(ImageSource::Own(own));
    } else if overrides.components == Some(Components::Labels) {
        return fail(
            "it has no subfolders, which are the classes; put each class into a folder, or use --components auto"
                .to_owned(),
        );
    }
    fit_to_size(&mut config, training, &overrides.epochs);
    config.check()?;
    Ok((config, notes))
}

/// The configuration of a run on own latents, and what the user should know about it. Labels, if there are any, become components of
/// the source if there are enough rows of each.
///
/// # Errors
///
/// As [`configure_images`].
pub fn configure_latents(
    path: &Path,
    labels_path: Option<&Path>,
    overrides: &Overrides,
) -> Result<(Config, Vec<String>)> {
    let fail = |reason: String| Err(Error::OwnData { path: path.to_path_buf(), reason });
    let latents = read_latent_rows(path, labels_path)?;
    let (rows, columns) = latents.rows.dim();
    if let Some(dim) = overrides.dim.filter(|dim| *dim != columns) {
        return fail(format!("its rows have {columns} values, and --dim is {dim}; leave --dim out"));
    }
    let used = rows.min(overrides.limit.unwrap_or(usize::MAX));
    if used < MIN_SAMPLES {
        return fail(format!("it has {used} rows; at least {MIN_SAMPLES} are needed"));
    }
    if latents.classes.len() > Components::MAX {
        let (count, max) = (latents.classes.len(), Components::MAX);
        return fail(format!(
            "there are {count} different labels, and at most {max} can be distinguished; leave --labels out"
        ));
    }
    let overrides = Overrides { dim: Some(columns), ..overrides.clone() };
    let mut config = Config::from_preset("the preset of own latents", presets::LATENTS, &overrides)?;
    let Data::Latents(preset) = &config.data else { unreachable!("the preset is of latents") };
    let settings = OwnLatents { limit: overrides.limit, classes: latents.classes.clone(), ..preset.clone() };
    config.experiment = experiment_name(path, "latents");
    let split = latents.split(&settings, &Streams::new(config.split_seed()))?;
    let training = split.train.len();
    if training <= columns {
        return fail(format!(
            "it has {training} training rows of {columns} values; more rows than values are needed, so reduce the dimension first, \
             for example by PCA"
        ));
    }
    let mut notes = Vec::new();
    match &latents.labels {
        Some(labels) => {
            let counts = class_counts(labels, &split.train, settings.classes.len(), 1);
            choose_components(&mut config, path, (&settings.classes, &counts), &overrides, &mut notes)?;
        }
        None if overrides.components == Some(Components::Labels) => {
            return fail("there are no labels; pass --labels FILE, or use --components auto".to_owned());
        }
        None => {}
    }
    config.data = Data::Latents(settings);
    if columns <= FEW_DIMENSIONS {
        config.pairing.flow.width = 256;
        config.h.residual = Some(ResidualSettings { width: 256, ..config.h.residual() });
    }
    fit_to_size(&mut config, training, &overrides.epochs);
    config.check()?;
    Ok((config, notes))
}

/// Training samples of each class.
fn class_counts(labels: &[u32], train: &[usize], classes: usize, factor: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    train.iter().for_each(|&index| counts[labels[index] as usize] += factor);
    counts
}

/// Makes classes the components, if there are enough samples of each and the user wants no others.
fn choose_components(
    config: &mut Config,
    path: &Path,
    (classes, counts): (&[String], &[usize]),
    overrides: &Overrides,
    notes: &mut Vec<String>,
) -> Result<()> {
    let needed = MIN_CLASS_SAMPLES.max(2 * config.dim);
    let too_small = counts.iter().position(|&count| count < needed);
    let Some(small) = too_small else {
        if overrides.components.is_none() && config.pairing.method == PairingMethod::Flow {
            config.pairing.components = Some(Components::Labels);
        }
        return Ok(());
    };
    let reason = format!(
        "class `{}` has {} training samples, and with dim = {} a component needs {needed}",
        classes[small], counts[small], config.dim
    );
    if overrides.components == Some(Components::Labels) {
        let reason = format!("{reason}; lower --dim, add samples, or use --components auto");
        return Err(Error::OwnData { path: path.to_path_buf(), reason });
    }
    notes.push(format!("classes are not the components of the source: {reason}"));
    Ok(())
}

/// An estimate of the intrinsic dimension of some of the training images; `None` if it cannot be estimated.
fn estimated_dimension(images: &gtn_data::Images, train: &[usize]) -> Option<f64> {
    let values = images.channels() * images.side() * images.side();
    let count = train.len().min(ESTIMATED_IMAGES).min(ESTIMATED_VALUES / values);
    let batch = images.batch(&train[..count]);
    let rows = batch.into_shape_with_order((count, values)).ok()?;
    let neighborhoods = Neighborhoods::find(rows.view(), NEIGHBORS, ESTIMATE_QUERIES).ok()?;
    Some(neighborhoods.maximum_likelihood(NEIGHBORS, LikelihoodForm::default()).ok()?.value())
}

/// The name of a file or folder as the name of an experiment.
fn experiment_name(path: &Path, otherwise: &str) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let stem = if absolute.is_dir() { absolute.file_name() } else { absolute.file_stem() };
    let name: String = stem
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c.to_ascii_lowercase() } else { '-' })
        .take(60)
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() { otherwise.to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_experiments_are_names_of_folders() {
        let of = |path: &str| experiment_name(Path::new(path), "images");
        assert_eq!([of("/a/My Animals!.zip"), of("/a/x.npz:train"), of("/…")], ["my-animals", "x", "images"]);
    }

    #[test]
    fn small_classes_are_not_components() {
        let mut config = presets::resolve("mnist", &Overrides::default()).unwrap();
        config.pairing.method = PairingMethod::Flow;
        let classes = ["a".to_owned(), "b".to_owned()];
        let mut choose = |counts: [usize; 2], components| {
            config.pairing.components = None;
            let (mut notes, overrides) = (Vec::new(), Overrides { components, ..Overrides::default() });
            let chosen =
                choose_components(&mut config, Path::new("animals"), (&classes, &counts), &overrides, &mut notes);
            chosen.map(|()| (config.pairing.components, notes.len())).map_err(|error| error.to_string())
        };
        assert_eq!(choose([20, 30], None), Ok((Some(Components::Labels), 0)));
        assert_eq!(choose([19, 30], None), Ok((None, 1)));
        let error = choose([30, 19], Some(Components::Labels)).unwrap_err();
        assert!(error.contains("class `b` has 19 training samples") && error.contains("--components auto"), "{error}");
    }
}
