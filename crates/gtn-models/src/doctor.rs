//! Compares the results of a device with those of the CPU, layer by layer.
//!
//! Use it to find out whether a GPU, its driver and this program compute correctly together; `gtn doctor` prints the
//! result. Both devices start from the same seed, and so from the same weights, batches and normal vectors. On a GPU,
//! all memory is filled with NaN before it is written, which reveals values that a kernel fails to write.
//!
//! ```
//! use gtn_models::Device;
//! use gtn_models::doctor::{Depth, compare};
//!
//! let mut all_passed = true;
//! // On a CPU, this compares the fused operations of this crate with Candle's operations.
//! compare(&Device::Cpu, Depth::Quick, |comparison| all_passed &= comparison.is_within_tolerance())?;
//! assert!(all_passed);
//! # Ok::<(), gtn_models::Error>(())
//! ```

mod relative_error;

use candle_core::{Device, Tensor, Var};
use gtn_io::names;
use gtn_label::{Matcher, Proposer};
use ndarray::Array2;

use self::relative_error::{max_relative_error, relative_norm_error, relative_update_error};
use crate::convert::{to_array, to_tensor};
use crate::ops::Ops;
use crate::{
    Adam, AdamSettings, Autoencoder, AutoencoderShape, Error, InceptionOutput, InceptionV3, InceptionVariant, Mlp,
    MlpShape, Mode, NamedArrays, Parameters, ResidualMlp, ResidualShape, Result, Streams, mean_squared_error,
};

names! {
    /// The size of the networks that are compared.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum Depth: "depth" {
        /// Small networks. This takes seconds on a CPU.
        Quick => "quick",
        /// The networks of the paper for CelebA. This takes minutes, most of them on the CPU.
        Full => "full",
    }
}

/// How far one result of a device is from the expected result.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The layer, network or algorithm.
    pub subject: String,
    /// The result that is compared, such as `forward`.
    pub quantity: &'static str,
    /// The number of samples in the batch, or of rows that are matched.
    pub batch_size: usize,
    /// The relative error; infinite if a value is NaN or infinite.
    pub error: f64,
    /// The largest acceptable error; infinite if the error is only reported.
    pub tolerance: f64,
}

impl Comparison {
    /// Whether the error is finite and at most [`tolerance`](Self::tolerance).
    #[must_use]
    pub fn is_within_tolerance(&self) -> bool {
        self.error.is_finite() && self.error <= self.tolerance
    }
}

/// Compares `device` with the CPU and passes each comparison to `on_comparison`. If `device` is the CPU, compares this
/// crate's fused operations with Candle's operations.
///
/// # Errors
///
/// [`Error::Device`] if a device fails.
pub fn compare(device: &Device, depth: Depth, on_comparison: impl FnMut(&Comparison)) -> Result<()> {
    let reference = Setup { device: Device::Cpu, ops: if device.is_cpu() { Ops::Candle } else { Ops::Fused } };
    let tested = Setup { device: device.clone(), ops: Ops::Fused };
    let _poison = PoisonGuard::new();
    Doctor { tested, reference, proposer: crate::proposer(device)?, depth, on_comparison }.run()
}

/// Fills new GPU memory with NaN until it is dropped.
struct PoisonGuard;

impl PoisonGuard {
    fn new() -> Self {
        #[cfg(feature = "cuda")]
        crate::gpu::poison_memory(true);
        Self
    }
}

impl Drop for PoisonGuard {
    fn drop(&mut self) {
        #[cfg(feature = "cuda")]
        crate::gpu::poison_memory(false);
    }
}

/// The device and the operations of a network.
struct Setup {
    device: Device,
    ops: Ops,
}

struct Doctor<F> {
    tested: Setup,
    reference: Setup,
    proposer: Option<Box<dyn Proposer>>,
    depth: Depth,
    on_comparison: F,
}

