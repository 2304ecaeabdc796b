//! What `gtn bench train` times: one piece of work after another on made-up data, by either kind of operations. And what `gtn
//! bench device` times: [`DeviceWork`].

mod device;

use std::path::{Path, PathBuf};

use gtn_data::mnist;
use gtn_data::split::permutation;
use gtn_models::{
    Adam, AdamSettings, Autoencoder, AutoencoderShape, Device, Generator, Mlp, MlpShape, Mode, Ops, Parameters,
    Streams, Tensor, mean_squared_error, tensor_of,
};
use ndarray::Array2;

use crate::Result;

pub use device::{DeviceBench, DeviceWork};

/// A piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A training step of MNIST's autoencoder: 1 × 28 × 28, d = 5, batch 128.
    AutoencoderMnist,
    /// A training step of CelebA's autoencoder: 3 × 64 × 64, d = 100, batch 200.
    AutoencoderCeleba,
    /// A training step of ĥ for MNIST: 7 hidden layers of 50, batch 128.
    HMnist,
    /// A training step of ĥ for CelebA: 25 hidden layers of 1,200, d = 100, batch 200.
    HCeleba,
    /// 1,000 samples of CelebA's size: ĥ of 25 hidden layers of 1,200, then the decoder.
    Samples,
    /// Reading MNIST's training images, and gathering all batches of an epoch.
    Load,
}

impl Work {
    /// All of it.
    pub const ALL: [Work; 6] =
        [Work::AutoencoderMnist, Work::AutoencoderCeleba, Work::HMnist, Work::HCeleba, Work::Samples, Work::Load];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Work::AutoencoderMnist => "autoencoder-mnist",
            Work::AutoencoderCeleba => "autoencoder-celeba",
            Work::HMnist => "h-mnist",
            Work::HCeleba => "h-celeba",
            Work::Samples => "samples",
            Work::Load => "load",
        }
    }

    /// The work of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|work| work.name() == name)
    }

    /// How often it is done for one measurement, so that a measurement takes a good part of a second.
    #[must_use]
    pub fn repetitions(self) -> usize {
        match self {
            Work::AutoencoderMnist => 5,
            Work::HMnist => 200,
            Work::AutoencoderCeleba | Work::HCeleba | Work::Samples | Work::Load => 1,
        }
    }

    /// Floating-point operations of its matrix products and convolutions as they are defined, a multiplication and an
    /// addition being two; 0 where it has none. A training step counts forward, gradient of the weights, and gradient of the
    /// inputs except for the first layer.
    #[must_use]
    pub fn operations(self) -> f64 {
        match self {
            Work::AutoencoderMnist => MNIST.operations(128),
            Work::AutoencoderCeleba => CELEBA.operations(200),
            Work::HMnist => training_operations(&H_MNIST, 128),
            Work::HCeleba => training_operations(&H_CELEBA, 200),
            Work::Samples => {
                let weights: usize = layers(&H_CELEBA).map(|(input, output)| input * output).sum();
                2.0 * 1000.0 * (weights + CELEBA.decoder_products()) as f64
            }
            Work::Load => 0.0,
        }
    }
}

/// An autoencoder to be timed.
struct Sizes {
    channels: usize,
    side: usize,
    dim: usize,
}

const MNIST: Sizes = Sizes { channels: 1, side: 28, dim: 5 };
const CELEBA: Sizes = Sizes { channels: 3, side: 64, dim: 100 };
const H_MNIST: MlpShape =
    MlpShape { input: 5, hidden_layers: 7, width: 50, output: 5, slope: 0.5, batch_norm_layers: 7 };
const H_CELEBA: MlpShape =
    MlpShape { input: 100, hidden_layers: 25, width: 1200, output: 100, slope: 0.5, batch_norm_layers: 25 };
const SAMPLES: usize = 1000;

impl Sizes {
    fn shape(&self) -> AutoencoderShape {
        AutoencoderShape { channels: self.channels, side: self.side, dim: self.dim }
    }

