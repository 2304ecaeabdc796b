//! Fixed normal vectors, from which ĥ generates after each epoch.

use gtn_models::{ChaCha8Rng, Coordinates, Device, H, Mode, Normalizer, Tensor, to_array2, to_tensor};
use ndarray::Array2;

use super::training_pairs::input;
use crate::Result;

/// Normal vectors as the input of ĥ, and how its output becomes targets.
pub(super) struct FixedSource<'a> {
    input: Tensor,
    /// The component of each of them.
    components: Vec<u32>,
    coordinates: Option<&'a Coordinates>,
    normalizer: &'a Normalizer,
}

impl<'a> FixedSource<'a> {
    /// These normal vectors, whose components are drawn from `stream`, on a device.
    pub(super) fn new(
        source: Array2<f32>,
        (coordinates, normalizer): (Option<&'a Coordinates>, &'a Normalizer),
        stream: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self> {
        let (input, components) = match coordinates {
            None => (source, Vec::new()),
            Some(coordinates) => {
                let components = coordinates.draw(source.nrows(), stream);
                (input(&source, coordinates, &components), components)
            }
        };
        Ok(Self { input: to_tensor(input.view(), device)?, components, coordinates, normalizer })
    }

    /// What ĥ generates from them, in the units of the targets.
    pub(super) fn generate(&self, h: &H) -> Result<Array2<f32>> {
        let output = to_array2(&h.forward(&self.input, Mode::Evaluate)?)?;
        let normalized = match self.coordinates {
            Some(coordinates) => coordinates.to_data(output.view(), &self.components),
            None => output,
        };
        Ok(self.normalizer.denormalize(normalized))
    }
}
