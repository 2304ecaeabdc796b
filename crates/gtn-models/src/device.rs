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
#[non_exhaustive]
pub enum DeviceName {
    /// The first GPU if this program was built for GPUs and can use it, otherwise the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The NVIDIA GPU with this ordinal, starting at 0.
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
    /// Opens the device.
    ///
    /// # Errors
    ///
    /// [`Error::NoCuda`](crate::Error::NoCuda) if the name is that of a GPU and the GPU cannot be used.
    pub fn open(self) -> Result<Device> {
        match self {
            DeviceName::Cpu => Ok(Device::Cpu),
            DeviceName::Cuda(ordinal) => open_cuda(ordinal),
            DeviceName::Auto => Ok(open_cuda(0).unwrap_or_else(|error| {
                if matches!(error, crate::Error::NoCuda { gpu_present: true, .. }) {
                    tracing::warn!("using the CPU: {error}");
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
    let reason = "this program was built without CUDA; rebuild it with `--features cuda`";
    Err(crate::Error::NoCuda { reason: reason.to_owned(), gpu_present: false })
}

/// The version of CUDA and the GPUs that this program was built for; `None` if it was built without the feature `cuda`.
#[must_use]
pub fn cuda_build_info() -> Option<String> {
    #[cfg(feature = "cuda")]
    return Some(crate::gpu::build_info());
    #[cfg(not(feature = "cuda"))]
    None
}

/// A short description of a device for users: `CPU`, or the name of the GPU with its ordinal, and `TF32` if matrix
/// products use it.
#[must_use]
pub fn describe_device(device: &Device) -> String {
    #[cfg(feature = "cuda")]
    if let Device::Cuda(device) = device {
        return crate::gpu::describe(device);
    }
    if device.is_cpu() { "CPU".to_owned() } else { format!("{:?}", device.location()) }
}

/// Waits until a device has finished all queued work.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) if the work failed.
pub fn synchronize(device: &Device) -> Result<()> {
    Ok(device.synchronize()?)
}

/// Whether matrix products on a GPU may use TF32.
pub(crate) fn allows_tf32() -> bool {
    #[cfg(feature = "cuda")]
    return candle_core::cuda_backend::gemm_reduced_precision_f32();
    #[cfg(not(feature = "cuda"))]
    false
}

/// Allows or forbids matrix products on a GPU to round their operands to TF32 (10 bits of fraction). It is forbidden by
/// default. It affects neither the assignments of Algorithm 1 nor the CPU.
pub fn allow_tf32(allow: bool) {
    #[cfg(feature = "cuda")]
    crate::gpu::allow_tf32(allow);
    let _ = allow;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_through_display_and_from_str() {
        for name in [DeviceName::Auto, DeviceName::Cpu, DeviceName::Cuda(0), DeviceName::Cuda(3)] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        for name in ["gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", ""] {
            assert!(name.parse::<DeviceName>().is_err(), "{name}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn without_the_cuda_feature_a_gpu_is_an_error_and_auto_is_the_cpu() {
        let error = DeviceName::Cuda(0).open().unwrap_err().to_string();
        assert!(error.contains("no CUDA device") && error.contains("--features cuda"), "{error}");
        assert!(DeviceName::Auto.open().unwrap().is_cpu());
    }
}
