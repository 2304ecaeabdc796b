//! Latents of a run: held-out ones against as many that are drawn, with other real ones for the noise floor.

use std::collections::BTreeMap;

use gtn_io::arrays;
use gtn_metrics::{NearestNeighbors, Neighbor, memorization_from_neighbors};
use gtn_models::{Device, Generator, Model, Streams, purpose};
use gtn_run::RunFolder;
use gtn_run::schema::Metric;
use gtn_train::RunLatents;
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

use super::comparison::{Baselines, Comparison, Side};
use super::evaluation::{Evaluation, OF_CLASSES, OF_FEATURES};
use super::measured::{AtFloor, Measured};
use crate::args::{Evaluate, HeldOutSplit, METRICS, OF_TRAINING};
use crate::failure::Failure;
use crate::progress::Progress;

/// Default maximum number of latents of each kind, as in a run.
const MAX_LATENTS: usize = 10_000;

/// Real latents beside the held-out ones.
pub(super) struct References {
    /// As many as there are held-out ones, for the noise floor.
    floor: Array2<f32>,
    /// All training latents.
    training: Array2<f32>,
}

/// Reads the latents of the run, and reads or draws as many generated ones.
pub(super) fn open(
    args: &Evaluate,
    device: &Device,
    progress: &mut Progress,
) -> Result<(Comparison, References), Failure> {
    let run = RunFolder::at(&args.real);
    if !run.config().is_file() {
        let path = args.real.display();
        return Err(Failure::users(format!("--latent compares with the latents of a run, and {path} is not one")));
    }
    let RunLatents { train, validation, test } = gtn_train::read_latents(&run)?;
    let name = run.root().display();
    let (held_out, floor, what) = match (args.split, test) {
        (HeldOutSplit::Validation, _) => (validation, train.clone(), "validation images"),
        (HeldOutSplit::Test, Some(test)) => (test, validation, "test images"),
        (HeldOutSplit::Test, None) => {
            return Err(Failure::users(format!("{name} has no test latents; pass --split validation")));
        }
    };
    // All sets have the same size.
    let available = held_out.nrows().min(floor.nrows());
    let (generated, n) = generated(args, held_out.ncols(), available, device)?;
    let first = |rows: Array2<f32>| rows.slice_move(s![..n, ..]);
    let fitted = gtn_train::fit_baselines(&run, progress)?;
    let description = args.generated.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let comparison = Comparison {
        real: Side::Vectors(first(held_out)),
        real_description: format!("latents of the {what} of {name}"),
        generated: Some((Side::Vectors(generated), description)),
        baselines: fitted.map_or(Baselines::None, Baselines::Latents),
        is_drawn: true,
    };
    Ok((comparison, References { floor: first(floor), training: train }))
}

/// The generated latents, and their number.
fn generated(args: &Evaluate, dim: usize, available: usize, device: &Device) -> Result<(Array2<f32>, usize), Failure> {
    let Some(path) = &args.generated else {
        return Err(Failure::users("--latent needs --generated"));
    };
    let rows = if Model::is_at(path) { None } else { Some(arrays::read_matrix(path)?) };
    let most = rows.as_ref().map_or(available, |rows| rows.nrows().min(available));
    let n = args.n.unwrap_or(most.min(MAX_LATENTS));
    if n > most {
        return Err(Failure::users(format!(
            "-n {n}: there are only {available} held-out latents, and as many for the noise floor{}; pass at most {most}",
            rows.as_ref().map_or_else(String::new, |rows| format!(", and {} in {}", rows.nrows(), path.display())),
        )));
    }
    let generated = match rows {
        Some(rows) => rows.slice_move(s![..n, ..]),
        None => {
            let generator = Generator::load_on(path, device)?;
            generator.sample_latents(n, &mut Streams::new(args.seed).stream(purpose::SAMPLE, 0))?
        }
    };
    let columns = generated.ncols();
    if columns != dim {
        let (path, real) = (path.display(), args.real.display());
        return Err(Failure::users(format!(
            "{path} has latents of dimension {columns}, and {real} of dimension {dim}"
        )));
    }
    Ok((generated, n))
}

