//! The losses of both networks on the official test set, which selects nothing, and the error of reconstructed images.

use gtn_data::Images;
use gtn_models::{Sampling, SourceRows};
use gtn_run::Statistics;
use gtn_run::schema::Statistic;
use ndarray::{ArrayView2, Axis};

use crate::Result;
use crate::datasets::ImageData;
use crate::results::{Results, Trained};

/// Images in one forward pass.
const BATCH_SIZE: usize = 256;

/// The mean squared error of the reconstructed images, and that of ĥ on the pairs in the units of its training; nothing without a test
/// set.
pub(super) fn on_test_set(
    Results { targets, pairs, trained, .. }: Results<'_>,
    images: &ImageData,
) -> Result<Statistics> {
    let coordinates = &pairs.coordinates;
    let (Some(set), Some(latents), Some(pairs)) = (&images.test, &targets.test, &pairs.test) else {
        return Ok(Statistics::new());
    };
    let reconstruction = of_decoded(trained, latents.rows.view(), (&set.images, &set.indices))?;
    let normalize = |rows: ArrayView2<'_, f32>| {
        let normalized = targets.normalizer.normalize(rows);
        match coordinates {
            Some(coordinates) => coordinates.to_coordinates(normalized.view(), &pairs.components),
            None => normalized,
        }
    };
    let rows = SourceRows { source: pairs.source.clone(), components: pairs.components.clone() };
    let generated = trained.generator()?.map_by(&rows, &Sampling::default())?;
    let target = latents.rows.select(Axis(0), &pairs.assignment);
    let mut regression = MeanSquaredError::default();
    regression.add(&normalize(generated.view()), &normalize(target.view()));
    Ok(Statistics::from([(Statistic::AutoencoderTestLoss, reconstruction), (Statistic::HTestLoss, regression.value())]))
}

/// The mean squared error of the validation images that the decoder of the samples reconstructs, which bounds how sharp samples are.
pub(super) fn reconstruction_error(
    Results { targets, trained, .. }: Results<'_>,
    data: &ImageData,
) -> Result<(Statistic, f64)> {
    let error = of_decoded(trained, targets.validation.view(), (&data.images, &data.split.validation))?;
    Ok((Statistic::ReconstructionError, error))
}

/// The mean squared error of images decoded from their latents.
fn of_decoded(
    trained: &Trained<'_>,
    latents: ArrayView2<'_, f32>,
    (images, indices): (&Images, &[usize]),
) -> Result<f64> {
    let generator = trained.generator()?;
    let mut error = MeanSquaredError::default();
    for (rows, indices) in latents.axis_chunks_iter(Axis(0), BATCH_SIZE).zip(indices.chunks(BATCH_SIZE)) {
        error.add(&generator.decode(rows)?, &images.batch(indices));
    }
    Ok(error.value())
}

/// A mean of squared differences that is computed in parts.
#[derive(Default)]
struct MeanSquaredError {
    sum: f64,
    count: usize,
}

impl MeanSquaredError {
    fn add<D: ndarray::Dimension>(&mut self, a: &ndarray::Array<f32, D>, b: &ndarray::Array<f32, D>) {
        self.sum += a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>();
        self.count += a.len();
    }

    fn value(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_mean_is_over_all_values_of_all_parts() {
        let mut mean = MeanSquaredError::default();
        mean.add(&array![[1.0, 2.0], [3.0, 4.0]], &array![[1.0, 0.0], [3.0, 3.0]]);
        mean.add(&array![[5.0]], &array![[2.0]]);
        assert_eq!(mean.value(), (4.0 + 1.0 + 9.0) / 5.0);
        assert_eq!(MeanSquaredError::default().value(), 0.0);
    }
}
