//! The emulated GPU, for tests: a C++ compiler compiles the kernels for the host, where the threads of a block take
//! turns.
#![allow(unsafe_code, reason = "the kernels are C++ functions that take raw addresses; valgrind can check the tests")]

use std::ffi::{CString, c_char, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor};

use super::backend::{Backend, DeviceSlice, Gemm, KernelArg, LaunchDims};
use crate::ops::gemm::{Matrix, MatrixMut, Threads, Write, multiply};

unsafe extern "C" {
    fn gtn_emulated_launch(
        name: *const c_char,
        grid: *const u32,
        block: *const u32,
        arguments: *mut *mut c_void,
        reversed: bool,
    ) -> bool;
}

/// A GPU emulated on the host. Its tensors are on the CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EmulatedGpu;

/// Whether the next kernel runs its threads in descending order. Launches alternate, since no result may depend on the
/// order.
static REVERSED: AtomicBool = AtomicBool::new(false);

/// The memory of a storage.
pub(super) fn storage_slice(storage: &CpuStorage) -> Result<DeviceSlice<'_>> {
    let (address, len, dtype) = match storage {
        CpuStorage::F32(values) => (values.as_ptr() as u64, values.len(), DType::F32),
        CpuStorage::U32(values) => (values.as_ptr() as u64, values.len(), DType::U32),
        CpuStorage::I64(values) => (values.as_ptr() as u64, values.len(), DType::I64),
        _ => candle_core::bail!("GPU kernels take f32, u32 or i64 tensors; convert with `to_dtype` first"),
    };
    Ok(DeviceSlice::new(address, len, dtype))
}

impl Backend for EmulatedGpu {
    fn device(&self) -> Device {
        Device::Cpu
    }

    fn empty(&self, len: usize, dtype: DType) -> Result<Tensor> {
        // NaN reveals values that a kernel fails to write.
        Tensor::full(f32::NAN, len, &Device::Cpu)?.to_dtype(dtype)
    }

    fn slice_of<'a>(&self, tensor: &'a Tensor) -> Result<DeviceSlice<'a>> {
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            candle_core::bail!("the emulated GPU takes tensors on the CPU; move the tensor to the CPU");
        };
        let slice = storage_slice(storage)?;
        // The address is valid as long as the tensor lives: nothing reallocates its storage.
        DeviceSlice::new(slice.address, slice.len(), tensor.dtype()).contiguous(layout)
    }

    unsafe fn launch(&self, kernel: &'static str, dims: LaunchDims, arguments: &[KernelArg<'_>]) -> Result<()> {
        let mut addresses: Vec<*mut c_void> = arguments
            .iter()
            .map(|argument| match argument {
                KernelArg::Pointer(slice) => std::ptr::from_ref(&slice.address).cast_mut().cast(),
                KernelArg::I32(value) => std::ptr::from_ref(value).cast_mut().cast(),
                KernelArg::I64(value) => std::ptr::from_ref(value).cast_mut().cast(),
                KernelArg::F32(value) => std::ptr::from_ref(value).cast_mut().cast(),
            })
            .collect();
        let name = CString::new(kernel).expect("kernel names contain no NUL bytes");
        let reversed = REVERSED.fetch_xor(true, Ordering::Relaxed);
        // SAFETY: the kernel reads its arguments through these pointers, and the caller guarantees that the arguments
        // are valid.
        let exists = unsafe {
            gtn_emulated_launch(
                name.as_ptr(),
                dims.grid.as_ptr(),
                dims.block.as_ptr(),
                addresses.as_mut_ptr(),
                reversed,
            )
        };
        if exists { Ok(()) } else { candle_core::bail!("there is no kernel `{kernel}` in kernels.cu") }
    }

    fn gemm(&self, gemm: &Gemm<'_>) -> Result<()> {
        let (rows, inner, columns) = gemm.dims();
        // SAFETY: `Gemm` has checked the lengths, and the slices keep their owners borrowed. No other thread uses these
        // tensors, and the output is not one of the operands.
        let (left, right, output) = unsafe {
            (
                std::slice::from_raw_parts(gemm.left.values.address as *const f32, rows * inner),
                std::slice::from_raw_parts(gemm.right.values.address as *const f32, inner * columns),
                std::slice::from_raw_parts_mut(gemm.output.address as *mut f32, rows * columns),
            )
        };
        let matrix = |values, (rows, columns): (usize, usize), transposed| {
            if transposed {
                Matrix::row_major(values, columns, rows).transposed()
            } else {
                Matrix::row_major(values, rows, columns)
            }
        };
        let write = if gemm.accumulate { Write::Add } else { Write::Set };
        multiply(
            MatrixMut::row_major(output, rows, columns),
            write,
            matrix(left, (rows, inner), gemm.left.transposed),
            matrix(right, (inner, columns), gemm.right.transposed),
            Threads::All,
        );
        Ok(())
    }
}
