//! The cases of `gtn bench train` on random data, with the fused operations or with Candle's.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use gtn_data::mnist;
use gtn_data::split::permutation;
use gtn_models::{
    Adam, AdamSettings, Autoencoder, AutoencoderShape, AveragedWeights, Device, Generator, InceptionOutput,
    InceptionV3, InceptionVariant, Mlp, MlpShape, Mode, Ops, Parameters, ResidualMlp, ResidualShape, Streams, Tensor,
    mean_squared_error, purpose, to_tensor,
};
use gtn_train::Result;
use ndarray::Array2;

gtn_io::names! {
    /// A case of `gtn bench train`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum BenchCase: "benchmark case" {
        /// A training step of the autoencoder for MNIST: images of 1 × 28 × 28, d = 5, batch size 128.
        AutoencoderMnist => "autoencoder-mnist",
        /// A training step of the autoencoder for CelebA: images of 3 × 64 × 64, d = 100, batch size 200.
        AutoencoderCeleba => "autoencoder-celeba",
        /// A training step of ĥ for MNIST: 7 hidden layers of 50 units, batch size 128.
        HMnist => "h-mnist",
        /// A training step of ĥ for CelebA: 25 hidden layers of 1,200 units, d = 100, batch size 200.
        HCeleba => "h-celeba",
        /// A training step of the velocity of a flow: 4 residual blocks of 512 units, d = 100, 16 columns of the condition, batch
        /// size 256, AdamW and averaged weights.
        FlowStep => "flow-step",
        /// The same for a residual ĥ, without a condition.
        ResidualHStep => "residual-h-step",
        /// 1,000 samples with the networks for CelebA: ĥ, then the decoder.
        Samples => "samples",
        /// The logits of 50 images of 3 × 299 × 299 by torchvision's InceptionV3.
        Inception => "inception",
        /// Reads the training images of MNIST, and gathers all batches of an epoch.
        Load => "load",
    }
}

impl BenchCase {
    /// Prepares the benchmark. [`BenchCase::Load`] reads MNIST from `data_dir`.
    pub(crate) fn prepare(self, ops: Ops, data_dir: &Path) -> Result<Bench> {
        match self {
            BenchCase::AutoencoderMnist => autoencoder(&MNIST, 128, ops),
            BenchCase::AutoencoderCeleba => autoencoder(&CELEBA, 200, ops),
            BenchCase::HMnist => h(&H_MNIST, 128, ops),
            BenchCase::HCeleba => h(&H_CELEBA, 200, ops),
            BenchCase::FlowStep => residual(&FLOW, "flow", ops),
            BenchCase::ResidualHStep => residual(&RESIDUAL_H, "h", ops),
            BenchCase::Samples => samples(ops),
            BenchCase::Inception => inception(ops),
            BenchCase::Load => load(data_dir),
        }
    }

    /// Number of repetitions in one measurement, so that it takes long enough to be accurate.
    pub(crate) fn repetitions(self) -> usize {
        match self {
            BenchCase::AutoencoderMnist => 5,
            BenchCase::HMnist => 200,
            BenchCase::FlowStep | BenchCase::ResidualHStep => 5,
            BenchCase::AutoencoderCeleba | BenchCase::HCeleba | BenchCase::Samples => 1,
            BenchCase::Inception | BenchCase::Load => 1,
        }
    }

