//! The program `gtn`.

use std::process::ExitCode;

use gtn_cli::Invocation;

// Training allocates and frees thousands of large tensors per second, and the system's allocator returns each to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(gtn_cli::run(Invocation::of_this_program()))
}
