//! The laws: each is a small checked struct that implements [`Distribution`](crate::Distribution).

mod chi;
mod exponential;
mod mixture;
mod normal;
mod uniform;
mod union_law;
mod weighted;

pub use chi::Chi;
pub use exponential::Exponential;
pub use mixture::Mixture;
pub use normal::Normal;
pub use uniform::Uniform;
pub use union_law::UnionLaw;
