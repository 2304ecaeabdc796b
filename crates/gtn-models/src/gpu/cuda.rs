//! A GPU through CUDA, on Candle's stream.
#![allow(unsafe_code, reason = "kernels and cuBLAS are called with addresses; `gtn doctor` checks them on a GPU")]

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

use super::machine::{Argument, Extent, Gpu, Machine, Product, Span};
use crate::Error;
use crate::ops::lock;

const PTX: &str = include_str!(concat!(env!("OUT_DIR"), "/kernels.ptx"));
const MODULE: &str = "gtn";
/// The compute capability that the kernels are compiled for, times ten.
const CAPABILITY: &str = env!("GTN_CUDA_CAPABILITY");
const KERNELS: [&str; 21] = [
    "norm_forward",
    "norm_backward",
    "norm_evaluate",
    "leaky_forward",
    "leaky_backward",
    "add_bias",
    "column_sums",
    "row_sums",
    "take_patches",
    "lay_patches",
    "bias_relu",
    "keep_where",
    "tanh_backward",
    "swap_axes",
    "squares",
    "mean_of_parts",
    "squares_backward",
    "adam",
    "add_to",
    "move_rows",
    "best_of_rows",
];

/// GPUs that were opened.
static OPENED: Mutex<Vec<(usize, CudaDevice, Gpu)>> = Mutex::new(Vec::new());

/// Whether new memory is filled with NaN, so that what a kernel forgets to write shows.
static POISONED: AtomicBool = AtomicBool::new(false);

/// Fills memory with NaN before it is written, or stops doing so.
pub(crate) fn poison(poison: bool) {
    POISONED.store(poison, Ordering::Relaxed);
}

/// Allows products of matrices to round their factors to TF32 (10 bits of fraction), or forbids it.
pub(crate) fn allow_tf32(allow: bool) {
    set_gemm_reduced_precision_f32(allow);
}

/// Opens a GPU, once.
///
/// # Errors
///
/// [`Error::NoCuda`] if there is none.
pub(crate) fn open(ordinal: usize) -> crate::Result<Device> {
    let mut opened = lock(&OPENED);
    if let Some((_, device, _)) = opened.iter().find(|(of, ..)| *of == ordinal) {
        return Ok(Device::Cuda(device.clone()));
    }
    check(ordinal)?;
    let refuse = |what: &str, error: candle_core::Error| Error::NoCuda {
        reason: format!("GPU {ordinal} {what}: {error}"),
        is_there: true,
    };
    let device = CudaDevice::new_with_stream(ordinal).map_err(|error| refuse("cannot be used", error))?;
    // SAFETY: all work on this device goes to this one stream, in its order, and so do its allocations.
    unsafe { device.disable_event_tracking() };
    keep_memory(&device);
    let load = || -> Result<Cuda> {
        // Candle's kernels, too: those compiled for 9.0 and above are for that architecture alone.
        let used = [
            ("is_u32_f32", &kernels::INDEXING),
            ("const_set_f32", &kernels::FILL),
            ("cast_u8_u32", &kernels::CAST),
            ("badd_f32", &kernels::BINARY),
        ];
        for (kernel, module) in used {
            device.get_or_load_func(kernel, module)?;
        }
        Cuda::new(&device)
    };
    let machine = load().map_err(|error| {
        refuse(&format!("cannot run this program's kernels, which are compiled for {}", capability()), error)
    })?;
    opened.push((ordinal, device.clone(), Gpu::new(machine)));
    Ok(Device::Cuda(device))
}

/// What the kernels and the libraries are for.
pub(crate) fn build() -> String {
    format!("CUDA {}, GPUs of {}", env!("GTN_CUDA_MAJOR"), capability())
}

/// The GPUs that the kernels are compiled for. From 9.0 on Candle compiles its own for one architecture.
fn capability() -> String {
    let (major, minor) = CAPABILITY.split_at(CAPABILITY.len() - 1);
    let newer = if major.len() == 1 && major < "9" { " and newer" } else { "" };
    format!("compute capability {major}.{minor}{newer}")
}

