//! The kernels on the host, for tests: compiled by a C++ compiler, the threads of a block in turns.
#![allow(unsafe_code, reason = "kernels are C++ that is called with addresses; tests run them under valgrind")]

use std::ffi::{CString, c_char, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor};

use super::machine::{Argument, Extent, Machine, Product, Span};
use crate::ops::gemm::{Matrix, MatrixMut, Threads, Write, multiply};

unsafe extern "C" {
    fn gtn_emulated_launch(
        name: *const c_char,
        blocks: *const u32,
        threads: *const u32,
        arguments: *mut *mut c_void,
        backwards: bool,
    ) -> bool;
}

/// The host as a GPU. Its tensors are those of the CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Host;

/// Whether the next kernel runs its threads in the reverse order: every other one does, and none may depend on it.
static BACKWARDS: AtomicBool = AtomicBool::new(false);

/// Where numbers of the CPU lie.
pub(super) fn span_of(storage: &CpuStorage) -> Result<Span<'_>> {
    let (address, len, dtype) = match storage {
        CpuStorage::F32(values) => (values.as_ptr() as u64, values.len(), DType::F32),
        CpuStorage::U32(values) => (values.as_ptr() as u64, values.len(), DType::U32),
        CpuStorage::I64(values) => (values.as_ptr() as u64, values.len(), DType::I64),
        _ => candle_core::bail!("no kernel takes numbers of this kind"),
    };
    Ok(Span::new(address, len, dtype))
}

impl Machine for Host {
    fn device(&self) -> Device {
        Device::Cpu
    }

    fn empty(&self, len: usize, dtype: DType) -> Result<Tensor> {
        // What a kernel forgets to write shows.
        Tensor::full(f32::NAN, len, &Device::Cpu)?.to_dtype(dtype)
    }

    fn span<'a>(&self, tensor: &'a Tensor) -> Result<Span<'a>> {
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            candle_core::bail!("a kernel takes tensors of its own machine");
        };
        let span = span_of(storage)?;
        // The numbers stay where they are for as long as the tensor lives: nothing makes its storage anew.
        Span::new(span.address, span.len(), tensor.dtype()).within(layout)
    }

    unsafe fn launch(&self, kernel: &'static str, extent: Extent, arguments: &[Argument<'_>]) -> Result<()> {
        let mut addresses: Vec<*mut c_void> = arguments
            .iter()
            .map(|argument| match argument {
                Argument::At(span) => std::ptr::from_ref(&span.address).cast_mut().cast(),
                Argument::Int(number) => std::ptr::from_ref(number).cast_mut().cast(),
                Argument::Long(number) => std::ptr::from_ref(number).cast_mut().cast(),
                Argument::Float(number) => std::ptr::from_ref(number).cast_mut().cast(),
            })
            .collect();
        let name = CString::new(kernel).expect("names of kernels have no zeros");
        let backwards = BACKWARDS.fetch_xor(true, Ordering::Relaxed);
        // SAFETY: the kernel reads its arguments through these pointers, and memory as the caller vouches for.
        let known = unsafe {
            gtn_emulated_launch(
                name.as_ptr(),
                extent.blocks.as_ptr(),
                extent.threads.as_ptr(),
                addresses.as_mut_ptr(),
                backwards,
            )
        };
        if known { Ok(()) } else { candle_core::bail!("there is no kernel `{kernel}`") }
    }

    fn multiply(&self, product: &Product<'_>) -> Result<()> {
        let (rows, inner, columns) = product.sizes();
        // SAFETY: a span is as long as it says, and its owner keeps it; no other thread knows of these tensors, and what is
        // written is none of the factors.
        let (left, right, into) = unsafe {
            (
                std::slice::from_raw_parts(product.left.numbers.address as *const f32, rows * inner),
                std::slice::from_raw_parts(product.right.numbers.address as *const f32, inner * columns),
                std::slice::from_raw_parts_mut(product.into.address as *mut f32, rows * columns),
            )
        };
        let matrix = |numbers, (rows, columns): (usize, usize), transposed| {
            if transposed {
                Matrix::of_rows(numbers, columns, rows).transposed()
            } else {
                Matrix::of_rows(numbers, rows, columns)
            }
        };
        let write = if product.add { Write::Add } else { Write::Set };
        multiply(
            MatrixMut::of_rows(into, rows, columns),
            write,
            matrix(left, (rows, inner), product.left.transposed),
            matrix(right, (inner, columns), product.right.transposed),
            Threads::All,
        );
        Ok(())
    }
}
