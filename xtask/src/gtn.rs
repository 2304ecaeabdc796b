//! Verbs that `gtn` has too.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Builds `gtn` in the release profile and runs it with these arguments, in the caller's folder.
///
/// They are handed on unread, but for two pairs of words: `--from hub` of `gtn data fetch` needs a `gtn` with the feature `hub`, and
/// `--device cuda` one with the feature `cuda`, and what is to be built must be known before `gtn` can read them.
pub(crate) fn run(verb: &[&str], arguments: &[OsString]) -> ExitCode {
    let mut command = crate::ci::cargo();
    command.args(["run", "--release", "--package", "gtn-cli"]);
    if verb == ["data", "fetch"] && has_option(arguments, "--from", |source| source == "hub") {
        command.args(["--features", "hub"]);
    }
    if verb != ["data", "fetch"] && on_cuda(arguments, std::env::var_os("GTN_DEVICE").as_deref()) {
        command.args(["--features", "cuda"]);
    }
    command.arg("--").args(verb).args(arguments);
    become_command(command)
}

/// Runs a benchmark beside its PyTorch twin, a program of this checkout.
pub(crate) fn bench(arguments: &[OsString]) -> ExitCode {
    let Some((name, rest)) = arguments.split_first() else {
        return run(&["bench"], arguments);
    };
    if name.to_string_lossy().starts_with("--") && has_option(arguments, "--device", |_| true) {
        // `gtn bench --device ...` is `gtn bench device --device ...`.
        return bench(&[&["device".into()], arguments].concat());
    }
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

/// Whether an option, in two words or in one, is among the arguments with a value that `is` it.
fn has_option(arguments: &[OsString], option: &str, is: impl Fn(&str) -> bool) -> bool {
    let words: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let in_one = |word: &str| word.strip_prefix(option).and_then(|rest| rest.strip_prefix('=')).is_some_and(&is);
    words.iter().any(|word| in_one(word)) || words.windows(2).any(|pair| pair[0] == option && is(&pair[1]))
}

/// Whether a GPU is asked for by its name, by an option or, without one, by the environment.
fn on_cuda(arguments: &[OsString], environment: Option<&OsStr>) -> bool {
    let is_cuda = |device: &str| device == "cuda" || device.starts_with("cuda:");
    let by_environment = environment.and_then(OsStr::to_str).is_some_and(is_cuda);
    has_option(arguments, "--device", is_cuda) || (by_environment && !has_option(arguments, "--device", |_| true))
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

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_gpu_is_asked_for_by_an_option_or_by_the_environment() {
        for line in ["celeba --device cuda", "--device=cuda:1 celeba"] {
            assert!(on_cuda(&words(line), None), "{line}");
        }
        for line in ["celeba", "celeba --device cpu", "--device=auto", "--device", "cuda", "--from cuda"] {
            assert!(!on_cuda(&words(line), None), "{line}");
        }
        let cuda = OsStr::new("cuda");
        assert!(on_cuda(&words("celeba"), Some(cuda)) && !on_cuda(&words("celeba --device cpu"), Some(cuda)));
        assert!(!on_cuda(&words("celeba"), Some(OsStr::new("cpu"))));
    }

    #[test]
    fn the_hub_is_asked_for_by_two_words_or_one() {
        let asked = |line: &str| has_option(&words(line), "--from", |source| source == "hub");
        assert!(asked("mnist --from hub") && asked("--from=hub mnist --data-dir x"));
        for line in
            ["mnist", "mnist hub", "mnist --from", "mnist --from mirrors", "mnist --data-dir hub --from=mirrors"]
        {
            assert!(!asked(line), "{line}");
        }
    }
}
