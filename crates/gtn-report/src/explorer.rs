//! The explorer: a generator as one HTML file, which samples in the browser.

mod weight_bits;
mod weights;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gtn_run::schema::model as keys;
use gtn_run::{Artifact, ModelCard};
use ndarray::ArrayView2;
use serde_json::{Value, json};

use crate::{Error, Result};
pub use weight_bits::WeightBits;
use weights::Weights;

/// Larger pages are refused: browsers take too long to open them.
const MAX_BYTES: usize = 64 << 20;

const PAGE: &str = include_str!("explorer/page.html");
const STYLE: &str = include_str!("explorer/style.css");
const GENERATOR_SCRIPT: &str = include_str!("explorer/generator.js");
const WORKER_SCRIPT: &str = include_str!("explorer/worker.js");
const PAGE_SCRIPT: &str = include_str!("explorer/page.js");

/// A page that generates samples of a model without a network, in plain JavaScript.
///
/// It draws the same normal vectors as `gtn sample` with the same seed. Pixels differ only by the rounding of the weights.
#[derive(Debug)]
pub struct Explorer<'a> {
    /// The heading, such as `mnist, d = 5`.
    pub title: &'a str,
    /// The model file (`gtn export`).
    pub model: &'a Artifact,
    /// Directions along which the page moves a sample in the latent space, (k, d), one per row and as long as the standard deviation of
    /// the data along it; there may be none.
    pub directions: ArrayView2<'a, f32>,
    /// The names of the components of the source, if these are classes.
    pub classes: &'a [String],
    /// The precision of the weights.
    pub bits: WeightBits,
}

impl Explorer<'_> {
    /// The page.
    ///
    /// # Errors
    ///
    /// [`Error::NoImages`] for a model without a decoder, [`Error::ExplorerTooLarge`] if the page would be larger than 64 MiB
    pub fn html(&self) -> Result<String> {
        let card: ModelCard = self.model.metadata(&keys::CARD).ok_or(Error::NoImages)?;
        let autoencoder = card.autoencoder.as_ref().ok_or(Error::NoImages)?;
        let mut weights = Weights::new(self.model, self.bits);
        let mut model = weights.model(&card, autoencoder)?;
        let directions = self.directions.outer_iter().map(|direction| Value::from(direction.to_vec()));
        model["directions"] = directions.collect();
        let meta = json!({
            "name": self.title.replace([' ', ',', '/'], "-"),
            "dim": autoencoder.dim,
            "channels": autoencoder.channels,
            "side": autoencoder.side,
            "classes": self.classes,
            "halves": weights.halves(),
            "model": model,
        });
        let weights = STANDARD.encode(weights.bytes());
        let description = format!(
            "A Generative Topological Network: each sample is one forward pass of a normal vector of {} values. This page needs no network.",
            autoencoder.dim
        );
        let page = fill(&[
            ("title", &escape(self.title)),
            ("style", STYLE),
            ("description", &description),
            ("meta", &in_script(&meta)),
            ("generator", GENERATOR_SCRIPT),
            ("worker", WORKER_SCRIPT),
            ("page", PAGE_SCRIPT),
            ("weights", &weights),
        ]);
        if page.len() > MAX_BYTES {
            return Err(Error::ExplorerTooLarge { megabytes: page.len().div_ceil(1 << 20), limit: MAX_BYTES >> 20 });
        }
        Ok(page)
    }
}

/// The page with each `{{name}}` replaced, once: what is inserted is not searched.
fn fill(values: &[(&str, &str)]) -> String {
    let mut page = String::with_capacity(PAGE.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>());
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        page.push_str(before);
        page.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = after;
    }
    page.push_str(rest);
    page
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// JSON that cannot end the element that it is in.
fn in_script(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_has_a_value_and_values_are_not_searched() {
        let names = ["title", "style", "description", "meta", "generator", "worker", "page", "weights"];
        let values: Vec<(&str, &str)> = names.iter().map(|name| (*name, "{{title}}")).collect();
        let page = fill(&values);
        let count = PAGE.matches("{{").count();
        assert_eq!(page.matches("{{title}}").count(), count);
        assert_eq!(page.matches("{{").count(), count);
    }

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(escape("a <b> & \"c\""), "a &lt;b> &amp; &quot;c&quot;");
        assert_eq!(in_script(&json!({"a": "</script>"})), "{\"a\":\"\\u003c/script>\"}");
    }
}
