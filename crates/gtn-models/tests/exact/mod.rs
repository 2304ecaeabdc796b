//! The networks written out in f64, and finite differences of a loss along random directions.

use gtn_models::{AutoencoderShape, MlpShape, NamedArrays, ResidualShape, Streams};
use ndarray::{Array1, Array2, Array4, ArrayD, Axis, Ix1, Ix2, Ix4, concatenate, s};

/// Weights by name, in f64.
pub(crate) struct Weights(std::collections::BTreeMap<String, ArrayD<f64>>);

impl Weights {
    fn vector(&self, name: &str) -> Array1<f64> {
        self.0[name].clone().into_dimensionality::<Ix1>().unwrap()
    }

    fn matrix(&self, name: &str) -> Array2<f64> {
        self.0[name].clone().into_dimensionality::<Ix2>().unwrap()
    }

    fn kernel(&self, name: &str) -> Array4<f64> {
        self.0[name].clone().into_dimensionality::<Ix4>().unwrap()
    }

    fn linear(&self, name: &str, x: &Array2<f64>) -> Array2<f64> {
        x.dot(&self.matrix(&format!("{name}.weight")).t()) + self.vector(&format!("{name}.bias"))
    }
}

/// The output of ĥ in training mode.
pub(crate) fn perceptron(weights: &Weights, shape: &MlpShape, x: &ArrayD<f32>) -> ArrayD<f64> {
    let mut x = x.mapv(f64::from).into_dimensionality::<Ix2>().unwrap();
    for layer in 0..shape.hidden_layers {
        x = weights.linear(&format!("hidden.{layer:03}.linear"), &x);
        x.mapv_inplace(|a| if a > 0.0 { a } else { shape.negative_slope * a });
        if layer < shape.batch_norm_layers {
            let name = |part: &str| format!("hidden.{layer:03}.norm.{part}");
            let mean = x.mean_axis(Axis(0)).unwrap();
            let deviation = x.var_axis(Axis(0), 0.0).mapv(|variance| (variance + 1e-5).sqrt());
            x = (x - mean) / deviation * weights.vector(&name("weight")) + weights.vector(&name("bias"));
        }
    }
    weights.linear("output", &x).into_dyn()
}

/// The output of a residual network.
pub(crate) fn residual(weights: &Weights, shape: &ResidualShape, x: &ArrayD<f32>) -> ArrayD<f64> {
    let x = x.mapv(f64::from).into_dimensionality::<Ix2>().unwrap();
    let condition = x.slice(s![.., shape.dim..]);
    let norm = |name: &str, h: &Array2<f64>| {
        let mean = h.mean_axis(Axis(1)).unwrap().insert_axis(Axis(1));
        let deviation = h.var_axis(Axis(1), 0.0).mapv(|variance| (variance + 1e-5).sqrt()).insert_axis(Axis(1));
        (h - &mean) / deviation * weights.vector(&format!("{name}.weight")) + weights.vector(&format!("{name}.bias"))
    };
    let mut h = weights.linear("input", &x);
    for block in 0..shape.blocks {
        let name = |part: &str| format!("block.{block:03}.{part}");
        let a = concatenate![Axis(1), norm(&name("norm"), &h), condition];
        let p = weights.linear(&name("linear1"), &a);
        h = h + weights.linear(&name("linear2"), &p.mapv(|p| p / (1.0 + (-p).exp())));
    }
    let g = weights.linear("output", &norm("norm", &h));
    if shape.adds_input { (g + x.slice(s![.., ..shape.dim])).into_dyn() } else { g.into_dyn() }
}

const PADDING: usize = 1;

/// A convolution with kernel 4, stride 2, padding 1 and a weight of shape (out, in, 4, 4).
fn convolution(weights: &Weights, name: &str, x: &Array4<f64>) -> Array4<f64> {
    let (kernel, bias) = (weights.kernel(&format!("{name}.weight")), weights.vector(&format!("{name}.bias")));
    let (n, channels, side, _) = x.dim();
    Array4::from_shape_fn((n, bias.len(), side / 2, side / 2), |(image, out, y, x0)| {
        let mut sum = bias[out];
        for (c, ky, kx) in kernel_indices(channels) {
            let (row, column) = ((2 * y + ky).wrapping_sub(PADDING), (2 * x0 + kx).wrapping_sub(PADDING));
            if row < side && column < side {
                sum += kernel[[out, c, ky, kx]] * x[[image, c, row, column]];
            }
        }
        sum
    })
}

