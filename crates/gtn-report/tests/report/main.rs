//! Reports of run folders that were made without training.

mod drawn;
mod fixture;
mod images;
