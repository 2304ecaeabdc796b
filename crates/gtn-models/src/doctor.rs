//! A device compared with the CPU, piece by piece: what `gtn doctor` tells.
//!
//! Whatever is compared starts from the same seed on both, and so from the same weights, batches and normal vectors. On a GPU all
//! memory is filled with NaN before it is written, so that a number that a kernel forgets shows.
//!
//! ```
//! use gtn_models::Device;
//! use gtn_models::doctor::{Depth, examine};
//!
//! let mut worst = 0.0_f64;
//! examine(&Device::Cpu, Depth::Quick, |finding| worst = worst.max(finding.error / finding.bound.max(f64::MIN_POSITIVE)))?;
//! assert!(worst <= 1.0);
//! # Ok::<(), gtn_models::Error>(())
//! ```

mod errors;

use candle_core::{Device, Tensor, Var};
use gtn_label::{Matcher, Proposer};
use ndarray::Array2;

use self::errors::{distance, error, largest_error};
use crate::arrays::{array_of, tensor_of};
use crate::ops::Ops;
use crate::{
    Adam, AdamSettings, Autoencoder, AutoencoderShape, Error, Mlp, MlpShape, Mode, NamedArrays, Parameters, Result,
    Streams, mean_squared_error,
};

/// How large the networks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Small ones: seconds on a CPU.
    Quick,
    /// Those of the paper for CelebA: minutes, most of them for the CPU's part.
    Full,
}

/// How far one thing is from what it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The layer, network or matching.
    pub subject: String,
    /// What of it.
    pub what: &'static str,
    /// Samples of the batch, or rows of the matching.
    pub batch: usize,
    /// The error, relative; infinite if a number is none.
    pub error: f64,
    /// What it may be at most; infinite if it is told only.
    pub bound: f64,
}

impl Finding {
    /// Whether the error is within its bound.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.error.is_finite() && self.error <= self.bound
    }
}

/// Compares `device` with the CPU, or, if it is the CPU, this crate's operations with Candle's; tells each finding.
///
/// # Errors
///
/// [`Error::Device`] if a device fails on the way.
pub fn examine(device: &Device, depth: Depth, tell: impl FnMut(&Finding)) -> Result<()> {
    let reference = Side { device: Device::Cpu, ops: if device.is_cpu() { Ops::Candle } else { Ops::Fused } };
    let examined = Side { device: device.clone(), ops: Ops::Fused };
    let _poisoned = Poisoned::new();
    Examination { examined, reference, proposer: crate::proposer(device)?, depth, tell }.run()
}

/// Memory is poisoned for as long as this lives.
struct Poisoned;

impl Poisoned {
    fn new() -> Self {
        #[cfg(feature = "cuda")]
        crate::gpu::poison(true);
        Self
    }
}

impl Drop for Poisoned {
    fn drop(&mut self) {
        #[cfg(feature = "cuda")]
        crate::gpu::poison(false);
    }
}

/// Where a network is made, and of what.
struct Side {
    device: Device,
    ops: Ops,
}

struct Examination<F> {
    examined: Side,
    reference: Side,
    proposer: Option<Box<dyn Proposer>>,
    depth: Depth,
    tell: F,
}

const BATCHES: [usize; 2] = [2, 200];
const STEPS: usize = 20;
const SEED: u64 = 1;
/// Samples below which ĥ has at most so many layers.
const FEW_SAMPLES: usize = 20;
const FEW_LAYERS: usize = 3;

/// Bounds for f32. Where ReLU is at its edge the order of a sum decides on a gradient, and BatchNorm's gradient is a difference of
/// numbers that are nearly the same; each of 25 layers adds to it.
const OUTPUT: f64 = 1e-3;
const LOSS: f64 = 2e-2;
const GRADIENT: f64 = 5e-2;
const TRAINED: f64 = 5e-2;
/// The same for products of factors with 10 bits of fraction, times this; many layers of them are told, and not judged.
const TF32: f64 = 20.0;

/// Adam's eps is larger than its default: where a gradient is nothing but rounding, a step would be, too.
const ADAM: AdamSettings = AdamSettings { learning_rate: 1e-4, beta1: 0.9, beta2: 0.999, eps: 1e-3, l2: 1e-3 };

/// What is compared.
#[derive(Debug, Clone, Copy)]
enum Subject {
    H(MlpShape),
    Encoder(AutoencoderShape),
    Decoder(AutoencoderShape),
    Autoencoder(AutoencoderShape),
}

enum Network {
    H(Mlp),
    Encoder(Autoencoder),
    Decoder(Autoencoder),
    Autoencoder(Autoencoder),
}

