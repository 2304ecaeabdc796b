//! The processes that run this program together, if an MPI launcher has started several.

pub(crate) mod rows;

use std::num::NonZero;
use std::sync::OnceLock;

use gtn_dist::{Collective, Launch, Single};

use crate::console;
use crate::failure::Failure;

/// Those that work together; unset until [`start`].
static COLLECTIVE: OnceLock<Box<dyn Collective>> = OnceLock::new();

/// How a launcher has started this program, if one has; unset until [`start`].
static LAUNCH: OnceLock<Launch> = OnceLock::new();

/// The processes that work together: this one alone unless a launcher has started several.
pub(crate) fn all() -> &'static dyn Collective {
    &**COLLECTIVE.get_or_init(|| Box::new(Single))
}

/// Whether this process prints and writes. The others are silent, so that each message appears once.
pub(crate) fn is_first() -> bool {
    Launch::from_env().is_none_or(|launch| launch.rank == 0)
}

/// The maximum of [`shards`].
const MAX_SHARDS: usize = 1024;

/// Ends the work with the other processes when dropped. Nothing may be left to do then.
pub(crate) struct Session {
    #[cfg(feature = "mpi")]
    _mpi: gtn_dist::Session,
}

/// Joins the other processes, if a launcher has started several.
///
/// # Errors
///
/// A message if this program cannot communicate with them.
pub(crate) fn start() -> Result<Option<Session>, Failure> {
    let Some(launch) = Launch::from_env() else { return Ok(None) };
    LAUNCH.get_or_init(|| launch);
    if launch.size > 1 { join(launch).map(Some) } else { Ok(None) }
}

#[cfg(feature = "mpi")]
fn join(launch: Launch) -> Result<Session, Failure> {
    let started = gtn_dist::Mpi::initialize();
    let (session, mpi) = started.ok_or_else(|| {
        Failure::Machine(anyhow::anyhow!(
            "this MPI library does not support calls from several threads; use another build of it"
        ))
    })?;
    if mpi.size() != launch.size {
        return Err(Failure::users(format!(
            "the launcher has started {} processes, but its MPI library sees {}; use the `mpirun` of the library that this program was built with ({})",
            launch.size,
            mpi.size(),
            gtn_dist::Mpi::library()
        )));
    }
    COLLECTIVE.get_or_init(|| Box::new(mpi));
    // The others would wait for a thread that has panicked.
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        all().abort(101);
    }));
    Ok(Session { _mpi: session })
}

#[cfg(not(feature = "mpi"))]
fn join(launch: Launch) -> Result<Session, Failure> {
    Err(Failure::users(format!(
        "a launcher has started {} processes, but this program is built without MPI; build it with the feature `mpi`, or start one process",
        launch.size
    )))
}

/// Into how many shards batches are divided by default, if a launcher has started this program: so many processes can train together, and the
/// weights are the same for 1 to 4 of them.
pub(crate) fn shards() -> Option<usize> {
    let launch = LAUNCH.get().filter(|_| cfg!(feature = "mpi"))?;
    Some(launch.size.next_power_of_two().clamp(4, MAX_SHARDS))
}

/// How many threads each process gets by default: the processors that it is bound to, but not more than its part of those of the machine.
pub(crate) fn threads() -> usize {
    let granted = std::thread::available_parallelism().map_or(1, NonZero::get);
    let local_size = Launch::from_env().and_then(|launch| launch.local_size);
    match (local_size, processors()) {
        (Some(local_size), Some(processors)) => granted.min((processors / local_size).max(1)),
        _ => granted,
    }
}

/// The processors of this machine, bound or not.
fn processors() -> Option<usize> {
    count_ranges(&std::fs::read_to_string("/sys/devices/system/cpu/online").ok()?)
}

/// The number of values in ranges such as `0-3,8`.
fn count_ranges(text: &str) -> Option<usize> {
    let count = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.trim().parse::<usize>().ok()?, last.trim().parse::<usize>().ok()?);
        Some(last.checked_sub(first)? + 1)
    };
    text.trim().split(',').map(count).sum()
}

/// Whether this process executes a command, whose work is divided among all processes or not.
pub(crate) fn execute(is_divided: bool) -> bool {
    let all = all();
    if !is_divided && all.is_first() && all.size() > 1 {
        console::status(&format!("note: one process executes this command; the other {} do nothing", all.size() - 1));
    }
    is_divided || all.is_first()
}

/// What this process has done, if all have succeeded.
///
/// # Errors
///
/// The error of this process, or that of another.
pub(crate) fn agreed<R>(collective: &dyn Collective, done: Result<R, Failure>) -> Result<R, Failure> {
    let failure = done.as_ref().err().map(|failure| (failure.exit_code(), failure.to_string()));
    let failure = failure.as_ref().map(|(code, reason)| (*code, reason.trim_start_matches("error: ")));
    let agreed = collective.agree(failure);
    // The own error says more than that of another process.
    let done = done?;
    agreed?;
    Ok(done)
}

/// What this process has done, if all have come to the same point of the same command, and all have succeeded. All call it in the same
/// order, and at the end of the command, so that no process waits for one that has failed or gone another way.
///
/// # Errors
///
/// The error of this process, or that of another.
pub(crate) fn agreed_at<R>(collective: &dyn Collective, point: &str, done: Result<R, Failure>) -> Result<R, Failure> {
    if collective.size() == 1 {
        return done;
    }
    let mut of_first = point.as_bytes().to_vec();
    collective.broadcast(&mut of_first).map_err(|error| known_to_all(collective, error))?;
    let done = done.and_then(|done| {
        if of_first == point.as_bytes() {
            return Ok(done);
        }
        let of_first = String::from_utf8_lossy(&of_first);
        Err(Failure::users(format!(
            "process 0 is at {of_first}, and process {} at {point}; give all processes the same files and environment variables",
            collective.rank()
        )))
    });
    agreed(collective, done)
}

/// Does the same on each process, one after the other, so that the next ones find what the first has left in a cache.
///
/// # Errors
///
/// The error of this process, or that of another.
pub(crate) fn in_turn<R>(
    collective: &dyn Collective,
    what: &str,
    work: impl FnOnce() -> Result<R, Failure>,
) -> Result<R, Failure> {
    let (mut work, mut done) = (Some(work), None);
    for rank in 0..collective.size() {
        let own = work.take_if(|_| rank == collective.rank()).map(|work| work()).transpose();
        done = agreed_at(collective, what, own)?.or(done);
    }
    Ok(done.expect("each process has its turn"))
}

/// The error of work on several processes, if all know of it; otherwise this ends all of them.
pub(crate) fn known_to_all(collective: &dyn Collective, error: gtn_dist::Error) -> Failure {
    let is_known = matches!(error, gtn_dist::Error::Match(_) | gtn_dist::Error::Remote { .. });
    let failure = error.into();
    if is_known { failure } else { end_all(collective, &failure) }
}

/// Ends all processes, after this one has failed and printed why.
pub(crate) fn end_all(collective: &dyn Collective, failure: &Failure) -> ! {
    console::set_silent(false);
    let message = console::on_one_line(&failure.to_string());
    console::status(&if collective.is_first() { message } else { format!("process {}: {message}", collective.rank()) });
    collective.abort(failure.exit_code().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_from_ranges() {
        assert_eq!(["0-3\n", "0", "0-1,4-7,9"].map(count_ranges), [Some(4), Some(1), Some(7)]);
        assert_eq!(["", "a-b", "3-1"].map(count_ranges), [None; 3]);
    }
}