/// A transposed convolution with kernel 4, stride 2, padding 1 and a weight of shape (in, out, 4, 4).
fn transposed(weights: &Weights, name: &str, x: &Array4<f64>) -> Array4<f64> {
    let (kernel, bias) = (weights.kernel(&format!("{name}.weight")), weights.vector(&format!("{name}.bias")));
    let (n, channels, side, _) = x.dim();
    let mut y = Array4::from_shape_fn((n, bias.len(), 2 * side, 2 * side), |(_, out, _, _)| bias[out]);
    for ((image, c, row, column), value) in x.indexed_iter() {
        debug_assert!(c < channels);
        for (out, ky, kx) in kernel_indices(bias.len()) {
            let (down, along) = ((2 * row + ky).wrapping_sub(PADDING), (2 * column + kx).wrapping_sub(PADDING));
            if down < 2 * side && along < 2 * side {
                y[[image, out, down, along]] += kernel[[c, out, ky, kx]] * value;
            }
        }
    }
    y
}

/// All indices (channel, ky, kx) of a kernel.
fn kernel_indices(channels: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..channels).flat_map(|c| (0..4).flat_map(move |ky| (0..4).map(move |kx| (c, ky, kx))))
}

/// The output of the autoencoder.
pub(crate) fn reconstruction(weights: &Weights, shape: &AutoencoderShape, images: &ArrayD<f32>) -> ArrayD<f64> {
    let images = images.mapv(f64::from).into_dimensionality::<Ix4>().unwrap();
    let (n, quarter) = (images.dim().0, shape.side / 4);
    let relu = |x: Array4<f64>| x.mapv(|x| x.max(0.0));
    let x = relu(convolution(weights, "encoder.conv1", &images));
    let x = relu(convolution(weights, "encoder.conv2", &x));
    let flat = x.into_shape_with_order((n, 128 * quarter * quarter)).unwrap();
    let x = weights.linear("decoder.linear", &weights.linear("encoder.linear", &flat));
    let x = x.into_shape_with_order((n, 128, quarter, quarter)).unwrap();
    let x = relu(transposed(weights, "decoder.deconv1", &x));
    transposed(weights, "decoder.deconv2", &x).mapv(f64::tanh).into_dyn()
}

/// Mean squared error.
pub(crate) fn squared_error(found: &ArrayD<f64>, expected: &ArrayD<f32>) -> f64 {
    (found - &expected.mapv(f64::from)).mapv(|difference| difference * difference).mean().unwrap()
}

/// Compares the gradient of each parameter along a random direction with the central difference of `loss` in f64.
#[track_caller]
pub(crate) fn assert_gradients_match_finite_differences(
    parameters: &NamedArrays,
    gradients: &NamedArrays,
    seed: u64,
    loss: impl Fn(&Weights) -> f64,
) {
    const STEP: f64 = 1e-8;
    let weights = |moved: &str, direction: &ArrayD<f64>, by: f64| {
        let moved = |(name, array): (&String, &ArrayD<f32>)| {
            let array = array.mapv(f64::from);
            (name.clone(), if name == moved { array + direction * by } else { array })
        };
        Weights(parameters.iter().map(moved).collect())
    };
    for (index, (name, gradient)) in gradients.iter().enumerate() {
        let noise = Streams::new(seed).normal("direction", index as u64, 1, gradient.len());
        let direction = noise.mapv(f64::from).into_shape_with_order(gradient.shape().to_vec()).unwrap().into_dyn();
        let [up, down] = [STEP, -STEP].map(|by| loss(&weights(name, &direction, by)));
        let expected = (up - down) / (2.0 * STEP);
        let found = (gradient.mapv(f64::from) * &direction).sum();
        let scale = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        assert!(
            (found - expected).abs() <= 1e-3 * scale + 1e-6,
            "{name}: {found} instead of {expected} (scale {scale})"
        );
    }
}
