//! Verbs that `gtn` has too.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Builds `gtn` in the release profile and runs it with these arguments, in the caller's folder.
pub(crate) fn run(verb: &[&str], arguments: &[OsString]) -> ExitCode {
    let mut command = crate::ci::cargo();
    command.args(["run", "--release", "--package", "gtn-cli", "--"]).args(verb).args(arguments);
    become_command(command)
}

/// Runs a benchmark beside its PyTorch twin, a program of this checkout.
pub(crate) fn bench(arguments: &[OsString]) -> ExitCode {
    let Some((name, rest)) = arguments.split_first() else {
        return run(&["bench"], arguments);
    };
    let twin = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("tests")
        .join(format!("golden/bench_{}.py", name.to_string_lossy()));
    let mut all = vec![name.clone()];
    if twin.exists() {
        all.extend(["--twin".into(), twin.into()]);
    }
    all.extend_from_slice(rest);
    run(&["bench"], &all)
}

/// Turns this process into the command, so that Ctrl-C reaches it alone and nobody returns before it has saved its state.
#[cfg(unix)]
fn become_command(mut command: Command) -> ExitCode {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    cannot_run(&command, &error)
}

#[cfg(not(unix))]
fn become_command(command: Command) -> ExitCode {
    finish(command)
}

/// Runs a command to its end and passes its exit code on.
pub(crate) fn finish(mut command: Command) -> ExitCode {
    match command.status() {
        Ok(status) => match status.code().map(u8::try_from) {
            Some(Ok(code)) => ExitCode::from(code),
            _ => ExitCode::FAILURE,
        },
        Err(error) => cannot_run(&command, &error),
    }
}

fn cannot_run(command: &Command, error: &std::io::Error) -> ExitCode {
    eprintln!("error: cannot run {}: {error}", command.get_program().to_string_lossy());
    ExitCode::FAILURE
}
