//! `cargo xtask dist`: an archive of the program with its weights, licenses, shell completions and manual pages, and the wheel of Python.
//! On Linux both need only glibc 2.28, of 2018.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::files;
use crate::process::{build_gtn, checked, failed, target_folder, workspace};
use crate::python;

/// Shells, and what they call a file of completions for `gtn`.
const COMPLETIONS: [(&str, &str); 3] = [("bash", "gtn.bash"), ("zsh", "_gtn"), ("fish", "gtn.fish")];

/// What is copied from the workspace.
const COPIED: [&str; 4] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "weights"];

/// The version of glibc on Linux: that of the platform `manylinux_2_28`.
const GLIBC: (u32, u32) = (2, 28);

/// Builds `gtn` in the release profile, packs it without symbols as `dist/gtn-VERSION-linux-x86_64.tar.gz` of the target folder, or as the
/// system and processor are called, and builds the wheel.
pub(crate) fn run() -> ExitCode {
    match pack() {
        Ok(files) => {
            files.iter().for_each(|file| println!("{}", file.display()));
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

/// The archive and the wheel.
fn pack() -> Result<[PathBuf; 2], ExitCode> {
    let is_linux = cfg!(all(target_os = "linux", target_env = "gnu"));
    let gtn = if is_linux { build_for_glibc()? } else { build_gtn()? };
    let name = format!("gtn-{}-{}-{}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    let dist = target_folder().join("dist");
    collect(&gtn, &dist.join(&name))
        .map_err(failed(&format!("collect the files of the archive in '{}'", dist.display())))?;
    let archive = format!("{name}.tar.gz");
    let mut tar = Command::new("tar");
    tar.args(["--create", "--gzip"]);
    if is_linux {
        // Neither the user nor the time of the build is in the archive. Other systems have another tar.
        tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"]);
    }
    checked(tar.arg("--file").arg(&archive).arg(&name).current_dir(&dist))?;

    let (major, minor) = GLIBC;
    let platform = format!("manylinux_{major}_{minor}");
    let options: &[&str] = if is_linux { &["--zig", "--compatibility", &platform] } else { &[] };
    let built = python::build(python::Speed::Released, options)?;
    let wheel = dist.join(built.file_name().expect("it has a name"));
    fs::copy(&built, &wheel).map_err(failed("copy the wheel"))?;
    if is_linux {
        check_symbols(&dist.join(&name).join("gtn"))?;
        let unpacked = dist.join("wheel");
        let _ = fs::remove_dir_all(&unpacked);
        checked(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked))?;
        check_symbols(&unpacked.join("gtn/_gtn.abi3.so"))?;
    }
    Ok([dist.join(archive), wheel])
}

/// Builds the program so that it runs with an older glibc than this machine has.
fn build_for_glibc() -> Result<PathBuf, ExitCode> {
    let tools = python::tools()?;
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let (major, minor) = GLIBC;
    let of_glibc = format!("{target}.{major}.{minor}");
    let arguments = ["zigbuild", "--release", "--package", "gtn-cli", "--target", &of_glibc];
    eprintln!("$ cargo {}", arguments.join(" "));
    checked(Command::new(tools.join("bin/cargo-zigbuild")).args(arguments).env("PATH", python::path(&tools)))?;
    Ok(target_folder().join(target).join("release/gtn"))
}

/// Fails if a program needs symbols of a newer glibc, and prints the newest that it needs.
fn check_symbols(program: &Path) -> Result<(), ExitCode> {
    let action = format!("list the symbols of '{}'", program.display());
    let output = Command::new("objdump").arg("-T").arg(program).output().map_err(failed(&action))?;
    let text = succeeded(output).map_err(failed(&action))?;
    let newest = newest_version(&String::from_utf8_lossy(&text));
    match newest {
        Some((major, minor)) if (major, minor) <= GLIBC => {
            println!("{} needs glibc {major}.{minor}", program.display());
            Ok(())
        }
        newest => {
            eprintln!("error: '{}' needs glibc {newest:?}; it must need {GLIBC:?} or older", program.display());
            Err(ExitCode::FAILURE)
        }
    }
}

/// The newest version `GLIBC_MAJOR.MINOR` in a list of symbols.
fn newest_version(symbols: &str) -> Option<(u32, u32)> {
    let versions = symbols.split("GLIBC_").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let mut numbers = rest[..end].split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    versions.max()
}

/// Puts the program and all other files of the archive into a new folder.
fn collect(gtn: &Path, folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::create_dir_all(folder.join("completions"))?,
    }
    let packed = folder.join(gtn.file_name().expect("it has a name"));
    files::copy(gtn, &packed)?;
    // Not by the profile, with which cargo would build everything again.
    succeeded(Command::new("strip").arg(&packed).output()?)?;
    for name in COPIED {
        files::copy(&workspace().join(name), &folder.join(name))?;
    }
    for (shell, name) in COMPLETIONS {
        let output = Command::new(gtn).args(["completions", shell]).output()?;
        fs::write(folder.join("completions").join(name), succeeded(output)?)?;
    }
    succeeded(Command::new(gtn).arg("man").arg(folder.join("man/man1")).output()?)?;
    Ok(())
}

/// What a command printed.
fn succeeded(output: std::process::Output) -> io::Result<Vec<u8>> {
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_newest_version_is_compared_by_numbers() {
        let symbols = "DF *UND* 0000 (GLIBC_2.2.5) free\n (GLIBC_2.28) fcntl64\n (GLIBC_2.9) x\n (GLIBC_PRIVATE) y\n";
        assert_eq!(super::newest_version(symbols), Some((2, 28)));
        assert_eq!(super::newest_version("no symbols"), None);
    }
}
