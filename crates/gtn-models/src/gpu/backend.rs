//! The interface to a GPU: memory, kernel launches and matrix products.
#![allow(unsafe_code, reason = "`Backend::launch` is unsafe: it takes the name of a kernel and raw addresses")]

use std::fmt::Debug;
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::sync::Arc;

use candle_core::{DType, Device, Layout, Result, Tensor};

/// A contiguous range of values in the memory of a backend, valid as long as their owner lives. Kernels read and write
/// it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeviceSlice<'a> {
    pub(super) address: u64,
    len: usize,
    /// Bytes per value.
    value_size: usize,
    owner: PhantomData<&'a ()>,
}

impl<'a> DeviceSlice<'a> {
    /// `len` values of `dtype` at `address`, which their owner keeps allocated for the lifetime `'a`.
    pub(super) fn new(address: u64, len: usize, dtype: DType) -> Self {
        Self { address, len, value_size: dtype.size_in_bytes(), owner: PhantomData }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The values that a contiguous layout refers to.
    pub(super) fn contiguous(&self, layout: &Layout) -> Result<DeviceSlice<'a>> {
        match layout.contiguous_offsets() {
            Some((start, end)) => Ok(self.slice(start..end)),
            None => candle_core::bail!("GPU kernels need contiguous tensors; call `contiguous()` first"),
        }
    }

    /// A subrange.
    ///
    /// # Panics
    ///
    /// If the range is out of bounds.
    pub(crate) fn slice(&self, range: Range<usize>) -> DeviceSlice<'a> {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "{range:?} is out of bounds for {} values",
            self.len
        );
        Self { address: self.address + (range.start * self.value_size) as u64, len: range.len(), ..*self }
    }
}

/// An argument of a kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KernelArg<'a> {
    Pointer(DeviceSlice<'a>),
    I32(i32),
    I64(i64),
    F32(f32),
}

impl<'a> From<DeviceSlice<'a>> for KernelArg<'a> {
    fn from(slice: DeviceSlice<'a>) -> Self {
        KernelArg::Pointer(slice)
    }
}

impl From<f32> for KernelArg<'_> {
    fn from(value: f32) -> Self {
        KernelArg::F32(value)
    }
}

/// A row-major matrix as an operand of a matrix product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub(super) values: DeviceSlice<'a>,
    rows: usize,
    columns: usize,
    pub(super) transposed: bool,
}

impl<'a> Operand<'a> {
    /// # Panics
    ///
    /// If the number of values is not `rows * columns`.
    pub(crate) fn new(values: DeviceSlice<'a>, rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a matrix of {rows} × {columns}");
        Self { values, rows, columns, transposed: false }
    }

    pub(crate) fn transposed(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    /// Rows and columns, after the transposition if there is one.
    fn shape(&self) -> (usize, usize) {
        if self.transposed { (self.columns, self.rows) } else { (self.rows, self.columns) }
    }

    /// Distance in memory from one row to the next (BLAS's leading dimension).
    #[cfg(feature = "cuda")]
    pub(super) fn row_stride(&self) -> usize {
        self.columns
    }
}

/// A matrix product (BLAS's GEMM).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gemm<'a> {
    pub(super) left: Operand<'a>,
    pub(super) right: Operand<'a>,
    pub(super) output: DeviceSlice<'a>,
    /// Whether to add the product to the output instead of overwriting it.
    pub(super) accumulate: bool,
    /// Whether to compute in full f32 even if TF32 is allowed.
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "the emulated GPU always computes in f32"))]
    pub(super) full_precision: bool,
}

impl<'a> Gemm<'a> {
    /// Writes the product of `left` and `right` to `output`, row-major.
    ///
    /// # Panics
    ///
    /// If the shapes do not match.
    pub(crate) fn new(output: DeviceSlice<'a>, left: Operand<'a>, right: Operand<'a>) -> Self {
        let gemm = Self { left, right, output, accumulate: false, full_precision: false };
        let (rows, inner, columns) = gemm.dims();
        assert_eq!(right.shape().0, inner, "{:?} times {:?}", left.shape(), right.shape());
        assert_eq!(output.len(), rows * columns, "a product of {rows} × {columns}");
        gemm
    }

    pub(crate) fn accumulate(self, accumulate: bool) -> Self {
        Self { accumulate, ..self }
    }

    pub(crate) fn full_precision(self) -> Self {
        Self { full_precision: true, ..self }
    }

    /// Rows of the product, columns of the left operand, columns of the product (BLAS's m, k, n).
    pub(super) fn dims(&self) -> (usize, usize, usize) {
        let (rows, inner) = self.left.shape();
        (rows, inner, self.right.shape().1)
    }
}

/// The launch configuration of a kernel: blocks in the grid and threads in a block, along x and y.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaunchDims {
    pub(super) grid: [u32; 2],
    pub(super) block: [u32; 2],
}

/// Runs kernels and matrix products: CUDA, or the emulated GPU on the host.
pub(crate) trait Backend: Debug + Send + Sync {
    /// The device of this backend's tensors.
    fn device(&self) -> Device;

    /// Uninitialized memory.
    fn empty(&self, len: usize, dtype: DType) -> Result<Tensor>;

    /// The memory of a contiguous tensor of this backend.
    fn slice_of<'a>(&self, tensor: &'a Tensor) -> Result<DeviceSlice<'a>>;

    /// Queues a kernel. The methods in [`kernels`](super::kernels) check the arguments; use them instead.
    ///
    /// # Safety
    ///
    /// The arguments must match the parameters of the kernel, and each slice must hold all the values that the kernel
    /// reads and writes.
    unsafe fn launch(&self, kernel: &'static str, dims: LaunchDims, arguments: &[KernelArg<'_>]) -> Result<()>;

    /// Queues a matrix product.
    fn gemm(&self, gemm: &Gemm<'_>) -> Result<()>;
}

/// A shared handle to a backend.
#[derive(Debug, Clone)]
pub(crate) struct Gpu(Arc<dyn Backend>);

impl Deref for Gpu {
    type Target = dyn Backend;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Gpu {
    pub(super) fn new(backend: impl Backend + 'static) -> Self {
        Self(Arc::new(backend))
    }

    /// The first `len` f32 values of `buffer`, which is reallocated if it is too small. Their contents are unspecified.
    pub(crate) fn reserve<'a>(&self, buffer: &'a mut Option<Tensor>, len: usize) -> Result<DeviceSlice<'a>> {
        if buffer.as_ref().is_none_or(|buffer| buffer.elem_count() < len) {
            *buffer = None;
            *buffer = Some(self.empty(len, DType::F32)?);
        }
        let buffer = buffer.as_ref().expect("allocated above");
        Ok(self.slice_of(buffer)?.slice(0..len))
    }

    /// What the forward pass saved in `buffer`.
    pub(crate) fn saved<'a>(&self, buffer: &'a Option<Tensor>, len: usize) -> Result<DeviceSlice<'a>> {
        match buffer {
            Some(buffer) => Ok(self.slice_of(buffer)?.slice(0..len)),
            None => candle_core::bail!("a backward pass ran without its forward pass"),
        }
    }

    /// Like [`reserve`](Self::reserve), but returns the tensor, so that `buffer` is not borrowed.
    pub(crate) fn reserve_tensor(&self, buffer: &mut Option<Tensor>, len: usize) -> Result<Tensor> {
        self.reserve(buffer, len)?;
        Ok(buffer.clone().expect("allocated above"))
    }
}
