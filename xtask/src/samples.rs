//! `cargo xtask samples`: the programs in the READMEs, as a reader would run them: in a new crate, with the dependencies that the README adds,
//! and with the crates as they would be published.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use regex_lite::Regex;

use crate::process::{cargo, checked, failed, target_folder, workspace};

/// A program in a README.
#[derive(Debug, PartialEq)]
struct Sample {
    /// The arguments of `cargo add` that the README gives before it.
    dependencies: Vec<String>,
    program: String,
}

/// Packs the crates, and compiles and runs each program with what was packed.
pub(crate) fn run() -> ExitCode {
    match run_all() {
        Ok(count) => {
            println!("{count} programs of READMEs run");
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

fn run_all() -> Result<usize, ExitCode> {
    let crates = pack()?;
    let root = target_folder().join("samples");
    let mut readmes = vec![workspace().join("README.md")];
    readmes.extend(crates.iter().map(|(name, _)| workspace().join("crates").join(name).join("README.md")));
    let mut samples = Vec::new();
    for readme in &readmes {
        let text = fs::read_to_string(readme).map_err(failed(&format!("read {}", readme.display())))?;
        samples.extend(samples_of(&text).into_iter().map(|sample| (readme, sample)));
    }
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).map_err(failed("create a folder for the programs"))?;
    let patches = crates.iter().map(|(name, folder)| format!("{name} = {{ path = \"{}\" }}\n", folder.display()));
    let manifest = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [\"sample-*\"]\n\n[patch.crates-io]\n{}\n{}",
        patches.collect::<String>(),
        dev_profile()?
    );
    fs::write(root.join("Cargo.toml"), manifest).map_err(failed("write a manifest"))?;
    fs::copy(workspace().join("Cargo.lock"), root.join("Cargo.lock")).map_err(failed("copy Cargo.lock"))?;
    for (index, (readme, sample)) in samples.iter().enumerate() {
        let folder = root.join(format!("sample-{index}"));
        eprintln!("{}: cargo add {}", readme.display(), sample.dependencies.join(" "));
        create(&folder, index, sample, &crates)?;
    }
    write_program(&root.join("sample-features"), "features", "fn main() {}\n")?;
    let features = workspace().join("tests/features");
    add(&root.join("sample-features"), &["--path", &features.to_string_lossy()])?;
    // All at once, so that they share what their dependencies have in common.
    let target = target_folder();
    eprintln!("$ cargo build --workspace");
    let mut build = cargo();
    build.args(["build", "--quiet", "--workspace", "--manifest-path"]).arg(root.join("Cargo.toml"));
    checked(build.env("CARGO_TARGET_DIR", &target))?;
    for (index, (readme, _)) in samples.iter().enumerate() {
        eprintln!("$ sample-{index}, of {}", readme.display());
        // In the root, where the paths of the programs begin.
        checked(Command::new(target.join(format!("debug/sample-{index}"))).current_dir(workspace()))?;
    }
    Ok(samples.len())
}

/// Packs the crates that can be published, unpacks them, and returns their names and folders.
fn pack() -> Result<Vec<(String, PathBuf)>, ExitCode> {
    let mut package = cargo();
    // What is packed is compiled with the programs.
    package.args([
        "package",
        "--workspace",
        "--exclude",
        "xtask",
        "--exclude",
        "gtn-tests",
        "--no-verify",
        "--allow-dirty",
    ]);
    eprintln!("$ cargo package --workspace");
    checked(package.arg("--quiet"))?;
    let unpacked = target_folder().join("samples-crates");
    let _ = fs::remove_dir_all(&unpacked);
    fs::create_dir_all(&unpacked).map_err(failed("create a folder for the crates"))?;
    let names = fs::read_dir(workspace().join("crates")).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut names: Vec<_> = names.map_err(failed("list the crates"))?.iter().map(fs::DirEntry::file_name).collect();
    names.sort();
    let mut crates = Vec::new();
    for name in names {
        let name = name.to_string_lossy().into_owned();
        let version = env!("CARGO_PKG_VERSION");
        let archive = target_folder().join("package").join(format!("{name}-{version}.crate"));
        checked(Command::new("tar").arg("xf").arg(&archive).arg("-C").arg(&unpacked))?;
        let folder = unpacked.join(format!("{name}-{version}"));
        crates.push((name, folder));
    }
    Ok(crates)
}

/// The profile of this workspace, with which what is built for its tests serves the programs too.
fn dev_profile() -> Result<String, ExitCode> {
    let path = workspace().join("Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(failed("read Cargo.toml"))?;
    let profile =
        Regex::new(r"(?ms)^\[profile\.dev\]$.*?(?:^\[profile\.release\]|\z)").expect("it is a regular expression");
    let found = profile.find(&manifest).map_or("", |found| found.as_str());
    Ok(found.trim_end_matches("[profile.release]").to_owned())
}

/// Creates a crate with a program, as `cargo new` and `cargo add` do.
fn create(folder: &Path, index: usize, sample: &Sample, crates: &[(String, PathBuf)]) -> Result<(), ExitCode> {
    write_program(folder, &index.to_string(), &sample.program)?;
    let (own, others): (Vec<&String>, Vec<&String>) =
        sample.dependencies.iter().partition(|name| crates.iter().any(|(known, _)| known == *name));
    for name in own {
        let path = &crates.iter().find(|(known, _)| known == name).expect("it is one of them").1;
        add(folder, &["--path", &path.to_string_lossy()])?;
    }
    let others: Vec<&str> = others.iter().map(|name| name.as_str()).collect();
    if others.is_empty() { Ok(()) } else { add(folder, &others) }
}

/// Writes a crate with a program, as `cargo new` does.
fn write_program(folder: &Path, name: &str, program: &str) -> Result<(), ExitCode> {
    let written = || -> io::Result<()> {
        fs::create_dir_all(folder.join("src"))?;
        fs::write(folder.join("src/main.rs"), program)?;
        let manifest =
            format!("[package]\nname = \"sample-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n");
        fs::write(folder.join("Cargo.toml"), manifest)
    };
    written().map_err(failed(&format!("write '{}'", folder.display())))
}

/// Adds dependencies to the crate in a folder.
fn add(folder: &Path, dependencies: &[&str]) -> Result<(), ExitCode> {
    let mut command = cargo();
    command.args(["add", "--quiet", "--manifest-path"]).arg(folder.join("Cargo.toml")).args(dependencies);
    checked(&mut command)
}

/// The programs of a README, each with the dependencies of the last `cargo add` before it.
fn samples_of(text: &str) -> Vec<Sample> {
    let block = Regex::new(r"(?ms)^```([a-z,_]*)\n(.*?)^```$").expect("it is a regular expression");
    let add = Regex::new(r"(?m)^cargo add (.*?)(?:\s+#.*)?$").expect("it is a regular expression");
    let mut dependencies = Vec::new();
    let mut samples = Vec::new();
    for found in block.captures_iter(text) {
        let (language, code) = (&found[1], &found[2]);
        match language {
            "sh" => {
                for line in add.captures_iter(code) {
                    dependencies = line[1].split_whitespace().map(str::to_owned).collect();
                }
            }
            "rust" | "rust,no_run" => {
                samples.push(Sample { dependencies: dependencies.clone(), program: code.to_owned() });
            }
            _ => {}
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_have_the_dependencies_that_were_added_before_them() {
        let text = "# A\n```sh\ncargo add a b --features c   # note\n```\ntext\n```rust\nfn main() {}\n```\n```toml\nx = 1\n```\n";
        let dependencies = ["a", "b", "--features", "c"].map(str::to_owned).to_vec();
        assert_eq!(samples_of(text), [Sample { dependencies, program: "fn main() {}\n".to_owned() }]);
    }
}
