//! `cargo xtask book`: the book in docs/book, and the code that is on its pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::files;
use crate::process::{cargo, checked, failed, target_folder, workspace};
use crate::python;

/// The version of mdBook that the pages are written for.
const MDBOOK: &str = "0.5.2";

/// The pages whose code is run.
const PAGES: [&str; 2] = ["docs/book/src", "bindings/python/README.md"];

/// Builds the book, runs the code on its pages with the package of Python, and prints the path of its first page.
pub(crate) fn run() -> ExitCode {
    end(python::installed().and_then(|environment| build_and_run(&environment)))
}

/// The same with the package as [`python::run`] has installed it.
pub(crate) fn run_installed() -> ExitCode {
    end(python::environment("tests").and_then(|environment| build_and_run(&environment)))
}

fn build_and_run(environment: &Path) -> Result<PathBuf, ExitCode> {
    let page = build()?;
    run_code(environment)?;
    Ok(page)
}

fn end(done: Result<PathBuf, ExitCode>) -> ExitCode {
    match done {
        Ok(page) => {
            println!("{}", page.display());
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

/// Builds the book and returns the path of its first page.
///
/// # Errors
///
/// The exit code of the step that failed.
fn build() -> Result<PathBuf, ExitCode> {
    let root = target_folder().join(format!("tools/mdbook-{MDBOOK}"));
    let mdbook = root.join("bin/mdbook");
    if !mdbook.exists() {
        eprintln!("$ cargo install mdbook --version {MDBOOK}");
        let mut install = cargo();
        install.args([
            "install",
            "mdbook",
            "--version",
            MDBOOK,
            "--locked",
            "--no-default-features",
            "--features",
            "search",
        ]);
        checked(install.arg("--root").arg(&root).arg("--target-dir").arg(root.join("target")))?;
    }
    let source = workspace().join("docs/book");
    let images = workspace().join("docs/images");
    files::replace(&images, &source.join("src/images")).map_err(failed("copy the images of the book"))?;
    let book = target_folder().join("book");
    eprintln!("$ mdbook build docs/book");
    let output = Command::new(&mdbook).arg("build").arg(&source).arg("--dest-dir").arg(&book).output();
    let output = output.map_err(failed("run mdbook"))?;
    // It goes on without a file that is to be included.
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() || ["ERROR", "WARN"].iter().any(|level| messages.contains(level)) {
        eprintln!("{messages}");
        return Err(ExitCode::FAILURE);
    }
    Ok(book.join("index.html"))
}

/// Runs the code on the pages, with the programs of an environment.
fn run_code(environment: &Path) -> Result<(), ExitCode> {
    let folder = target_folder().join("book-code");
    let _ = fs::remove_dir_all(&folder);
    eprintln!("$ python run_blocks.py {}", PAGES.join(" "));
    let mut python = Command::new(environment.join("bin/python"));
    python
        .arg(workspace().join("tests/book/run_blocks.py"))
        .args(PAGES.map(|page| workspace().join(page)))
        .arg(&folder);
    checked(python.env("PATH", python::path(environment)))
}
