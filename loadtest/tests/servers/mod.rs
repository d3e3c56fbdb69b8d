//! Bare servers for tests of scenario files, and runs against them.

mod scenario;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

pub use scenario::*;

const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest");

/// A reference server that is ended with the test.
pub struct Reference {
    child: Child,
    url: String,
}

impl Reference {
    /// Starts one that answers sends.
    pub fn start(options: &[&str]) -> Self {
        let mut child = Command::new(LOADTEST)
            .args(["reference-server", "--acknowledge", "--end-with-parent"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap();
        Self {
            url: url.to_owned(),
            child,
        }
    }

    /// How a run finds it.
    pub fn options(&self) -> String {
        format!(
            "--target {} --token any --pid {}",
            self.url,
            self.child.id()
        )
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