const BATCH_SIZES: [usize; 2] = [2, 200];
const STEPS: usize = 20;
const SEED: u64 = 1;
/// For batches smaller than this, ĥ has at most [`SMALL_BATCH_MAX_LAYERS`] layers.
const SMALL_BATCH: usize = 20;
const SMALL_BATCH_MAX_LAYERS: usize = 3;

/// Tolerances for f32. Where the input of ReLU is almost 0, the order of a sum decides whether its gradient is 0;
/// BatchNorm's gradient is a difference of almost equal values; and the errors of 25 layers add up.
const OUTPUT_TOLERANCE: f64 = 1e-3;
const LOSS_TOLERANCE: f64 = 2e-2;
const GRADIENT_TOLERANCE: f64 = 5e-2;
const TRAINED_TOLERANCE: f64 = 5e-2;
/// With TF32 (10 bits of fraction) the tolerances are multiplied by this. Networks of many layers then have no
/// tolerance: their errors are only reported.
const TF32_FACTOR: f64 = 20.0;

/// Adam's eps is larger than its default; otherwise a gradient that is only rounding error would cause a full step.
const ADAM: AdamSettings =
    AdamSettings { learning_rate: 1e-4, beta1: 0.9, beta2: 0.999, eps: 1e-3, weight_decay: 1e-3, decoupled: false };

/// A network to compare.
#[derive(Debug, Clone, Copy)]
enum Subject {
    H(MlpShape),
    Residual(ResidualShape),
    Images(Part, AutoencoderShape),
}

/// The part of an autoencoder to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Encoder,
    Decoder,
    Both,
}

enum Network {
    H(Mlp),
    Residual(ResidualMlp),
    Images(Part, Autoencoder),
}

impl Subject {
    fn all(depth: Depth) -> Vec<(&'static str, Self)> {
        let (dim, width, h_layers, h_width) = match depth {
            Depth::Quick => (6, 40, 4, 48),
            Depth::Full => (100, 1200, 25, 1200),
        };
        let h = |hidden_layers, width, batch_norm_layers| {
            Subject::H(MlpShape {
                input: dim,
                hidden_layers,
                width,
                output: dim,
                negative_slope: 0.5,
                batch_norm_layers,
            })
        };
        let residual = match depth {
            Depth::Quick => ResidualShape { dim, condition: 3, width, blocks: 2, adds_input: true },
            Depth::Full => ResidualShape { dim, condition: 16, width: 512, blocks: 4, adds_input: true },
        };
        let images = match depth {
            Depth::Quick => AutoencoderShape { channels: 1, side: 8, dim },
            Depth::Full => AutoencoderShape { channels: 3, side: 64, dim },
        };
        vec![
            ("linear", h(0, width, 0)),
            ("linear, LeakyReLU", h(1, width, 0)),
            ("linear, LeakyReLU, BatchNorm", h(1, width, 1)),
            ("encoder", Subject::Images(Part::Encoder, images)),
            ("decoder", Subject::Images(Part::Decoder, images)),
            ("autoencoder", Subject::Images(Part::Both, images)),
            ("ĥ", h(h_layers, h_width, h_layers)),
            ("residual network", Subject::Residual(residual)),
        ]
    }

    /// Limits ĥ to few layers if the batch is small. With two samples, BatchNorm hardly depends on more than which of
    /// them is larger, and 25 such layers are chaotic: the order of the sums on a CPU changes the output by as much as
    /// the output itself.
    fn for_batch(self, n: usize) -> Self {
        match self {
            Subject::H(shape) if n < SMALL_BATCH => {
                let limit = |layers: usize| layers.min(SMALL_BATCH_MAX_LAYERS);
                let (hidden_layers, batch_norm_layers) = (limit(shape.hidden_layers), limit(shape.batch_norm_layers));
                Subject::H(MlpShape { hidden_layers, batch_norm_layers, ..shape })
            }
            other => other,
        }
    }

