//! The losses of both networks on the official test set, which chose nothing.

use gtn_models::Generator;
use ndarray::Axis;

use crate::Result;
use crate::pipeline::Made;
use crate::stages::prepare::Pictures;

/// Images decoded at once.
const ROWS: usize = 256;

/// Identity of the test set's latents and pairs, if they are there.
pub(super) fn identity(made: &Made<'_>) -> Vec<String> {
    let latents = made.targets.test.iter().map(|test| test.checksum.clone());
    latents.chain(made.pairs.test_checksum.clone()).collect()
}

/// The mean squared error of the images after the autoencoder, and that of ĥ on their pairs in the units in which it
/// learns; nothing without a test set.
pub(super) fn losses(made: &Made<'_>, pictures: &Pictures, generator: &Generator) -> Result<Vec<(&'static str, f64)>> {
    let (Some(set), Some(latents), Some(pairs)) = (&pictures.test, &made.targets.test, &made.pairs.test) else {
        return Ok(Vec::new());
    };
    let mut images = Mean::default();
    for (rows, indices) in latents.rows.axis_chunks_iter(Axis(0), ROWS).zip(set.indices.chunks(ROWS)) {
        images.add(&generator.decode(rows)?, &set.images.batch(indices));
    }
    let normalize = |rows| made.targets.normalizer.normalize(rows);
    let generated = generator.map(pairs.source.view())?;
    let target = latents.rows.select(Axis(0), &pairs.matching);
    let mut of_pairs = Mean::default();
    of_pairs.add(&normalize(generated.view()), &normalize(target.view()));
    Ok(vec![("test_reconstruction_mse", images.value()), ("test_mse", of_pairs.value())])
}

/// The mean of squared differences.
#[derive(Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
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
    fn means_are_over_all_numbers_of_all_parts() {
        let mut mean = Mean::default();
        mean.add(&array![[1.0, 2.0], [3.0, 4.0]], &array![[1.0, 0.0], [3.0, 3.0]]);
        mean.add(&array![[5.0]], &array![[2.0]]);
        assert_eq!(mean.value(), (4.0 + 1.0 + 9.0) / 5.0);
        assert_eq!(Mean::default().value(), 0.0);
    }
}
