use std::sync::Arc;

use candle_core::{Device, Tensor};
use candle_nn::{Conv2d, ConvTranspose2d, Linear};
use ndarray::{Array2, Array4, ArrayView2, ArrayView4};

use crate::convert::in_batches;
use crate::error::{require, require_columns};
use crate::layers::{
    LayerBuilder, apply, candle_convolution, candle_linear, candle_transposed_convolution, output_in, relu,
};
use crate::ops::{self, ConvGeometry, ConvLayers, Layers, Ops};
use crate::{Error, Mode, Parameters, Result, Streams};

/// Architecture of an autoencoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoencoderShape {
    /// Number of channels of an image.
    pub channels: usize,
    /// Height and width of an image in pixels, a multiple of 4.
    pub side: usize,
    /// Latent dimension d.
    pub dim: usize,
}

/// What the names of a decoder's parameters start with.
pub(crate) const DECODER: &str = "decoder.";
/// Channels between the outer and the inner convolution.
pub(crate) const OUTER_CHANNELS: usize = 64;
/// Channels between the inner convolution and the linear layer.
pub(crate) const INNER_CHANNELS: usize = 128;

impl AutoencoderShape {
    /// Checks all sizes, as [`Autoencoder::new`] does.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `channels` or `dim` is 0, or `side` is not a multiple of 4 or is 0.
    pub fn check(&self) -> Result<()> {
        require(self.channels > 0, "channels", self.channels, "must be at least 1")?;
        let is_multiple = self.side > 0 && self.side.is_multiple_of(4);
        require(is_multiple, "side", self.side, "must be a multiple of 4, because the encoder halves the side twice")?;
        require(self.dim > 0, "dim", self.dim, "must be at least 1")
    }

    /// Number of values in an image.
    #[must_use]
    pub fn values_per_image(&self) -> usize {
        self.channels * self.side * self.side
    }

    /// Number of values between the linear layer and the inner convolution.
    pub(crate) fn flat_len(&self) -> usize {
        INNER_CHANNELS.saturating_mul(self.side / 4).saturating_mul(self.side / 4)
    }
}

/// The encoder, from images to latents: conv(64), ReLU, conv(128), ReLU, linear(d). Both convolutions have kernel 4, stride 2,
/// padding 1.
#[derive(Debug, Clone)]
pub struct Encoder(Arc<dyn Layers>);

impl Encoder {
    /// Encodes images, shape (n, C, H, W) in [−1, 1], to latents, shape (n, d). The latents are detached: no gradient flows
    /// through them.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the images have another shape.
    pub fn forward(&self, images: &Tensor) -> Result<Tensor> {
        self.forward_in(Mode::Evaluate, images)
    }

    /// As [`forward`](Self::forward), but gradients flow through the output in training mode.
    pub(crate) fn forward_in(&self, mode: Mode, images: &Tensor) -> Result<Tensor> {
        self.0.forward(images, mode)
    }
}

/// The encoder with Candle's operations.
#[derive(Debug)]
struct CandleEncoder {
    conv1: Conv2d,
    conv2: Conv2d,
    linear: Linear,
}

impl Layers for CandleEncoder {
    fn forward(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        let x = relu(&apply(&self.conv1, images)?)?;
        let x = relu(&apply(&self.conv2, &x)?)?;
        Ok(output_in(mode, apply(&self.linear, &x.flatten_from(1)?)?))
    }
}

/// The decoder, from latents to images: linear, transposed conv(64), ReLU, transposed conv(C), tanh. Both transposed
/// convolutions have kernel 4, stride 2, padding 1.
#[derive(Debug, Clone)]
pub struct Decoder(Arc<dyn Layers>);

impl Decoder {
    /// Decodes latents, shape (n, d), to images, shape (n, C, H, W) in [−1, 1]. The images are detached: no gradient flows
    /// through them.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the latents have another shape.
    pub fn forward(&self, latents: &Tensor) -> Result<Tensor> {
        self.forward_in(Mode::Evaluate, latents)
    }

    /// As [`forward`](Self::forward), but gradients flow through the output in training mode.
    pub(crate) fn forward_in(&self, mode: Mode, latents: &Tensor) -> Result<Tensor> {
        self.0.forward(latents, mode)
    }
}

/// The decoder with Candle's operations.
#[derive(Debug)]
struct CandleDecoder {
    linear: Linear,
    deconv1: ConvTranspose2d,
    deconv2: ConvTranspose2d,
    /// Side of the output of the linear layer.
    quarter: usize,
}

impl Layers for CandleDecoder {
    fn forward(&self, latents: &Tensor, mode: Mode) -> Result<Tensor> {
        let x = apply(&self.linear, latents)?;
        let x = x.reshape((latents.dim(0)?, INNER_CHANNELS, self.quarter, self.quarter))?;
        let x = relu(&apply(&self.deconv1, &x)?)?;
        Ok(output_in(mode, apply(&self.deconv2, &x)?.tanh()?))
    }
}

/// The paper's autoencoder, for square images with any number of channels and any side that is a multiple of 4.
#[derive(Debug)]
pub struct Autoencoder {
    shape: AutoencoderShape,
    parameters: Parameters,
    encoder: Encoder,
    decoder: Decoder,
}

