//! The values of the samples: vectors, or the pixels of images.

use std::collections::BTreeMap;

use gtn_run::schema::{Baseline, Metric};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::comparison::Comparison;
use super::evaluation::{Evaluation, OF_CLASSES, OF_FEATURES, is_of_rows};
use super::halves::Halves;
use super::image_stream::ImageStream;
use super::measured::{AtFloor, Measured};
use super::row_metrics;
use crate::args::{Features, METRICS};
use crate::failure::Failure;
use crate::progress::Progress;

/// Reads or draws as many rows of a baseline as a half has.
pub(super) type BaselineRows<'a> =
    dyn Fn(Baseline, &Halves, &mut Progress) -> Result<Option<Array2<f32>>, Failure> + 'a;

/// Maximum number of held-out images whose values are compared, for images of MNIST's size, as in a run. The cost grows with the
/// square of their number and with their pixels.
const MAX_HELD_OUT_IMAGES: f64 = 2_000.0;
const MNIST_PIXELS: f64 = 784.0;

fn max_images(values: usize) -> usize {
    (MAX_HELD_OUT_IMAGES * (MNIST_PIXELS / values.max(1) as f64).sqrt().min(1.0)) as usize
}

impl Evaluation<'_> {
    /// The metrics of rows, of pixels.
    pub(super) fn compare_pixels(
        &mut self,
        comparison: &Comparison,
        real: &ImageStream,
        generated: &ImageStream,
    ) -> Result<(), Failure> {
        if real.shape() != generated.shape() {
            return self.refuse_other_kind(&shape_text(real.shape()), &shape_text(generated.shape()));
        }
        let mut count = real.len();
        if comparison.baselines.are_of_images() {
            count = count.min(2 * max_images(real.values_per_image()));
            if count < real.len() {
                let of = real.len();
                self.warnings
                    .push(format!("note: the first {count} of {of} held-out images are compared by their values"));
            }
        }
        // One half of the real images is compared with the generated ones.
        let needed = if comparison.is_drawn { (count / 2).max(1) } else { generated.len() };
        let real = real.rows(count, &mut self.progress)?;
        let generated = generated.rows(needed.min(generated.len()), &mut self.progress)?;
        let baseline = |baseline, halves: &Halves, progress: &mut Progress| {
            let images = comparison.baselines.images(baseline, &halves.second)?;
            images.map(|images| images.rows(images.len(), progress)).transpose()
        };
        self.compare_vectors(&real, &generated, &baseline, &comparison.baselines.names())
    }

    /// Pixels on one side, rows of their values on the other one.
    pub(super) fn compare_pixels_with_vectors(
        &mut self,
        real: &Array2<f32>,
        generated: &Array2<f32>,
    ) -> Result<(), Failure> {
        let images = [OF_FEATURES.as_slice(), &OF_CLASSES].concat();
        self.request.refuse(&images, "fid, kid and is need images on both sides, and one side has vectors")?;
        if self.args.features == Some(Features::Inception) {
            return Err(Failure::users("--features inception needs images on both sides, and one side has vectors"));
        }
        let note =
            "note: the values of images are in the order channels, rows, columns; those of the vectors must be, too";
        self.warnings.push(note.to_owned());
        self.compare_vectors(real, generated, &|_, _, _| Ok(None), &[])
    }

    /// The metrics of rows, of the values of the samples. One half of the real rows is compared with generated ones, with the
    /// other half, and with each baseline.
    pub(super) fn compare_vectors(
        &mut self,
        real: &Array2<f32>,
        generated: &Array2<f32>,
        baseline: &BaselineRows<'_>,
        baselines: &[Baseline],
    ) -> Result<(), Failure> {
        if real.ncols() != generated.ncols() {
            let values = |rows: &Array2<f32>| format!("{} values per sample", rows.ncols());
            return self.refuse_other_kind(&values(real), &values(generated));
        }
        let metrics: Vec<Metric> =
            METRICS.into_iter().filter(|&metric| is_of_rows(metric) && self.request.wants(metric)).collect();
        let halves = match self.halves_for_rows(real.nrows(), generated.nrows()) {
            Ok(halves) => halves,
            Err(reason) => return self.request.refuse(&metrics, &reason),
        };
        self.header.push(match self.header.is_empty() {
            true => format!("features: values, {} per sample", real.ncols()),
            false => format!("others: values, {} per sample", real.ncols()),
        });
        let [first, second] = [&halves.first, &halves.second].map(|rows| real.select(Axis(0), rows));
        let generated = generated.select(Axis(0), &halves.generated);
        let mut of_baselines = Vec::new();
        for &name in baselines {
            of_baselines.extend(baseline(name, &halves, &mut self.progress)?.map(|rows| (name, rows)));
        }
        let mut pairs = vec![(first.view(), generated.view()), (first.view(), second.view())];
        pairs.extend(of_baselines.iter().map(|(_, rows)| (first.view(), rows.view())));
        let mut values = self.measure_pairs(&metrics, &pairs)?.into_iter();
        let (value, floor) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
        let of_baselines: Vec<_> = of_baselines.iter().map(|(name, _)| *name).zip(values).collect();
        for metric in metrics {
            let (Some(&value), Some(&floor)) = (value.get(&metric), floor.get(&metric)) else { continue };
            let of_each = of_baselines.iter();
            let baselines =
                of_each.filter_map(|(name, values)| Some((*name, (*values.get(&metric)?).into()))).collect();
            let samples = halves.len();
            let at_floor = Some(AtFloor { samples, value: Some(value.into()), floor: floor.into(), baselines });
            let (value, samples, features) = (value.into(), [Some(samples); 2], "values".to_owned());
            self.measured.insert(metric, Measured { metric, value, samples, at_floor, features });
        }
        Ok(())
    }

    /// The metrics of pairs of sets, in parallel.
    pub(super) fn measure_pairs(
        &self,
        metrics: &[Metric],
        pairs: &[(ArrayView2<'_, f32>, ArrayView2<'_, f32>)],
    ) -> Result<Vec<BTreeMap<Metric, f64>>, Failure> {
        let measure = |real, other| row_metrics::measure(metrics, real, other, &self.streams, self.args.neighbors);
        pairs.par_iter().map(|(real, other)| measure(*real, *other)).collect()
    }

    /// Halves that are large enough for all metrics of rows, or why there are none.
    pub(super) fn halves_for_rows(&self, real: usize, generated: usize) -> Result<Halves, String> {
        let halves = Halves::draw(real, generated, &self.streams).filter(|halves| halves.len() > self.max_neighbors());
        halves.ok_or_else(|| {
            format!(
                "{real} real and {generated} generated samples are too few; pass at least {} and {}",
                2 * (self.max_neighbors() + 1),
                self.max_neighbors() + 1,
            )
        })
    }

    /// The largest number of nearest neighbors that a metric needs.
    pub(super) fn max_neighbors(&self) -> usize {
        self.args.neighbors.unwrap_or(gtn_run::metric_constants::K_DENSITY)
    }

    fn refuse_other_kind(&mut self, of_real: &str, of_generated: &str) -> Result<(), Failure> {
        let generated = self.args.generated.as_deref().unwrap_or(&self.args.real);
        let reason = format!(
            "samples differ in size: {} has {of_real}, {} has {of_generated}; compare samples of the same kind",
            self.args.real.display(),
            generated.display(),
        );
        let metrics: Vec<Metric> = METRICS.into_iter().filter(|&metric| is_of_rows(metric)).collect();
        self.request.refuse(&metrics, &reason)
    }
}

/// The size of images, for people.
pub(super) fn shape_text([channels, height, width]: [usize; 3]) -> String {
    format!("images of shape (C, H, W) = ({channels}, {height}, {width})")
}