impl Subject {
    fn of(depth: Depth) -> Vec<(&'static str, Self)> {
        let (dim, width, layers, deep) = match depth {
            Depth::Quick => (6, 40, 4, 48),
            Depth::Full => (100, 1200, 25, 1200),
        };
        let h = |hidden_layers, width, batch_norm_layers| {
            Subject::H(MlpShape { input: dim, hidden_layers, width, output: dim, slope: 0.5, batch_norm_layers })
        };
        let images = match depth {
            Depth::Quick => AutoencoderShape { channels: 1, side: 8, dim },
            Depth::Full => AutoencoderShape { channels: 3, side: 64, dim },
        };
        vec![
            ("linear", h(0, width, 0)),
            ("linear, LeakyReLU", h(1, width, 0)),
            ("linear, LeakyReLU, BatchNorm", h(1, width, 1)),
            ("encoder", Subject::Encoder(images)),
            ("decoder", Subject::Decoder(images)),
            ("autoencoder", Subject::Autoencoder(images)),
            ("ĥ", h(layers, deep, layers)),
        ]
    }

    /// On two samples BatchNorm asks little more than which of them is the larger, and 25 layers of it are chaotic: the order in
    /// which a CPU sums changes the output by its own size. So ĥ has few layers then.
    fn for_batch(self, n: usize) -> Self {
        match self {
            Subject::H(shape) if n < FEW_SAMPLES => {
                let few = |layers: usize| layers.min(FEW_LAYERS);
                let (hidden_layers, batch_norm_layers) = (few(shape.hidden_layers), few(shape.batch_norm_layers));
                Subject::H(MlpShape { hidden_layers, batch_norm_layers, ..shape })
            }
            other => other,
        }
    }

    fn make(&self, Side { device, ops }: &Side) -> Result<Network> {
        let streams = Streams::new(SEED);
        let autoencoder = |shape: &AutoencoderShape| Autoencoder::with_ops(shape, &streams, device, *ops);
        Ok(match self {
            Subject::H(shape) => Network::H(Mlp::with_ops(shape, &streams, device, *ops)?),
            Subject::Encoder(shape) => Network::Encoder(autoencoder(shape)?),
            Subject::Decoder(shape) => Network::Decoder(autoencoder(shape)?),
            Subject::Autoencoder(shape) => Network::Autoencoder(autoencoder(shape)?),
        })
    }

    /// The shapes of a batch and of its targets.
    fn shapes(&self, n: usize) -> [Vec<usize>; 2] {
        let images = |shape: &AutoencoderShape| vec![n, shape.channels, shape.side, shape.side];
        match self {
            Subject::H(shape) => [vec![n, shape.input], vec![n, shape.output]],
            Subject::Encoder(shape) => [images(shape), vec![n, shape.dim]],
            Subject::Decoder(shape) => [vec![n, shape.dim], images(shape)],
            Subject::Autoencoder(shape) => [images(shape), images(shape)],
        }
    }

    /// The batch of a step and its targets, at most 1 in size, so that tanh can reach them.
    fn batch(&self, n: usize, step: usize, device: &Device) -> Result<[Tensor; 2]> {
        let [x, target] = self.shapes(n);
        let drawn = |name: &str, shape: Vec<usize>| -> Result<Tensor> {
            let numbers = Streams::new(SEED).normal(name, step as u64, 1, shape.iter().product());
            let numbers = numbers.mapv(|number| number.clamp(-1.0, 1.0));
            Ok(tensor_of(numbers.view(), device)?.reshape(shape)?)
        };
        Ok([drawn("doctor/x", x)?, drawn("doctor/target", target)?])
    }
}

impl Network {
    fn parameters(&self) -> &Parameters {
        match self {
            Network::H(h) => h.parameters(),
            Network::Encoder(network) | Network::Decoder(network) | Network::Autoencoder(network) => {
                network.parameters()
            }
        }
    }

    /// The output to learn from.
    fn train(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Network::H(h) => h.forward(x, Mode::Train),
            Network::Encoder(network) => network.encoder().tracked(x),
            Network::Decoder(network) => network.decoder().tracked(x),
            Network::Autoencoder(network) => network.reconstruct(x),
        }
    }

    fn evaluate(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Network::H(h) => h.forward(x, Mode::Evaluate),
            Network::Encoder(network) => network.encoder().forward(x),
            Network::Decoder(network) => network.decoder().forward(x),
            Network::Autoencoder(network) => network.decoder().forward(&network.encoder().forward(x)?),
        }
    }
}

/// What one side makes of a subject.
struct Made {
    start: NamedArrays,
    output: NamedArrays,
    of_input: NamedArrays,
    gradients: NamedArrays,
    losses: NamedArrays,
    trained: NamedArrays,
    evaluated: NamedArrays,
}

fn named(tensor: &Tensor) -> Result<NamedArrays> {
    Ok(NamedArrays::from([(String::new(), array_of(tensor)?)]))
}

