//! The networks of a model as the page reads them: a description, and all weights in one array of 16-bit numbers.

use gtn_run::schema::TensorGroup;
use gtn_run::schema::model as keys;
use gtn_run::{Artifact, AutoencoderCard, HCard, ModelCard};
use half::f16;
use ndarray::ArrayD;
use serde_json::{Value, json};

use crate::Result;

/// Collects weights.
pub(super) struct Weights<'a> {
    model: &'a Artifact,
    values: Vec<f16>,
}

impl<'a> Weights<'a> {
    pub(super) fn new(model: &'a Artifact) -> Self {
        Self { model, values: Vec::new() }
    }

    /// The weights, in little-endian order.
    pub(super) fn bytes(self) -> Vec<u8> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    /// Describes the networks, and collects their weights.
    pub(super) fn model(&mut self, card: &ModelCard, autoencoder: &AutoencoderCard) -> Result<Value> {
        let dim = autoencoder.dim;
        let (mean, std) = match card.is_normalized {
            true => (to_f64(self.model.tensor(&keys::MEAN)?), to_f64(self.model.tensor(&keys::STD)?)),
            false => (vec![0.0; dim], vec![1.0; dim]),
        };
        let coordinates = self.coordinates(card, dim)?;
        let h = match &card.h {
            HCard::Residual(shape) => {
                let blocks: Result<Vec<Value>> = (0..shape.blocks).map(|block| self.block(block)).collect();
                json!({
                    "kind": "residual",
                    "dim": dim,
                    "input": self.linear(&keys::H, "input")?,
                    "blocks": blocks?,
                    "norm": self.norm(&keys::H, "norm")?,
                    "output": self.linear(&keys::H, "output")?,
                })
            }
            HCard::Mlp(shape) => {
                let hidden: Result<Vec<Value>> =
                    (0..shape.hidden_layers).map(|layer| self.hidden(layer, layer < shape.batch_norm_layers)).collect();
                json!({
                    "kind": "mlp",
                    "dim": dim,
                    "slope": shape.negative_slope,
                    "hidden": hidden?,
                    "output": self.linear(&keys::H, "output")?,
                })
            }
        };
        let decoder = json!({
            "side": autoencoder.side,
            "layer": self.linear(&keys::AUTOENCODER, "decoder.linear")?,
            "deconv1": self.transposed_convolution("decoder.deconv1")?,
            "deconv2": self.transposed_convolution("decoder.deconv2")?,
        });
        Ok(json!({
            "dim": dim,
            "mean": mean,
            "std": std,
            "coordinates": coordinates,
            "h": h,
            "decoder": decoder,
        }))
    }

    /// The components of the source. Probabilities decide which samples belong to which component, so they keep their 32 bits.
    fn coordinates(&mut self, card: &ModelCard, dim: usize) -> Result<Value> {
        let Some(coordinates) = card.coordinates else { return Ok(Value::Null) };
        let tensor = |name| self.model.group_tensor(&keys::COORDINATES, name);
        let (weights, means, factors) = (tensor("weights")?, tensor("means")?, tensor("factors")?);
        let lower = |(index, value): (usize, &f32)| if index % dim <= index / dim % dim { *value } else { 0.0 };
        let factors: Vec<f32> = factors.iter().enumerate().map(lower).collect();
        let scale = |factor: &[f32]| {
            let squares: f64 = factor.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
            (squares / dim as f64).sqrt()
        };
        let scales: Vec<f64> = factors.chunks(dim * dim).map(scale).collect();
        let (weights, means) = (to_f64(weights), means.clone());
        Ok(json!({
            "system": coordinates.system.name(),
            "weights": weights,
            "scales": scales,
            "means": self.add(means.iter().copied()),
            "factors": self.add(factors),
        }))
    }

    fn block(&mut self, block: usize) -> Result<Value> {
        let name = |layer: &str| format!("block.{block:03}.{layer}");
        Ok(json!({
            "norm": self.norm(&keys::H, &name("norm"))?,
            "linear1": self.linear(&keys::H, &name("linear1"))?,
            "linear2": self.linear(&keys::H, &name("linear2"))?,
        }))
    }

    fn hidden(&mut self, layer: usize, has_norm: bool) -> Result<Value> {
        let name = format!("hidden.{layer:03}");
        let linear = self.linear(&keys::H, &format!("{name}.linear"))?;
        let mut norm = Value::Null;
        if has_norm {
            norm = self.norm(&keys::H, &format!("{name}.norm"))?;
            norm["mean"] = self.tensor(&keys::H, &format!("{name}.norm.running_mean"))?;
            norm["variance"] = self.tensor(&keys::H, &format!("{name}.norm.running_var"))?;
        }
        Ok(json!({ "layer": linear, "norm": norm }))
    }

    fn linear(&mut self, group: &TensorGroup, name: &str) -> Result<Value> {
        let shape = self.shape(group, name)?;
        Ok(json!({
            "inputs": shape.get(1),
            "outputs": shape.first(),
            "weight": self.tensor(group, &format!("{name}.weight"))?,
            "bias": self.tensor(group, &format!("{name}.bias"))?,
        }))
    }

    fn transposed_convolution(&mut self, name: &str) -> Result<Value> {
        let shape = self.shape(&keys::AUTOENCODER, name)?;
        Ok(json!({
            "inputs": shape.first(),
            "outputs": shape.get(1),
            "weight": self.tensor(&keys::AUTOENCODER, &format!("{name}.weight"))?,
            "bias": self.tensor(&keys::AUTOENCODER, &format!("{name}.bias"))?,
        }))
    }

    fn norm(&mut self, group: &TensorGroup, name: &str) -> Result<Value> {
        Ok(json!({
            "weight": self.tensor(group, &format!("{name}.weight"))?,
            "bias": self.tensor(group, &format!("{name}.bias"))?,
        }))
    }

    fn shape(&self, group: &TensorGroup, layer: &str) -> Result<Vec<usize>> {
        Ok(self.model.group_tensor(group, &format!("{layer}.weight"))?.shape().to_vec())
    }

    fn tensor(&mut self, group: &TensorGroup, name: &str) -> Result<Value> {
        let tensor: &ArrayD<f32> = self.model.group_tensor(group, name)?;
        let values: Vec<f32> = tensor.iter().copied().collect();
        Ok(self.add(values))
    }

    /// Where the page finds these values.
    fn add(&mut self, values: impl IntoIterator<Item = f32>) -> Value {
        let at = self.values.len();
        self.values.extend(values.into_iter().map(f16::from_f32));
        json!({ "at": at, "len": self.values.len() - at })
    }
}

/// The values as a browser reads them: the shortest decimal form of a 32-bit number is another 64-bit number.
fn to_f64(tensor: &ArrayD<f32>) -> Vec<f64> {
    tensor.iter().map(|&value| f64::from(value)).collect()
}
