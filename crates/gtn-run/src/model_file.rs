//! The model file: one safetensors file with everything that sampling needs, and a model card in its metadata.

use std::path::Path;

use gtn_io::TensorFile;
use serde_json::Value;

use crate::model_card::{MODEL_FORMAT, ModelCard};
use crate::schema::model;
use crate::{Artifact, Error, Result};

/// The key of the card in a file with the names of a PyTorch module.
const TORCH_CARD: &str = "torch_model_card";

impl ModelCard {
    /// The card of the model file at `path`, of which only the header is read. `None` for another safetensors file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, is not a safetensors file, or has the card of another
    /// version of the program.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let mut metadata = TensorFile::read_metadata(path)?;
        metadata.remove(model::CARD.name()).map(|card| Self::parse(path, card)).transpose()
    }

    /// Adds the card to the metadata of a file with the names of a PyTorch module. It is not a model file.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the card has no JSON form.
    pub fn add_to_torch_file(&self, file: &mut TensorFile) -> Result<()> {
        let card = serde_json::to_value(self)
            .map_err(|error| Error::Config { what: "the model card".to_owned(), reason: error.to_string() })?;
        file.metadata.insert(TORCH_CARD.to_owned(), card);
        Ok(())
    }

    /// The card that [`add_to_torch_file`](Self::add_to_torch_file) added to the file at `path`, if there is one.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_torch(path: &Path) -> Result<Option<Self>> {
        TensorFile::read_metadata(path)?.remove(TORCH_CARD).map(|card| Self::parse(path, card)).transpose()
    }

    fn parse(path: &Path, card: Value) -> Result<Self> {
        let fail = |reason: String| gtn_io::Error::malformed(path, reason).into();
        let format = card.get("format").and_then(Value::as_u64);
        if format != Some(MODEL_FORMAT) {
            let found = format.map_or("without a number".to_owned(), |format| format.to_string());
            return Err(fail(format!(
                "its model card has format {found}, and this version of gtn reads {MODEL_FORMAT}; use the version of gtn that \
                 wrote it, or export it again"
            )));
        }
        serde_json::from_value(card)
            .map_err(|error| fail(format!("its model card is invalid: {error}; export it again")))
    }
}

impl Artifact {
    /// Reads a model file with its card.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read, is damaged or is not a model file.
    pub fn read_model(path: &Path) -> Result<(ModelCard, Self)> {
        let malformed = |reason: String| gtn_io::Error::malformed(path, reason);
        let other = |what: &str| {
            malformed(format!("{what}; pass a run, weights, or a file that `gtn export` or `gtn import` wrote"))
        };
        let mut metadata = TensorFile::read_metadata(path).map_err(|error| match error {
            gtn_io::Error::Malformed { reason, .. } => other(&reason),
            error => error,
        })?;
        let card = match metadata.remove(model::CARD.name()) {
            Some(card) => ModelCard::parse(path, card)?,
            None if metadata.contains_key(TORCH_CARD) => {
                let reason = "its tensors have the names of PyTorch; import it with `gtn import --torch-h` first";
                return Err(malformed(reason.to_owned()).into());
            }
            None => return Err(other("it has no model card").into()),
        };
        let artifact = Self::read_input(path)?;
        // The card was read from the header alone, and is covered by the checksum that was verified now.
        match artifact.metadata(&model::CARD) {
            Some(same) if same == card => Ok((card, artifact)),
            _ => Err(malformed("it was replaced while it was read; run the command again".to_owned()).into()),
        }
    }
}
