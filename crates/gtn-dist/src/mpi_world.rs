//! Processes that an MPI launcher has started.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use mpi::Threading;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, Destination, Root, Source};

use crate::{Collective, Result};

/// Values in one message of MPI, which counts in 32 bits.
const MAX_CHUNK: usize = 1 << 30;

/// The processes that an MPI launcher, such as `mpirun` or `srun`, has started.
///
/// MPI ends all processes if one of them is lost; its launcher names it.
pub struct Mpi {
    rank: usize,
    size: usize,
    /// MPI is initialized so that one thread at a time calls it.
    calling: Mutex<()>,
}

/// Ends the use of MPI when dropped; all processes have to.
pub struct Session(#[expect(dead_code, reason = "dropping it ends MPI")] Universe);

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mpi({} of {})", self.rank, self.size)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

impl Mpi {
    /// Initializes MPI; `None` if it was before, or if this MPI does not support calls from several threads in turn. Keep the session
    /// until the process ends.
    #[must_use]
    pub fn initialize() -> Option<(Session, Self)> {
        let (universe, threading) = mpi::initialize_with_threading(Threading::Serialized)?;
        if threading < Threading::Serialized {
            return None;
        }
        let world = universe.world();
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        Some((Session(universe), Self { rank, size, calling: Mutex::new(()) }))
    }

    /// The library's name and version.
    #[must_use]
    pub fn library() -> String {
        mpi::environment::library_version().unwrap_or_default().lines().next().unwrap_or_default().to_owned()
    }

    /// Calls MPI.
    fn call<R>(&self, call: impl FnOnce(&SimpleCommunicator) -> R) -> R {
        let _calling = self.calling.lock().unwrap_or_else(PoisonError::into_inner);
        call(&SimpleCommunicator::world())
    }
}

impl Collective for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn send(&self, to: usize, message: &[u8]) -> Result<()> {
        self.call(|world| {
            let process = world.process_at_rank(to as i32);
            process.send(&(message.len() as u64));
            message.chunks(MAX_CHUNK).for_each(|chunk| process.send(chunk));
        });
        Ok(())
    }

    fn receive(&self, from: usize) -> Result<Vec<u8>> {
        Ok(self.call(|world| {
            let process = world.process_at_rank(from as i32);
            let (len, _) = process.receive::<u64>();
            let mut message = vec![0_u8; len as usize];
            for chunk in message.chunks_mut(MAX_CHUNK) {
                process.receive_into(chunk);
            }
            message
        }))
    }

    fn broadcast(&self, message: &mut Vec<u8>) -> Result<()> {
        self.call(|world| {
            let first = world.process_at_rank(0);
            let mut len = message.len() as u64;
            first.broadcast_into(&mut len);
            message.resize(len as usize, 0);
            message.chunks_mut(MAX_CHUNK).for_each(|chunk| first.broadcast_into(chunk));
        });
        Ok(())
    }

    fn abort(&self, exit_code: i32) -> ! {
        SimpleCommunicator::world().abort(exit_code)
    }
}
