//! The weights of InceptionV3 from PyTorch's tensors.

use std::collections::BTreeSet;

use ndarray::ArrayD;

use super::architecture::{Block, Convolution, FEATURES, blocks, for_each_convolution};
use super::variant::InceptionVariant;
use crate::error::require_array;
use crate::{Error, NamedArrays, Result};

/// BatchNorm's eps in this network.
const EPS: f64 = 1e-3;

/// A convolution into which its BatchNorm is folded.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) shape: Convolution,
    /// (output, input, ky, kx).
    pub(super) weight: ArrayD<f32>,
    pub(super) bias: Vec<f32>,
}

/// The last layer, from features to logits.
#[derive(Debug)]
pub(super) struct Classifier {
    /// (classes, features).
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// What a set of tensors contains of the network.
#[derive(Debug)]
pub(super) struct Weights {
    /// The blocks before the first incomplete one.
    pub(super) blocks: Vec<Block<Folded>>,
    pub(super) classifier: Option<Classifier>,
    /// The missing tensors, each with the index of its block; those of the classifier come after all blocks.
    pub(super) missing: Vec<(usize, String)>,
}

/// The names and shapes of all tensors of a variant, as PyTorch has them.
pub(super) fn tensors(variant: InceptionVariant) -> Vec<(String, Vec<usize>)> {
    let mut tensors = Vec::new();
    for block in blocks(variant) {
        for_each_convolution(&block.layers, &mut |shape: &Convolution| {
            tensors.extend(tensors_of(shape, false).into_iter().map(|name| {
                let is_norm = !name.ends_with(".conv.weight");
                (name, if is_norm { vec![shape.output] } else { shape.weight_shape().to_vec() })
            }));
        });
    }
    let classes = variant.classes();
    let shapes = [vec![classes, FEATURES], vec![classes]];
    tensors.extend(CLASSIFIER.into_iter().map(str::to_owned).zip(shapes));
    tensors
}

impl Weights {
    /// Reads the weights from `arrays`, which may be partial, and folds BatchNorm into the convolutions. `arrays` may also contain
    /// convolutions that BatchNorm is already folded into: a weight and a bias with the name of the convolution.
    pub(super) fn read(variant: InceptionVariant, arrays: &NamedArrays) -> Result<Self> {
        let is_folded = !arrays.keys().any(|name| name.ends_with(".running_var"));
        let mut names: BTreeSet<&str> = arrays.keys().map(String::as_str).collect();
        let (mut complete, mut missing) = (Vec::new(), Vec::new());
        let architecture = blocks(variant);
        for (index, block) in architecture.iter().enumerate() {
            for_each_convolution(&block.layers, &mut |shape: &Convolution| {
                for name in tensors_of(shape, is_folded) {
                    if !names.remove(name.as_str()) {
                        missing.push((index, name));
                    }
                }
            });
            if missing.is_empty() {
                complete.push(block.try_map(&mut |shape| fold(shape, arrays, is_folded))?);
            }
        }
        for name in CLASSIFIER {
            if !names.remove(name) {
                missing.push((architecture.len(), name.to_owned()));
            }
        }
        let has_classifier = CLASSIFIER.iter().all(|name| arrays.contains_key(*name));
        let classifier = has_classifier.then(|| classifier(variant, arrays)).transpose()?;
        // torchvision's file also has the classifier that only training uses.
        if let Some(name) =
            names.into_iter().find(|name| !name.starts_with("AuxLogits.") && !name.ends_with(".num_batches_tracked"))
        {
            return Err(Error::UnexpectedWeight { name: name.to_owned() });
        }
        Ok(Self { blocks: complete, classifier, missing })
    }
}

const CLASSIFIER: [&str; 2] = ["fc.weight", "fc.bias"];

/// The names of a convolution's tensors.
fn tensors_of(shape: &Convolution, is_folded: bool) -> Vec<String> {
    let names: &[&str] = if is_folded {
        &["weight", "bias"]
    } else {
        &["conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"]
    };
    names.iter().map(|name| format!("{}.{name}", shape.name)).collect()
}

/// An array of this name and shape with finite values.
fn finite<'a>(arrays: &'a NamedArrays, name: &str, shape: &[usize]) -> Result<&'a ArrayD<f32>> {
    let array = require_array(arrays, name, shape)?;
    if !array.iter().all(|value| value.is_finite()) {
        return Err(Error::NotFinite { name: name.to_owned() });
    }
    Ok(array)
}

/// The weights of a convolution whose tensors exist.
fn fold(shape: &Convolution, arrays: &NamedArrays, is_folded: bool) -> Result<Folded> {
    let name = |tensor: &str| format!("{}.{tensor}", shape.name);
    if is_folded {
        let weight = finite(arrays, &name("weight"), &shape.weight_shape())?.clone();
        let bias = finite(arrays, &name("bias"), &[shape.output])?.iter().copied().collect();
        return Ok(Folded { shape: shape.clone(), weight, bias });
    }
    let mut weight = finite(arrays, &name("conv.weight"), &shape.weight_shape())?.clone();
    let norm = |tensor: &str| finite(arrays, &name(tensor), &[shape.output]);
    let (gamma, beta) = (norm("bn.weight")?, norm("bn.bias")?);
    let (mean, variance) = (norm("bn.running_mean")?, norm("bn.running_var")?);
    if variance.iter().any(|variance| *variance < 0.0) {
        return Err(Error::NotPositive { name: name("bn.running_var") });
    }
    let factor = |filter: usize| f64::from(gamma[filter]) / (f64::from(variance[filter]) + EPS).sqrt();
    for (filter, mut weight) in weight.outer_iter_mut().enumerate() {
        weight.mapv_inplace(|value| (f64::from(value) * factor(filter)) as f32);
    }
    let bias = |filter| (f64::from(beta[filter]) - f64::from(mean[filter]) * factor(filter)) as f32;
    Ok(Folded { shape: shape.clone(), weight, bias: (0..shape.output).map(bias).collect() })
}

fn classifier(variant: InceptionVariant, arrays: &NamedArrays) -> Result<Classifier> {
    let classes = variant.classes();
    let weight = finite(arrays, CLASSIFIER[0], &[classes, FEATURES])?.iter().copied().collect();
    let bias = finite(arrays, CLASSIFIER[1], &[classes])?.iter().copied().collect();
    Ok(Classifier { weight, bias })
}