    /// Floating-point operations of its matrix products and convolutions by their definitions; a multiplication and an addition
    /// count as two. It is 0 for a case without them. A training step consists of the forward pass, the gradient of the weights,
    /// and the gradient of the inputs of all layers but the first.
    pub(crate) fn operations(self) -> f64 {
        match self {
            BenchCase::AutoencoderMnist => autoencoder_operations(&MNIST, 128),
            BenchCase::AutoencoderCeleba => autoencoder_operations(&CELEBA, 200),
            BenchCase::HMnist => mlp_operations(&H_MNIST, 128),
            BenchCase::HCeleba => mlp_operations(&H_CELEBA, 200),
            BenchCase::FlowStep => residual_operations(&FLOW),
            BenchCase::ResidualHStep => residual_operations(&RESIDUAL_H),
            BenchCase::Samples => {
                let of_decoder: usize = multiplications(&CELEBA).iter().sum();
                2.0 * SAMPLES as f64 * (mlp_weights(&H_CELEBA) + of_decoder) as f64
            }
            BenchCase::Inception => 2.0 * INCEPTION_BATCH_SIZE as f64 * INCEPTION_MULTIPLICATIONS,
            BenchCase::Load => 0.0,
        }
    }
}

const MNIST: AutoencoderShape = AutoencoderShape { channels: 1, side: 28, dim: 5 };
pub(super) const CELEBA: AutoencoderShape = AutoencoderShape { channels: 3, side: 64, dim: 100 };
const H_MNIST: MlpShape =
    MlpShape { input: 5, hidden_layers: 7, width: 50, output: 5, negative_slope: 0.5, batch_norm_layers: 7 };
pub(super) const H_CELEBA: MlpShape =
    MlpShape { input: 100, hidden_layers: 25, width: 1200, output: 100, negative_slope: 0.5, batch_norm_layers: 25 };
const FLOW: ResidualShape = ResidualShape { dim: 100, condition: 16, width: 512, blocks: 4, adds_input: false };
const RESIDUAL_H: ResidualShape = ResidualShape { condition: 0, adds_input: true, ..FLOW };
const RESIDUAL_BATCH_SIZE: usize = 256;
pub(super) const SAMPLES: usize = 1000;

const INCEPTION_BATCH_SIZE: usize = 50;
/// Multiplications that torchvision states for one image (`_ops` of its weights).
const INCEPTION_MULTIPLICATIONS: f64 = 5.713e9;

/// Multiplications that an encoder, and likewise a decoder, needs for one image: in the convolution next to the image, in the
/// other convolution, and in the linear layer.
fn multiplications(&AutoencoderShape { channels, side, dim, .. }: &AutoencoderShape) -> [usize; 3] {
    let (half, quarter) = (side / 2, side / 4);
    [half * half * 64 * 16 * channels, quarter * quarter * 128 * 16 * 64, 128 * quarter * quarter * dim]
}

/// Operations of a training step of an autoencoder.
fn autoencoder_operations(shape: &AutoencoderShape, batch_size: usize) -> f64 {
    let [outer, inner, linear] = multiplications(shape);
    // Encoder and decoder, each with the forward pass and both gradients. The gradient of the images is not computed.
    (2 * batch_size * (6 * (outer + inner + linear) - outer)) as f64
}

/// Weights of the linear layers.
fn mlp_weights(&MlpShape { input, hidden_layers, width, output, .. }: &MlpShape) -> usize {
    let inputs = |layer| if layer == 0 { input } else { width };
    let outputs = |layer| if layer == hidden_layers { output } else { width };
    (0..=hidden_layers).map(|layer| inputs(layer) * outputs(layer)).sum()
}

/// Operations of a training step of an MLP.
fn mlp_operations(shape: &MlpShape, batch_size: usize) -> f64 {
    (2 * batch_size * (3 * mlp_weights(shape) - shape.input * shape.width)) as f64
}

/// Operations of a training step of a residual network. The gradient of the condition is not computed.
fn residual_operations(&ResidualShape { dim, condition, width, blocks, .. }: &ResidualShape) -> f64 {
    let with_input_gradient = 2 * blocks * width * width + width * dim;
    let without = (dim + condition) * width + blocks * width * condition;
    (2 * RESIDUAL_BATCH_SIZE * (3 * with_input_gradient + 2 * without)) as f64
}

/// A benchmark that is ready to run. Each call runs it once.
type Bench = Box<dyn FnMut() -> Result<()>>;

pub(super) const SEED: u64 = 1;

