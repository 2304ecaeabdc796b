//! A model under PyTorch's names.

use gtn_io::TensorFile;

use super::names::{self, AUTOENCODER_PREFIX, H_PREFIX, MEAN, Name, OUTPUT, STD};
use crate::{HShape, Model, NamedArrays, Result};

impl Model {
    /// The model under the names of a PyTorch module, for a safetensors file: the layers of ĥ, and as buffers the components of
    /// the source and the statistics of the targets, if there are any; then the layers of the autoencoder. The metadata contain
    /// the model card.
    ///
    /// | part | names |
    /// |---|---|
    /// | the paper's ĥ | `h.fc1.weight`, `h.bn1.weight`, ..., `h.fc_out.weight` |
    /// | a residual ĥ | `h.fc_in.weight`, `h.blocks.0.norm.weight`, `h.blocks.0.fc1.weight`, ..., `h.norm.weight`, `h.fc_out.weight` |
    /// | components in whitened coordinates | `h.components.whitened.means`, ... |
    /// | the normalizer | `h.mean`, `h.std` |
    /// | the autoencoder | `autoencoder.encoder.conv1.weight`, ... |
    ///
    /// [`from_torch`](Self::from_torch) reads it back. A flow is left out, since the module samples by ĥ alone.
    ///
    /// # Errors
    ///
    /// [`Error::Run`](crate::Error::Run) if the card has no JSON form.
    pub fn to_torch(&self) -> Result<TensorFile> {
        let mut file = TensorFile::default();
        let of_h = match HShape::from(self.card().h) {
            HShape::Mlp(shape) => names::of_h(&shape, OUTPUT),
            HShape::Residual(shape) => names::of_residual(&shape),
        };
        add(&mut file, H_PREFIX, of_h, self.h());
        if let Some(coordinates) = self.coordinates() {
            let names = names::of_components(coordinates.system(), coordinates.components(), coordinates.dim());
            add(&mut file, H_PREFIX, names, &coordinates.to_arrays());
        }
        if let Some(normalizer) = self.normalizer() {
            file.insert(format!("{H_PREFIX}{MEAN}"), normalizer.mean().clone());
            file.insert(format!("{H_PREFIX}{STD}"), normalizer.std().clone());
        }
        if let Some(card) = &self.card().autoencoder {
            add(&mut file, AUTOENCODER_PREFIX, names::of_autoencoder(&card.into()), self.autoencoder());
        }
        let mut card = self.card().clone();
        card.flow = None;
        card.add_to_torch_file(&mut file)?;
        Ok(file)
    }
}

/// Adds the weights that exist: a model may have no encoder.
fn add(file: &mut TensorFile, prefix: &str, names: impl IntoIterator<Item = Name>, weights: &NamedArrays) {
    for name in names {
        if let Some(array) = weights.get(&name.gtn) {
            file.insert(format!("{prefix}{}", name.torch), array.clone());
        }
    }
}
