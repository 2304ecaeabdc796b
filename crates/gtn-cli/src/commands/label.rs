//! `gtn label`: Algorithm 1 alone.

mod divided;
mod files;
mod in_memory;
mod out_of_core;
mod stats;

use crate::args::Label;
use crate::failure::Failure;
use crate::processes;

pub(crate) fn run(args: &Label) -> Result<(), Failure> {
    match processes::all() {
        all if all.size() > 1 => divided::run(args, all),
        _ if args.out_of_core => out_of_core::run(args),
        _ => in_memory::run(args),
    }
}
