//! The linear layer: three products.

use candle_core::{Result, Tensor};

use super::kernels::{Rows, Sum};
use super::machine::{Factor, Gpu, Product, Span};
use crate::ops::{Linear, Weight};

/// The place for the gradient of a weight, with what is to be done with what it holds.
#[derive(Debug)]
pub(super) struct Place {
    numbers: Tensor,
    add: bool,
}

impl Place {
    /// The place for the next gradient of this weight.
    pub(super) fn of(gpu: &Gpu, weight: &Weight) -> Result<Self> {
        let (numbers, add) = weight.gradient().fill_on(gpu, weight.tensor().elem_count())?;
        Ok(Self { numbers, add })
    }

    pub(super) fn sum(&self, gpu: &Gpu) -> Result<Sum<'_>> {
        Ok(Sum { place: gpu.span(&self.numbers)?, add: self.add })
    }

    /// Puts a product there.
    pub(super) fn put(&self, gpu: &Gpu, left: Factor<'_>, right: Factor<'_>) -> Result<()> {
        gpu.multiply(&Product::new(gpu.span(&self.numbers)?, left, right).added(self.add))
    }
}

impl Linear {
    /// x Wᵀ into `y`, without the bias.
    pub(super) fn product_on(&self, gpu: &Gpu, x: Span<'_>, n: usize, y: Span<'_>) -> Result<()> {
        let (output, input) = self.size()?;
        let weight = Factor::new(gpu.span(self.weight.tensor())?, output, input);
        gpu.multiply(&Product::new(y, Factor::new(x, n, input), weight.transposed()))
    }

    /// x Wᵀ + b into `y`.
    pub(super) fn forward_on(&self, gpu: &Gpu, x: Span<'_>, n: usize, y: Span<'_>) -> Result<()> {
        self.product_on(gpu, x, n, y)?;
        gpu.add_bias(Rows { n, width: self.size()?.0 }, y, gpu.span(self.bias.tensor())?)
    }

    /// Leaves the gradient of the weight: dyᵀ x.
    pub(super) fn weight_gradient_on(&self, gpu: &Gpu, x: Span<'_>, n: usize, dy: Span<'_>) -> Result<()> {
        let (output, input) = self.size()?;
        let (dy, x) = (Factor::new(dy, n, output).transposed(), Factor::new(x, n, input));
        Place::of(gpu, &self.weight)?.put(gpu, dy, x)
    }

    /// Leaves the gradient of the bias: the sums of dy.
    pub(super) fn bias_gradient_on(&self, gpu: &Gpu, n: usize, dy: Span<'_>) -> Result<()> {
        let place = Place::of(gpu, &self.bias)?;
        gpu.column_sums(Rows { n, width: self.size()?.0 }, dy, place.sum(gpu)?)
    }

    /// The gradient of the input: dy W.
    pub(super) fn input_gradient_on(&self, gpu: &Gpu, n: usize, dy: Span<'_>, dx: Span<'_>) -> Result<()> {
        let (output, input) = self.size()?;
        let weight = Factor::new(gpu.span(self.weight.tensor())?, output, input);
        gpu.multiply(&Product::new(dx, Factor::new(dy, n, output), weight))
    }
}
