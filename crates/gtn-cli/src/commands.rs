//! One module for each verb.

pub(crate) mod bench;
pub(crate) mod compare;
mod conclusion;
pub(crate) mod config;
pub(crate) mod data;
pub(crate) mod decode;
pub(crate) mod dimension;
pub(crate) mod doctor;
pub(crate) mod encode;
pub(crate) mod evaluate;
pub(crate) mod explore;
pub(crate) mod export;
pub(crate) mod fetch;
pub(crate) mod fit;
pub(crate) mod import;
pub(crate) mod inception_weights;
pub(crate) mod interpolate;
pub(crate) mod label;
pub(crate) mod manual;
mod observed;
mod provenance;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod runs;
pub(crate) mod sample;
pub(crate) mod sweep;
