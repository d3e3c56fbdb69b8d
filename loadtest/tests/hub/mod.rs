//! A real hub for tests of the load suite, with the limits that the suite lifts.

mod program;
pub mod proxy;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

pub use program::program;

/// Signs the tokens of all users.
pub const SECRET: &str = "a-secret-of-the-tests-long-enough-for-any-rule";

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
