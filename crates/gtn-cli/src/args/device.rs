//! The device of the networks.

use clap::Args;
use gtn_models::doctor::Depth;
use gtn_models::{Device, DeviceName};

use super::folders::{CacheDir, DataDir};
use super::named_values::by_name;
use crate::failure::Failure;

#[derive(Debug, Clone, Args)]
pub(crate) struct OnDevice {
    /// Device for the networks: auto (a GPU if this build and this machine have one), cpu, cuda, cuda:1 (the second GPU).
    #[arg(long, value_name = "DEVICE", default_value_t, env = "GTN_DEVICE")]
    pub(crate) device: DeviceName,
    /// Use TF32 for matrix products on a GPU: faster but less precise (10-bit mantissa).
    #[arg(long)]
    pub(crate) tf32: bool,
}

impl OnDevice {
    /// Opens the device.
    pub(crate) fn open(&self) -> Result<Device, Failure> {
        Ok(self.name().open()?)
    }

    /// The device, not opened yet.
    pub(crate) fn name(&self) -> DeviceName {
        gtn_models::allow_tf32(self.tf32);
        self.device
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Shows the version, the processor, memory, disk, the device and the data sets. With --compare, and on a GPU, \
it compares the device with the CPU, with batches of 2 and 200 samples: forward and backward \
passes and 20 steps of Adam of each layer, of the autoencoder and of ĥ (3 layers for 2 \
samples, since more BatchNorm layers make training on two samples chaotic), and the matching of Algorithm 1, \
which must be equal. On a GPU, memory is filled with NaN first, so that values that a kernel \
fails to write are detected. On the CPU, the operations of this program are compared with those \
of Candle.

The error of outputs and losses is the largest difference divided by the largest value; that \
of gradients and weights is the norm of the difference divided by the norm (for weights, of \
their change in 20 steps), for the worst array. With --tf32, bounds are 20 times as wide, and \
ĥ with 25 layers has no bound. The exit code is 1 if an error exceeds its bound.

Examples:
  gtn doctor
  gtn doctor --compare
  gtn doctor --device cuda
  gtn doctor --device cuda --tf32 --json"
)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) on: OnDevice,
    #[command(flatten)]
    pub(crate) data: DataDir,
    #[command(flatten)]
    pub(crate) cache: CacheDir,
    /// Compare the device with the CPU, or the CPU's operations with those of Candle [default: on a GPU].
    #[arg(long)]
    pub(crate) compare: bool,
    /// Compare small networks, which takes seconds, or the paper's networks for CelebA, which takes minutes
    /// [default: full on a GPU, quick on a CPU].
    #[arg(long, value_name = "DEPTH", value_parser = by_name::<Depth>(DEPTHS))]
    pub(crate) depth: Option<Depth>,
    /// Print JSON, one object per line.
    #[arg(long)]
    pub(crate) json: bool,
}

const DEPTHS: [(&str, &str); 2] =
    [(Depth::Quick.name(), "small networks"), (Depth::Full.name(), "the paper's networks for CelebA")];
