//! Cargo, its folders, and how a command runs and ends.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    // Some commands run in other folders.
    std::path::absolute(&folder).unwrap_or(folder)
}

/// The cargo that runs this program, without the environment variables that describe this package. Build scripts that
/// depend on those variables would otherwise run again whenever cargo is called with `xtask` and then without it, or
/// the reverse.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let describes_package =
        |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(describes_package)) {
        command.env_remove(name);
    }
    command
}

/// Builds `gtn` in the release profile and returns the path of the program, or the exit code of the build that failed.
pub(crate) fn build_gtn() -> Result<PathBuf, ExitCode> {
    eprintln!("$ cargo build --release --package gtn-cli");
    let code = finish(cargo().args(["build", "--release", "--package", "gtn-cli"]));
    let program = target_folder().join("release").join(format!("gtn{}", std::env::consts::EXE_SUFFIX));
    if code == ExitCode::SUCCESS { Ok(program) } else { Err(code) }
}

/// Replaces this process with the command, so that Ctrl-C reaches only `gtn`, and the shell waits until `gtn` has saved
/// its state.
#[cfg(unix)]
pub(crate) fn replace_process(mut command: Command) -> ExitCode {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    cannot_run(&command, &error)
}

#[cfg(not(unix))]
pub(crate) fn replace_process(mut command: Command) -> ExitCode {
    finish(&mut command)
}

/// Runs a command until it exits and returns its exit code.
pub(crate) fn finish(command: &mut Command) -> ExitCode {
    match command.status() {
        Ok(status) => match status.code().map(u8::try_from) {
            Some(Ok(code)) => ExitCode::from(code),
            _ => ExitCode::FAILURE,
        },
        Err(error) => cannot_run(command, &error),
    }
}

/// Runs a command that must succeed.
///
/// # Errors
///
/// The exit code of the command.
pub(crate) fn checked(command: &mut Command) -> Result<(), ExitCode> {
    let code = finish(command);
    if code == ExitCode::SUCCESS { Ok(()) } else { Err(code) }
}

/// Prints what an error prevented.
pub(crate) fn failed(action: &str) -> impl Fn(std::io::Error) -> ExitCode {
    move |error| {
        eprintln!("error: cannot {action}: {error}");
        ExitCode::FAILURE
    }
}

fn cannot_run(command: &Command, error: &std::io::Error) -> ExitCode {
    eprintln!("error: cannot run `{}`: {error}; check that it is installed", command.get_program().to_string_lossy());
    ExitCode::FAILURE
}