impl Evaluation<'_> {
    /// The metrics of latents: generated ones, those of the noise floor, and those of each baseline.
    pub(super) fn compare_latents(&mut self, sides: &Comparison, references: &References) -> Result<(), Failure> {
        let (Side::Vectors(real), Some((Side::Vectors(generated), _))) = (&sides.real, &sides.generated) else {
            return Ok(());
        };
        let images = [OF_FEATURES.as_slice(), &OF_CLASSES].concat();
        self.request.refuse(&images, "fid, kid and is need images, and these samples are latents")?;
        let n = real.nrows();
        let smallest = 2 * (self.max_neighbors() + 1);
        if n < smallest {
            return Err(Failure::users(format!("{n} latents are too few; pass at least {smallest}")));
        }
        let wanted = |metric: &Metric| self.request.wants(*metric);
        let metrics: Vec<Metric> =
            METRICS.into_iter().filter(|metric| !images.contains(metric)).filter(wanted).collect();
        let of_training: Vec<Metric> = OF_TRAINING.into_iter().filter(wanted).collect();

        let baselines = sides.baselines.names();
        let samples: Vec<_> = baselines.iter().filter_map(|&name| sides.baselines.vectors(name, n)).collect();
        let sets: Vec<_> =
            [generated, &references.floor].into_iter().chain(&samples).map(|rows| (real.view(), rows.view())).collect();
        let mut values = self.measure_pairs(&metrics, &sets)?;
        if !of_training.is_empty() {
            let others: Vec<_> = sets.iter().map(|(_, rows)| *rows).collect();
            match memorization(real.view(), &others, references.training.view())? {
                Some(of_sets) => values.iter_mut().zip(of_sets).for_each(|(values, more)| values.extend(more)),
                None => self.request.refuse(
                    &of_training,
                    "many held-out images are also training images, so memorization cannot be measured",
                )?,
            }
        }
        self.header.push(format!("features: latents, {} per sample", real.ncols()));
        for metric in metrics.into_iter().chain(of_training) {
            let (Some(&value), Some(&floor)) = (values[0].get(&metric), values[1].get(&metric)) else { continue };
            let of_baseline =
                |(name, values): (&_, &BTreeMap<Metric, f64>)| values.get(&metric).map(|&value| (*name, value.into()));
            let baselines = baselines.iter().zip(&values[2..]).filter_map(of_baseline).collect();
            let at_floor = AtFloor { samples: n, value: Some(value.into()), floor: floor.into(), baselines };
            let (value, samples, features) = (value.into(), [Some(n); 2], "latents".to_owned());
            self.measured.insert(metric, Measured { metric, value, samples, at_floor: Some(at_floor), features });
        }
        Ok(())
    }
}

/// How close each set is to the training latents, against one half of the held-out latents. In place of the second set, that of the
/// noise floor, is the other half. `None` if too many held-out images are also training images.
fn memorization(
    held_out: ArrayView2<'_, f32>,
    sets: &[ArrayView2<'_, f32>],
    training: ArrayView2<'_, f32>,
) -> Result<Option<Vec<BTreeMap<Metric, f64>>>, Failure> {
    let (half, other_half) = held_out.split_at(ndarray::Axis(0), held_out.nrows() / 2);
    let mut queries = vec![half];
    queries.extend(sets.iter().enumerate().map(|(index, set)| if index == 1 { other_half } else { *set }));
    let nearest = |rows: &ArrayView2<'_, f32>| -> Result<Vec<Neighbor>, gtn_metrics::Error> {
        let mut search = NearestNeighbors::new(*rows, 1)?;
        search.partial_fit(training)?;
        Ok(search.into_neighbors().into_iter().flatten().collect())
    };
    let neighbors = queries.par_iter().map(nearest).collect::<Result<Vec<_>, _>>()?;
    let (of_half, of_sets) = neighbors.split_first().expect("the first half is a query");
    let mut values = Vec::new();
    for of_set in of_sets {
        match memorization_from_neighbors(of_half.clone(), of_set.clone()) {
            Err(gtn_metrics::Error::HeldOutInTraining) => return Ok(None),
            result => {
                let result = result?;
                values.push(BTreeMap::from([
                    (Metric::NnDistanceRatio, result.median_distance_ratio),
                    (Metric::NearCopyFraction, result.near_copy_fraction),
                ]));
            }
        }
    }
    Ok(Some(values))
}
