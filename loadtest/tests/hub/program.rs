//! The hub's program, for tests that start hubs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest");

/// The hub's program, beside the suite's. A run of the whole workspace has made it; any other run makes it here.
pub fn program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let program = Path::new(LOADTEST).with_file_name("mussikon-hub");
        if !program.is_file() {
            let folder = program.parent().unwrap();
            let profile = match folder.file_name().unwrap().to_str().unwrap() {
                "debug" => "dev",
                other => other,
            };
            let made = Command::new(env!("CARGO"))
                .args([
                    "build",
                    "--package",
                    "mussikon-hub",
                    "--bin",
                    "mussikon-hub",
                ])
                .args(["--profile", profile, "--target-dir"])
                .arg(folder.parent().unwrap())
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .status();
            assert!(made.unwrap().success(), "the hub cannot be built");
        }
        program
    };
    PROGRAM.get_or_init(make).clone()
}