/// Lets free memory of the GPU stay with this process, which wants it again at once; by default each wait for the GPU gives it back.
/// Where that cannot be set it is slower, and nothing else.
fn keep_memory(device: &CudaDevice) {
    let all = u64::MAX;
    // SAFETY: the device is open, its pool is its own, and this attribute is a number of 64 bits.
    let kept = unsafe {
        result::device::get_default_mem_pool(device.cuda_stream().context().cu_device()).and_then(|pool| {
            let threshold = CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
            result::mem_pool::set_attribute(pool, threshold, std::ptr::from_ref(&all).cast_mut().cast())
        })
    };
    if let Err(error) = kept {
        tracing::debug!("free memory goes back to the GPU: {error}");
    }
}

/// The name of a GPU, and what else matters.
pub(crate) fn describe(device: &CudaDevice) -> String {
    let context = device.cuda_stream().context().clone();
    let name = context.name().unwrap_or_else(|_| "NVIDIA GPU".to_owned());
    let tf32 = if gemm_reduced_precision_f32() { ", TF32" } else { "" };
    format!("{name} (cuda:{}{tf32})", context.ordinal())
}

/// Looks for the libraries and the GPU before anybody calls them.
fn check(ordinal: usize) -> crate::Result<()> {
    let refuse = |reason: String, is_there: bool| Err(Error::NoCuda { reason, is_there });
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if let Err(missing) = super::libraries::load() {
        return refuse(missing.reason, missing.has_driver);
    }
    let said = |error: DriverError| format!("the driver says: {error}");
    if let Err(error) = result::init() {
        return refuse(said(error), error.0 != CUresult::CUDA_ERROR_NO_DEVICE);
    }
    match result::device::get_count() {
        Err(error) => refuse(said(error), true),
        Ok(0) => refuse("the driver finds no GPU".to_owned(), false),
        Ok(count) if ordinal >= count as usize => {
            refuse(format!("there is no GPU {ordinal}: the driver finds {count}, counted from 0"), false)
        }
        Ok(_) => Ok(()),
    }
}

/// The machine of a device that was opened here, or elsewhere.
pub(super) fn gpu(device: &CudaDevice) -> crate::Result<Gpu> {
    let mut opened = lock(&OPENED);
    if let Some((.., gpu)) = opened.iter().find(|(_, known, _)| known.same_device(device)) {
        return Ok(gpu.clone());
    }
    let gpu = Gpu::new(Cuda::new(device)?);
    // No ordinal: whoever asks for one gets a device of ours.
    opened.push((usize::MAX, device.clone(), gpu.clone()));
    Ok(gpu)
}

/// A GPU with its kernels.
struct Cuda {
    device: CudaDevice,
    stream: Arc<CudaStream>,
    kernels: HashMap<&'static str, CudaFunction>,
}

impl std::fmt::Debug for Cuda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.device.fmt(f)
    }
}

impl Cuda {
    fn new(device: &CudaDevice) -> Result<Self> {
        let kernel =
            |name: &'static str| Ok((name, device.get_or_load_custom_func(name, MODULE, PTX)?.into_cuda_function()));
        let stream = device.cuda_stream();
        Ok(Self { device: device.clone(), stream, kernels: KERNELS.into_iter().map(kernel).collect::<Result<_>>()? })
    }
}

fn wrap(error: impl std::error::Error + Send + Sync + 'static) -> candle_core::Error {
    candle_core::Error::Cuda(Box::new(error))
}

/// Room on a GPU, whatever it holds.
pub(super) fn empty_storage(device: &CudaDevice, len: usize, dtype: DType) -> Result<CudaStorage> {
    if POISONED.load(Ordering::Relaxed) && dtype == DType::F32 {
        return device.storage_from_slice(&vec![f32::NAN; len]);
    }
    // SAFETY: whoever asks writes it by a kernel or a product before it is read.
    unsafe { device.alloc_uninit(&Shape::from(len), dtype) }
}

