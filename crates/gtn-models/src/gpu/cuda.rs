//! The CUDA backend: an NVIDIA GPU, on the stream that Candle uses.
#![allow(unsafe_code, reason = "kernels and cuBLAS take raw addresses; `gtn doctor` checks the results on a GPU")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use candle_core::cuda_backend::cudarc::cublas::{result::gemm_ex, sys};
use candle_core::cuda_backend::cudarc::driver::{
    CudaFunction, CudaStream, DevicePtr, DriverError, LaunchConfig, PushKernelArg, result,
    sys::{CUmemPool_attribute, CUresult},
};
use candle_core::cuda_backend::{
    CudaStorageSlice, gemm_reduced_precision_f32, kernels, set_gemm_reduced_precision_f32,
};
use candle_core::{CudaDevice, CudaStorage, DType, Device, Result, Shape, Storage, Tensor, backend::BackendDevice};

use super::backend::{Backend, DeviceSlice, Gemm, Gpu, KernelArg, LaunchDims};
use crate::Error;
use crate::ops::lock;

const PTX: &str = include_str!(concat!(env!("OUT_DIR"), "/kernels.ptx"));
const MODULE: &str = "gtn";
/// Ten times the compute capability that the kernels are compiled for.
const COMPUTE_CAPABILITY: &str = env!("GTN_CUDA_CAPABILITY");
const KERNELS: [&str; 29] = [
    "batch_norm_forward",
    "batch_norm_backward",
    "batch_norm_inference",
    "layer_norm_forward",
    "layer_norm_backward",
    "layer_norm_parameter_gradients",
    "silu_forward",
    "silu_backward",
    "add_columns",
    "extend_rows",
    "leaky_relu_forward",
    "leaky_relu_backward",
    "add_bias",
    "column_sums",
    "row_sums",
    "im2col",
    "col2im",
    "bias_relu",
    "relu_backward",
    "tanh_backward",
    "swap_axes",
    "mse_partial_sums",
    "mse_reduce",
    "mse_backward",
    "adam",
    "move_towards",
    "add_assign",
    "move_rows",
    "top_k_rows",
];

/// The open GPUs, by ordinal.
static OPEN_GPUS: Mutex<Vec<(usize, CudaDevice, Gpu)>> = Mutex::new(Vec::new());

/// Whether new memory is filled with NaN, which reveals values that a kernel fails to write.
static POISON_MEMORY: AtomicBool = AtomicBool::new(false);

/// Turns the filling of new memory with NaN on or off.
pub(crate) fn poison_memory(poison: bool) {
    POISON_MEMORY.store(poison, Ordering::Relaxed);
}

/// Allows or forbids matrix products to round their operands to TF32 (10 bits of fraction).
pub(crate) fn allow_tf32(allow: bool) {
    set_gemm_reduced_precision_f32(allow);
}

/// Opens a GPU, or returns it if it is already open.
///
/// # Errors
///
/// [`Error::NoCuda`] if it cannot be used.
pub(crate) fn open(ordinal: usize) -> crate::Result<Device> {
    let mut open_gpus = lock(&OPEN_GPUS);
    if let Some((_, device, _)) = open_gpus.iter().find(|(open, ..)| *open == ordinal) {
        return Ok(Device::Cuda(device.clone()));
    }
    check_available(ordinal)?;
    let no_cuda = |what: &str, error: candle_core::Error| Error::NoCuda {
        reason: format!("GPU {ordinal} {what}: {error}"),
        gpu_present: true,
    };
    let device = CudaDevice::new_with_stream(ordinal).map_err(|error| no_cuda("cannot be used", error))?;
    // SAFETY: all work and all allocations on this device use this one stream, which runs them in order.
    unsafe { device.disable_event_tracking() };
    retain_freed_memory(&device);
    let load = || -> Result<CudaBackend> {
        // Candle's kernels may not run even if ours do: from 9.0 on, they are compiled for a single architecture.
        let candle_kernels = [
            ("is_u32_f32", &kernels::INDEXING),
            ("const_set_f32", &kernels::FILL),
            ("cast_u8_u32", &kernels::CAST),
            ("badd_f32", &kernels::BINARY),
        ];
        for (kernel, module) in candle_kernels {
            device.get_or_load_func(kernel, module)?;
        }
        CudaBackend::new(&device)
    };
    let backend = load().map_err(|error| {
        no_cuda(&format!("cannot run this program's kernels, which are compiled for {}", supported_gpus()), error)
    })?;
    open_gpus.push((ordinal, device.clone(), Gpu::new(backend)));
    Ok(Device::Cuda(device))
}

/// The version of CUDA and the GPUs that this program is built for.
pub(crate) fn build_info() -> String {
    format!("CUDA {}, GPUs of {}", env!("GTN_CUDA_MAJOR"), supported_gpus())
}

