//! `gtn dimension`: estimates of the intrinsic dimension.

use gtn_data::image_set::ProgressFn;
use gtn_data::own_images::{self, Options};
use gtn_data::{Images, celeba, hap, mnist};
use gtn_metrics::{DimensionEstimator, EstimatedDimension, Neighborhoods};
use gtn_models::{Streams, purpose};
use gtn_report::count;
use ndarray::{Array2, Axis};
use serde_json::json;

use crate::args::{Dimension, ImageSetName};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{console, stop};

/// Pixels in memory at a time: 4 GiB of f32.
const MAX_VALUES: usize = 1 << 30;

pub(crate) fn run(args: &Dimension) -> Result<(), Failure> {
    stop::listen();
    let mut progress = Progress::new();
    let rows = rows(args, &mut progress)?;
    let columns = rows.ncols();
    let needed = args.neighbors.max(args.pca_neighbors).max(2);
    progress.begin("neighbors");
    let neighborhoods = Neighborhoods::find_with_progress(rows.view(), needed, args.queries, &mut |done, total| {
        progress.show("neighbors", (done as u64, total as u64, "rows"), "");
        stop::control_flow()
    })?;
    drop((rows, progress));
    let mut rng = Streams::new(args.seed).stream(purpose::DIMENSION_BOOTSTRAP, 0);
    let estimates = neighborhoods.all_estimates(args.neighbors, args.pca_neighbors, &mut rng)?;
    if args.json {
        for EstimatedDimension { estimator, neighbors, value, interval } in &estimates {
            let line = json!({
                "estimate": estimator.name(),
                "neighbors": neighbors,
                "value": value,
                "low": interval.0,
                "high": interval.1,
                "rows": neighborhoods.distinct_rows(),
                "columns": columns,
                "duplicates": neighborhoods.duplicates(),
                "queries": neighborhoods.queries(),
            });
            console::print(&line.to_string());
        }
        return Ok(());
    }
    let duplicates = match neighborhoods.duplicates() {
        0 => String::new(),
        some => format!(", without {} that are equal to others", count(some)),
    };
    console::status(&format!(
        "{} rows of {} values{duplicates}; neighbors of {} of them",
        count(neighborhoods.distinct_rows()),
        count(columns),
        count(neighborhoods.queries())
    ));
    let mut table = vec![vec!["estimate".to_owned(), "dimension".to_owned(), "95% interval".to_owned()]];
    table.extend(estimates.into_iter().map(|estimate| {
        let (low, high) = estimate.interval;
        vec![title(&estimate), format!("{:.2}", estimate.value), format!("{low:.2} to {high:.2}")]
    }));
    console::print_table(&table);
    Ok(())
}

/// What an estimate is called in the table.
fn title(estimate: &EstimatedDimension) -> String {
    let k = estimate.neighbors;
    match estimate.estimator {
        DimensionEstimator::TwoNn => "TwoNN".to_owned(),
        DimensionEstimator::MaximumLikelihood => format!("maximum likelihood, k = {k}"),
        DimensionEstimator::MaximumLikelihoodMean => "the same, mean of estimates".to_owned(),
        DimensionEstimator::MaximumLikelihoodUnbiased => "the same, unbiased".to_owned(),
        DimensionEstimator::LocalPca => format!("local PCA, k = {k}"),
        other => other.name().to_owned(),
    }
}

/// The rows: pixels, or latents.
fn rows(args: &Dimension, progress: &mut Progress) -> Result<Array2<f32>, Failure> {
    if let Some(path) = &args.latents {
        let rows = gtn_io::arrays::read_matrix(path)?;
        return Ok(rows.select(Axis(0), &spread(rows.nrows(), args.limit)));
    }
    let (data_dir, cache_dir) = (&args.data.data_dir, args.cache.path());
    progress.begin("images");
    let show: ProgressFn<'_> = &mut |done, total| {
        progress.show("images", (done as u64, total as u64, "images"), "");
        stop::control_flow()
    };
    let images = match (args.set, &args.images) {
        (_, Some(path)) => {
            let options = Options { side: args.side, resize: args.resize, ..Options::default() };
            let found = own_images::read(path, &options, &own_images::cache_path(&cache_dir, path, &options), show)?;
            if !found.unreadable.is_empty() {
                console::status(&format!("note: {} files are not readable", count(found.unreadable.len())));
            }
            found.images
        }
        (Some(ImageSetName::Celeba), None) => {
            celeba::read(data_dir, &celeba::Filter::default(), &cache_dir.join("celeba-64.images"), show)?.images
        }
        (Some(ImageSetName::Hap), None) => {
            hap::read(data_dir, &hap::Filter::default(), &cache_dir.join("hap-64.images"), show)?.images
        }
        _ => mnist::train(data_dir)?.images,
    };
    let values = images.channels() * images.side() * images.side();
    Ok(pixels(&images, &spread(images.len(), args.limit.min(MAX_VALUES / values))))
}

/// The values of images, one image per row.
fn pixels(images: &Images, indices: &[usize]) -> Array2<f32> {
    let batch = images.batch(indices);
    let values = batch.len() / indices.len().max(1);
    batch.into_shape_with_order((indices.len(), values)).expect("as many values as pixels")
}

/// At most `limit` of n indices, spread evenly.
fn spread(n: usize, limit: usize) -> Vec<usize> {
    let count = n.min(limit);
    (0..count).map(|index| (index as u128 * n as u128 / count as u128) as usize).collect()
}