impl Made {
    fn by(side: &Side, subject: &Subject, n: usize) -> Result<Self> {
        let network = subject.make(side)?;
        let start = network.parameters().snapshot()?;
        let [x, target] = subject.batch(n, 0, &side.device)?;
        let x = Var::from_tensor(&x)?;
        let output = network.train(x.as_tensor())?;
        let gradients = network.parameters().gradients(&mean_squared_error(&output, &target)?)?;
        let again = mean_squared_error(&network.train(x.as_tensor())?, &target)?;
        let of_input = again.backward()?;
        let of_input = of_input.get(x.as_tensor()).ok_or_else(|| Error::MissingWeight { name: "input".to_owned() })?;
        let of_input = named(of_input)?;
        let output = named(&output)?;

        let network = subject.make(side)?;
        let mut adam = Adam::with_ops(network.parameters(), ADAM, side.ops)?;
        let mut losses = Vec::new();
        for step in 0..STEPS {
            let [x, target] = subject.batch(n, step, &side.device)?;
            let loss = mean_squared_error(&network.train(&x)?, &target)?;
            adam.minimize(network.parameters(), &loss)?;
            losses.push(loss.detach());
        }
        let evaluated = named(&network.evaluate(x.as_tensor())?)?;
        let losses = named(&Tensor::stack(&losses, 0)?)?;
        let trained = network.parameters().snapshot()?;
        Ok(Self { start, output, of_input, gradients, losses, trained, evaluated })
    }
}

impl<F: FnMut(&Finding)> Examination<F> {
    fn run(mut self) -> Result<()> {
        let is_rounded = crate::device::allows_tf32() && !self.examined.device.is_cpu();
        for (name, subject) in Subject::of(self.depth) {
            for n in BATCHES {
                let subject = subject.for_batch(n);
                let rounded = match subject {
                    _ if !is_rounded => 1.0,
                    Subject::H(shape) if shape.hidden_layers > FEW_LAYERS => f64::INFINITY,
                    _ => TF32,
                };
                let expected = Made::by(&self.reference, &subject, n)?;
                let found = Made::by(&self.examined, &subject, n)?;
                let findings = [
                    ("same start", if found.start == expected.start { 0.0 } else { f64::INFINITY }, 0.0),
                    ("forward", largest_error(&found.output, &expected.output), OUTPUT * rounded),
                    ("gradient of the input", error(&found.of_input, &expected.of_input), GRADIENT * rounded),
                    ("gradients of the weights", error(&found.gradients, &expected.gradients), GRADIENT * rounded),
                    ("losses of 20 steps", largest_error(&found.losses, &expected.losses), LOSS * rounded),
                    (
                        "weights after 20 steps",
                        distance(&found.trained, &expected.trained, &expected.start),
                        TRAINED * rounded,
                    ),
                    ("evaluated after 20 steps", error(&found.evaluated, &expected.evaluated), TRAINED * rounded),
                ];
                for (what, error, bound) in findings {
                    (self.tell)(&Finding { subject: name.to_owned(), what, batch: n, error, bound });
                }
            }
        }
        self.matching()
    }

    /// The matching by this device's proposer is that of the CPU.
    fn matching(&mut self) -> Result<()> {
        let Some(proposer) = &mut self.proposer else { return Ok(()) };
        let (rows, dim) = match self.depth {
            Depth::Quick => (600, 8),
            Depth::Full => (20_000, 100),
        };
        let draw = |name: &str| -> Array2<f32> { Streams::new(SEED).normal(name, 0, rows, dim) };
        let (source, target) = (draw("doctor/source"), draw("doctor/matched"));
        let failed = |error: gtn_label::MatchError| Error::Device(candle_core::Error::Msg(error.to_string()));
        let expected = Matcher::new().match_rows(&source, &target).map_err(failed)?;
        let found = Matcher::new().proposer(proposer.as_mut()).match_rows(&source, &target).map_err(failed)?;
        let pairs = found.matching().iter().zip(expected.matching());
        let others = pairs.filter(|(found, expected)| found != expected).count();
        let (subject, what) = ("Algorithm 1".to_owned(), "pairs that differ");
        (self.tell)(&Finding { subject, what, batch: rows, error: others as f64 / rows as f64, bound: 0.0 });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_number_is_found() {
        let good = Finding { subject: String::new(), what: "", batch: 2, error: 1e-4, bound: 1e-3 };
        assert!(good.is_good());
        assert!(!Finding { error: 2e-3, ..good.clone() }.is_good());
        assert!(Finding { bound: f64::INFINITY, ..good.clone() }.is_good());
        assert!(!Finding { error: f64::INFINITY, bound: f64::INFINITY, ..good.clone() }.is_good());
        assert!(!Finding { error: f64::NAN, ..good }.is_good());
    }

    #[cfg(feature = "emulated-gpu")]
    #[test]
    fn the_emulated_gpu_is_well() {
        let side = |ops| Side { device: Device::Cpu, ops };
        let mut findings = Vec::new();
        let proposer: Box<dyn Proposer> = Box::new(crate::gpu::Nearest::new(crate::gpu::Gpu::emulated()));
        let examination = Examination {
            examined: side(Ops::Emulated),
            reference: side(Ops::Fused),
            proposer: Some(proposer),
            depth: Depth::Quick,
            tell: |finding: &Finding| findings.push(finding.clone()),
        };
        examination.run().unwrap();
        assert_eq!(findings.len(), 7 * 2 * 7 + 1);
        for finding in findings {
            assert!(finding.is_good(), "{finding:?}");
        }
    }
}
