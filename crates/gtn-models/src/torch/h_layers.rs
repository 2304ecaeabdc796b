//! The architecture of ĥ in a file, inferred from the names and shapes of its tensors.

use super::StateDict;
use super::names::{self, NORM_PARTS, Name, OUTPUT, RESIDUAL_INPUT};
use crate::{Error, HShape, MlpShape, ResidualShape, Result};

/// Hidden layers that the authors' network for CelebA and 11K Hands applies. It defines 40.
const APPLIED_LAYERS: usize = 25;

/// The layers of ĥ in a file.
pub(super) struct HLayers {
    pub(super) shape: HShape,
    /// Their parameters.
    pub(super) names: Vec<Name>,
    /// Layers that the forward pass does not apply, which were removed.
    pub(super) unused: Vec<String>,
}

impl HLayers {
    /// Finds the layers. With `applies_all`, the file has none that are not applied.
    pub(super) fn find(
        file: &mut StateDict,
        hidden_layers: Option<usize>,
        applies_all: bool,
        negative_slope: f64,
    ) -> Result<Self> {
        if file.shape(&format!("{RESIDUAL_INPUT}.weight")).is_some() {
            let shape = residual_shape(file, hidden_layers)?;
            return Ok(Self { shape: shape.into(), names: names::of_residual(&shape), unused: Vec::new() });
        }
        let layers = MlpLayers::of(file, hidden_layers, applies_all)?;
        let shape = layers.shape(file, negative_slope)?;
        let unused = layers.discard_unused(file);
        Ok(Self { shape: shape.into(), names: names::of_h(&shape, &layers.output), unused })
    }
}

/// The architecture of a residual ĥ.
fn residual_shape(file: &StateDict, hidden_layers: Option<usize>) -> Result<ResidualShape> {
    let has_block = |block: &usize| file.shape(&format!("{}.weight", names::block_norm(*block))).is_some();
    let blocks = (0..).take_while(has_block).count();
    if hidden_layers.is_some() {
        return Err(file.malformed(format!(
            "it has {blocks} residual blocks instead of hidden layers, all of which are applied; leave the number of hidden \
             layers out"
        )));
    }
    let output = format!("{OUTPUT}.weight");
    if file.shape(&output).is_none() {
        return Err(file.malformed(format!(
            "tensor `{output}` is missing; the layers of a residual ĥ are `{RESIDUAL_INPUT}`, `blocks.0`, ..., `norm`, `{OUTPUT}`"
        )));
    }
    let (dim, _) = matrix_shape(file, &output)?;
    let (width, columns) = matrix_shape(file, &format!("{RESIDUAL_INPUT}.weight"))?;
    let condition = columns.checked_sub(dim).ok_or_else(|| {
        file.malformed(format!(
            "tensor `{RESIDUAL_INPUT}.weight` has {columns} columns, expected at least the {dim} of the output of ĥ; pass weights \
             of this network"
        ))
    })?;
    // Without a block, taking its tensors reports that they are missing.
    Ok(ResidualShape { dim, condition, width, blocks: blocks.max(1), adds_input: true })
}

/// Which layers of a file are those of the paper's ĥ.
struct MlpLayers {
    /// Numbered linear layers in the file.
    count: usize,
    /// How many of them are hidden layers that the forward pass applies.
    applied: usize,
    /// The name of the output layer.
    output: String,
}

impl MlpLayers {
    fn of(file: &StateDict, hidden_layers: Option<usize>, applies_all: bool) -> Result<Self> {
        let has = |layer: &str| file.shape(&format!("{layer}.weight")).is_some();
        let count = (0..).take_while(|layer| has(&names::linear(*layer))).count();
        if has(OUTPUT) {
            let applied = match hidden_layers {
                Some(hidden_layers) => hidden_layers,
                None if count > APPLIED_LAYERS && !applies_all => APPLIED_LAYERS,
                None => count,
            };
            require_layers(file, applied, count)?;
            return Ok(Self { count, applied, output: OUTPUT.to_owned() });
        }
        let last = count.checked_sub(1).ok_or_else(|| missing_layer(file, "fc1.weight"))?;
        let applied = hidden_layers.unwrap_or(last);
        require_layers(file, applied, last)?;
        Ok(Self { count, applied, output: names::linear(applied) })
    }

    /// The architecture, inferred from the shapes.
    fn shape(&self, file: &StateDict, negative_slope: f64) -> Result<MlpShape> {
        let (output, before_output) = matrix_shape(file, &format!("{}.weight", self.output))?;
        let (width, input) = match self.applied {
            0 => (output, before_output),
            _ => matrix_shape(file, "fc1.weight")?,
        };
        let has_norm = |layer: &usize| file.shape(&format!("{}.weight", names::norm(*layer))).is_some();
        let batch_norm_layers = (0..self.applied).take_while(has_norm).count();
        Ok(MlpShape { input, hidden_layers: self.applied, width, output, negative_slope, batch_norm_layers })
    }

    /// Removes layers between the last applied one and `fc_out`. Returns their names.
    fn discard_unused(&self, file: &mut StateDict) -> Vec<String> {
        if self.output != OUTPUT {
            return Vec::new();
        }
        let mut unused = Vec::new();
        for layer in self.applied..self.count {
            for name in [names::linear(layer), names::norm(layer)] {
                let parts = NORM_PARTS.map(|part| file.discard(&format!("{name}.{part}")));
                if parts.contains(&true) {
                    unused.push(name);
                }
            }
        }
        unused
    }
}

fn require_layers(file: &StateDict, wanted: usize, available: usize) -> Result<()> {
    if wanted <= available {
        return Ok(());
    }
    Err(file
        .malformed(format!("it has {available} hidden layers, and {wanted} were requested; pass at most {available}")))
}

/// Rows and columns of a matrix.
pub(super) fn matrix_shape(file: &StateDict, name: &str) -> Result<(usize, usize)> {
    match file.shape(name) {
        Some(&[rows, columns]) if rows > 0 && columns > 0 => Ok((rows, columns)),
        Some(shape) => Err(file.malformed(format!(
            "tensor `{name}` has shape {shape:?}, expected a matrix; pass weights of this network"
        ))),
        None => Err(missing_layer(file, name)),
    }
}

fn missing_layer(file: &StateDict, name: &str) -> Error {
    let known = "`fc1`, ..., `fc_out` for ĥ, `encoder.conv1`, ..., `decoder.conv1` for the autoencoder";
    file.malformed(format!("tensor `{name}` is missing; layers must be named as in the authors' code: {known}"))
}