fn step(adam: &mut Adam, parameters: &Parameters, ops: Ops, output: &Tensor, target: &Tensor) -> Result<()> {
    let loss = match ops {
        Ops::Candle => {
            (output - target).and_then(|difference| difference.sqr()?.mean_all()).map_err(gtn_models::Error::from)?
        }
        _ => mean_squared_error(output, target)?,
    };
    loss.to_scalar::<f32>().map_err(gtn_models::Error::from)?;
    Ok(adam.backward_step(parameters, &loss)?)
}

fn settings() -> AdamSettings {
    AdamSettings { learning_rate: 1e-4, weight_decay: 1e-5, ..AdamSettings::default() }
}

fn autoencoder(shape: &AutoencoderShape, batch_size: usize, ops: Ops) -> Result<Bench> {
    let streams = Streams::new(SEED);
    let network = Autoencoder::with_ops(shape, &streams, &Device::Cpu, ops)?;
    let mut adam = Adam::with_ops(network.parameters(), settings(), ops)?;
    let pixels = shape.channels * shape.side * shape.side;
    let images = streams.normal("images", 0, batch_size, pixels).mapv(|value| value.clamp(-1.0, 1.0));
    let dims = (batch_size, shape.channels, shape.side, shape.side);
    let images = to_tensor(images.view(), &Device::Cpu)?.reshape(dims).map_err(gtn_models::Error::from)?;
    Ok(Box::new(move || step(&mut adam, network.parameters(), ops, &network.reconstruct(&images)?, &images)))
}

fn h(shape: &MlpShape, batch_size: usize, ops: Ops) -> Result<Bench> {
    let streams = Streams::new(SEED);
    let network = Mlp::with_ops(shape, &streams, &Device::Cpu, ops)?;
    let mut adam = Adam::with_ops(network.parameters(), AdamSettings { weight_decay: 0.0, ..settings() }, ops)?;
    let source = to_tensor(streams.normal("source", 0, batch_size, shape.input).view(), &Device::Cpu)?;
    let target = to_tensor(streams.normal("target", 0, batch_size, shape.output).view(), &Device::Cpu)?;
    Ok(Box::new(move || step(&mut adam, network.parameters(), ops, &network.forward(&source, Mode::Train)?, &target)))
}

fn residual(shape: &ResidualShape, scope: &str, ops: Ops) -> Result<Bench> {
    let streams = Streams::new(SEED);
    let network = ResidualMlp::with_ops(shape, scope, &streams, &Device::Cpu, ops)?;
    let settings = AdamSettings { weight_decay: 1e-2, decoupled: true, ..settings() };
    let mut adam = Adam::with_ops(network.parameters(), settings, ops)?;
    let mut averages = AveragedWeights::with_ops(network.parameters(), ops)?;
    let matrix =
        |purpose, columns| to_tensor(streams.normal(purpose, 0, RESIDUAL_BATCH_SIZE, columns).view(), &Device::Cpu);
    let (rows, target) = (matrix("rows", shape.dim + shape.condition)?, matrix("target", shape.dim)?);
    Ok(Box::new(move || {
        step(&mut adam, network.parameters(), ops, &network.forward(&rows, Mode::Train)?, &target)?;
        Ok(averages.update(network.parameters(), 0.999)?)
    }))
}

fn samples(ops: Ops) -> Result<Bench> {
    let streams = Streams::new(SEED);
    let network = Mlp::with_ops(&H_CELEBA, &streams, &Device::Cpu, ops)?;
    let autoencoder = Autoencoder::with_ops(&CELEBA, &streams, &Device::Cpu, ops)?;
    let generator = Generator::new(network, None, Some(autoencoder))?;
    let source: Array2<f32> = generator.sample_source(SAMPLES, &mut streams.stream(purpose::SAMPLE, 0));
    Ok(Box::new(move || {
        let latents = generator.map(source.view())?;
        generator.decode(latents.view())?;
        Ok(())
    }))
}

