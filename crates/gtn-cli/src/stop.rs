//! Ctrl-C: the first one asks the work to save and stop, the second one ends the program.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Starts to listen for Ctrl-C.
pub(crate) fn listen() {
    let installed = ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        crate::console::status("\nstopping after this step; press Ctrl-C again to stop immediately");
    });
    if let Err(error) = installed {
        // The work can continue, but Ctrl-C ends it without saving.
        crate::console::status(&format!("warning: Ctrl-C will stop without saving: {error}"));
    }
}

/// Whether Ctrl-C was pressed.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// What a callback returns to work that can be stopped: a break once Ctrl-C was pressed.
pub(crate) fn control_flow() -> ControlFlow<()> {
    if requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
