//! The hub process.

use std::process::ExitCode;

use clap::Parser;
use mussikon_hub::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
