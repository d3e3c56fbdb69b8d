//! The hub process.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use mussikon_hub::cli::{self, Cli};

/// Measured better than the system's under load, see `loadtest/README.md`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
