//! The linear layer: three matrix products.

use candle_core::Result;

use super::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use super::simd::{add, column_sums};
use super::weight::Weight;

/// Weight and bias of a layer. As a linear layer it is x Wᵀ + b, with a weight of shape (out, in).
#[derive(Debug)]
pub(crate) struct Linear {
    pub(crate) weight: Weight,
    pub(crate) bias: Weight,
}

impl Linear {
    /// Output and input size of a linear layer.
    pub(crate) fn size(&self) -> Result<(usize, usize)> {
        self.weight.tensor().dims2()
    }

    /// x Wᵀ + b.
    pub(crate) fn forward(&self, x: &[f32], n: usize) -> Result<Vec<f32>> {
        let (output, _) = self.size()?;
        let mut y = vec![0.0; n * output];
        self.product(x, n, &mut y)?;
        let bias = self.bias.read()?;
        y.chunks_exact_mut(output).for_each(|row| add(row, &bias));
        Ok(y)
    }

    /// Writes x Wᵀ to `y`, without the bias.
    pub(crate) fn product(&self, x: &[f32], n: usize, y: &mut [f32]) -> Result<()> {
        let (output, input) = self.size()?;
        let weight = self.weight.read()?;
        let (x, w) = (Matrix::row_major(x, n, input), Matrix::row_major(&weight, output, input).transposed());
        multiply(MatrixMut::row_major(y, n, output), Write::Set, x, w, Threads::All);
        Ok(())
    }

    /// Stores or adds the gradients of the bias and of the weight in their buffers.
    pub(crate) fn parameter_gradients(&self, x: &[f32], n: usize, dy: &[f32]) -> Result<()> {
        self.bias.gradient().accumulate(column_sums(dy, self.size()?.0).into_iter());
        self.weight_gradient(x, n, dy)
    }

    /// Stores or adds the gradient of the weight, dyᵀ x, in its buffer.
    pub(crate) fn weight_gradient(&self, x: &[f32], n: usize, dy: &[f32]) -> Result<()> {
        let (output, input) = self.size()?;
        let mut gradient = self.weight.gradient();
        let (dw, write) = gradient.buffer(output * input);
        let (dy, x) = (Matrix::row_major(dy, n, output).transposed(), Matrix::row_major(x, n, input));
        multiply(MatrixMut::row_major(dw, output, input), write, dy, x, Threads::All);
        Ok(())
    }

    /// Writes the gradient of the input, dy W, to `dx`, which is resized.
    pub(crate) fn input_gradient(&self, n: usize, dy: &[f32], dx: &mut Vec<f32>) -> Result<()> {
        let (output, input) = self.size()?;
        let weight = self.weight.read()?;
        dx.resize(n * input, 0.0);
        let (dy, w) = (Matrix::row_major(dy, n, output), Matrix::row_major(&weight, output, input));
        multiply(MatrixMut::row_major(dx, n, input), Write::Set, dy, w, Threads::All);
        Ok(())
    }
}
