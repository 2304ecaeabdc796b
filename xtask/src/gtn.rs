//! Commands that build and run `gtn`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::process::{cargo, replace_process};

/// Builds `gtn` in the release profile and runs `gtn SUBCOMMAND ARGUMENTS` in the current directory.
///
/// The arguments are passed on unchanged. Two options are also read here, because they decide which features to build:
/// `--from hub` of `gtn data fetch` needs the feature `hub`, and `--device cuda` needs the feature `cuda`.
pub(crate) fn run(subcommand: &[&str], arguments: &[OsString]) -> ExitCode {
    let mut command = cargo();
    command.args(["run", "--release", "--package", "gtn-cli"]);
    if subcommand == ["data", "fetch"] && has_option(arguments, "--from", |source| source == "hub") {
        command.args(["--features", "hub"]);
    }
    if subcommand != ["data", "fetch"] && on_cuda(arguments, std::env::var_os("GTN_DEVICE").as_deref()) {
        command.args(["--features", "cuda"]);
    }
    command.arg("--").args(subcommand).args(arguments);
    replace_process(command)
}

/// Runs a benchmark of `gtn` together with its PyTorch reference, the program `tests/golden/bench_NAME.py` of this
/// checkout.
pub(crate) fn bench(arguments: &[OsString]) -> ExitCode {
    let Some((name, rest)) = arguments.split_first() else {
        return run(&["bench"], arguments);
    };
    if name.to_string_lossy().starts_with("--") && has_option(arguments, "--device", |_| true) {
        // `gtn bench --device ...` is short for `gtn bench device --device ...`.
        return bench(&[&["device".into()], arguments].concat());
    }
    let reference = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("tests")
        .join(format!("golden/bench_{}.py", name.to_string_lossy()));
    let mut bench_arguments = vec![name.clone()];
    let is_given = rest.iter().any(|argument| argument.to_string_lossy().starts_with("--reference"));
    if reference.exists() && !is_given {
        bench_arguments.extend(["--reference".into(), reference.into()]);
    }
    bench_arguments.extend_from_slice(rest);
    run(&["bench"], &bench_arguments)
}

/// Whether the arguments contain `OPTION VALUE` or `OPTION=VALUE` with a value for which `matches` is true.
fn has_option(arguments: &[OsString], option: &str, matches: impl Fn(&str) -> bool) -> bool {
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let has_value =
        |argument: &str| argument.strip_prefix(option).and_then(|rest| rest.strip_prefix('=')).is_some_and(&matches);
    arguments.iter().any(|argument| has_value(argument))
        || arguments.windows(2).any(|pair| pair[0] == option && matches(&pair[1]))
}

/// Whether the device is a CUDA GPU. The option `--device` takes precedence over `gtn_device`, the value of
/// `GTN_DEVICE`.
fn on_cuda(arguments: &[OsString], gtn_device: Option<&OsStr>) -> bool {
    let is_cuda = |device: &str| device == "cuda" || device.starts_with("cuda:");
    let by_environment = gtn_device.and_then(OsStr::to_str).is_some_and(is_cuda);
    has_option(arguments, "--device", is_cuda) || (by_environment && !has_option(arguments, "--device", |_| true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn cuda_is_requested_by_the_option_or_by_the_environment() {
        for line in ["celeba --device cuda", "--device=cuda:1 celeba"] {
            assert!(on_cuda(&arguments(line), None), "{line}");
        }
        for line in ["celeba", "celeba --device cpu", "--device=auto", "--device", "cuda", "--from cuda"] {
            assert!(!on_cuda(&arguments(line), None), "{line}");
        }
        let cuda = OsStr::new("cuda");
        assert!(on_cuda(&arguments("celeba"), Some(cuda)) && !on_cuda(&arguments("celeba --device cpu"), Some(cuda)));
        assert!(!on_cuda(&arguments("celeba"), Some(OsStr::new("cpu"))));
    }

    #[test]
    fn the_hub_is_requested_by_both_forms_of_the_option() {
        let from_hub = |line: &str| has_option(&arguments(line), "--from", |source| source == "hub");
        assert!(from_hub("mnist --from hub") && from_hub("--from=hub mnist --data-dir x"));
        for line in
            ["mnist", "mnist hub", "mnist --from", "mnist --from mirrors", "mnist --data-dir hub --from=mirrors"]
        {
            assert!(!from_hub(line), "{line}");
        }
    }
}