    fn build(&self, Setup { device, ops }: &Setup) -> Result<Network> {
        let streams = Streams::new(SEED);
        Ok(match self {
            Subject::H(shape) => Network::H(Mlp::with_ops(shape, &streams, device, *ops)?),
            Subject::Residual(shape) => Network::Residual(residual_network(shape, &streams, device, *ops)?),
            Subject::Images(part, shape) => {
                Network::Images(*part, Autoencoder::with_ops(shape, &streams, device, *ops)?)
            }
        })
    }

    /// The shapes of a batch and of its targets.
    fn shapes(&self, n: usize) -> [Vec<usize>; 2] {
        match *self {
            Subject::H(shape) => [vec![n, shape.input], vec![n, shape.output]],
            Subject::Residual(shape) => [vec![n, shape.dim + shape.condition], vec![n, shape.dim]],
            Subject::Images(part, AutoencoderShape { channels, side, dim }) => {
                let (images, latents) = (vec![n, channels, side, side], vec![n, dim]);
                match part {
                    Part::Encoder => [images, latents],
                    Part::Decoder => [latents, images],
                    Part::Both => [images.clone(), images],
                }
            }
        }
    }

    /// The batch of a step and its targets, with values between -1 and 1, which tanh can reach.
    fn batch(&self, n: usize, step: usize, device: &Device) -> Result<[Tensor; 2]> {
        let [x, target] = self.shapes(n);
        let random = |name: &str, shape: Vec<usize>| -> Result<Tensor> {
            let values = Streams::new(SEED).normal(name, step as u64, 1, shape.iter().product());
            let values = values.mapv(|value| value.clamp(-1.0, 1.0));
            Ok(to_tensor(values.view(), device)?.reshape(shape)?)
        };
        Ok([random("doctor/x", x)?, random("doctor/target", target)?])
    }
}

/// A residual network whose output layer does not start at 0, or most gradients would be 0.
fn residual_network(shape: &ResidualShape, streams: &Streams, device: &Device, ops: Ops) -> Result<ResidualMlp> {
    let network = ResidualMlp::with_ops(shape, "doctor", streams, device, ops)?;
    let mut weights = network.parameters().state_dict()?;
    let noise = streams.normal("doctor/output", 0, shape.dim, shape.width);
    weights.insert("output.weight".to_owned(), (noise / (shape.width as f32).sqrt()).into_dyn());
    network.parameters().load_state_dict(&weights)?;
    Ok(network)
}

impl Network {
    fn parameters(&self) -> &Parameters {
        match self {
            Network::H(h) => h.parameters(),
            Network::Residual(network) => network.parameters(),
            Network::Images(_, network) => network.parameters(),
        }
    }

    /// The output, which in training mode has gradients.
    fn forward(&self, mode: Mode, x: &Tensor) -> Result<Tensor> {
        let (part, network) = match self {
            Network::H(h) => return h.forward(x, mode),
            Network::Residual(network) => return network.forward(x, mode),
            Network::Images(part, network) => (*part, network),
        };
        let latents = if part == Part::Decoder { x.clone() } else { network.encoder().forward_in(mode, x)? };
        if part == Part::Encoder { Ok(latents) } else { network.decoder().forward_in(mode, &latents) }
    }
}

/// What a setup computes for a subject.
struct Results {
    initial_weights: NamedArrays,
    output: NamedArrays,
    input_gradient: NamedArrays,
    weight_gradients: NamedArrays,
    losses: NamedArrays,
    trained_weights: NamedArrays,
    evaluated: NamedArrays,
}

/// A tensor as the only array, without a name.
fn unnamed(tensor: &Tensor) -> Result<NamedArrays> {
    Ok(NamedArrays::from([(String::new(), to_array(tensor)?)]))
}

