//! A model under PyTorch's names.

use gtn_io::TensorFile;
use gtn_run::HCard;

use super::names::{self, AUTOENCODER_PREFIX, H_PREFIX, MEAN, Name, OUTPUT, STD};
use crate::{Error, Model, NamedArrays, Result};

impl Model {
    /// The model under the names of a PyTorch module, for a safetensors file: `h.fc1.weight`, `h.bn1.weight`, ...,
    /// `h.fc_out.weight`, the buffers `h.mean` and `h.std` if the targets were normalized, and
    /// `autoencoder.encoder.conv1.weight`, ... The metadata contain the model card.
    ///
    /// [`from_torch`](Self::from_torch) reads it back.
    ///
    /// # Errors
    ///
    /// [`Error::NoTorchForm`] if ĥ is a residual network, or maps to coordinates of components; [`Error::Run`] if the card has no
    /// JSON form.
    pub fn to_torch(&self) -> Result<TensorFile> {
        let HCard::Mlp(h) = self.card().h else {
            return Err(Error::NoTorchForm { reason: "ĥ is a residual network" });
        };
        if self.card().coordinates.is_some() {
            return Err(Error::NoTorchForm { reason: "ĥ maps to coordinates of components" });
        }
        let mut file = TensorFile::default();
        add(&mut file, H_PREFIX, names::of_h(&h.into(), OUTPUT), self.h());
        if let Some(normalizer) = self.normalizer() {
            file.insert(format!("{H_PREFIX}{MEAN}"), normalizer.mean().clone());
            file.insert(format!("{H_PREFIX}{STD}"), normalizer.std().clone());
        }
        if let Some(card) = &self.card().autoencoder {
            add(&mut file, AUTOENCODER_PREFIX, names::of_autoencoder(&card.into()), self.autoencoder());
        }
        self.card().add_to_torch_file(&mut file)?;
        Ok(file)
    }
}

/// Adds the weights that exist: a model may have no encoder.
fn add(file: &mut TensorFile, prefix: &str, names: Vec<Name>, weights: &NamedArrays) {
    for name in names {
        if let Some(array) = weights.get(&name.gtn) {
            file.insert(format!("{prefix}{}", name.torch), array.clone());
        }
    }
}
