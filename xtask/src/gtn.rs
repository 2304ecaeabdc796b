//! Verbs that `gtn` has too.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Builds `gtn` in the release profile and runs it with these arguments, in the caller's folder.
///
/// They are handed on unread, but for one pair of words: `--from hub` of `gtn data fetch` needs a `gtn` with the feature `hub`,
/// and what is to be built must be known before `gtn` can read them.
pub(crate) fn run(verb: &[&str], arguments: &[OsString]) -> ExitCode {
    let mut command = crate::ci::cargo();
    command.args(["run", "--release", "--package", "gtn-cli"]);
    if verb == ["data", "fetch"] && from_hub(arguments) {
        command.args(["--features", "hub"]);
    }
    command.arg("--").args(verb).args(arguments);
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
    let given = rest.iter().any(|argument| argument.to_string_lossy().starts_with("--twin"));
    if twin.exists() && !given {
        all.extend(["--twin".into(), twin.into()]);
    }
    all.extend_from_slice(rest);
    run(&["bench"], &all)
}

/// Whether `--from hub` or `--from=hub` is among the arguments.
fn from_hub(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "--from=hub")
        || arguments.windows(2).any(|pair| pair[0] == "--from" && pair[1] == "hub")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hub_is_asked_for_by_two_words_or_one() {
        let asked = |line: &str| from_hub(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(asked("mnist --from hub") && asked("--from=hub mnist --data-dir x"));
        for line in
            ["mnist", "mnist hub", "mnist --from", "mnist --from mirrors", "mnist --data-dir hub --from=mirrors"]
        {
            assert!(!asked(line), "{line}");
        }
    }
}
