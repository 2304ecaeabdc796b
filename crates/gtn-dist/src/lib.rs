//! Work on several processes, with the result of one, to the bit.
//!
//! A [`Collective`] is a group of processes that run the same program: one alone ([`Single`]), threads of one process for tests
//! ([`Threads`]), or what an MPI launcher has started (`Mpi`, with the feature `mpi`). On it,
//!
//! - [`match_rows`] runs Algorithm 1 of *Generative Topological Networks* ([arXiv 2406.15152v2](https://arxiv.org/abs/2406.15152)) with the
//!   target rows divided among the processes, so that the memory of each falls with their number;
//! - [`sum_shards`] adds the gradients of the shards of a batch in a fixed order, so that training does not depend on how many processes
//!   compute them.
//!
//! ```
//! use gtn_dist::{Collective, Threads, part_of};
//!
//! let parts = Threads::run(3, |collective| part_of(10, collective.rank(), collective.size()));
//! assert_eq!(parts, [0..3, 3..6, 6..10]);
//! ```
//!
//! # Failures
//!
//! If a process fails, [`Collective::agree`] and the functions above return [`Error::Remote`] on the others, with its message. If a
//! process is killed, MPI ends the others, and its launcher names it.

mod collective;
mod error;
mod launch;
mod matching;
mod message;
#[cfg(feature = "mpi")]
mod mpi_world;
mod single;
mod sum;
mod threads;

/// The types of values in messages.
pub use bytemuck::Pod;
pub use collective::{Collective, batch_parts, part_of, part_of_batches};
pub use error::{Error, Result};
pub use launch::Launch;
pub use matching::{Part, match_rows};
pub use message::{ArrayReader, push_array};
#[cfg(feature = "mpi")]
pub use mpi_world::{Mpi, Session};
pub use single::Single;
pub use sum::sum_shards;
pub use threads::Threads;

/// Compiles and runs the program of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