/// The GPUs that the kernels are compiled for. From 9.0 on, Candle compiles its kernels for a single architecture.
fn supported_gpus() -> String {
    let (major, minor) = COMPUTE_CAPABILITY.split_at(COMPUTE_CAPABILITY.len() - 1);
    let newer = if major.len() == 1 && major < "9" { " and newer" } else { "" };
    format!("compute capability {major}.{minor}{newer}")
}

/// Keeps freed GPU memory in the pool of this process, which will soon need it again. By default, each synchronization
/// returns it to the driver. If the attribute cannot be set, the program is only slower.
fn retain_freed_memory(device: &CudaDevice) {
    let unlimited = u64::MAX;
    // SAFETY: the device is open and owns its memory pool, and the value of this attribute is a 64-bit integer.
    let result = unsafe {
        result::device::get_default_mem_pool(device.cuda_stream().context().cu_device()).and_then(|pool| {
            let threshold = CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
            result::mem_pool::set_attribute(pool, threshold, std::ptr::from_ref(&unlimited).cast_mut().cast())
        })
    };
    if let Err(error) = result {
        tracing::debug!("cannot keep freed GPU memory in the pool: {error}");
    }
}

/// The name of a GPU, its ordinal, and whether matrix products use TF32.
pub(crate) fn describe(device: &CudaDevice) -> String {
    let context = device.cuda_stream().context().clone();
    let name = context.name().unwrap_or_else(|_| "NVIDIA GPU".to_owned());
    let tf32 = if gemm_reduced_precision_f32() { ", TF32" } else { "" };
    format!("{name} (cuda:{}{tf32})", context.ordinal())
}

/// Checks that the libraries and the GPU exist before anything uses them.
fn check_available(ordinal: usize) -> crate::Result<()> {
    let no_cuda = |reason: String, gpu_present: bool| Err(Error::NoCuda { reason, gpu_present });
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if let Err(error) = super::cuda_libraries::load() {
        return no_cuda(error.reason, error.has_driver);
    }
    let driver_error = |error: DriverError| format!("the NVIDIA driver reports: {error}");
    if let Err(error) = result::init() {
        return no_cuda(driver_error(error), error.0 != CUresult::CUDA_ERROR_NO_DEVICE);
    }
    match result::device::get_count() {
        Err(error) => no_cuda(driver_error(error), true),
        Ok(0) => no_cuda("the NVIDIA driver finds no GPU".to_owned(), false),
        Ok(count) if ordinal >= count as usize => {
            no_cuda(format!("GPU {ordinal} does not exist: the NVIDIA driver finds {count}, numbered from 0"), false)
        }
        Ok(_) => Ok(()),
    }
}

/// The backend of a device, whether `open` opened it or the caller did.
pub(super) fn gpu_for(device: &CudaDevice) -> crate::Result<Gpu> {
    let mut open_gpus = lock(&OPEN_GPUS);
    if let Some((.., gpu)) = open_gpus.iter().find(|(_, open, _)| open.same_device(device)) {
        return Ok(gpu.clone());
    }
    let gpu = Gpu::new(CudaBackend::new(device)?);
    // Not the ordinal of the device: `open` must return only devices that it opened itself.
    open_gpus.push((usize::MAX, device.clone(), gpu.clone()));
    Ok(gpu)
}

/// A GPU with its kernels.
struct CudaBackend {
    device: CudaDevice,
    stream: Arc<CudaStream>,
    kernels: HashMap<&'static str, CudaFunction>,
}

impl std::fmt::Debug for CudaBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.device.fmt(f)
    }
}

impl CudaBackend {
    fn new(device: &CudaDevice) -> Result<Self> {
        let kernel =
            |name: &'static str| Ok((name, device.get_or_load_custom_func(name, MODULE, PTX)?.into_cuda_function()));
        let stream = device.cuda_stream();
        Ok(Self { device: device.clone(), stream, kernels: KERNELS.into_iter().map(kernel).collect::<Result<_>>()? })
    }
}

fn cuda_error(error: impl std::error::Error + Send + Sync + 'static) -> candle_core::Error {
    candle_core::Error::Cuda(Box::new(error))
}

/// Uninitialized memory on a GPU.
pub(super) fn empty_storage(device: &CudaDevice, len: usize, dtype: DType) -> Result<CudaStorage> {
    if POISON_MEMORY.load(Ordering::Relaxed) && dtype == DType::F32 {
        return device.storage_from_slice(&vec![f32::NAN; len]);
    }
    // SAFETY: the caller writes it with a kernel or a matrix product before anything reads it.
    unsafe { device.alloc_uninit(&Shape::from(len), dtype) }
}

