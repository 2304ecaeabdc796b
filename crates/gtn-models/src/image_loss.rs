//! What an autoencoder of images minimizes.

use candle_core::{DType, Tensor};

use crate::error::require;
use crate::ops::{EPSILON, FREQUENCIES, LocalSpectrumLoss, POOL, STRIDE, WINDOW, Windows, opponents, transform};
use crate::{Result, mean_squared_error};

/// The loss of reconstructed images: the mean squared error, and a weight times the difference of local spectra.
///
/// The squared error asks for the mean of all images that a latent may stand for, and details that the latent does not hold, as the
/// strands of hair, average to nothing: the image is blurred. Their local spectrum, which says how strong each frequency is around a
/// pixel and not where its crests lie, hardly depends on what the latent does not hold. So its difference asks for details of the right
/// kind. It needs no other network.
///
/// Color images are compared in their luminance and two differences of colors, an orthonormal basis of the three. In each of these
/// channels, windows of 8 × 8 pixels, four pixels apart, are multiplied by a Hann window and transformed by an orthonormal discrete
/// Fourier transform. The power of each of the 40 frequencies is averaged over 3 × 3 neighboring windows, and the difference is the mean
/// absolute one of the roots of these averages, plus 10⁻⁶ each. It is the counterpart in the plane of the spectral losses of speech
/// synthesis (R. Yamamoto et al., Parallel WaveGAN, 2020), with an average over neighbors in place of several resolutions.
///
/// ```
/// use gtn_models::{Device, ImageLoss, Tensor};
///
/// let pixels = |phase: usize| (0..256).map(|pixel| ((pixel + phase) % 4) as f32 / 2.0 - 0.75).collect::<Vec<_>>();
/// let image = |pixels| Tensor::from_vec(pixels, (1, 1, 16, 16), &Device::Cpu);
/// let (stripes, shifted, gray) = (image(pixels(0))?, image(pixels(1))?, image(vec![0.0; 256])?);
/// let loss = |spectrum: f64, output: &Tensor| -> Result<f32, Box<dyn std::error::Error>> {
///     Ok(ImageLoss { spectrum }.forward(output, &stripes)?.to_scalar()?)
/// };
/// // By the squared error gray is nearer to the stripes than stripes elsewhere; by the local spectrum it is not.
/// assert!(loss(0.0, &gray)? < loss(0.0, &shifted)?);
/// assert!(loss(10.0, &gray)? > loss(10.0, &shifted)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ImageLoss {
    /// The weight of the difference of local spectra, at least 0. With 0, only the squared error counts.
    pub spectrum: f64,
}

impl ImageLoss {
    /// Checks that the weight is a number that is at least 0, and that images of this side in pixels have local spectra if they are
    /// needed.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting).
    pub fn check(&self, side: usize) -> Result<()> {
        let is_weight = self.spectrum >= 0.0 && self.spectrum.is_finite();
        require(is_weight, "spectrum", self.spectrum, "must be a finite number that is at least 0")?;
        let reason = "must be 16, 20, 24 ... for local spectra; set the weight of the spectrum to 0";
        require(self.spectrum == 0.0 || Windows::of(side).is_some(), "side", side, reason)
    }

    /// The mean loss of square images, shape (n, C, H, W). `target` is detached: no gradient flows through it.
    ///
    /// # Errors
    ///
    /// [`Error::Device`](crate::Error::Device) if the shapes differ or are not those of images, and as [`check`](Self::check).
    pub fn forward(&self, output: &Tensor, target: &Tensor) -> Result<Tensor> {
        let (_, channels, height, width) = output.dims4()?;
        self.check(height)?;
        if output.dims() != target.dims() || height != width {
            let (output, target) = (output.dims(), target.dims());
            return Err(candle_core::Error::Msg(format!(
                "expected square images of the same shape, got {output:?} and {target:?}"
            ))
            .into());
        }
        let Some(windows) = Windows::of(height).filter(|_| self.spectrum > 0.0) else {
            return mean_squared_error(output, target);
        };
        if output.device().is_cpu() && output.dtype() == DType::F32 {
            let loss = LocalSpectrumLoss::new(windows, channels, self.spectrum as f32, output.track_op());
            return Ok(output.contiguous()?.apply_op2(&target.contiguous()?.detach(), loss)?);
        }
        let difference = (amplitudes(output)? - amplitudes(&target.detach())?)?.abs()?.mean_all()?;
        Ok((mean_squared_error(output, target)? + (self.spectrum * difference)?)?)
    }
}

