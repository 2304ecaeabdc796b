//! Vectors of your own.

use std::path::Path;

use gtn_data::split::SplitIndices;
use gtn_io::{arrays, hex, read_labels};
use gtn_models::Streams;
use gtn_run::config::OwnLatents;
use ndarray::{Array2, Axis};
use sha2::{Digest, Sha256};

use super::split::{check_sizes, split_at_random};
use crate::{Error, Result};

/// The rows of a file, with their labels.
pub(crate) struct LatentRows {
    pub(crate) rows: Array2<f32>,
    /// The class of each row, numbered from 0, if there are labels.
    pub(crate) labels: Option<Vec<u32>>,
    /// The name of each class: the number that it has in the file.
    pub(crate) classes: Vec<String>,
    /// Checksum of rows and labels.
    pub(crate) checksum: String,
}

impl LatentRows {
    /// Training and validation rows.
    pub(crate) fn split(&self, settings: &OwnLatents, streams: &Streams) -> Result<SplitIndices> {
        let split = split_at_random(self.rows.nrows(), settings.train_fraction, settings.limit, streams);
        check_sizes(split.train.len(), split.validation.len())?;
        Ok(split)
    }

    /// Some of the rows.
    pub(crate) fn select(&self, indices: &[usize]) -> Array2<f32> {
        self.rows.select(Axis(0), indices)
    }
}

/// Reads the rows at `path`, and their labels from another file, if there is one.
pub(crate) fn read_latent_rows(path: &Path, labels_path: Option<&Path>) -> Result<LatentRows> {
    let refuse = |reason: String| -> Error { gtn_io::Error::malformed(path, reason).into() };
    let rows = arrays::read_matrix(path)?;
    if let Some(((row, column), value)) = rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(refuse(format!(
            "row {row}, column {column} is {value}; remove rows that are not finite, or fill them in"
        )));
    }
    if rows.nrows() > 1
        && let Some(column) = rows.axis_iter(Axis(1)).position(|column| column.iter().all(|value| *value == column[0]))
    {
        let value = rows[[0, column]];
        return Err(refuse(format!("column {column} is always {value}; remove columns without variance")));
    }
    let mut hasher = Sha256::new().chain_update(format!("own latents {:?}\n", rows.shape()));
    rows.outer_iter().for_each(|row| row.iter().for_each(|value| hasher.update(value.to_le_bytes())));
    let (mut labels, mut classes) = (None, Vec::new());
    if let Some(path) = labels_path {
        let values = read_labels(path)?;
        if values.len() != rows.nrows() {
            let (found, expected) = (values.len(), rows.nrows());
            let reason = format!("it has {found} labels for {expected} rows; pass one label per row");
            return Err(gtn_io::Error::malformed(path, reason).into());
        }
        let mut distinct = values.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let number = |value: &i64| distinct.binary_search(value).unwrap_or_default() as u32;
        labels = Some(values.iter().map(number).collect::<Vec<u32>>());
        classes = distinct.iter().map(i64::to_string).collect();
        hasher.update(format!("labels {classes:?}\n"));
        labels.iter().flatten().for_each(|label| hasher.update(label.to_le_bytes()));
    }
    Ok(LatentRows { rows, labels, classes, checksum: hex(hasher.finalize()) })
}