impl Results {
    fn compute(setup: &Setup, subject: &Subject, n: usize) -> Result<Self> {
        let network = subject.build(setup)?;
        let initial_weights = network.parameters().state_dict()?;
        let [x, target] = subject.batch(n, 0, &setup.device)?;
        let x = Var::from_tensor(&x)?;
        let output = network.forward(Mode::Train, x.as_tensor())?;
        let weight_gradients = network.parameters().gradients(&mean_squared_error(&output, &target)?)?;
        let loss = mean_squared_error(&network.forward(Mode::Train, x.as_tensor())?, &target)?;
        let gradients = loss.backward()?;
        let gradient = gradients.get(x.as_tensor()).ok_or_else(|| Error::MissingWeight { name: "input".to_owned() })?;
        let input_gradient = unnamed(gradient)?;
        let output = unnamed(&output)?;

        let network = subject.build(setup)?;
        let mut adam = Adam::with_ops(network.parameters(), ADAM, setup.ops)?;
        let mut losses = Vec::new();
        for step in 0..STEPS {
            let [x, target] = subject.batch(n, step, &setup.device)?;
            let loss = mean_squared_error(&network.forward(Mode::Train, &x)?, &target)?;
            adam.backward_step(network.parameters(), &loss)?;
            losses.push(loss.detach());
        }
        let evaluated = unnamed(&network.forward(Mode::Evaluate, x.as_tensor())?)?;
        let losses = unnamed(&Tensor::stack(&losses, 0)?)?;
        let trained_weights = network.parameters().state_dict()?;
        Ok(Self { initial_weights, output, input_gradient, weight_gradients, losses, trained_weights, evaluated })
    }
}

