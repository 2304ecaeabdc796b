//! One module for each stage. A stage has its inputs and its outputs, and knows no other stage.

pub(crate) mod autoencode;
pub(crate) mod baselines;
pub(crate) mod decoder;
pub(crate) mod encode;
pub(crate) mod evaluate;
pub(crate) mod fit;
pub(crate) mod label;
pub(crate) mod prepare;
pub(crate) mod sample;