/// Where numbers of a GPU lie.
pub(super) fn span_of(storage: &CudaStorage) -> Result<Span<'_>> {
    fn of<'a, T>(slice: &'a impl DevicePtr<T>, stream: &CudaStream, dtype: DType) -> Span<'a> {
        Span::new(slice.device_ptr(stream).0, slice.len(), dtype)
    }
    let stream = storage.device.cuda_stream();
    match &storage.slice {
        CudaStorageSlice::F32(slice) => Ok(of(slice, &stream, DType::F32)),
        CudaStorageSlice::U32(slice) => Ok(of(slice, &stream, DType::U32)),
        CudaStorageSlice::I64(slice) => Ok(of(slice, &stream, DType::I64)),
        _ => candle_core::bail!("no kernel takes numbers of this kind"),
    }
}

impl Machine for Cuda {
    fn device(&self) -> Device {
        Device::Cuda(self.device.clone())
    }

    fn empty(&self, len: usize, dtype: DType) -> Result<Tensor> {
        if POISONED.load(Ordering::Relaxed) && dtype == DType::F32 {
            return Tensor::full(f32::NAN, len, &self.device());
        }
        // SAFETY: whoever asks writes it by a kernel or a product before it is read.
        unsafe { Tensor::empty(len, dtype, &self.device()) }
    }

    fn span<'a>(&self, tensor: &'a Tensor) -> Result<Span<'a>> {
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else {
            candle_core::bail!("a kernel takes tensors of its own device");
        };
        let span = span_of(storage)?;
        // The numbers stay where they are for as long as the tensor lives: nothing makes its storage anew.
        Span::new(span.address, span.len(), tensor.dtype()).within(layout)
    }

    unsafe fn launch(&self, kernel: &'static str, extent: Extent, arguments: &[Argument<'_>]) -> Result<()> {
        let Some(function) = self.kernels.get(kernel) else {
            candle_core::bail!("there is no kernel `{kernel}`");
        };
        let mut builder = self.stream.launch_builder(function);
        for argument in arguments {
            match argument {
                Argument::At(span) => builder.arg(&span.address),
                Argument::Int(number) => builder.arg(number),
                Argument::Long(number) => builder.arg(number),
                Argument::Float(number) => builder.arg(number),
            };
        }
        let ([x, y], [columns, rows]) = (extent.blocks, extent.threads);
        let config = LaunchConfig { grid_dim: (x, y, 1), block_dim: (columns, rows, 1), shared_mem_bytes: 0 };
        // SAFETY: the caller vouches for the arguments.
        unsafe { builder.launch(config) }.map_err(wrap)?;
        Ok(())
    }

    fn multiply(&self, product: &Product<'_>) -> Result<()> {
        let int = |number: usize| i32::try_from(number).map_err(wrap);
        let operation = |transposed: bool| {
            if transposed { sys::cublasOperation_t::CUBLAS_OP_T } else { sys::cublasOperation_t::CUBLAS_OP_N }
        };
        let (rows, inner, columns) = product.sizes();
        if rows == 0 || columns == 0 {
            return Ok(());
        }
        let compute = match (product.precise, gemm_reduced_precision_f32()) {
            // Neither TF32 nor what the environment may allow.
            (true, _) => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_PEDANTIC,
            (false, true) => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
            (false, false) => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
        };
        let (one, beta) = (1.0_f32, if product.add { 1.0_f32 } else { 0.0 });
        let real = sys::cudaDataType_t::CUDA_R_32F;
        self.stream.context().bind_to_thread().map_err(wrap)?;
        // cuBLAS has its matrices column by column, to which ours are transposed: it multiplies the right one by the left.
        // SAFETY: factors and product are as large as their spans, which `Product` has checked.
        unsafe {
            gemm_ex(
                *self.device.cublas_handle().handle(),
                operation(product.right.transposed),
                operation(product.left.transposed),
                int(columns)?,
                int(rows)?,
                int(inner)?,
                std::ptr::from_ref(&one).cast(),
                product.right.numbers.address as *const _,
                real,
                int(product.right.stride())?,
                product.left.numbers.address as *const _,
                real,
                int(product.left.stride())?,
                std::ptr::from_ref(&beta).cast(),
                product.into.address as *mut _,
                real,
                int(columns)?,
                compute,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        }
        .map_err(wrap)
    }
}
