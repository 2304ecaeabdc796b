use std::fmt;
use std::str::FromStr;

use candle_core::Device;

use crate::Result;

/// The name of a device: `auto`, `cpu`, `cuda` (the first GPU) or `cuda:1` (the second).
///
/// ```
/// use gtn_models::DeviceName;
///
/// assert_eq!("cuda:1".parse(), Ok(DeviceName::Cuda(1)));
/// assert!(DeviceName::Cpu.open()?.is_cpu());
/// # Ok::<(), gtn_models::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum DeviceName {
    /// The first GPU, if this program is built for GPUs and can use one; otherwise the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The NVIDIA GPU of this number, counted from 0.
    Cuda(usize),
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceName::Auto => f.write_str("auto"),
            DeviceName::Cpu => f.write_str("cpu"),
            DeviceName::Cuda(0) => f.write_str("cuda"),
            DeviceName::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        let ordinal = name.strip_prefix("cuda:").map(str::parse);
        match (name, ordinal) {
            ("auto", _) => Ok(DeviceName::Auto),
            ("cpu", _) => Ok(DeviceName::Cpu),
            ("cuda", _) => Ok(DeviceName::Cuda(0)),
            (_, Some(Ok(ordinal))) => Ok(DeviceName::Cuda(ordinal)),
            _ => Err("choose from auto, cpu, cuda (the first GPU), cuda:1 (the second), and so on".to_owned()),
        }
    }
}

impl DeviceName {
    /// The device of this name.
    ///
    /// # Errors
    ///
    /// [`Error::NoCuda`](crate::Error::NoCuda) if a GPU is asked for by its name and cannot be used.
    pub fn open(self) -> Result<Device> {
        match self {
            DeviceName::Cpu => Ok(Device::Cpu),
            DeviceName::Cuda(ordinal) => open_cuda(ordinal),
            DeviceName::Auto => Ok(open_cuda(0).unwrap_or_else(|error| {
                if matches!(error, crate::Error::NoCuda { is_there: true, .. }) {
                    tracing::warn!("the CPU is used: {error}");
                } else {
                    tracing::debug!("{error}");
                }
                Device::Cpu
            })),
        }
    }
}

#[cfg(feature = "cuda")]
fn open_cuda(ordinal: usize) -> Result<Device> {
    crate::gpu::open(ordinal)
}

#[cfg(not(feature = "cuda"))]
fn open_cuda(_: usize) -> Result<Device> {
    let reason = "this program is built without CUDA; build it with `--features cuda`";
    Err(crate::Error::NoCuda { reason: reason.to_owned(), is_there: false })
}

/// What this program is built for, if it is built for NVIDIA GPUs (the feature `cuda`): the version of CUDA, and
/// which GPUs.
#[must_use]
pub fn cuda_build() -> Option<String> {
    #[cfg(feature = "cuda")]
    return Some(crate::gpu::build());
    #[cfg(not(feature = "cuda"))]
    None
}

/// A device in a few words for people: `CPU`, or the name of a GPU, with its number and what products are made of if they may be
/// rounded.
#[must_use]
pub fn describe(device: &Device) -> String {
    #[cfg(feature = "cuda")]
    if let Device::Cuda(device) = device {
        return crate::gpu::describe(device);
    }
    if device.is_cpu() { "CPU".to_owned() } else { format!("{:?}", device.location()) }
}

/// Waits until a device has done all that was asked of it.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) if it failed on the way.
pub fn synchronize(device: &Device) -> Result<()> {
    Ok(device.synchronize()?)
}

/// Whether products of matrices on a GPU may be rounded.
pub(crate) fn allows_tf32() -> bool {
    #[cfg(feature = "cuda")]
    return candle_core::cuda_backend::gemm_reduced_precision_f32();
    #[cfg(not(feature = "cuda"))]
    false
}

/// Allows products of matrices on a GPU to round their factors to TF32 (10 bits of fraction), or forbids it, as at the start.
/// Matchings are not affected, nor is the CPU.
pub fn allow_tf32(allow: bool) {
    #[cfg(feature = "cuda")]
    crate::gpu::allow_tf32(allow);
    let _ = allow;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in [DeviceName::Auto, DeviceName::Cpu, DeviceName::Cuda(0), DeviceName::Cuda(3)] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        for name in ["gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", ""] {
            assert!(name.parse::<DeviceName>().is_err(), "{name}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn without_the_feature_there_is_no_gpu_and_auto_is_the_cpu() {
        let error = DeviceName::Cuda(0).open().unwrap_err().to_string();
        assert!(error.contains("no CUDA device") && error.contains("--features cuda"), "{error}");
        assert!(DeviceName::Auto.open().unwrap().is_cpu());
    }
}
