//! `gtn completions` and `gtn man`: what a package of the program contains besides it, from its own description of the arguments.

use std::io::Write;

use clap::Command;
use gtn_io::atomic;

use crate::args::{Completions, Man};
use crate::console;
use crate::failure::Failure;

/// Prints the completions of a shell.
pub(crate) fn completions(mut program: Command, args: &Completions) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "gtn", &mut script);
    console::record(std::io::stdout().write_all(&script));
}

/// Writes a page for the program and for each of its commands.
pub(crate) fn pages(mut program: Command, args: &Man) -> Result<(), Failure> {
    std::fs::create_dir_all(&args.folder).map_err(gtn_io::Error::io("create", &args.folder))?;
    // Names the subcommands as in `gtn-bench-label`.
    program.build();
    let mut commands = vec![program];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().filter(|command| command.get_name() != "help").cloned());
        let manual =
            clap_mangen::Man::new(command).manual("GTN in Rust").source(concat!("gtn ", env!("CARGO_PKG_VERSION")));
        let mut page = Vec::new();
        manual.render(&mut page).map_err(gtn_io::Error::io("write", &args.folder))?;
        atomic::write_bytes(&args.folder.join(manual.get_filename()), &page)?;
    }
    Ok(())
}
