//! Ctrl-C: the first asks the work to save and stop, the second ends the program.

use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Listens for Ctrl-C from here on.
pub(crate) fn listen() {
    let heard = ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        crate::say::tell("\nstopping after this step; press Ctrl-C again to stop at once");
    });
    if let Err(error) = heard {
        // The work can still be done; it just cannot be stopped gently.
        crate::say::tell(&format!("warning: Ctrl-C will stop without saving: {error}"));
    }
}

/// Whether Ctrl-C was pressed.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
