//! The built-in distributions: small validated structs that implement [`Distribution`](crate::Distribution).

mod chi;
mod exponential;
mod mixture;
mod normal;
mod uniform;
mod union_distribution;
mod weights;

pub use chi::Chi;
pub use exponential::Exponential;
pub use mixture::Mixture;
pub use normal::Normal;
pub use uniform::Uniform;
pub use union_distribution::UnionDistribution;
