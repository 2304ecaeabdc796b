//! Requests to end: Ctrl-C (SIGINT), SIGTERM of batch systems and containers, and SIGHUP of a closed terminal. The first asks work that
//! can be saved to save and stop, and ends other work; the second ends the program.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// The first signal, or 0.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// Whether the work asks for [`requested`] from time to time.
static IS_SAVING: AtomicBool = AtomicBool::new(false);

/// Installs the handlers. SIGHUP stays ignored if this process was told to ignore it, as `nohup` does.
pub(crate) fn install() {
    if let Err(error) = listen_for_signals() {
        // The work can continue, but a signal ends it without saving.
        crate::console::status(&format!("warning: Ctrl-C will stop without saving: {error}"));
    }
}

/// Says that the work from here on stops by itself when [`requested`].
pub(crate) fn listen() {
    IS_SAVING.store(true, Ordering::SeqCst);
}

/// Whether the work should stop.
pub(crate) fn requested() -> bool {
    SIGNAL.load(Ordering::SeqCst) != 0
}

/// What a callback returns to work that can be stopped: a break once a signal has arrived.
pub(crate) fn control_flow() -> ControlFlow<()> {
    if requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// The exit code of a program that was stopped, by the convention of shells: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
pub(crate) fn exit_code() -> u8 {
    code(SIGNAL.load(Ordering::SeqCst))
}

fn code(signal: i32) -> u8 {
    128 + u8::try_from(signal).ok().filter(|&signal| signal != 0).unwrap_or(SIGINT as u8)
}

fn received(signal: i32) {
    let is_first = SIGNAL.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    if !is_first || !IS_SAVING.load(Ordering::SeqCst) {
        std::process::exit(code(signal).into());
    }
    crate::console::status(match signal {
        SIGINT => "\nstopping after this step; press Ctrl-C again to stop immediately",
        SIGHUP => {
            "\nstopping after this step, because the terminal was closed (SIGHUP); a second signal stops immediately"
        }
        _ => "\nstopping after this step, as SIGTERM asks; a second signal stops immediately",
    });
}

#[cfg(unix)]
fn listen_for_signals() -> std::io::Result<()> {
    let mut handled = vec![SIGINT, SIGTERM];
    handled.extend((!ignores_hangup()).then_some(SIGHUP));
    // A write beyond the limit of a file's size is then an error, and not the end of the program.
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default())?;
    let mut signals = signal_hook::iterator::Signals::new(handled)?;
    let listen = move || signals.forever().for_each(received);
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map(drop)
}

#[cfg(not(unix))]
fn listen_for_signals() -> std::io::Result<()> {
    ctrlc::set_handler(|| received(SIGINT)).map_err(std::io::Error::other)
}

/// Whether this process was told to ignore SIGHUP.
#[cfg(target_os = "linux")]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (SIGHUP - 1) & 1 == 1
}

/// Whether this process was told to ignore SIGHUP: systems without `/proc` do not tell, but `nohup` leaves no terminal.
#[cfg(all(unix, not(target_os = "linux")))]
fn ignores_hangup() -> bool {
    use std::io::IsTerminal;
    !std::io::stdout().is_terminal() && !std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn exit_codes_are_those_of_shells() {
        assert_eq!([0, 1, 2, 15].map(code), [130, 129, 130, 143]);
    }
}
