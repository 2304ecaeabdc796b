//! The networks of a model as the page reads them: a description, and all weights in one array.

use gtn_run::schema::TensorGroup;
use gtn_run::schema::model as keys;
use gtn_run::{Artifact, AutoencoderCard, HCard, ModelCard};
use half::f16;
use ndarray::ArrayD;
use serde_json::{Value, json};

use super::weight_bits::WeightBits;
use crate::Result;

/// Values in a block of 8-bit weights.
const BLOCK: usize = 32;
/// Shorter tensors keep 16 bits.
const MIN_QUANTIZED: usize = 1024;

/// Collects weights.
pub(super) struct Weights<'a> {
    model: &'a Artifact,
    bits: WeightBits,
    values: Vec<f16>,
    /// Blocks of 8-bit weights: a scale of 16 bits, and the quotients.
    blocks: Vec<u8>,
}

impl<'a> Weights<'a> {
    pub(super) fn new(model: &'a Artifact, bits: WeightBits) -> Self {
        Self { model, bits, values: Vec::new(), blocks: Vec::new() }
    }

    /// The number of 16-bit weights, which come first.
    pub(super) fn halves(&self) -> usize {
        self.values.len()
    }

    /// The weights, in little-endian order.
    pub(super) fn bytes(self) -> Vec<u8> {
        let halves = self.values.iter().flat_map(|value| value.to_le_bytes());
        halves.chain(self.blocks).collect()
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
        let is_quantized = self.bits == WeightBits::Eight && values.len() >= MIN_QUANTIZED;
        Ok(if is_quantized { self.add_quantized(&values) } else { self.add(values) })
    }

    /// The same for 8-bit weights. The last block is filled up with zeros.
    fn add_quantized(&mut self, values: &[f32]) -> Value {
        let block = self.blocks.len() / (BLOCK + 2);
        for values in values.chunks(BLOCK) {
            let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            let scale = f16::from_f32(largest / 127.0);
            self.blocks.extend(scale.to_le_bytes());
            let quotient = |value: &f32| (value / scale.to_f32()).round().clamp(-127.0, 127.0) as i8;
            // Where all values are zero, or too small for a scale, so are the quotients.
            let quotients = values.iter().map(|value| if scale.to_f32() > 0.0 { quotient(value) } else { 0 });
            self.blocks.extend(quotients.map(|quotient| quotient as u8));
            self.blocks.resize(self.blocks.len().next_multiple_of(BLOCK + 2), 0);
        }
        json!({ "block": block, "len": values.len() })
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

#[cfg(test)]
mod tests {
    use gtn_run::Fingerprint;

    use super::*;

    #[test]
    fn quantized_weights_are_near_the_weights() {
        let model = Artifact::new(Fingerprint::new("model", &[]));
        let mut weights = Weights::new(&model, WeightBits::Eight);
        weights.add([1.0, 2.0]);
        let values: Vec<f32> = (0..70).map(|index| (index as f32 * 0.37).sin() * 0.2).chain([0.0; 40]).collect();
        assert_eq!(weights.add_quantized(&values), json!({ "block": 0, "len": 110 }));
        assert_eq!(weights.add_quantized(&[0.5; 3]), json!({ "block": 4, "len": 3 }));
        assert_eq!(weights.halves(), 2);
        let bytes = weights.bytes();
        assert_eq!(bytes.len(), 2 * 2 + 5 * 34);
        let decoded: Vec<f32> = bytes[4..]
            .chunks_exact(34)
            .flat_map(|block| {
                let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
                block[2..].iter().map(move |&byte| scale * f32::from(byte as i8))
            })
            .collect();
        for (value, decoded) in values.iter().zip(&decoded) {
            assert!((value - decoded).abs() <= 0.2 / 127.0, "{value} became {decoded}");
        }
        assert!(decoded[128..131].iter().all(|value| (value - 0.5).abs() < 1e-3), "{:?}", &decoded[128..131]);
        assert!(decoded[131..].iter().all(|value| *value == 0.0));
    }
}
