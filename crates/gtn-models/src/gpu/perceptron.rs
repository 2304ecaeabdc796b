//! ĥ forward and backward: products, and between them one kernel a layer.

use candle_core::{Result, Tensor};

use super::kernels::{NormSpans, Rows, Sum};
use super::linear::Place;
use super::machine::{Gpu, Span};
use super::part::{Batch, GpuPart};
use crate::ops::{Norm, Perceptron};

/// What a forward pass keeps of one hidden layer.
#[derive(Debug, Default)]
struct LayerKept {
    /// The input of the activation.
    a: Option<Tensor>,
    /// The output of the layer.
    y: Option<Tensor>,
    /// Mean and inverse deviation of each column.
    statistics: Option<Tensor>,
}

/// What a forward pass keeps of all hidden layers.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    layers: Vec<LayerKept>,
    /// Gradients on their way down, or layers that nothing is learned from.
    down: [Option<Tensor>; 2],
}

impl Norm {
    fn spans<'a>(&'a self, gpu: &Gpu) -> Result<NormSpans<'a>> {
        Ok(NormSpans {
            gamma: gpu.span(self.gamma.tensor())?,
            beta: gpu.span(self.beta.tensor())?,
            mean: gpu.span(self.mean.as_tensor())?,
            variance: gpu.span(self.variance.as_tensor())?,
        })
    }
}

/// The output of the layers before one, or the input of all.
fn before<'a>(gpu: &Gpu, layers: &'a [LayerKept], x: Span<'a>, len: usize) -> Result<Span<'a>> {
    match layers.last().and_then(|layer| layer.y.as_ref()) {
        Some(y) => Ok(gpu.span(y)?.part(0..len)),
        None => Ok(x),
    }
}

impl Perceptron {
    /// Units of the widest hidden layer.
    fn widest(&self) -> Result<usize> {
        let widths = self.hidden.iter().map(|layer| Ok(layer.linear.size()?.0));
        Ok(widths.collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or_default())
    }
}

impl GpuPart for Perceptron {
    type Kept = Kept;

    const EVALUATED: usize = 8192;

    fn forward_on(&self, gpu: &Gpu, x: Span<'_>, n: usize, y: Span<'_>, kept: &mut Kept) -> Result<()> {
        kept.layers.resize_with(self.hidden.len(), LayerKept::default);
        for (index, layer) in self.hidden.iter().enumerate() {
            let (lower, rest) = kept.layers.split_at_mut(index);
            let LayerKept { a, y, statistics } = &mut rest[0];
            let (width, input) = layer.linear.size()?;
            let rows = Rows { n, width };
            let (a, y) = (gpu.fit(a, n * width)?, gpu.fit(y, n * width)?);
            layer.linear.product_on(gpu, before(gpu, lower, x, n * input)?, n, a)?;
            let bias = gpu.span(layer.linear.bias.tensor())?;
            match &layer.norm {
                None => gpu.leaky_forward(rows, self.slope, (a, bias), y)?,
                Some(norm) => {
                    let statistics = gpu.fit(statistics, 2 * width)?;
                    gpu.norm_forward(rows, self.slope, (a, bias), norm.spans(gpu)?, (y, statistics))?;
                }
            }
        }
        let input = self.output.size()?.1;
        self.output.forward_on(gpu, before(gpu, &kept.layers, x, n * input)?, n, y)
    }

    fn evaluate_on(&self, gpu: &Gpu, x: Span<'_>, n: usize, y: Span<'_>, kept: &mut Kept) -> Result<()> {
        let widest = self.widest()?;
        let [one, other] = kept.down.each_mut().map(|room| gpu.room(room, n * widest));
        let (one, other) = (one?, other?);
        let (mut now, mut next) = (gpu.span(&one)?, gpu.span(&other)?);
        for (index, layer) in self.hidden.iter().enumerate() {
            let (width, input) = layer.linear.size()?;
            let a = next.part(0..n * width);
            layer.linear.product_on(gpu, if index == 0 { x } else { now.part(0..n * input) }, n, a)?;
            let bias = gpu.span(layer.linear.bias.tensor())?;
            let rows = Rows { n, width };
            match &layer.norm {
                None => gpu.leaky_forward(rows, self.slope, (a, bias), a)?,
                Some(norm) => gpu.norm_evaluate(rows, self.slope, (a, bias), norm.spans(gpu)?)?,
            }
            std::mem::swap(&mut now, &mut next);
        }
        let input = self.output.size()?.1;
        self.output.forward_on(gpu, if self.hidden.is_empty() { x } else { now.part(0..n * input) }, n, y)
    }

    fn backward_on(&self, gpu: &Gpu, batch: Batch<'_>, kept: &mut Kept, dx: Option<Span<'_>>) -> Result<()> {
        let Batch { n, x, dy, .. } = batch;
        let Kept { layers, down } = kept;
        self.output.bias_gradient_on(gpu, n, dy)?;
        let input = self.output.size()?.1;
        self.output.weight_gradient_on(gpu, before(gpu, layers, x, n * input)?, n, dy)?;
        if self.hidden.is_empty() {
            return dx.map_or(Ok(()), |dx| self.output.input_gradient_on(gpu, n, dy, dx));
        }
        let widest = self.widest()?;
        let [one, other] = down.each_mut().map(|room| gpu.room(room, n * widest));
        let (one, other) = (one?, other?);
        let (mut now, mut next) = (gpu.span(&one)?, gpu.span(&other)?);
        self.output.input_gradient_on(gpu, n, dy, now.part(0..n * input))?;
        for (index, layer) in self.hidden.iter().enumerate().rev() {
            let (lower, LayerKept { a, statistics, .. }) = (&layers[..index], &layers[index]);
            let (width, input) = layer.linear.size()?;
            let (rows, d) = (Rows { n, width }, now.part(0..n * width));
            let a = gpu.kept(a, n * width)?;
            let of_bias = Place::of(gpu, &layer.linear.bias)?;
            match &layer.norm {
                None => gpu.leaky_backward(rows, self.slope, (d, a), of_bias.sum(gpu)?)?,
                Some(norm) => {
                    let (of_gamma, of_beta) = (Place::of(gpu, &norm.gamma)?, Place::of(gpu, &norm.beta)?);
                    let sums: [Sum<'_>; 3] = [of_gamma.sum(gpu)?, of_beta.sum(gpu)?, of_bias.sum(gpu)?];
                    let statistics = gpu.kept(statistics, 2 * width)?;
                    let gamma = gpu.span(norm.gamma.tensor())?;
                    gpu.norm_backward(rows, self.slope, (d, a), (gamma, statistics), sums)?;
                }
            }
            layer.linear.weight_gradient_on(gpu, before(gpu, lower, x, n * input)?, n, d)?;
            let below = if index == 0 { dx } else { Some(next.part(0..n * input)) };
            if let Some(below) = below {
                layer.linear.input_gradient_on(gpu, n, d, below)?;
            }
            std::mem::swap(&mut now, &mut next);
        }
        Ok(())
    }
}