fn inception(ops: Ops) -> Result<Bench> {
    let (streams, variant) = (Streams::new(SEED), InceptionVariant::Torchvision);
    let weights = variant.random_weights(&streams);
    let network = InceptionV3::with_ops(variant, &weights, &Device::Cpu, ops)?;
    let pixels = streams.normal("images", 0, INCEPTION_BATCH_SIZE, 3 * 299 * 299).mapv(|value| value.clamp(-1.0, 1.0));
    let images = pixels.into_shape_with_order((INCEPTION_BATCH_SIZE, 3, 299, 299)).expect("as many values");
    Ok(Box::new(move || {
        black_box(network.forward(images.view(), &[InceptionOutput::Logits])?);
        Ok(())
    }))
}

fn load(data_dir: &Path) -> Result<Bench> {
    let data_dir: PathBuf = data_dir.to_path_buf();
    mnist::train(&data_dir)?;
    Ok(Box::new(move || {
        let set = mnist::train(&data_dir)?;
        let order = permutation(set.images.len(), Streams::new(SEED).stream("order", 0));
        for rows in order.chunks(128) {
            black_box(set.images.batch(rows));
        }
        Ok(())
    }))
}

/// Floating-point operations per second of a large matrix product (2048 × 2048 × 2048), which shows the speed of the machine.
pub(crate) fn product_rate() -> Result<f64> {
    const SIDE: usize = 2048;
    let matrix = to_tensor(Streams::new(SEED).normal("matrix", 0, SIDE, SIDE).view(), &Device::Cpu)?;
    let mut seconds = Vec::new();
    for _ in 0..6 {
        let started = std::time::Instant::now();
        black_box(matrix.matmul(&matrix).map_err(gtn_models::Error::from)?);
        seconds.push(started.elapsed().as_secs_f64());
    }
    // The first one is a warm-up.
    let mut seconds = seconds.split_off(1);
    seconds.sort_by(f64::total_cmp);
    Ok(2.0 * (SIDE as f64).powi(3) / seconds[seconds.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_for_all_layers() {
        // 25 layers of 1,200 units: one of 100 inputs, 24 of 1,200, and 100 outputs.
        let forward = 100.0 * 1200.0 + 24.0 * 1200.0 * 1200.0 + 1200.0 * 100.0;
        assert_eq!(BenchCase::HCeleba.operations(), 2.0 * 200.0 * (3.0 * forward - 100.0 * 1200.0));
        // Input layer; in each block a square layer and one that also sees the condition; output layer.
        let forward = 116.0 * 512.0 + 4.0 * (512.0 * 512.0 + 528.0 * 512.0) + 512.0 * 100.0;
        let unneeded = 116.0 * 512.0 + 4.0 * 16.0 * 512.0;
        assert_eq!(BenchCase::FlowStep.operations(), 2.0 * 256.0 * (3.0 * forward - unneeded));
        assert_eq!(multiplications(&MNIST), [196 * 64 * 16, 49 * 128 * 1024, 6272 * 5]);
        for case in BenchCase::ALL {
            assert_eq!(case.name().parse(), Ok(*case));
        }
        let unknown = "h-mnits".parse::<BenchCase>().unwrap_err().to_string();
        let expected =
            "unknown benchmark case `h-mnits` (did you mean `h-mnist`?); expected one of `autoencoder-mnist`,";
        assert!(unknown.starts_with(expected), "{unknown}");
    }

    #[test]
    fn a_small_benchmark_runs_with_both_kinds_of_operations() {
        for ops in [Ops::Fused, Ops::Candle] {
            for case in [BenchCase::HMnist, BenchCase::FlowStep, BenchCase::ResidualHStep] {
                case.prepare(ops, Path::new("nowhere")).unwrap()().unwrap();
            }
        }
        assert!(BenchCase::Load.prepare(Ops::Fused, Path::new("nowhere")).is_err());
    }
}
