//! The names of parameters in PyTorch, beside those of this crate: those of the authors' code, and for what it does not have
//! those that a module there would use.

use gtn_run::config::CoordinateSystem;

use crate::autoencoder::{INNER_CHANNELS, OUTER_CHANNELS};
use crate::coordinates::{FACTORS, MEANS, WEIGHTS};
use crate::ops::KERNEL;
use crate::{AutoencoderShape, MlpShape, ResidualShape};

/// What the names of ĥ start with in a file with both networks.
pub(super) const H_PREFIX: &str = "h.";
/// What the names of the autoencoder start with in a file with both networks.
pub(super) const AUTOENCODER_PREFIX: &str = "autoencoder.";
/// The output layer of ĥ for CelebA and 11K Hands. For MNIST it is the last of the numbered layers.
pub(super) const OUTPUT: &str = "fc_out";
/// The mean of the targets of ĥ, if they were normalized. The authors' code has none.
pub(super) const MEAN: &str = "mean";
/// Their standard deviation.
pub(super) const STD: &str = "std";
/// The first layer of a residual ĥ. The authors' code has none.
pub(super) const RESIDUAL_INPUT: &str = "fc_in";
/// What the names of the components of the source start with. The authors' code has none.
pub(super) const COMPONENTS: &str = "components.";
/// The parts of a BatchNorm layer.
pub(super) const NORM_PARTS: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

/// A parameter under both names, with its shape.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) torch: String,
    pub(super) gtn: String,
    pub(super) shape: Vec<usize>,
}

/// A hidden linear layer of ĥ, counted from 0.
pub(super) fn linear(layer: usize) -> String {
    format!("fc{}", layer + 1)
}

/// The BatchNorm of a hidden layer, counted from 0.
pub(super) fn norm(layer: usize) -> String {
    format!("bn{}", layer + 1)
}

/// The parameters of ĥ, with the output layer under the name `output`.
pub(super) fn of_h(shape: &MlpShape, output: &str) -> Vec<Name> {
    let mut names = Vec::new();
    let mut add = |torch: String, gtn: String, shape: &[usize]| names.push(Name { torch, gtn, shape: shape.to_vec() });
    let mut input = shape.input;
    for layer in 0..shape.hidden_layers {
        let (torch, gtn) = (linear(layer), format!("hidden.{layer:03}"));
        add(format!("{torch}.weight"), format!("{gtn}.linear.weight"), &[shape.width, input]);
        add(format!("{torch}.bias"), format!("{gtn}.linear.bias"), &[shape.width]);
        if layer < shape.batch_norm_layers {
            for part in NORM_PARTS {
                add(format!("{}.{part}", norm(layer)), format!("{gtn}.norm.{part}"), &[shape.width]);
            }
        }
        input = shape.width;
    }
    add(format!("{output}.weight"), "output.weight".to_owned(), &[shape.output, input]);
    add(format!("{output}.bias"), "output.bias".to_owned(), &[shape.output]);
    names
}

/// The LayerNorm of a residual block, counted from 0.
pub(super) fn block_norm(block: usize) -> String {
    format!("blocks.{block}.norm")
}

/// The parameters of a residual ĥ.
pub(super) fn of_residual(shape: &ResidualShape) -> Vec<Name> {
    let &ResidualShape { dim, condition, width, blocks, .. } = shape;
    let mut names = Vec::new();
    let mut add = |torch: &str, gtn: &str, weight: &[usize]| {
        // Of a LayerNorm, weight and bias have the same shape.
        for (part, shape) in [("weight", weight), ("bias", &weight[..1])] {
            names.push(Name { torch: format!("{torch}.{part}"), gtn: format!("{gtn}.{part}"), shape: shape.to_vec() });
        }
    };
    add(RESIDUAL_INPUT, "input", &[width, dim + condition]);
    for block in 0..blocks {
        let gtn = format!("block.{block:03}");
        add(&block_norm(block), &format!("{gtn}.norm"), &[width]);
        add(&format!("blocks.{block}.fc1"), &format!("{gtn}.linear1"), &[width, width + condition]);
        add(&format!("blocks.{block}.fc2"), &format!("{gtn}.linear2"), &[width, width]);
    }
    add("norm", "norm", &[width]);
    add(OUTPUT, "output", &[dim, width]);
    names
}

/// The arrays of `count` components in `dim` dimensions, the means first. The coordinates are part of the names, so that a state
/// dict, which has no metadata, says how ĥ is used.
pub(super) fn of_components(system: CoordinateSystem, count: usize, dim: usize) -> [Name; 3] {
    [(MEANS, vec![count, dim]), (WEIGHTS, vec![count]), (FACTORS, vec![count, dim, dim])].map(|(array, shape)| Name {
        torch: format!("{COMPONENTS}{system}.{array}"),
        gtn: array.to_owned(),
        shape,
    })
}

/// The parameters of an autoencoder. The decoder applies its second transposed convolution first.
pub(super) fn of_autoencoder(shape: &AutoencoderShape) -> Vec<Name> {
    let (flat, dim, channels) = (shape.flat_len(), shape.dim, shape.channels);
    let outer = vec![OUTER_CHANNELS, channels, KERNEL, KERNEL];
    let inner = vec![INNER_CHANNELS, OUTER_CHANNELS, KERNEL, KERNEL];
    [
        ("encoder.conv1", "encoder.conv1", outer.clone(), OUTER_CHANNELS),
        ("encoder.conv2", "encoder.conv2", inner.clone(), INNER_CHANNELS),
        ("encoder.fc", "encoder.linear", vec![dim, flat], dim),
        ("decoder.fc", "decoder.linear", vec![flat, dim], flat),
        ("decoder.conv2", "decoder.deconv1", inner, OUTER_CHANNELS),
        ("decoder.conv1", "decoder.deconv2", outer, channels),
    ]
    .into_iter()
    .flat_map(|(torch, gtn, weight, bias)| {
        [("weight", weight), ("bias", vec![bias])].map(|(part, shape)| Name {
            torch: format!("{torch}.{part}"),
            gtn: format!("{gtn}.{part}"),
            shape,
        })
    })
    .collect()
}
