//! The threads on which all work is divided.

use std::num::NonZero;
use std::sync::mpsc;
use std::thread;

use crate::console;
use crate::failure::Failure;
use crate::variables;

/// The variable that sets their number.
const VARIABLE: &str = "RAYON_NUM_THREADS";
/// The variable may ask for so many threads for each processor, or for [`MANY`].
const MOST_PER_PROCESSOR: usize = 4;
const MANY: usize = 64;
/// Threads beside those for the work: they listen for signals and gather data.
const OTHERS: usize = 2;

/// Starts as many threads as there are processors, or as many as the variable says; fewer if the system grants no more.
///
/// # Errors
///
/// A message if the variable holds no number, or if not even the main thread can work.
pub(crate) fn start() -> Result<(), Failure> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let default = crate::processes::threads();
    let wanted = variables::text(VARIABLE).map_or(Ok(0), |text| {
        let refuse =
            |_| format!("{VARIABLE} is `{text}`, which is not a number of threads; set it to 1 or more, or unset it");
        text.trim().parse::<usize>().map_err(refuse).map_err(Failure::users)
    })?;
    let most = MANY.max(MOST_PER_PROCESSOR * processors);
    let wanted = match wanted {
        0 => default,
        wanted if wanted > most => {
            console::status(&format!(
                "warning: {VARIABLE} asks for {wanted} threads; {most} are used, since there are {processors} processors"
            ));
            most
        }
        wanted => wanted,
    };
    let granted = granted(wanted + OTHERS);
    // The main thread works alone only if there is no other: other threads may wait for it while it waits for them.
    let threads = wanted.min(granted.saturating_sub(OTHERS).max(granted.min(1)));
    if threads < wanted {
        console::status(&format!(
            "warning: the system grants {granted} more threads (see `ulimit -u` and the limits of the container); the work is slower"
        ));
    }
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1));
    // Without any other thread, the main thread does the work.
    let builder = if threads == 0 { builder.use_current_thread() } else { builder };
    builder.build_global().map_err(|error| Failure::Machine(anyhow::anyhow!("cannot start threads: {error}")))
}

/// So many threads for one task.
///
/// # Errors
///
/// A message if the system does not grant them.
pub(crate) fn pool(threads: usize) -> Result<rayon::ThreadPool, Failure> {
    let started = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    started.map_err(|error| Failure::Machine(anyhow::anyhow!("cannot start {threads} threads: {error}; use fewer")))
}

/// How many of these threads can exist at the same time.
fn granted(wanted: usize) -> usize {
    let mut threads = Vec::new();
    for _ in 0..wanted {
        // Each waits until its channel is closed.
        let (release, wait) = mpsc::channel::<()>();
        match thread::Builder::new().spawn(move || wait.recv().unwrap_or_default()) {
            Ok(thread) => threads.push((release, thread)),
            Err(_) => break,
        }
    }
    let granted = threads.len();
    for (release, thread) in threads {
        drop(release);
        // A thread that only waits does not panic.
        let _ = thread.join();
    }
    granted
}

#[cfg(test)]
mod tests {
    use super::granted;

    #[test]
    fn a_few_threads_are_granted() {
        assert_eq!([0, 1, 5].map(granted), [0, 1, 5]);
    }
}
