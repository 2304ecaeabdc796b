//! The neural networks of Generative Topological Networks (GTN, arXiv 2406.15152v2), on [Candle](candle_core).
//!
//! A GTN generates data by a single network ĥ, which maps normal vectors to latents in one forward pass; an autoencoder turns
//! images into latents and back. This crate has ĥ ([`Mlp`]), the [`Autoencoder`], the optimizer [`Adam`], and the [`Generator`]
//! that samples from trained networks. A [`ResidualMlp`] is the velocity of a flow, or an ĥ near the identity. Use this crate to
//! train or run GTNs from your own program. If you want complete training runs with checkpoints and metrics, use the crate
//! `gtn-train`, which is based on this one.
//!
//! ```
//! use gtn_models::{Device, Generator, Mlp, MlpShape, Samples, Streams};
//!
//! let streams = Streams::new(1); // the seed
//! let shape = MlpShape { input: 2, hidden_layers: 3, width: 16, output: 2, negative_slope: 0.5, batch_norm_layers: 3 };
//! let h = Mlp::new(&shape, &streams, &Device::Cpu)?;
//!
//! let generator = Generator::new(h, None, None)?;
//! let mut rng = streams.stream("sample", 0); // or any other random number generator
//! let Samples::Points(points) = generator.sample(100, &mut rng)? else { unreachable!("there is no decoder") };
//! assert_eq!(points.dim(), (100, 2)); // one forward pass of ĥ
//! # Ok::<(), gtn_models::Error>(())
//! ```
//!
//! # Training
//!
//! ĥ is trained by regression on pairs of a normal vector y and its target x_y, with one [`Adam::backward_step`] per batch:
//!
//! ```
//! use gtn_models::{Adam, AdamSettings, Device, Mlp, MlpShape, Mode, Streams, mean_squared_error, to_tensor};
//!
//! let streams = Streams::new(1);
//! let shape = MlpShape { input: 2, hidden_layers: 3, width: 16, output: 2, negative_slope: 0.5, batch_norm_layers: 3 };
//! let h = Mlp::new(&shape, &streams, &Device::Cpu)?;
//! let mut adam = Adam::new(h.parameters(), AdamSettings { learning_rate: 1e-2, ..AdamSettings::default() })?;
//! let y = streams.normal("y", 0, 128, 2);
//! let x_y = to_tensor(y.mapv(|y| 3.0 * y + 1.0).view(), &Device::Cpu)?; // targets, here 3y + 1
//! let y = to_tensor(y.view(), &Device::Cpu)?;
//! let mut losses = Vec::new();
//! for _ in 0..50 {
//!     let loss = mean_squared_error(&h.forward(&y, Mode::Train)?, &x_y)?;
//!     adam.backward_step(h.parameters(), &loss)?;
//!     losses.push(loss.to_scalar::<f32>()?);
//! }
//! assert!(losses[49] < 0.2 * losses[0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # PyTorch semantics
//!
//! Where the paper's results depend on PyTorch's semantics, this crate follows them: weights and biases are initialized from
//! U(−1/√fan_in, 1/√fan_in), Adam adds the L2 penalty to the gradient, BatchNorm normalizes by the biased batch variance and
//! keeps a running estimate of the unbiased one, and the derivative of LeakyReLU at 0 is its negative slope. Tests compare this
//! with values from PyTorch.
//!
//! # Operations and devices
//!
//! By default, networks consist of this crate's fused operations, which are several times as fast as Candle's; [`Ops`] selects
//! them. On a CPU, their results do not depend on the number of threads. With the feature `cuda`, they also run on NVIDIA GPUs
//! ([`DeviceName`]).
//!
//! Fused operations store gradients in buffers of the network, so backward passes of one network must not run at the same time.
//! On a GPU the gradients stay in these buffers and are not in Candle's `GradStore`: [`Adam`] reads them there, and
//! [`Parameters::gradients`] returns them.
//!
//! # Randomness
//!
//! Everything random is drawn from its own stream ([`Streams`]), keyed by seed, purpose and index, on the host. So neither the
//! device nor a skipped step changes any other random values. All purposes are listed in [`purpose`]; they are frozen.
//! Functions that draw samples take any random number generator of the crate [`rand`], such as a stream.

mod adam;
mod autoencoder;
mod averaging;
mod convert;
mod coordinates;
mod device;
pub mod doctor;
mod error;
mod flow;
mod generator;
#[cfg(gpu)]
mod gpu;
mod h;
mod image_loss;
mod inception;
mod interpolation;
mod layers;
mod load;
mod loss;
mod mlp;
mod mode;
mod model;
mod normalizer;
mod ops;
mod parameters;
mod proposer;
pub mod purpose;
mod residual;
mod streams;
mod torch;
mod vae;

pub use adam::{Adam, AdamSettings, Moments};
pub use autoencoder::{Autoencoder, AutoencoderShape, Decoder, Encoder};
pub use averaging::AveragedWeights;
pub use convert::{to_array, to_array2, to_array4, to_tensor};
pub use coordinates::Coordinates;
pub use device::{DeviceName, allow_tf32, cuda_build_info, describe_device, synchronize};
pub use error::{Error, Result};
pub use flow::{Flow, FlowDirection, FlowShape, TIME_FEATURES, integrate};
pub use generator::{Generator, Samples, Sampling, SourceRows};
pub use h::{H, HShape};
pub use image_loss::ImageLoss;
pub use inception::{InceptionOutput, InceptionV3, InceptionVariant};
pub use interpolation::Interpolation;
pub use loss::mean_squared_error;
pub use mlp::{Mlp, MlpShape};
pub use mode::Mode;
pub use model::Model;
pub use normalizer::Normalizer;
pub use ops::Ops;
pub use parameters::{NamedArrays, Parameters};
pub use proposer::proposer;
pub use residual::{ResidualMlp, ResidualShape};
pub use streams::Streams;
pub use torch::{StateDict, TorchImport};
pub use vae::Vae;

// The types of other crates in signatures of this one. A crate that uses it need not depend on those crates itself.
pub use candle_core::{self, DType, Device, DeviceLocation, Tensor, backprop::GradStore};
pub use rand_chacha::ChaCha8Rng;
pub use {gtn_label, gtn_run, ndarray, rand};

/// Compiles and runs the program of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
