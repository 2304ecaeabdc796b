//! `gtn explore`: a generator as one HTML file.

use std::path::Path;

use gtn_io::atomic;
use gtn_metrics::Pca;
use gtn_models::Model;
use gtn_report::{Explorer, WeightBits};
use gtn_run::schema::latents;
use gtn_run::{Artifact, ModelCard, Origin, RunFolder};
use ndarray::Array2;

use crate::args::Explore;
use crate::commands::report::open_in_browser;
use crate::console;
use crate::failure::Failure;
use crate::output;

/// Directions along which the page moves a sample.
const DIRECTIONS: usize = 8;

pub(crate) fn run(args: &Explore) -> Result<(), Failure> {
    if !args.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("html")) {
        return Err(Failure::users(format!("--out {}: use a name that ends in .html", args.out.display())));
    }
    output::refuse_existing(&args.out, args.force)?;
    let html = page(&args.run, args.bits)?;
    atomic::write(&args.out, output::existing(args.force), |file| file.write_all(html.as_bytes()))?;
    console::status(&format!("{:.1} MB", html.len() as f64 / 1e6));
    console::print(&args.out.display().to_string());
    if args.open {
        open_in_browser(&args.out);
    }
    Ok(())
}

/// The page of a model.
pub(super) fn page(run: &Path, bits: WeightBits) -> Result<String, Failure> {
    let model = Model::load(run)?;
    let directions = directions(run)?;
    let card = model.card();
    let classes = card.component_classes();
    let page = Explorer {
        title: &title(card, run),
        model: &model.to_artifact()?,
        directions: directions.view(),
        classes: &classes,
        bits,
    };
    let html = page.html()?;
    if directions.is_empty() {
        console::status("note: without the latents of its data, the page has no principal directions");
    }
    Ok(html)
}

/// The experiment and its dimension, or the name of the file.
fn title(card: &ModelCard, path: &Path) -> String {
    match &card.origin {
        Origin::Run { config, .. } => format!("{}, d = {}", config.experiment, config.dim),
        Origin::Files(_) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
    }
}

/// Principal directions of the training latents, each as long as their standard deviation along it; none if the latents are not there.
fn directions(run: &Path) -> Result<Array2<f32>, Failure> {
    let path = RunFolder::at(run).latents();
    if !path.is_file() {
        return Ok(Array2::zeros((0, 0)));
    }
    let artifact = Artifact::read(&path)?;
    let rows = artifact.tensor(&latents::TRAIN)?.view().into_dimensionality::<ndarray::Ix2>()?;
    let pca = Pca::fit(rows, DIRECTIONS)?;
    let lengths = pca.explained_variance().mapv(f64::sqrt);
    Ok((&pca.components() * &lengths.insert_axis(ndarray::Axis(1))).mapv(|value| value as f32))
}
