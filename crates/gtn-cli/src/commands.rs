//! One module for each verb.

pub(crate) mod data;
pub(crate) mod label;
pub(crate) mod reproduce;
pub(crate) mod sample;
