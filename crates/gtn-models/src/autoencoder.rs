use candle_core::{Device, Tensor};
use candle_nn::{Conv2d, ConvTranspose2d, Linear};

use crate::layers::{apply, convolution, linear, relu, transposed_convolution};
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
pub struct Encoder {
    conv1: Conv2d,
    conv2: Conv2d,
    linear: Linear,
}

impl Encoder {
    /// Latents, (n, d), of images, (n, C, H, W) in [−1, 1].
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the images are of another shape.
    pub fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let x = relu(&apply(&self.conv1, images)?)?;
        let x = relu(&apply(&self.conv2, &x)?)?;
        apply(&self.linear, &x.flatten_from(1)?)
    }
}

/// Latents to images: linear, transposed conv(64) ReLU, transposed conv(C) tanh; both k4 s2 p1.
#[derive(Debug, Clone)]
pub struct Decoder {
    shape: AutoencoderShape,
    linear: Linear,
    deconv1: ConvTranspose2d,
    deconv2: ConvTranspose2d,
}

impl Decoder {
    /// Images, (n, C, H, W) in [−1, 1], of latents, (n, d).
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the latents are of another shape.
    pub fn forward(&self, latents: &Tensor) -> Result<Tensor> {
        let (n, quarter) = (latents.dim(0)?, self.shape.side / 4);
        let x = apply(&self.linear, latents)?.reshape((n, WIDE, quarter, quarter))?;
        let x = relu(&apply(&self.deconv1, &x)?)?;
        Ok(apply(&self.deconv2, &x)?.tanh()?)
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
    /// An autoencoder with PyTorch's default initialisation, drawn from `streams`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] for sizes that no autoencoder has.
    pub fn new(shape: &AutoencoderShape, streams: &Streams, device: &Device) -> Result<Self> {
        shape.check()?;
        let mut p = Parameters::new(device);
        let encoder = Encoder {
            conv1: convolution(&mut p, "encoder.conv1", (shape.channels, NARROW), streams)?,
            conv2: convolution(&mut p, "encoder.conv2", (NARROW, WIDE), streams)?,
            linear: linear(&mut p, "encoder.linear", (shape.flat(), shape.dim), streams)?,
        };
        let decoder = Decoder {
            shape: *shape,
            linear: linear(&mut p, "decoder.linear", (shape.dim, shape.flat()), streams)?,
            deconv1: transposed_convolution(&mut p, "decoder.deconv1", (WIDE, NARROW), streams)?,
            deconv2: transposed_convolution(&mut p, "decoder.deconv2", (NARROW, shape.channels), streams)?,
        };
        Ok(Self { parameters: p, encoder, decoder })
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

    /// The images that the latents of `images` decode to.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the images are of another shape.
    pub fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        self.decoder.forward(&self.encoder.forward(images)?)
    }
}
