//! `cargo xtask python`: the wheel of bindings/python, and its tests in a virtual environment that has nothing else.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::files;
use crate::process::{cargo, checked, failed, target_folder, workspace};

/// What the wheel has from the rest of the workspace, and where.
const COPIED: [(&str, &str); 3] =
    [("LICENSE-APACHE", "LICENSE-APACHE"), ("LICENSE-MIT", "LICENSE-MIT"), ("weights", "py_src/gtn/weights")];

/// Checks the format and the lints of the native part, builds the wheel, and tests it.
pub(crate) fn run() -> ExitCode {
    lint().and_then(|()| installed()).and_then(|environment| test(&environment)).err().unwrap_or(ExitCode::SUCCESS)
}

/// The format and the lints, which the checks of the other workspace do not see.
fn lint() -> Result<(), ExitCode> {
    for arguments in
        [&["fmt", "--check"][..], &["clippy", "--locked", "--features", "as-workspace", "--", "--deny", "warnings"]]
    {
        eprintln!("$ cargo {}", arguments.join(" "));
        let mut command = cargo();
        command.args(arguments).current_dir(workspace().join("bindings/python"));
        checked(command.env("CARGO_TARGET_DIR", target_folder()))?;
    }
    Ok(())
}

/// A virtual environment that has the wheel and what its tests need, and nothing of this workspace.
///
/// # Errors
///
/// The exit code of the step that failed.
pub(crate) fn installed() -> Result<PathBuf, ExitCode> {
    let wheel = build(Speed::Tested, &[])?;
    // What an earlier build installed may have another name.
    let _ = fs::remove_dir_all(environments().join("tests"));
    let fresh = environment("tests")?;
    pip(&fresh, &[&format!("{}[test]", wheel.display())])?;
    Ok(fresh)
}

/// How well a wheel is optimized.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    /// As the program, over the borders of crates.
    Released,
    /// As what the tests of the workspace have built, which is used.
    Tested,
}

/// Builds the wheel and returns its path. `options` are those of `maturin build`.
///
/// # Errors
///
/// The exit code of the step that failed.
pub(crate) fn build(speed: Speed, options: &[&str]) -> Result<PathBuf, ExitCode> {
    let package = workspace().join("bindings/python");
    for (from, to) in COPIED {
        let copied = files::replace(&workspace().join(from), &package.join(to));
        copied.map_err(failed(&format!("copy {from} into the package of Python")))?;
    }
    let tools = tools()?;
    // Older wheels could be taken for this one.
    let wheels = target_folder().join("wheels");
    let _ = fs::remove_dir_all(&wheels);
    let mut arguments = vec!["build", "--locked"];
    arguments.extend(match speed {
        Speed::Released => &["--release"][..],
        Speed::Tested => &["--features", "as-workspace"],
    });
    arguments.extend(options);
    eprintln!("$ maturin {}", arguments.join(" "));
    let mut maturin = Command::new(tools.join("bin/maturin"));
    maturin.args(arguments).arg("--out").arg(&wheels).current_dir(&package);
    checked(maturin.env("CARGO_TARGET_DIR", target_folder()).env("PATH", path(&tools)))?;
    let wheel = fs::read_dir(&wheels).ok().and_then(|mut entries| entries.next()).and_then(Result::ok);
    wheel.map(|entry| entry.path()).ok_or_else(|| {
        eprintln!("error: maturin has left no wheel in '{}'", wheels.display());
        ExitCode::FAILURE
    })
}

/// Tests what is installed: types, documentation, behavior, and the notebook.
///
/// # Errors
///
/// The exit code of the step that failed.
pub(crate) fn test(environment: &Path) -> Result<(), ExitCode> {
    let tests = workspace().join("bindings/python/tests");
    let notebook = workspace().join("docs/gtn.ipynb");
    let (tests, notebook) = (tests.to_string_lossy(), notebook.to_string_lossy());
    let steps: [&[&str]; 4] = [
        &["mypy", "--strict", "--package", "gtn"],
        &["pytest", "-q", "--doctest-modules", "--pyargs", "gtn"],
        &["pytest", "-q", &tests],
        &["nbconvert", "--to", "notebook", "--execute", "--output-dir", ".", &notebook],
    ];
    for step in steps {
        eprintln!("$ python -m {}", step.join(" "));
        // Elsewhere than in the sources, which would be imported in place of what was installed.
        let mut python = Command::new(environment.join("bin/python"));
        checked(python.arg("-m").args(step).current_dir(environment).env("PATH", path(environment)))?;
    }
    Ok(())
}

/// A virtual environment with what builds: maturin, and a C compiler and a linker for older versions of glibc.
pub(crate) fn tools() -> Result<PathBuf, ExitCode> {
    let tools = environment("build")?;
    pip(&tools, &["maturin>=1.9,<2", "cargo-zigbuild>=0.20,<1", "ziglang>=0.13,<1"])?;
    Ok(tools)
}

/// The variable PATH with the programs of an environment.
pub(crate) fn path(environment: &Path) -> OsString {
    let mut path = environment.join("bin").into_os_string();
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    path
}

fn environments() -> PathBuf {
    target_folder().join("python-environments")
}

/// A virtual environment in the target folder.
pub(crate) fn environment(name: &str) -> Result<PathBuf, ExitCode> {
    let folder = environments().join(name);
    // Written last.
    if !folder.join("bin/pip").exists() {
        eprintln!("$ python3 -m venv {}", folder.display());
        checked(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    Ok(folder)
}

/// Installs packages of Python.
fn pip(environment: &Path, packages: &[&str]) -> Result<(), ExitCode> {
    eprintln!("$ pip install {}", packages.join(" "));
    let mut pip = Command::new(environment.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    checked(&mut pip)
}
