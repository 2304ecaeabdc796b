//! What a GPU is to the rest of this module: memory, kernels, and products of matrices.
#![allow(unsafe_code, reason = "`Machine::launch` is unsafe to call: a kernel is named, and takes addresses")]

use std::fmt::Debug;
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::sync::Arc;

use candle_core::{DType, Device, Layout, Result, Tensor};

/// Numbers in the memory of a machine, for as long as what owns them lives. Kernels read and write them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a> {
    pub(super) address: u64,
    len: usize,
    /// Bytes of a number.
    size: usize,
    owner: PhantomData<&'a ()>,
}

impl<'a> Span<'a> {
    /// `len` numbers of `dtype` at `address`, which an owner with the lifetime `'a` keeps.
    pub(super) fn new(address: u64, len: usize, dtype: DType) -> Self {
        Self { address, len, size: dtype.size_in_bytes(), owner: PhantomData }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Those of a contiguous layout.
    pub(super) fn within(&self, layout: &Layout) -> Result<Span<'a>> {
        match layout.contiguous_offsets() {
            Some((start, end)) => Ok(self.part(start..end)),
            None => candle_core::bail!("a kernel takes contiguous tensors"),
        }
    }

    /// Some of them.
    ///
    /// # Panics
    ///
    /// If there are not as many.
    pub(crate) fn part(&self, range: Range<usize>) -> Span<'a> {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} of {} numbers", self.len);
        Self { address: self.address + (range.start * self.size) as u64, len: range.len(), ..*self }
    }
}

/// What a kernel is called with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Argument<'a> {
    At(Span<'a>),
    Int(i32),
    Long(i64),
    Float(f32),
}

impl<'a> From<Span<'a>> for Argument<'a> {
    fn from(span: Span<'a>) -> Self {
        Argument::At(span)
    }
}

impl From<f32> for Argument<'_> {
    fn from(number: f32) -> Self {
        Argument::Float(number)
    }
}

/// A row-major matrix that is multiplied, as it lies in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factor<'a> {
    pub(super) numbers: Span<'a>,
    rows: usize,
    columns: usize,
    pub(super) transposed: bool,
}

impl<'a> Factor<'a> {
    /// # Panics
    ///
    /// If there are not as many numbers.
    pub(crate) fn new(numbers: Span<'a>, rows: usize, columns: usize) -> Self {
        assert_eq!(numbers.len(), rows * columns, "a matrix of {rows} × {columns}");
        Self { numbers, rows, columns, transposed: false }
    }

    pub(crate) fn transposed(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    /// Rows and columns of the matrix that is multiplied.
    fn shape(&self) -> (usize, usize) {
        if self.transposed { (self.columns, self.rows) } else { (self.rows, self.columns) }
    }

    /// Numbers from one row in memory to the next.
    #[cfg(feature = "cuda")]
    pub(super) fn stride(&self) -> usize {
        self.columns
    }
}

/// The product of two matrices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product<'a> {
    pub(super) left: Factor<'a>,
    pub(super) right: Factor<'a>,
    pub(super) into: Span<'a>,
    /// Whether it is added to what is there.
    pub(super) add: bool,
    /// Whether it is formed in full f32, whatever else is allowed.
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "the host knows no other precision"))]
    pub(super) precise: bool,
}

impl<'a> Product<'a> {
    /// The product of `left` and `right`, row-major.
    ///
    /// # Panics
    ///
    /// If the matrices do not fit each other.
    pub(crate) fn new(into: Span<'a>, left: Factor<'a>, right: Factor<'a>) -> Self {
        let product = Self { left, right, into, add: false, precise: false };
        let (rows, inner, columns) = product.sizes();
        assert_eq!(right.shape().0, inner, "{:?} times {:?}", left.shape(), right.shape());
        assert_eq!(into.len(), rows * columns, "a product of {rows} × {columns}");
        product
    }

    pub(crate) fn added(self, add: bool) -> Self {
        Self { add, ..self }
    }

    pub(crate) fn precise(self) -> Self {
        Self { precise: true, ..self }
    }

    /// Rows, columns of the left factor, columns.
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        let (rows, inner) = self.left.shape();
        (rows, inner, self.right.shape().1)
    }
}

/// How many threads run a kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(super) blocks: [u32; 2],
    pub(super) threads: [u32; 2],
}

/// Where kernels run.
pub(crate) trait Machine: Debug + Send + Sync {
    /// Where tensors of this machine live.
    fn device(&self) -> Device;

    /// Room for numbers, whatever it holds.
    fn empty(&self, len: usize, dtype: DType) -> Result<Tensor>;

    /// Where the numbers of a contiguous tensor of this machine lie.
    fn span<'a>(&self, tensor: &'a Tensor) -> Result<Span<'a>>;

    /// Queues a kernel. Use [`kernels`](super::kernels), which knows what each takes.
    ///
    /// # Safety
    ///
    /// The arguments must be those of the kernel, and their numbers as many as it reads and writes.
    unsafe fn launch(&self, kernel: &'static str, extent: Extent, arguments: &[Argument<'_>]) -> Result<()>;

    /// Queues a product.
    fn multiply(&self, product: &Product<'_>) -> Result<()>;
}

/// A machine that several parts of a network share.
#[derive(Debug, Clone)]
pub(crate) struct Gpu(Arc<dyn Machine>);

impl Deref for Gpu {
    type Target = dyn Machine;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Gpu {
    pub(super) fn new(machine: impl Machine + 'static) -> Self {
        Self(Arc::new(machine))
    }

    /// Room for f32 numbers: `room`, if it is as large, or else new.
    pub(crate) fn fit<'a>(&self, room: &'a mut Option<Tensor>, len: usize) -> Result<Span<'a>> {
        if room.as_ref().is_none_or(|room| room.elem_count() < len) {
            *room = None;
            *room = Some(self.empty(len, DType::F32)?);
        }
        let room = room.as_ref().expect("made above");
        Ok(self.span(room)?.part(0..len))
    }

    /// What was put into room before.
    pub(crate) fn kept<'a>(&self, room: &'a Option<Tensor>, len: usize) -> Result<Span<'a>> {
        match room {
            Some(room) => Ok(self.span(room)?.part(0..len)),
            None => candle_core::bail!("a backward pass without its forward pass"),
        }
    }

    /// Sets room up as [`fit`](Self::fit) does, for several uses at a time.
    pub(crate) fn room(&self, room: &mut Option<Tensor>, len: usize) -> Result<Tensor> {
        self.fit(room, len)?;
        Ok(room.clone().expect("made above"))
    }
}