/// The memory of a storage.
pub(super) fn storage_slice(storage: &CudaStorage) -> Result<DeviceSlice<'_>> {
    fn device_slice<'a, T>(slice: &'a impl DevicePtr<T>, stream: &CudaStream, dtype: DType) -> DeviceSlice<'a> {
        DeviceSlice::new(slice.device_ptr(stream).0, slice.len(), dtype)
    }
    let stream = storage.device.cuda_stream();
    match &storage.slice {
        CudaStorageSlice::F32(slice) => Ok(device_slice(slice, &stream, DType::F32)),
        CudaStorageSlice::U32(slice) => Ok(device_slice(slice, &stream, DType::U32)),
        CudaStorageSlice::I64(slice) => Ok(device_slice(slice, &stream, DType::I64)),
        _ => candle_core::bail!("GPU kernels take f32, u32 or i64 tensors; convert with `to_dtype` first"),
    }
}

impl Backend for CudaBackend {
    fn device(&self) -> Device {
        Device::Cuda(self.device.clone())
    }

    fn empty(&self, len: usize, dtype: DType) -> Result<Tensor> {
        if POISON_MEMORY.load(Ordering::Relaxed) && dtype == DType::F32 {
            return Tensor::full(f32::NAN, len, &self.device());
        }
        // SAFETY: the caller writes it with a kernel or a matrix product before anything reads it.
        unsafe { Tensor::empty(len, dtype, &self.device()) }
    }

    fn slice_of<'a>(&self, tensor: &'a Tensor) -> Result<DeviceSlice<'a>> {
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else {
            candle_core::bail!("GPU kernels take tensors on the GPU; move the tensor with `to_device` first");
        };
        let slice = storage_slice(storage)?;
        // The address is valid as long as the tensor lives: nothing reallocates its storage.
        DeviceSlice::new(slice.address, slice.len(), tensor.dtype()).contiguous(layout)
    }

    unsafe fn launch(&self, kernel: &'static str, dims: LaunchDims, arguments: &[KernelArg<'_>]) -> Result<()> {
        let Some(function) = self.kernels.get(kernel) else {
            candle_core::bail!("there is no kernel `{kernel}` in kernels.cu");
        };
        let mut builder = self.stream.launch_builder(function);
        for argument in arguments {
            match argument {
                KernelArg::Pointer(slice) => builder.arg(&slice.address),
                KernelArg::I32(value) => builder.arg(value),
                KernelArg::I64(value) => builder.arg(value),
                KernelArg::F32(value) => builder.arg(value),
            };
        }
        let ([grid_x, grid_y], [block_x, block_y]) = (dims.grid, dims.block);
        let config =
            LaunchConfig { grid_dim: (grid_x, grid_y, 1), block_dim: (block_x, block_y, 1), shared_mem_bytes: 0 };
        // SAFETY: the caller guarantees that the arguments are valid.
        unsafe { builder.launch(config) }.map_err(cuda_error)?;
        Ok(())
    }

    fn gemm(&self, gemm: &Gemm<'_>) -> Result<()> {
        let int = |value: usize| i32::try_from(value).map_err(cuda_error);
        let operation = |transposed: bool| {
            if transposed { sys::cublasOperation_t::CUBLAS_OP_T } else { sys::cublasOperation_t::CUBLAS_OP_N }
        };
        let (rows, inner, columns) = gemm.dims();
        if rows == 0 || columns == 0 {
            return Ok(());
        }
        let compute = match (gemm.full_precision, gemm_reduced_precision_f32()) {
            // Pedantic mode also ignores environment variables that allow lower precision.
            (true, _) => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_PEDANTIC,
            (false, true) => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
            (false, false) => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
        };
        let (alpha, beta) = (1.0_f32, if gemm.accumulate { 1.0_f32 } else { 0.0 });
        let f32_type = sys::cudaDataType_t::CUDA_R_32F;
        self.stream.context().bind_to_thread().map_err(cuda_error)?;
        // cuBLAS is column-major: it sees the transposes of our matrices and computes the transposed product, right times left.
        // SAFETY: the operands and the output have the lengths that `Gemm` has checked.
        unsafe {
            gemm_ex(
                *self.device.cublas_handle().handle(),
                operation(gemm.right.transposed),
                operation(gemm.left.transposed),
                int(columns)?,
                int(rows)?,
                int(inner)?,
                std::ptr::from_ref(&alpha).cast(),
                gemm.right.values.address as *const _,
                f32_type,
                int(gemm.right.row_stride())?,
                gemm.left.values.address as *const _,
                f32_type,
                int(gemm.left.row_stride())?,
                std::ptr::from_ref(&beta).cast(),
                gemm.output.address as *mut _,
                f32_type,
                int(columns)?,
                compute,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        }
        .map_err(cuda_error)
    }
}
