//! Reads or draws the data, and splits them.

use std::path::Path;

use gtn_models::{Streams, purpose};
use gtn_run::config::{Data, OwnLatents, PointSource};
use gtn_run::schema::{Split, Statistic};
use gtn_run::{Artifact, Config, Fingerprint, Observer, Statistics};
use ndarray::Array2;

use crate::Result;
use crate::datasets::{self, ImageData, PointDataset, Reader, check_sizes, read_latent_rows};
use crate::handoff::{Labels, Targets};

pub(crate) struct Inputs<'a> {
    pub(crate) config: &'a Config,
    pub(crate) data_dir: &'a Path,
    pub(crate) labels: Option<&'a Path>,
    pub(crate) cache_dir: &'a Path,
    pub(crate) streams: &'a Streams,
    pub(crate) observer: &'a mut dyn Observer,
}

/// The data of an experiment.
pub(crate) enum Outputs {
    /// Images, which an autoencoder turns into targets.
    Images(ImageData),
    /// Points, which are the targets themselves.
    Points(&'static dyn PointDataset, Targets),
    /// Vectors of the user, which are the targets themselves, with the checksum of their file.
    Latents(Targets, String),
}

impl Outputs {
    /// Checksum of the data.
    pub(crate) fn checksum(&self) -> &str {
        match self {
            Outputs::Images(images) => &images.checksum,
            Outputs::Points(_, targets) => &targets.checksum,
            Outputs::Latents(_, checksum) => checksum,
        }
    }

    /// Whether the data have classes.
    pub(crate) fn has_labels(&self) -> bool {
        match self {
            Outputs::Images(images) => images.labels.is_some(),
            Outputs::Points(_, targets) | Outputs::Latents(targets, _) => targets.labels.is_some(),
        }
    }

    /// What is to know about the files.
    pub(crate) fn notes(&self) -> &[String] {
        match self {
            Outputs::Images(images) => &images.notes,
            _ => &[],
        }
    }

    /// The statistics of the stage.
    pub(crate) fn statistics(&self) -> Statistics {
        let (training, validation, test) = match self {
            Outputs::Images(ImageData { split, test, .. }) => {
                (split.train.len(), split.validation.len(), test.as_ref().map(|test| test.indices.len()))
            }
            Outputs::Points(_, Targets { train, validation, .. })
            | Outputs::Latents(Targets { train, validation, .. }, _) => (train.nrows(), validation.nrows(), None),
        };
        let mut statistics = Statistics::from([
            (Statistic::TrainingSamples, training as f64),
            (Statistic::ValidationSamples, validation as f64),
        ]);
        statistics.extend(test.map(|test| (Statistic::TestSamples, test as f64)));
        statistics
    }
}

pub(crate) fn run(Inputs { config, data_dir, labels, cache_dir, streams, observer }: Inputs<'_>) -> Result<Outputs> {
    match &config.data {
        Data::Images(source) => {
            let images = datasets::images(source).read(&mut Reader { data_dir, cache_dir, streams, observer })?;
            images.notes.iter().chain(&images.cache_note).for_each(|note| observer.note(note));
            Ok(Outputs::Images(images))
        }
        Data::Points(source) => {
            let points = datasets::points(source, config.dim);
            Ok(Outputs::Points(points, draw(config, source, points, streams)?))
        }
        Data::Latents(settings) => read_latents(config, settings, (data_dir, labels), streams),
    }
}

fn read_latents(
    config: &Config,
    settings: &OwnLatents,
    (path, labels): (&Path, Option<&Path>),
    streams: &Streams,
) -> Result<Outputs> {
    let latents = read_latent_rows(path, labels)?;
    let (columns, dim) = (latents.rows.ncols(), config.dim);
    if columns != dim {
        let reason = format!(
            "its rows have {columns} values, and those of the run {dim}; pass the file that the run was trained on"
        );
        return Err(gtn_io::Error::malformed(path, reason).into());
    }
    let split = latents.split(settings, streams)?;
    // Not written to disk, as for points.
    let mut artifact = Artifact::new(Fingerprint::new("latents", &[&latents.checksum]));
    let [train, validation] = [&split.train, &split.validation].map(|indices| latents.select(indices));
    Targets::write_into(&mut artifact, train, validation, config.pairing.normalize)?;
    let labels = latents.labels.as_ref().map(|labels| {
        let select = |indices: &[usize]| indices.iter().map(|&index| labels[index]).collect();
        Labels { train: select(&split.train), validation: select(&split.validation), test: Vec::new() }
    });
    Ok(Outputs::Latents(Targets { labels, ..Targets::read(&artifact)? }, latents.checksum))
}

fn draw(config: &Config, source: &PointSource, points: &dyn PointDataset, streams: &Streams) -> Result<Targets> {
    let (training, validation) = source.synthetic().sizes();
    check_sizes(training, validation)?;
    // Not written to disk; it gives the targets the form that a stage would.
    let mut artifact = Artifact::new(Fingerprint::new("draw", &[]));
    let draw = |split: Split, n| points.draw(n, &mut streams.stream(&purpose::data(split.name()), 0));
    let (train, validation) = (draw(Split::Train, training), draw(Split::Validation, validation));
    let labels_of =
        |rows: &Array2<f32>| -> Option<Vec<u32>> { rows.outer_iter().map(|row| points.component_of(row)).collect() };
    let labels = labels_of(&train).zip(labels_of(&validation));
    let labels = labels.map(|(train, validation)| Labels { train, validation, test: Vec::new() });
    Targets::write_into(&mut artifact, train, validation, config.pairing.normalize)?;
    Ok(Targets { labels, ..Targets::read(&artifact)? })
}
