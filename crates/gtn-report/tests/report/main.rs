//! Reports of run folders that were written without training.

mod fixture;
mod images;
mod previous;
mod synthetic;
