use candle_core::{Device, Tensor};
use ndarray::Array4;
use rand::Rng;

use crate::streams::standard_normal;
use crate::{Autoencoder, AutoencoderShape, Mode, Ops, Parameters, Result, Streams, mean_squared_error};

/// Added to the mean squared error before its logarithm, so that a perfect reconstruction has a finite loss: the standard deviation
/// of a pixel is at least 0.001, and that of 8-bit values is 0.004.
const MIN_ERROR: f64 = 1e-6;

/// A variational autoencoder (Kingma and Welling 2014) with the layers of the paper's autoencoder: the linear layer of the encoder
/// has 2d outputs, the mean of a latent and the logarithm of its variance. A latent is decoded with noise of this variance, so that
/// normal vectors can be decoded to samples.
///
/// Its loss needs no weight between its two terms: the variance of the pixels is the optimal one, which is the mean squared error
/// of the batch (σ-VAE, Rybkin, Daniilidis and Levine 2021).
#[derive(Debug)]
pub struct Vae {
    network: Autoencoder,
}

impl Vae {
    /// A variational autoencoder with PyTorch's default initialization, drawn from `streams`.
    ///
    /// # Errors
    ///
    /// Those of [`AutoencoderShape::check`].
    pub fn new(shape: &AutoencoderShape, streams: &Streams, device: &Device) -> Result<Self> {
        Self::with_ops(shape, streams, device, Ops::default())
    }

    /// As [`new`](Self::new), but with these operations.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_ops(shape: &AutoencoderShape, streams: &Streams, device: &Device, ops: Ops) -> Result<Self> {
        let code_len = shape.dim.saturating_mul(2);
        Ok(Self { network: Autoencoder::with_code_len(shape, code_len, streams, device, ops)? })
    }

    /// Its parameters.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        self.network.parameters()
    }

    /// Its architecture.
    #[must_use]
    pub fn shape(&self) -> &AutoencoderShape {
        self.network.shape()
    }

    /// The loss of images, shape (n, C, H, W) in [−1, 1], with standard normal `noise`, shape (n, d): D/2 · ln(MSE) plus the
    /// divergence of the latents from N(0, I), mean over the images, where D is the number of values in an image and MSE the mean
    /// squared error of the batch. Up to a constant, it is the negative evidence lower bound.
    ///
    /// # Errors
    ///
    /// [`Error::Device`](crate::Error::Device) if a shape differs.
    pub fn loss(&self, mode: Mode, images: &Tensor, noise: &Tensor) -> Result<Tensor> {
        let dim = self.shape().dim;
        let code = self.network.encoder().forward_in(mode, images)?;
        let (mean, log_variance) = (code.narrow(1, 0, dim)?, code.narrow(1, dim, dim)?);
        let latents = (&mean + ((&log_variance * 0.5)?.exp()? * noise)?)?;
        let decoded = self.network.decoder().forward_in(mode, &latents)?;
        let error = mean_squared_error(&decoded, images)?;
        let reconstruction = ((error + MIN_ERROR)?.log()? * (0.5 * self.shape().values_per_image() as f64))?;
        Ok((reconstruction + divergence(&mean, &log_variance)?)?)
    }

    /// Generates `n` images by decoding normal vectors, shape (n, C, H, W) in [−1, 1]. A smaller `n` gives their first rows.
    ///
    /// # Errors
    ///
    /// [`Error::Device`](crate::Error::Device) if the device fails.
    pub fn sample(&self, n: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Array4<f32>> {
        self.network.decode(standard_normal(rng, n, self.shape().dim).view())
    }
}

/// The Kullback-Leibler divergence of normal distributions with this mean and these logarithms of variances, both of shape (n, d),
/// from N(0, I), mean over the rows: ½ Σ (μ² + σ² − 1 − ln σ²).
fn divergence(mean: &Tensor, log_variance: &Tensor) -> Result<Tensor> {
    let terms = ((mean.sqr()? + log_variance.exp()?)? - (log_variance + 1.0)?)?;
    Ok((terms.sum_all()? * (0.5 / mean.dim(0)?.max(1) as f64))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The divergence of N(`mean`, `variance`) from N(0, 1), by integration over 12 standard deviations on both sides.
    fn integrated(mean: f64, variance: f64) -> f64 {
        let (std, steps) = (variance.sqrt(), 40_000);
        let width = 24.0 * std / f64::from(steps);
        let term = |step: i32| {
            let x = mean - 12.0 * std + (f64::from(step) + 0.5) * width;
            let log_p = -0.5 * (x - mean).powi(2) / variance - std.ln();
            let log_q = -0.5 * x * x;
            width * (log_p.exp() / std::f64::consts::TAU.sqrt()) * (log_p - log_q)
        };
        (0..steps).map(term).sum()
    }

    #[test]
    fn the_divergence_is_that_of_its_definition() {
        let rows = [[(0.0_f64, 1.0_f64), (1.5, 0.25)], [(-0.5, 3.0), (0.1, 0.01)]];
        let tensor = |value: &dyn Fn((f64, f64)) -> f64| {
            let values: Vec<f32> = rows.iter().flatten().map(|pair| value(*pair) as f32).collect();
            Tensor::from_vec(values, (2, 2), &Device::Cpu).unwrap()
        };
        let (mean, log_variance) = (tensor(&|(mean, _)| mean), tensor(&|(_, variance)| variance.ln()));
        let found = f64::from(divergence(&mean, &log_variance).unwrap().to_scalar::<f32>().unwrap());
        let expected: f64 =
            rows.iter().flatten().map(|&(mean, variance)| integrated(mean, variance)).sum::<f64>() / 2.0;
        assert!((found - expected).abs() < 1e-5 * expected, "{found} {expected}");
    }
}
