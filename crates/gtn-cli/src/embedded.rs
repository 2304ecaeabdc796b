//! `gtn fit` as a function of another program.

use std::cell::Cell;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, TryLockError};
use std::thread;
use std::time::Duration;

use clap::Parser;
use gtn_run::Observer;

use crate::args::{Arguments, Command};
use crate::failure::Failure;
use crate::{commands, console, threads};

/// Why [`fit`] ended without a model. Each has the sentence that the program prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FitError {
    /// The arguments or the data are not usable.
    Users(String),
    /// There is no such file or folder.
    NotFound(String),
    /// The machine failed.
    Machine(String),
    /// The observer asked for the end; the sentence says how the run is resumed.
    Stopped(String),
}

/// One call at a time: the lines of a call go to its own `lines`.
static CALL: Mutex<()> = Mutex::new(());

/// How often a call that waits asks whether it should end.
const ASK_AFTER: Duration = Duration::from_millis(50);

/// Runs `gtn fit` with these arguments, which follow the words `gtn fit`, and returns the folder of the run. What the program prints is passed
/// to `lines`, line by line; `observer` sees the run as well, and can end it. Signals are left to the caller. A second call waits until the
/// first has ended.
///
/// # Errors
///
/// [`FitError`], as the program fails.
///
/// ```
/// use gtn_cli::FitError;
/// use gtn_run::observer::NoopObserver;
///
/// let failed = gtn_cli::fit(["--images", "no such folder"], &mut NoopObserver, |_| ());
/// assert!(matches!(failed, Err(FitError::NotFound(sentence)) if sentence.contains("no such folder")));
/// ```
pub fn fit(
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
    observer: &mut dyn Observer,
    lines: impl Fn(&str) + Send + Sync + 'static,
) -> Result<PathBuf, FitError> {
    let words = ["gtn", "fit"].map(OsString::from).into_iter().chain(arguments.into_iter().map(Into::into));
    let parsed =
        Arguments::try_parse_from(words).map_err(|error| FitError::Users(first_paragraph(&error.to_string())))?;
    let Command::Fit(fit) = parsed.command else {
        return Err(FitError::Users("these are not arguments of `gtn fit`".to_owned()));
    };
    let _call = turn(observer)?;
    let _redirected = console::redirected(Box::new(lines));
    start_threads()?;
    Ok(commands::fit::fit(&fit, observer)?.root)
}

/// The turn of a call, which ends when it is dropped.
struct Turn {
    _guard: MutexGuard<'static, ()>,
}

thread_local! {
    /// Whether a call of this thread runs.
    static RUNS: Cell<bool> = const { Cell::new(false) };
}

impl Drop for Turn {
    fn drop(&mut self) {
        RUNS.set(false);
    }
}

/// Waits until no other call runs, or the observer asks for the end.
fn turn(observer: &dyn Observer) -> Result<Turn, FitError> {
    if RUNS.get() {
        return Err(FitError::Users(
            "a fit runs in this thread already; begin the next one after it has ended".to_owned(),
        ));
    }
    loop {
        let guard = match CALL.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if observer.stop_requested() => {
                return Err(FitError::Stopped(
                    "stopped before the fit began, while another one was running".to_owned(),
                ));
            }
            Err(TryLockError::WouldBlock) => {
                thread::sleep(ASK_AFTER);
                continue;
            }
        };
        RUNS.set(true);
        return Ok(Turn { _guard: guard });
    }
}

/// Starts the threads once. If the caller has started those of rayon for other work, they do this work too.
fn start_threads() -> Result<(), Failure> {
    static STARTED: OnceLock<()> = OnceLock::new();
    if STARTED.get().is_some() {
        return Ok(());
    }
    match threads::start() {
        Err(error @ Failure::Users(_)) => Err(error),
        _ => {
            STARTED.get_or_init(|| ());
            Ok(())
        }
    }
}

/// What an error about arguments says, without the advice to read the help.
fn first_paragraph(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    console::on_one_line(message.split("\n\n").next().unwrap_or(message))
}

impl From<Failure> for FitError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Users(error) => {
                let is_missing = |cause: &(dyn std::error::Error + 'static)| {
                    cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::NotFound)
                };
                let sentence = console::on_one_line(&error.to_string());
                if error.chain().any(is_missing) { Self::NotFound(sentence) } else { Self::Users(sentence) }
            }
            Failure::Machine(error) => Self::Machine(console::on_one_line(&error.to_string())),
            Failure::Stopped(message) => Self::Stopped(console::on_one_line(&message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use gtn_run::observer::NoopObserver;

    use super::*;

    #[test]
    fn errors_about_arguments_are_one_line_without_advice_to_read_the_help() {
        let failed = fit(["--images", "x", "--side", "many"], &mut NoopObserver, |_| ());
        let Err(FitError::Users(sentence)) = failed else { panic!("{failed:?}") };
        assert!(sentence.starts_with("invalid value 'many' for '--side <PIXELS>'"), "{sentence}");
        assert!(!sentence.contains('\n') && !sentence.contains("--help"), "{sentence}");
    }
}
