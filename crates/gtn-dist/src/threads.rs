use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use crate::{Collective, Error, Result};

/// Threads of one process in place of processes: for tests, and to try code that runs on several.
///
/// ```
/// use gtn_dist::{Collective, Threads};
///
/// let sums = Threads::run(3, |collective| {
///     let all = collective.gather(vec![collective.rank() as u8])?;
///     Ok::<_, gtn_dist::Error>(all.map(|all| all.concat()))
/// });
/// assert_eq!(sums, [Ok(Some(vec![0, 1, 2])), Ok(None), Ok(None)]);
/// ```
pub struct Threads {
    rank: usize,
    to: Vec<Mutex<Sender<Vec<u8>>>>,
    from: Vec<Mutex<Receiver<Vec<u8>>>>,
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threads({} of {})", self.rank, self.to.len())
    }
}

impl Threads {
    /// Runs `work` on `size` threads, each with its rank, and returns their results in this order. A thread that ends is lost to
    /// those that still wait for it.
    ///
    /// # Panics
    ///
    /// If a thread panics.
    pub fn run<R: Send>(size: usize, work: impl Fn(&Self) -> R + Sync) -> Vec<R> {
        let work = &work;
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                Self::connected(size).into_iter().map(|own| scope.spawn(move || work(&own))).collect();
            threads.into_iter().map(|thread| thread.join().expect("the work does not panic")).collect()
        })
    }

    fn connected(size: usize) -> Vec<Self> {
        let mut all: Vec<Self> = (0..size).map(|rank| Self { rank, to: Vec::new(), from: Vec::new() }).collect();
        for from in 0..size {
            for to in 0..size {
                let (sender, receiver) = channel();
                all[from].to.push(Mutex::new(sender));
                all[to].from.push(Mutex::new(receiver));
            }
        }
        all
    }
}

impl Collective for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn send(&self, to: usize, message: &[u8]) -> Result<()> {
        let sender = self.to[to].lock().unwrap_or_else(PoisonError::into_inner);
        sender.send(message.to_vec()).map_err(|_| Error::Lost { rank: to })
    }

    fn receive(&self, from: usize) -> Result<Vec<u8>> {
        let receiver = self.from[from].lock().unwrap_or_else(PoisonError::into_inner);
        receiver.recv().map_err(|_| Error::Lost { rank: from })
    }

    fn broadcast(&self, message: &mut Vec<u8>) -> Result<()> {
        if self.is_first() {
            return (1..self.size()).try_for_each(|rank| self.send(rank, message));
        }
        *message = self.receive(0)?;
        Ok(())
    }

    /// Ends the process with all of its threads.
    fn abort(&self, exit_code: i32) -> ! {
        std::process::exit(exit_code)
    }
}