    /// Multiplications of the convolution next to the image, of the one inside, and of the linear layer.
    fn products(&self) -> [usize; 3] {
        let (half, quarter) = (self.side / 2, self.side / 4);
        [half * half * 64 * 16 * self.channels, quarter * quarter * 128 * 16 * 64, 128 * quarter * quarter * self.dim]
    }

    fn decoder_products(&self) -> usize {
        self.products().iter().sum()
    }

    fn operations(&self, batch: usize) -> f64 {
        let [outer, inner, linear] = self.products();
        // Encoder and decoder, each with forward and both gradients; the images need none.
        (2 * batch * (6 * (outer + inner + linear) - outer)) as f64
    }
}

fn layers(shape: &MlpShape) -> impl Iterator<Item = (usize, usize)> {
    let MlpShape { input, hidden_layers, width, output, .. } = *shape;
    (0..=hidden_layers)
        .map(move |layer| (if layer == 0 { input } else { width }, if layer == hidden_layers { output } else { width }))
}

fn training_operations(shape: &MlpShape, batch: usize) -> f64 {
    let forward: usize = layers(shape).map(|(input, output)| input * output).sum();
    (2 * batch * (3 * forward - shape.input * shape.width)) as f64
}

/// A piece of work, ready to be done.
pub struct Bench(Box<dyn FnMut() -> Result<()>>);

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bench")
    }
}

impl Bench {
    /// Prepares a piece of work. Loading takes its files from `data_dir`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`](crate::Error::Data) if MNIST is to be loaded and is not there.
    pub fn new(work: Work, ops: Ops, data_dir: &Path) -> Result<Self> {
        let work: Box<dyn FnMut() -> Result<()>> = match work {
            Work::AutoencoderMnist => autoencoder(&MNIST, 128, ops)?,
            Work::AutoencoderCeleba => autoencoder(&CELEBA, 200, ops)?,
            Work::HMnist => h(&H_MNIST, 128, ops)?,
            Work::HCeleba => h(&H_CELEBA, 200, ops)?,
            Work::Samples => samples(ops)?,
            Work::Load => load(data_dir)?,
        };
        Ok(Self(work))
    }

    /// Does it once.
    ///
    /// # Errors
    ///
    /// What the work has against it.
    pub fn run(&mut self) -> Result<()> {
        (self.0)()
    }
}

const SEED: u64 = 1;

fn step(adam: &mut Adam, parameters: &Parameters, ops: Ops, output: &Tensor, target: &Tensor) -> Result<()> {
    let loss = match ops {
        Ops::Candle => {
            (output - target).and_then(|difference| difference.sqr()?.mean_all()).map_err(gtn_models::Error::from)?
        }
        _ => mean_squared_error(output, target)?,
    };
    loss.to_scalar::<f32>().map_err(gtn_models::Error::from)?;
    Ok(adam.minimize(parameters, &loss)?)
}

fn settings() -> AdamSettings {
    AdamSettings { learning_rate: 1e-4, l2: 1e-5, ..AdamSettings::default() }
}

fn autoencoder(sizes: &Sizes, batch: usize, ops: Ops) -> Result<Box<dyn FnMut() -> Result<()>>> {
    let streams = Streams::new(SEED);
    let network = Autoencoder::with_ops(&sizes.shape(), &streams, &Device::Cpu, ops)?;
    let mut adam = Adam::with_ops(network.parameters(), settings(), ops)?;
    let pixels = sizes.channels * sizes.side * sizes.side;
    let images = streams.normal("images", 0, batch, pixels).mapv(|value| value.clamp(-1.0, 1.0));
    let shape = (batch, sizes.channels, sizes.side, sizes.side);
    let images = tensor_of(images.view(), &Device::Cpu)?.reshape(shape).map_err(gtn_models::Error::from)?;
    Ok(Box::new(move || step(&mut adam, network.parameters(), ops, &network.reconstruct(&images)?, &images)))
}

