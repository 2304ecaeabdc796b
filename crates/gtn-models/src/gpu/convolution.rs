//! The convolutions of encoder and decoder: each a product for the whole batch, with patches taken or laid.

use candle_core::Result;

use super::kernels::{Images, Then};
use super::linear::Place;
use super::machine::{Factor, Gpu, Product, Span};
use crate::ops::{Grid, Linear};

/// A convolution between two grids, for a batch of images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Convolution<'a> {
    pub(super) layer: &'a Linear,
    pub(super) grid: &'a Grid,
    pub(super) n: usize,
}

impl Convolution<'_> {
    /// Coarse pixels of the batch.
    fn columns(&self) -> usize {
        self.n * self.grid.pixels()
    }

    /// Numbers of the patches of the batch.
    pub(super) fn patches_len(&self) -> usize {
        self.grid.patch() * self.columns()
    }

    /// The weights as a matrix: (coarse, patch).
    fn kernel(&self, gpu: &Gpu) -> Result<Factor<'_>> {
        Ok(Factor::new(gpu.span(self.layer.weight.tensor())?, self.grid.coarse, self.grid.patch()))
    }

    fn coarse<'a>(&self, numbers: Span<'a>) -> Factor<'a> {
        Factor::new(numbers, self.grid.coarse, self.columns())
    }

    fn patches<'a>(&self, numbers: Span<'a>) -> Factor<'a> {
        Factor::new(numbers, self.grid.patch(), self.columns())
    }

    /// From the fine images to the coarse ones, (channel, image, y, x); the patches stay in `patches`.
    pub(super) fn narrow(
        &self,
        gpu: &Gpu,
        (fine, images): (Span<'_>, Images),
        patches: Span<'_>,
        coarse: Span<'_>,
    ) -> Result<()> {
        gpu.take_patches(self.grid, images, fine, patches)?;
        gpu.multiply(&Product::new(coarse, self.kernel(gpu)?, self.patches(patches)))
    }

    /// From coarse images, (channel, image, y, x), to fine ones, by way of `patches`.
    pub(super) fn widen(
        &self,
        gpu: &Gpu,
        coarse: Span<'_>,
        patches: Span<'_>,
        (fine, images): (Span<'_>, Images),
        then: Then<'_>,
    ) -> Result<()> {
        gpu.multiply(&Product::new(patches, self.kernel(gpu)?.transposed(), self.coarse(coarse)))?;
        gpu.lay_patches(self.grid, images, patches, then, fine)
    }

    /// Leaves the gradient of the weights, from coarse images and the patches of fine ones, one of them a gradient.
    pub(super) fn weight_gradient(&self, gpu: &Gpu, coarse: Span<'_>, patches: Span<'_>) -> Result<()> {
        let place = Place::of(gpu, &self.layer.weight)?;
        place.put(gpu, self.coarse(coarse), self.patches(patches).transposed())
    }

    /// Leaves the gradient of the bias, from the gradient of images with their channels first.
    pub(super) fn bias_gradient(&self, gpu: &Gpu, d: Span<'_>) -> Result<()> {
        gpu.row_sums(d, Place::of(gpu, &self.layer.bias)?.sum(gpu)?)
    }
}
