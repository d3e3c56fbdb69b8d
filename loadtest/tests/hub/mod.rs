//! A real hub for tests of the load suite, with the limits that the suite lifts.

pub mod proxy;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Signs the tokens of all users.
pub const SECRET: &str = "a-secret-of-the-tests-long-enough-for-any-rule";
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

/// A hub that is ended with the test.
pub struct Hub {
    pub address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Hub {
    /// Starts one as the page of the suite says.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(program())
            .arg("--config")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("hub.toml"))
            .env("MUSSIKON_LISTEN", "127.0.0.1:0")
            .env("MUSSIKON_DATA_DIR", folder.path())
            .env("MUSSIKON_JWT_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("it says where it listens").unwrap();
            if let Some((_, address)) = line.split_once("listening on http://") {
                break address.trim().trim_end_matches('/').parse().unwrap();
            }
        };
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self {
            address,
            child,
            _folder: folder,
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
