//! What a run measures with Inception networks.

mod moments;
mod scorer;
mod weights;

pub(crate) use moments::{FeatureNetwork, FeatureSet};
pub(crate) use scorer::InceptionScorer;
pub use weights::{InceptionFiles, inception_weights_sha256};