fn h(shape: &MlpShape, batch: usize, ops: Ops) -> Result<Box<dyn FnMut() -> Result<()>>> {
    let streams = Streams::new(SEED);
    let network = Mlp::with_ops(shape, &streams, &Device::Cpu, ops)?;
    let mut adam = Adam::with_ops(network.parameters(), AdamSettings { l2: 0.0, ..settings() }, ops)?;
    let source = tensor_of(streams.normal("source", 0, batch, shape.input).view(), &Device::Cpu)?;
    let target = tensor_of(streams.normal("target", 0, batch, shape.output).view(), &Device::Cpu)?;
    Ok(Box::new(move || step(&mut adam, network.parameters(), ops, &network.forward(&source, Mode::Train)?, &target)))
}

fn samples(ops: Ops) -> Result<Box<dyn FnMut() -> Result<()>>> {
    let streams = Streams::new(SEED);
    let network = Mlp::with_ops(&H_CELEBA, &streams, &Device::Cpu, ops)?;
    let autoencoder = Autoencoder::with_ops(&CELEBA.shape(), &streams, &Device::Cpu, ops)?;
    let generator = Generator::new(network, None, Some(autoencoder.decoder().clone()))?;
    let source: Array2<f32> = generator.source(SAMPLES, &streams);
    Ok(Box::new(move || {
        let latents = generator.map(source.view())?;
        generator.decode(latents.view())?;
        Ok(())
    }))
}

fn load(data_dir: &Path) -> Result<Box<dyn FnMut() -> Result<()>>> {
    let data_dir: PathBuf = data_dir.to_path_buf();
    mnist::train(&data_dir)?;
    Ok(Box::new(move || {
        let set = mnist::train(&data_dir)?;
        let order = permutation(set.images.len(), Streams::new(SEED).stream("order", 0));
        for rows in order.chunks(128) {
            std::hint::black_box(set.images.batch(rows));
        }
        Ok(())
    }))
}

/// Operations a second of one large matrix product (2048 × 2048 × 2048): what the machine can do.
///
/// # Errors
///
/// [`Error::Models`](crate::Error::Models) if memory is short.
pub fn product_rate() -> Result<f64> {
    const SIDE: usize = 2048;
    let matrix = tensor_of(Streams::new(SEED).normal("matrix", 0, SIDE, SIDE).view(), &Device::Cpu)?;
    let mut seconds = Vec::new();
    for _ in 0..6 {
        let begun = std::time::Instant::now();
        std::hint::black_box(matrix.matmul(&matrix).map_err(gtn_models::Error::from)?);
        seconds.push(begun.elapsed().as_secs_f64());
    }
    // The first one warms up.
    let mut seconds = seconds.split_off(1);
    seconds.sort_by(f64::total_cmp);
    Ok(2.0 * (SIDE as f64).powi(3) / seconds[seconds.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_those_of_the_layers() {
        // 25 layers of 1,200 units: one of 100 inputs, 24 of 1,200, and 100 outputs.
        let forward = 100.0 * 1200.0 + 24.0 * 1200.0 * 1200.0 + 1200.0 * 100.0;
        assert_eq!(Work::HCeleba.operations(), 2.0 * 200.0 * (3.0 * forward - 100.0 * 1200.0));
        assert_eq!(MNIST.products(), [196 * 64 * 16, 49 * 128 * 1024, 6272 * 5]);
        assert!(Work::ALL.iter().all(|work| Work::of_name(work.name()) == Some(*work)));
    }

    #[test]
    fn small_work_is_done_by_either_kind_of_operations() {
        for ops in [Ops::Fused, Ops::Candle] {
            Bench::new(Work::HMnist, ops, Path::new("nowhere")).unwrap().run().unwrap();
        }
        assert!(Bench::new(Work::Load, Ops::Fused, Path::new("nowhere")).is_err());
    }
}