impl Autoencoder {
    /// An autoencoder with PyTorch's default initialization, drawn from `streams`.
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
        Self::with_code_len(shape, shape.dim, streams, device, ops)
    }

    /// As [`with_ops`](Self::with_ops), but the encoder has `code_len` outputs.
    pub(crate) fn with_code_len(
        shape: &AutoencoderShape,
        code_len: usize,
        streams: &Streams,
        device: &Device,
        ops: Ops,
    ) -> Result<Self> {
        shape.check()?;
        let (channels, side) = (shape.channels, shape.side);
        let mut builder = LayerBuilder { parameters: Parameters::new(device), streams, scope: None };
        let conv1 = builder.convolution("encoder.conv1", (channels, OUTER_CHANNELS))?;
        let conv2 = builder.convolution("encoder.conv2", (OUTER_CHANNELS, INNER_CHANNELS))?;
        let to_latent = builder.linear("encoder.linear", (shape.flat_len(), code_len))?;
        let from_latent = builder.linear("decoder.linear", (shape.dim, shape.flat_len()))?;
        let deconv1 = builder.transposed_convolution("decoder.deconv1", (INNER_CHANNELS, OUTER_CHANNELS))?;
        let deconv2 = builder.transposed_convolution("decoder.deconv2", (OUTER_CHANNELS, channels))?;
        let (encoder, decoder): (Arc<dyn Layers>, Arc<dyn Layers>) = if let Some(placement) = ops.placement(device)? {
            let outer =
                ConvGeometry { coarse_side: side / 2, fine_channels: channels, coarse_channels: OUTER_CHANNELS };
            let inner =
                ConvGeometry { coarse_side: side / 4, fine_channels: OUTER_CHANNELS, coarse_channels: INNER_CHANNELS };
            let layers =
                |outer_layer, inner_layer, linear| ConvLayers { outer, inner, outer_layer, inner_layer, linear };
            (
                placement.layers(ops::FusedEncoder(layers(conv1, conv2, to_latent)))?,
                placement.layers(ops::FusedDecoder(layers(deconv2, deconv1, from_latent)))?,
            )
        } else {
            let encoder = CandleEncoder {
                conv1: candle_convolution(&conv1),
                conv2: candle_convolution(&conv2),
                linear: candle_linear(&to_latent),
            };
            let decoder = CandleDecoder {
                linear: candle_linear(&from_latent),
                deconv1: candle_transposed_convolution(&deconv1),
                deconv2: candle_transposed_convolution(&deconv2),
                quarter: side / 4,
            };
            (Arc::new(encoder), Arc::new(decoder))
        };
        let parameters = builder.parameters;
        Ok(Self { shape: *shape, parameters, encoder: Encoder(encoder), decoder: Decoder(decoder) })
    }

    /// Its parameters.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The parameters of its decoder alone, which share their values with [`parameters`](Self::parameters): for an optimizer that leaves
    /// the encoder as it is.
    #[must_use]
    pub fn decoder_parameters(&self) -> Parameters {
        self.parameters.starting_with(DECODER)
    }

    /// Its encoder. A clone shares the parameters.
    #[must_use]
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Its decoder. A clone shares the parameters.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Its architecture.
    #[must_use]
    pub fn shape(&self) -> &AutoencoderShape {
        &self.shape
    }

    /// Images that [`encode`](Self::encode) encodes at a time, which bounds the memory. What an image becomes may depend in its last bits on
    /// the images that it is encoded with.
    pub const ENCODER_BATCH_SIZE: usize = 256;

    /// Latents that [`decode`](Self::decode) decodes at a time.
    pub const DECODER_BATCH_SIZE: usize = 500;

    /// Encodes images, shape (n, C, H, W) in [−1, 1], to latents, shape (n, d).
    ///
    /// # Errors
    ///
    /// [`Error::ImageShape`] if the images have another shape.
    pub fn encode(&self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>> {
        let shape = self.shape();
        let ((_, channels, height, width), expected) = (images.dim(), [shape.channels, shape.side, shape.side]);
        if [channels, height, width] != expected {
            return Err(Error::ImageShape { found: [channels, height, width], expected });
        }
        let (device, empty) = (self.parameters.device(), (0, shape.dim));
        in_batches(images, Self::ENCODER_BATCH_SIZE, device, empty, |images| self.encoder.forward(images))
    }

    /// Decodes latents, shape (n, d), to images, shape (n, C, H, W), in [−1, 1].
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the latents do not have d columns.
    pub fn decode(&self, latents: ArrayView2<'_, f32>) -> Result<Array4<f32>> {
        let shape = self.shape();
        require_columns("the latents", latents.ncols(), shape.dim)?;
        let (device, empty) = (self.parameters.device(), (0, shape.channels, shape.side, shape.side));
        in_batches(latents, Self::DECODER_BATCH_SIZE, device, empty, |latents| self.decoder.forward(latents))
    }

    /// Encodes images and decodes the latents, for training: gradients flow through the output.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the images have another shape.
    pub fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        self.decode_for_training(&self.encoder.forward_in(Mode::Train, images)?)
    }

    /// Decodes latents, shape (n, d), for training: gradients flow through the output.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the latents have another shape.
    pub fn decode_for_training(&self, latents: &Tensor) -> Result<Tensor> {
        self.decoder.forward_in(Mode::Train, latents)
    }
}
