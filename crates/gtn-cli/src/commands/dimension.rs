//! `gtn dimension`: estimates of the intrinsic dimension.

use gtn_data::image_set::ProgressFn;
use gtn_data::own_images::{self, Options};
use gtn_data::{Images, celeba, hap, mnist};
use gtn_metrics::{DimensionEstimate, LikelihoodAverage, LikelihoodForm, Neighborhoods, VarianceRule};
use gtn_models::{Streams, purpose};
use gtn_report::count;
use ndarray::{Array2, Axis};
use serde_json::json;

use crate::args::{Dimension, ImageSetName};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{console, stop};

/// The fraction of the largest quotients that TwoNN leaves out, as in its paper.
const DISCARDED: f64 = 0.1;
/// Repetitions of an estimate for its interval.
const RESAMPLES: usize = 1_000;
const CONFIDENCE: f64 = 0.95;
/// Pixels in memory at a time: 4 GiB of f32.
const MAX_VALUES: usize = 1 << 30;

/// An estimate.
struct Line {
    /// Its name with `--json`.
    name: &'static str,
    /// Its name in the table.
    title: String,
    neighbors: usize,
    value: f64,
    interval: (f64, f64),
}

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
    let lines = estimates(args, &neighborhoods)?;
    if args.json {
        for Line { name, neighbors, value, interval, .. } in &lines {
            let line = json!({
                "estimate": name,
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
    table.extend(lines.into_iter().map(|line| {
        let (low, high) = line.interval;
        vec![line.title, format!("{:.2}", line.value), format!("{low:.2} to {high:.2}")]
    }));
    console::print_table(&table);
    Ok(())
}

fn estimates(args: &Dimension, neighborhoods: &Neighborhoods) -> Result<Vec<Line>, Failure> {
    let mut rng = Streams::new(args.seed).stream(purpose::DIMENSION_BOOTSTRAP, 0);
    let mut line = |name, title: String, neighbors, found: DimensionEstimate| {
        let interval = found.interval(RESAMPLES, CONFIDENCE, &mut rng)?;
        Ok::<_, Failure>(Line { name, title, neighbors, value: found.value(), interval })
    };
    let k = args.neighbors;
    let likelihood = |unbiased, average| neighborhoods.maximum_likelihood(k, LikelihoodForm { unbiased, average });
    let mut lines = vec![
        line("two_nn", "TwoNN".to_owned(), 2, neighborhoods.two_nn(DISCARDED)?)?,
        line(
            "maximum_likelihood",
            format!("maximum likelihood, k = {k}"),
            k,
            likelihood(false, LikelihoodAverage::Inverses)?,
        )?,
        line(
            "maximum_likelihood_mean",
            "the same, mean of estimates".to_owned(),
            k,
            likelihood(false, LikelihoodAverage::Estimates)?,
        )?,
    ];
    if k > 2 {
        let unbiased = likelihood(true, LikelihoodAverage::Inverses)?;
        lines.push(line("maximum_likelihood_unbiased", "the same, unbiased".to_owned(), k, unbiased)?);
    }
    let k = args.pca_neighbors;
    let local_pca = neighborhoods.local_pca(k, VarianceRule::default())?;
    lines.push(line("local_pca", format!("local PCA, k = {k}"), k, local_pca)?);
    Ok(lines)
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
