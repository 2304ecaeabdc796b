//! Where networks run.

use clap::{Args, ValueEnum};
use gtn_models::{Device, DeviceName};

use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct OnDevice {
    /// Where networks run: auto (a GPU where there is one and this program knows it), cpu, cuda, cuda:1 (the second GPU).
    #[arg(long, value_name = "DEVICE", default_value_t, env = "GTN_DEVICE")]
    pub(crate) device: DeviceName,
    /// Let a GPU round the factors of matrix products to TF32 (10 bits of fraction): faster, and less exact.
    #[arg(long)]
    pub(crate) tf32: bool,
}

impl OnDevice {
    /// Opens the device.
    pub(crate) fn open(&self) -> Result<Device, Failure> {
        Ok(self.name().open()?)
    }

    /// The device for whoever opens it.
    pub(crate) fn name(&self) -> DeviceName {
        gtn_models::allow_tf32(self.tf32);
        self.device
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DepthName {
    Quick,
    Full,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Compared with the CPU, at batches of 2 and of 200: each layer forward, backward and after 20 steps of Adam, the
autoencoder, and ĥ (of 3 layers at a batch of 2: more BatchNorms on two samples are chaotic); then the matching of
Algorithm 1, which must be the same, whole. On a GPU all memory is filled with NaN before it is written, so that a number
that was not written shows. On the CPU this program's operations are compared with Candle's.

The error of outputs and losses is the largest difference over the largest number, that of gradients and weights the norm of
the difference over the norm (of what 20 steps changed, for weights after them), in the worst array. With --tf32 bounds are
20 times as wide, and ĥ of 25 layers has none. Exit code 1 if an error is above its bound.

Examples:
  gtn doctor
  gtn doctor --device cuda
  gtn doctor --device cuda --tf32 --json"
)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) on: OnDevice,
    /// Small networks, in seconds, or those of the paper for CelebA, in minutes, most of them for the CPU's part
    /// [default: full on a GPU, quick on a CPU].
    #[arg(long, value_enum, value_name = "DEPTH")]
    pub(crate) depth: Option<DepthName>,
    /// Write JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}
