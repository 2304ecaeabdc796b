//! The laws: each is a small checked struct that implements [`Distribution`](crate::Distribution).

mod chi;
mod exponential;
mod normal;
mod uniform;

pub use chi::Chi;
pub use exponential::Exponential;
pub use normal::Normal;
pub use uniform::Uniform;