/// A quantity that is compared: its name, the error of actual and expected results, and the tolerance.
type Quantity = (&'static str, fn(&Results, &Results) -> f64, f64);

const QUANTITIES: [Quantity; 6] = [
    ("forward", |a, e| max_relative_error(&a.output, &e.output), OUTPUT_TOLERANCE),
    ("gradient of the input", |a, e| relative_norm_error(&a.input_gradient, &e.input_gradient), GRADIENT_TOLERANCE),
    (
        "gradients of the weights",
        |a, e| relative_norm_error(&a.weight_gradients, &e.weight_gradients),
        GRADIENT_TOLERANCE,
    ),
    ("losses of 20 steps", |a, e| max_relative_error(&a.losses, &e.losses), LOSS_TOLERANCE),
    (
        "weights after 20 steps",
        |a, e| relative_update_error(&a.trained_weights, &e.trained_weights, &e.initial_weights),
        TRAINED_TOLERANCE,
    ),
    ("evaluated after 20 steps", |a, e| relative_norm_error(&a.evaluated, &e.evaluated), TRAINED_TOLERANCE),
];

impl<F: FnMut(&Comparison)> Doctor<F> {
    fn run(mut self) -> Result<()> {
        let uses_tf32 = crate::device::allows_tf32() && !self.tested.device.is_cpu();
        for (name, subject) in Subject::all(self.depth) {
            for n in BATCH_SIZES {
                let subject = subject.for_batch(n);
                let factor = match subject {
                    _ if !uses_tf32 => 1.0,
                    Subject::H(shape) if shape.hidden_layers > SMALL_BATCH_MAX_LAYERS => f64::INFINITY,
                    _ => TF32_FACTOR,
                };
                let expected = Results::compute(&self.reference, &subject, n)?;
                let actual = Results::compute(&self.tested, &subject, n)?;
                let same_start = actual.initial_weights == expected.initial_weights;
                let mut report = |quantity, error, tolerance| {
                    let subject = name.to_owned();
                    (self.on_comparison)(&Comparison { subject, quantity, batch_size: n, error, tolerance });
                };
                report("initial weights", if same_start { 0.0 } else { f64::INFINITY }, 0.0);
                for (quantity, error, tolerance) in QUANTITIES {
                    report(quantity, error(&actual, &expected), tolerance * factor);
                }
            }
        }
        self.compare_inception(if uses_tf32 { TF32_FACTOR } else { 1.0 })?;
        self.compare_assignments()
    }

    /// Compares InceptionV3 with random weights.
    fn compare_inception(&mut self, factor: f64) -> Result<()> {
        let n = BATCH_SIZES[0];
        let images = Streams::new(SEED).normal("doctor/images", 0, n, 3 * 64 * 64).mapv(|value| value.clamp(-1.0, 1.0));
        let images = images.into_shape_with_order((n, 3, 64, 64)).expect("as many values as the images have");
        let variants = match self.depth {
            // The one whose pools differ.
            Depth::Quick => &[InceptionVariant::Fid][..],
            Depth::Full => InceptionVariant::ALL,
        };
        for &variant in variants {
            let weights = variant.random_weights(&Streams::new(SEED));
            let logits = |setup: &Setup| -> Result<NamedArrays> {
                let network = InceptionV3::with_ops(variant, &weights, &setup.device, setup.ops)?;
                let logits = network.forward(images.view(), &[InceptionOutput::Logits])?.remove(0);
                Ok(NamedArrays::from([(String::new(), logits.into_dyn())]))
            };
            let error = max_relative_error(&logits(&self.tested)?, &logits(&self.reference)?);
            let (subject, quantity) = (format!("InceptionV3, {variant}"), "logits");
            let tolerance = OUTPUT_TOLERANCE * factor;
            (self.on_comparison)(&Comparison { subject, quantity, batch_size: n, error, tolerance });
        }
        Ok(())
    }

    /// Compares the assignment of Algorithm 1 with the device's proposer to the assignment on the CPU.
    fn compare_assignments(&mut self) -> Result<()> {
        let Some(proposer) = &mut self.proposer else { return Ok(()) };
        let (rows, dim) = match self.depth {
            Depth::Quick => (600, 8),
            Depth::Full => (20_000, 100),
        };
        let random = |name: &str| -> Array2<f32> { Streams::new(SEED).normal(name, 0, rows, dim) };
        let (source, target) = (random("doctor/source"), random("doctor/matched"));
        let device_error = |error: gtn_label::MatchError| Error::Device(candle_core::Error::Msg(error.to_string()));
        let expected = Matcher::new().match_rows(&source, &target).map_err(device_error)?;
        let actual = Matcher::new().proposer(proposer.as_mut()).match_rows(&source, &target).map_err(device_error)?;
        let pairs = actual.assignment().iter().zip(expected.assignment());
        let differences = pairs.filter(|(actual, expected)| actual != expected).count();
        let (subject, error) = ("Algorithm 1".to_owned(), differences as f64 / rows as f64);
        let quantity = "pairs that differ";
        (self.on_comparison)(&Comparison { subject, quantity, batch_size: rows, error, tolerance: 0.0 });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_beyond_the_tolerance_fail() {
        let good = Comparison { subject: String::new(), quantity: "", batch_size: 2, error: 1e-4, tolerance: 1e-3 };
        assert!(good.is_within_tolerance());
        assert!(!Comparison { error: 2e-3, ..good.clone() }.is_within_tolerance());
        assert!(Comparison { tolerance: f64::INFINITY, ..good.clone() }.is_within_tolerance());
        assert!(!Comparison { error: f64::INFINITY, tolerance: f64::INFINITY, ..good.clone() }.is_within_tolerance());
        assert!(!Comparison { error: f64::NAN, ..good }.is_within_tolerance());
    }

    #[cfg(feature = "emulated-gpu")]
    #[test]
    fn the_emulated_gpu_is_within_tolerance() {
        let setup = |ops| Setup { device: Device::Cpu, ops };
        let mut comparisons = Vec::new();
        let proposer: Box<dyn Proposer> = Box::new(crate::gpu::TopKProposer::new(crate::gpu::Gpu::emulated()));
        let doctor = Doctor {
            tested: setup(Ops::Emulated),
            reference: setup(Ops::Fused),
            proposer: Some(proposer),
            depth: Depth::Quick,
            on_comparison: |comparison: &Comparison| comparisons.push(comparison.clone()),
        };
        doctor.run().unwrap();
        assert_eq!(comparisons.len(), 8 * 2 * 7 + 1 + 1);
        for comparison in comparisons {
            assert!(comparison.is_within_tolerance(), "{comparison:?}");
        }
    }
}
