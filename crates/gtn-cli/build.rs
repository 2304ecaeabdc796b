//! Tells the program which revision of its source it was built from, if that is known.

use std::process::Command;

fn main() {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    // HEAD's log grows with every commit and checkout; the sources say whether the checkout is as it was committed.
    for path in ["build.rs", "..", "../../Cargo.lock"] {
        println!("cargo::rerun-if-changed={path}");
    }
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    // Only where this very file is tracked: a copy inside another checkout has no revision.
    let tracked = git(&["ls-files", "--error-unmatch", "build.rs"]).is_some();
    let described = git(&["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]);
    if let Some(revision) = described.filter(|_| tracked) {
        println!("cargo::rustc-env=GTN_GIT_REVISION={revision}");
    }
}
