use std::fmt::Debug;
use std::ops::Range;

use crate::{Error, Result};

/// Processes that work together, each of which runs the same program. They call the same methods in the same order.
///
/// Process 0 decides and writes files; the others follow.
pub trait Collective: Debug + Send + Sync {
    /// The number of this process, less than [`size`](Self::size).
    fn rank(&self) -> usize;

    /// The number of processes.
    fn size(&self) -> usize;

    /// Sends a message, which the process `to` receives.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`] if that process has ended.
    fn send(&self, to: usize, message: &[u8]) -> Result<()>;

    /// Waits for the next message of the process `from`.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`] if that process has ended.
    fn receive(&self, from: usize) -> Result<Vec<u8>>;

    /// Replaces the message of every process by that of process 0.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`] if a process has ended.
    fn broadcast(&self, message: &mut Vec<u8>) -> Result<()>;

    /// Ends all processes at once, after this one has printed why.
    fn abort(&self, exit_code: i32) -> !;

    /// Whether this is process 0, which decides and writes files.
    fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Collects one message of each process, in their order, at process 0; `None` elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`] if a process has ended.
    fn gather(&self, message: Vec<u8>) -> Result<Option<Vec<Vec<u8>>>> {
        if !self.is_first() {
            self.send(0, &message)?;
            return Ok(None);
        }
        let others = (1..self.size()).map(|rank| self.receive(rank));
        std::iter::once(Ok(message)).chain(others).collect::<Result<Vec<_>>>().map(Some)
    }

    /// Waits until all processes have called it.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`] if a process has ended.
    fn barrier(&self) -> Result<()> {
        self.gather(Vec::new())?;
        self.broadcast(&mut Vec::new())
    }

    /// Agrees whether all processes have succeeded. `failure` is the exit code and the message of this one's failure.
    ///
    /// # Errors
    ///
    /// [`Error::Remote`] with the first failure, on every process.
    fn agree(&self, failure: Option<(u8, &str)>) -> Result<()> {
        let own = failure.map_or_else(Vec::new, |(code, reason)| [&[code], reason.as_bytes()].concat());
        let mut first = Vec::new();
        if let Some(all) = self.gather(own)?
            && let Some(rank) = all.iter().position(|message| !message.is_empty())
        {
            first = [&(rank as u64).to_le_bytes()[..], &all[rank]].concat();
        }
        self.broadcast(&mut first)?;
        match first.split_first_chunk::<8>() {
            None => Ok(()),
            Some((rank, failure)) => {
                let (code, reason) = failure.split_first().map_or((0, failure), |(&code, reason)| (code, reason));
                let reason = String::from_utf8_lossy(reason).into_owned();
                Err(Error::Remote { rank: u64::from_le_bytes(*rank) as usize, code, reason })
            }
        }
    }
}

/// The rows of part `part` of `parts` whose parts begin at multiples of `batch_size`, so that each batch is the same for any number of parts. There
/// are at most as many parts as batches: [`batch_parts`].
#[must_use]
pub fn part_of_batches((rows, batch_size): (usize, usize), part: usize, parts: usize) -> Range<usize> {
    let batches = part_of(rows.div_ceil(batch_size), part, parts);
    (batches.start * batch_size).min(rows)..(batches.end * batch_size).min(rows)
}

/// Into how many parts whole batches are divided for so many processes: at least 1, and at most as many as there are batches.
#[must_use]
pub fn batch_parts((rows, batch_size): (usize, usize), processes: usize) -> usize {
    processes.min(rows.div_ceil(batch_size).max(1))
}

/// The rows of `total` that belong to part `part` of `parts`, which differ in size by at most one.
#[must_use]
pub fn part_of(total: usize, part: usize, parts: usize) -> Range<usize> {
    // In 128 bits, since the products may not fit into fewer.
    let bound = |part: usize| (total as u128 * part as u128 / parts as u128) as usize;
    bound(part)..bound(part + 1)
}
