//! `cargo xtask dist`: an archive of the program with its weights, licenses, shell completions and manual pages.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::process::{build_gtn, finish, target_folder, workspace};

/// Shells, and what they call a file of completions for `gtn`.
const COMPLETIONS: [(&str, &str); 3] = [("bash", "gtn.bash"), ("zsh", "_gtn"), ("fish", "gtn.fish")];

/// What is copied from the workspace.
const COPIED: [&str; 4] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "weights"];

/// Builds `gtn` in the release profile, and packs it without symbols as `dist/gtn-VERSION-linux-x86_64.tar.gz` of the target folder, or
/// as the system and processor are called.
pub(crate) fn run() -> ExitCode {
    let gtn = match build_gtn() {
        Ok(gtn) => gtn,
        Err(code) => return code,
    };
    let name = format!("gtn-{}-{}-{}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    let dist = target_folder().join("dist");
    if let Err(error) = collect(&gtn, &dist.join(&name)) {
        eprintln!("error: cannot collect the files of the archive in '{}': {error}", dist.display());
        return ExitCode::FAILURE;
    }
    // Neither the user nor the time of the build is in the archive.
    let mut tar = Command::new("tar");
    tar.args(["--create", "--gzip", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"]);
    let code = finish(tar.arg("--file").arg(format!("{name}.tar.gz")).arg(&name).current_dir(&dist));
    if code == ExitCode::SUCCESS {
        println!("{}", dist.join(format!("{name}.tar.gz")).display());
    }
    code
}

/// Puts the program and all other files of the archive into a new folder.
fn collect(gtn: &Path, folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::create_dir_all(folder.join("completions"))?,
    }
    let packed = folder.join(gtn.file_name().expect("it has a name"));
    copy(gtn, &packed)?;
    // Not by the profile, with which cargo would build everything again.
    succeeded(Command::new("strip").arg(&packed).output()?)?;
    for name in COPIED {
        copy(&workspace().join(name), &folder.join(name))?;
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

/// Copies a file, or a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
