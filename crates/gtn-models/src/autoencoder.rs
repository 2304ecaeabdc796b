use candle_core::{Device, Tensor};
use candle_nn::{Conv2d, ConvTranspose2d, Linear};

use crate::layers::{
    apply, candle_convolution, candle_linear, candle_transposed_convolution, convolution, linear, relu,
    transposed_convolution,
};
use crate::ops::{self, Fused, Grid, Ops};
use crate::{Error, Parameters, Result, Streams};

/// Sizes of an autoencoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoencoderShape {
    /// Channels of an image.
    pub channels: usize,
    /// Height and width of an image in pixels; a multiple of 4.
    pub side: usize,
    /// Latent dimension d.
    pub dim: usize,
}

const NARROW: usize = 64;
const WIDE: usize = 128;

impl AutoencoderShape {
    fn check(&self) -> Result<()> {
        let refuse = |what, value, reason| Err(Error::Shape { what, value, reason });
        if self.channels == 0 {
            return refuse("channels", self.channels, "an image has at least one");
        }
        if self.side == 0 || !self.side.is_multiple_of(4) {
            return refuse(
                "side",
                self.side,
                "the autoencoder halves images twice, so their side must be a multiple of 4",
            );
        }
        if self.dim == 0 {
            return refuse("dim", self.dim, "the latent dimension must be at least 1");
        }
        Ok(())
    }

    fn flat(&self) -> usize {
        WIDE * (self.side / 4) * (self.side / 4)
    }
}

/// Images to latents: conv(64) ReLU conv(128) ReLU linear(d); both convolutions k4 s2 p1.
#[derive(Debug, Clone)]
pub struct Encoder(EncoderLayers);

#[derive(Debug, Clone)]
enum EncoderLayers {
    Fused(Fused<ops::Encoder>),
    Candle { conv1: Conv2d, conv2: Conv2d, linear: Linear },
}

impl Encoder {
    /// Latents, (n, d), of images, (n, C, H, W) in [−1, 1]. Nothing can be learned from them: they have no gradient.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the images are of another shape.
    pub fn forward(&self, images: &Tensor) -> Result<Tensor> {
        match &self.0 {
            EncoderLayers::Fused(fused) => fused.evaluate(images),
            EncoderLayers::Candle { .. } => Ok(self.tracked(images)?.detach()),
        }
    }

    /// The same with a gradient.
    pub(crate) fn tracked(&self, images: &Tensor) -> Result<Tensor> {
        match &self.0 {
            EncoderLayers::Fused(fused) => fused.forward(images),
            EncoderLayers::Candle { conv1, conv2, linear } => {
                let x = relu(&apply(conv1, images)?)?;
                let x = relu(&apply(conv2, &x)?)?;
                apply(linear, &x.flatten_from(1)?)
            }
        }
    }
}

/// Latents to images: linear, transposed conv(64) ReLU, transposed conv(C) tanh; both k4 s2 p1.
#[derive(Debug, Clone)]
pub struct Decoder {
    shape: AutoencoderShape,
    layers: DecoderLayers,
}

#[derive(Debug, Clone)]
enum DecoderLayers {
    Fused(Fused<ops::Decoder>),
    Candle { linear: Linear, deconv1: ConvTranspose2d, deconv2: ConvTranspose2d },
}

impl Decoder {
    /// Images, (n, C, H, W) in [−1, 1], of latents, (n, d). Nothing can be learned from them: they have no gradient.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the latents are of another shape.
    pub fn forward(&self, latents: &Tensor) -> Result<Tensor> {
        match &self.layers {
            DecoderLayers::Fused(fused) => fused.evaluate(latents),
            DecoderLayers::Candle { .. } => Ok(self.tracked(latents)?.detach()),
        }
    }

    /// The same with a gradient.
    pub(crate) fn tracked(&self, latents: &Tensor) -> Result<Tensor> {
        match &self.layers {
            DecoderLayers::Fused(fused) => fused.forward(latents),
            DecoderLayers::Candle { linear, deconv1, deconv2 } => {
                let (n, quarter) = (latents.dim(0)?, self.shape.side / 4);
                let x = apply(linear, latents)?.reshape((n, WIDE, quarter, quarter))?;
                let x = relu(&apply(deconv1, &x)?)?;
                Ok(apply(deconv2, &x)?.tanh()?)
            }
        }
    }

    /// Sizes of the autoencoder it belongs to.
    #[must_use]
    pub fn shape(&self) -> &AutoencoderShape {
        &self.shape
    }
}

/// The paper's autoencoder, for images of any number of channels and any side that is a multiple of 4.
#[derive(Debug)]
pub struct Autoencoder {
    parameters: Parameters,
    encoder: Encoder,
    decoder: Decoder,
}

impl Autoencoder {
    /// An autoencoder with PyTorch's default initialization, drawn from `streams`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] for sizes that no autoencoder has.
    pub fn new(shape: &AutoencoderShape, streams: &Streams, device: &Device) -> Result<Self> {
        Self::with_ops(shape, streams, device, Ops::default())
    }

    /// The same, made of these operations.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] for sizes that no autoencoder has.
    pub fn with_ops(shape: &AutoencoderShape, streams: &Streams, device: &Device, ops: Ops) -> Result<Self> {
        shape.check()?;
        let mut p = Parameters::new(device);
        let conv1 = convolution(&mut p, "encoder.conv1", (shape.channels, NARROW), streams)?;
        let conv2 = convolution(&mut p, "encoder.conv2", (NARROW, WIDE), streams)?;
        let to_latent = linear(&mut p, "encoder.linear", (shape.flat(), shape.dim), streams)?;
        let from_latent = linear(&mut p, "decoder.linear", (shape.dim, shape.flat()), streams)?;
        let deconv1 = transposed_convolution(&mut p, "decoder.deconv1", (WIDE, NARROW), streams)?;
        let deconv2 = transposed_convolution(&mut p, "decoder.deconv2", (NARROW, shape.channels), streams)?;
        let (encoder, decoder) = if let Some(home) = ops.home(device)? {
            let outer = Grid { side: shape.side / 2, fine: shape.channels, coarse: NARROW };
            let inner = Grid { side: shape.side / 4, fine: NARROW, coarse: WIDE };
            let encoder = ops::Encoder { outer, inner, conv1, conv2, linear: to_latent };
            let decoder = ops::Decoder { outer, inner, linear: from_latent, deconv1, deconv2 };
            (EncoderLayers::Fused(Fused::new(encoder, &home)?), DecoderLayers::Fused(Fused::new(decoder, &home)?))
        } else {
            let encoder = EncoderLayers::Candle {
                conv1: candle_convolution(&conv1),
                conv2: candle_convolution(&conv2),
                linear: candle_linear(&to_latent),
            };
            let decoder = DecoderLayers::Candle {
                linear: candle_linear(&from_latent),
                deconv1: candle_transposed_convolution(&deconv1),
                deconv2: candle_transposed_convolution(&deconv2),
            };
            (encoder, decoder)
        };
        Ok(Self { parameters: p, encoder: Encoder(encoder), decoder: Decoder { shape: *shape, layers: decoder } })
    }

    /// Its weights.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Images to latents.
    #[must_use]
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Latents to images. A clone shares the weights.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The images that the latents of `images` decode to, with a gradient to learn from.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the images are of another shape.
    pub fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        self.decoder.tracked(&self.encoder.tracked(images)?)
    }
}
