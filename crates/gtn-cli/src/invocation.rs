//! How this program was started, and how it starts itself again.

use std::ffi::OsString;
use std::process::Command;
use std::sync::OnceLock;

/// How the program was started: its arguments, and the command that starts it again, as benchmarks do.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The name of the program and its arguments, as in `main`.
    arguments: Vec<OsString>,
    /// The words before the arguments of another process.
    program: Vec<OsString>,
}

/// That of this process.
static INVOCATION: OnceLock<Invocation> = OnceLock::new();

impl Invocation {
    /// The arguments of this process, whose executable is the program.
    #[must_use]
    pub fn of_this_program() -> Self {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let program = std::env::current_exe()
            .map_or_else(|_| arguments[..arguments.len().min(1)].to_vec(), |path| vec![path.into()]);
        Self { arguments, program }
    }

    /// The same with other arguments, of which the first is the name of the program.
    #[must_use]
    pub fn with_arguments(self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self { arguments: arguments.into_iter().map(Into::into).collect(), ..self }
    }

    /// The same if these words start the program, and not the executable of this process: `python -m gtn`.
    #[must_use]
    pub fn started_by(self, program: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self { program: program.into_iter().map(Into::into).collect(), ..self }
    }
}

/// Sets how this process was started. The first call decides.
pub(crate) fn set(invocation: Invocation) {
    INVOCATION.get_or_init(|| invocation);
}

/// The name of the program and its arguments.
pub(crate) fn arguments() -> &'static [OsString] {
    &get().arguments
}

/// A command that starts the program again. It needs arguments.
pub(crate) fn program() -> Command {
    let mut words = get().program.iter();
    let mut command = Command::new(words.next().map_or("gtn".as_ref(), OsString::as_os_str));
    command.args(words);
    command
}

fn get() -> &'static Invocation {
    INVOCATION.get_or_init(Invocation::of_this_program)
}