/// The roots of the averaged powers, shape (n · C, 40, h, w), by Candle's operations.
fn amplitudes(images: &Tensor) -> candle_core::Result<Tensor> {
    let (n, channels, height, width) = images.dims4()?;
    let transform = Tensor::from_slice(transform(), (WINDOW * WINDOW, 2 * FREQUENCIES), images.device())?;
    let kernel = transform.t()?.reshape((2 * FREQUENCIES, 1, WINDOW, WINDOW))?.to_dtype(images.dtype())?;
    let planes = if channels == 3 {
        let basis = Tensor::new(&opponents(), images.device())?.to_dtype(images.dtype())?;
        basis.broadcast_matmul(&images.reshape((n, channels, height * width))?)?
    } else {
        images.clone()
    };
    let planes = planes.reshape((n * channels, 1, height, width))?;
    let spectra = planes.conv2d(&kernel, 0, STRIDE, 1, 1)?;
    let part = |at: usize| spectra.narrow(1, at * FREQUENCIES, FREQUENCIES)?.sqr();
    let powers = (part(0)? + part(1)?)?;
    let (rows, columns) = (powers.dim(2)? - (POOL - 1), powers.dim(3)? - (POOL - 1));
    let mut sum = powers.narrow(2, 0, rows)?.narrow(3, 0, columns)?;
    for neighbor in 1..POOL * POOL {
        sum = (sum + powers.narrow(2, neighbor / POOL, rows)?.narrow(3, neighbor % POOL, columns)?)?;
    }
    sum.affine(1.0 / (POOL * POOL) as f64, f64::from(EPSILON))?.sqrt()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use proptest::prelude::*;

    use super::*;
    use crate::Error;

    fn images(shape: (usize, usize, usize, usize), key: usize) -> Tensor {
        let value = |i: usize| ((i * i * 7 + i * (key + 3) + key * 13) % 97) as f32 / 48.0 - 1.0;
        let values: Vec<f32> = (0..shape.0 * shape.1 * shape.2 * shape.3).map(value).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// The loss and the gradient of the output.
    fn of(loss: impl Fn(&Tensor) -> Tensor, output: &Tensor) -> (f32, Vec<f32>) {
        let output = Var::from_tensor(output).unwrap();
        let loss = loss(output.as_tensor());
        let gradient = values(loss.backward().unwrap().get(output.as_tensor()).unwrap());
        (loss.to_scalar().unwrap(), gradient)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_fused_loss_and_its_gradient_are_those_of_candle(
            n in 1_usize..4, channels in 1_usize..4, steps in 0_usize..6, weight in 0.01_f64..20.0, key in 0_usize..100,
        ) {
            let side = 16 + 4 * steps;
            let shape = (n, channels, side, side);
            let (output, target) = (images(shape, key), images(shape, key + 1));
            let loss = ImageLoss { spectrum: weight };
            let (found, gradient) = of(|output| loss.forward(output, &target).unwrap(), &output);
            let graph = |output: &Tensor| {
                let difference = (amplitudes(output).unwrap() - amplitudes(&target).unwrap()).unwrap();
                let difference = difference.abs().unwrap().mean_all().unwrap();
                (candle_nn::loss::mse(output, &target).unwrap() + (weight * difference).unwrap()).unwrap()
            };
            let (expected, of_graph) = of(graph, &output);
            prop_assert!((found - expected).abs() <= 1e-4 * expected, "{found} {expected}");
            let largest = of_graph.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            for (found, expected) in gradient.iter().zip(&of_graph) {
                prop_assert!((found - expected).abs() <= 1e-3 * largest, "{found} {expected}");
            }
            // Without a gradient, and as part of another loss.
            prop_assert_eq!(loss.forward(&output.detach(), &target).unwrap().to_scalar::<f32>().unwrap(), found);
            let (_, twice) = of(|output| (loss.forward(output, &target).unwrap() * 2.0).unwrap(), &output);
            prop_assert!(twice.iter().zip(&gradient).all(|(twice, once)| *twice == 2.0 * once));
        }
    }

    #[test]
    fn the_gradient_matches_finite_differences() {
        let shape = (1, 2, 20, 20);
        let (output, target) = (images(shape, 5), images(shape, 8));
        let loss = ImageLoss { spectrum: 2.0 };
        let (_, gradient) = of(|output| loss.forward(output, &target).unwrap(), &output);
        let direction = values(&images(shape, 11));
        let at = |step: f32| {
            let moved = values(&output).iter().zip(&direction).map(|(value, along)| value + step * along).collect();
            let moved = Tensor::from_vec(moved, shape, &Device::Cpu).unwrap();
            f64::from(loss.forward(&moved, &target).unwrap().to_scalar::<f32>().unwrap())
        };
        let expected = (at(1e-2) - at(-1e-2)) / 2e-2;
        let found: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum();
        assert!((found - expected).abs() < 0.02 * expected.abs(), "{found} {expected}");
    }

    #[test]
    fn equal_images_have_no_loss_and_no_gradient() {
        let image = images((2, 3, 16, 16), 1);
        let (loss, gradient) = of(|output| ImageLoss { spectrum: 3.0 }.forward(output, &image).unwrap(), &image);
        assert!(loss == 0.0 && gradient.iter().all(|value| *value == 0.0));
    }

    #[test]
    fn without_a_weight_it_is_the_squared_error() {
        let (output, target) = (images((2, 1, 12, 12), 1), images((2, 1, 12, 12), 2));
        let found = of(|output| ImageLoss::default().forward(output, &target).unwrap(), &output);
        assert_eq!(found, of(|output| mean_squared_error(output, &target).unwrap(), &output));
    }

    #[test]
    fn small_images_and_invalid_weights_are_refused() {
        let refuse = |spectrum: f64, side: usize, setting: &str| {
            let error = ImageLoss { spectrum }.check(side).unwrap_err();
            assert!(matches!(&error, Error::Setting { .. }) && error.to_string().contains(setting), "{error}");
        };
        refuse(1.0, 12, "side = 12");
        refuse(1.0, 18, "side = 18");
        refuse(-1.0, 64, "spectrum = -1");
        refuse(f64::NAN, 64, "spectrum = NaN");
        ImageLoss { spectrum: 0.0 }.check(12).unwrap();
        let (wide, square) = (images((1, 1, 16, 20), 1), images((1, 1, 16, 16), 1));
        let loss = ImageLoss { spectrum: 1.0 };
        assert!(loss.forward(&wide, &wide).is_err() && loss.forward(&square, &wide).is_err());
    }
}
