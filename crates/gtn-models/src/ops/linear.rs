//! The linear layer: three products.

use super::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use super::lanes::add;
use super::weight::Weight;

/// Weight and bias of a layer; of a linear one, x Wᵀ + b.
#[derive(Debug)]
pub(crate) struct Linear {
    pub(crate) weight: Weight,
    pub(crate) bias: Weight,
}

impl Linear {
    /// (out, in).
    pub(crate) fn size(&self) -> candle_core::Result<(usize, usize)> {
        self.weight.tensor().dims2()
    }

    /// x Wᵀ + b.
    pub(crate) fn forward(&self, x: &[f32], n: usize) -> candle_core::Result<Vec<f32>> {
        let (output, _) = self.size()?;
        let mut y = vec![0.0; n * output];
        self.product(x, n, &mut y)?;
        let bias = self.bias.read()?;
        y.chunks_exact_mut(output).for_each(|row| add(row, &bias));
        Ok(y)
    }

    /// x Wᵀ into `y`, without the bias.
    pub(crate) fn product(&self, x: &[f32], n: usize, y: &mut [f32]) -> candle_core::Result<()> {
        let (output, input) = self.size()?;
        let weight = self.weight.read()?;
        let (x, w) = (Matrix::of_rows(x, n, input), Matrix::of_rows(&weight, output, input).transposed());
        multiply(MatrixMut::of_rows(y, n, output), Write::Set, x, w, Threads::All);
        Ok(())
    }

    /// Leaves the gradient of the weight: dyᵀ x.
    pub(crate) fn weight_gradient(&self, x: &[f32], n: usize, dy: &[f32]) -> candle_core::Result<()> {
        let (output, input) = self.size()?;
        let mut gradient = self.weight.gradient();
        let (dw, write) = gradient.fill(output * input);
        let (dy, x) = (Matrix::of_rows(dy, n, output).transposed(), Matrix::of_rows(x, n, input));
        multiply(MatrixMut::of_rows(dw, output, input), write, dy, x, Threads::All);
        Ok(())
    }

    /// The gradient of the input: dy W.
    pub(crate) fn input_gradient(&self, n: usize, dy: &[f32], dx: &mut [f32]) -> candle_core::Result<()> {
        let (output, input) = self.size()?;
        let weight = self.weight.read()?;
        let (dy, w) = (Matrix::of_rows(dy, n, output), Matrix::of_rows(&weight, output, input));
        multiply(MatrixMut::of_rows(dx, n, input), Write::Set, dy, w, Threads::All);
        Ok(())
    }
}
