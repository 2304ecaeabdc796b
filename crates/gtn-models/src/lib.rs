//! The networks of Generative Topological Networks on Candle: the autoencoder between images and latents, the map ĥ from
//! normal vectors to latents, their initialization and optimizer as PyTorch has them, and the [`Generator`] that samples.
//!
//! ```
//! use gtn_models::{Device, Generator, Mlp, MlpShape, Streams};
//!
//! let streams = Streams::new(1);
//! let shape = MlpShape { input: 2, hidden_layers: 3, width: 16, output: 2, slope: 0.5, batch_norm_layers: 3 };
//! let h = Mlp::new(&shape, &streams, &Device::Cpu)?;
//!
//! let generator = Generator::new(h, None, None)?;
//! let points = generator.sample_latents(100, &streams)?; // one forward pass of ĥ, shape (100, 2)
//! assert_eq!(points.dim(), (100, 2));
//! # Ok::<(), gtn_models::Error>(())
//! ```
//!
//! Where the paper's results rest on PyTorch's semantics they are followed: weights and biases start from
//! U(−1/√fan_in, 1/√fan_in), Adam adds L2 to the gradient, BatchNorm normalizes by the biased batch variance and keeps a
//! running estimate of the unbiased one, and LeakyReLU has its negative slope at 0. Tests hold this against values from
//! PyTorch.
//!
//! Training is a regression on pairs, one [`Adam::minimize`] a batch:
//!
//! ```
//! use gtn_models::{Adam, AdamSettings, Device, Mlp, MlpShape, Mode, Streams, mean_squared_error, tensor_of};
//!
//! let streams = Streams::new(1);
//! let shape = MlpShape { input: 2, hidden_layers: 3, width: 16, output: 2, slope: 0.5, batch_norm_layers: 3 };
//! let h = Mlp::new(&shape, &streams, &Device::Cpu)?;
//! let mut adam = Adam::new(h.parameters(), AdamSettings { learning_rate: 1e-2, ..AdamSettings::default() })?;
//! let y = streams.normal("y", 0, 128, 2); // and targets x_y, here 3y + 1
//! let x_y = tensor_of(y.mapv(|y| 3.0 * y + 1.0).view(), &Device::Cpu)?;
//! let y = tensor_of(y.view(), &Device::Cpu)?;
//! let mut losses = Vec::new();
//! for _ in 0..50 {
//!     let loss = mean_squared_error(&h.forward(&y, Mode::Train)?, &x_y)?;
//!     adam.minimize(h.parameters(), &loss)?;
//!     losses.push(loss.to_scalar::<f32>()?);
//! }
//! assert!(losses[49] < 0.2 * losses[0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Networks are made of operations of this crate, several times as fast as Candle's; [`Ops`] tells them apart. On a CPU their
//! results do not depend on the number of threads. With the feature `cuda` they also run on NVIDIA GPUs ([`DeviceName`]). Gradients
//! pass through places of the network, so that its backward passes must come one after the other; on a GPU they stay there, and
//! Candle's `GradStore` does not have them: [`Adam`] takes them, and [`Parameters::gradients`] shows them.
//!
//! Every use of chance has a stream of its own ([`Streams`]), drawn on the host, so that a device or a skipped step shifts no
//! numbers.

mod adam;
mod arrays;
mod autoencoder;
mod device;
pub mod doctor;
mod error;
mod generator;
#[cfg(gpu)]
mod gpu;
mod layers;
mod mlp;
mod normalizer;
mod ops;
mod parameters;
mod path;
mod random;
pub mod weights;

pub use adam::{Adam, AdamSettings, Moments};
pub use arrays::{array2_of, array4_of, tensor_of};
pub use autoencoder::{Autoencoder, AutoencoderShape, Decoder, Encoder};
pub use candle_core::{DType, Device, DeviceLocation, Tensor};
pub use device::{DeviceName, allow_tf32, cuda_build, describe, synchronize};
pub use error::Error;
pub use generator::Generator;
pub use mlp::{Mlp, MlpShape};
pub use normalizer::Normalizer;
pub use ops::Ops;
pub use parameters::{NamedArrays, Parameters};
pub use path::Path;
pub use random::Streams;

/// Algorithm 1's search for candidates on a GPU; `None` on a CPU, where `gtn-label` has its own.
///
/// The matching is the same on any device, whole.
///
/// # Errors
///
/// [`Error::Device`] if the GPU fails.
pub fn proposer(device: &Device) -> Result<Option<Box<dyn gtn_label::Proposer>>> {
    #[cfg(gpu)]
    if let Some(gpu) = gpu::Gpu::of(device)? {
        return Ok(Some(Box::new(gpu::Nearest::new(gpu))));
    }
    let _ = device;
    Ok(None)
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// How a network is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// BatchNorm normalizes by the batch and updates its running statistics.
    Train,
    /// BatchNorm normalizes by its running statistics; every row's result is its own.
    Evaluate,
}

/// Mean squared error over all elements of two tensors of one shape. `target` is taken as given: it gets no gradient.
///
/// # Errors
///
/// [`Error::Device`] if the shapes differ.
pub fn mean_squared_error(output: &Tensor, target: &Tensor) -> Result<Tensor> {
    if output.device().is_cpu() && output.dtype() == candle_core::DType::F32 {
        return Ok(output.contiguous()?.apply_op2(&target.contiguous()?.detach(), ops::MeanSquaredError)?);
    }
    #[cfg(gpu)]
    if output.dtype() == candle_core::DType::F32
        && let Some(gpu) = gpu::Gpu::of(output.device())?
    {
        return Ok(gpu::mean_squared_error(&gpu, output, target)?);
    }
    Ok(candle_nn::loss::mse(output, &target.detach())?)
}
