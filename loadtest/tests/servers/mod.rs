//! Bare servers for tests of scenario files, and runs against them.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest");
/// Something was wrong, or a threshold missed.
pub const EXIT_INCORRECT: i32 = 1;

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

/// What a run came to.
pub struct Ran {
    pub code: Option<i32>,
    pub record: Value,
    pub printed: String,
}

/// Runs a scenario with some settings replaced, as KEY=VALUE between spaces.
pub fn run(scenario: &str, options: &str, set: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let [file, record] = ["scenario.toml", "record.json"].map(|name| folder.path().join(name));
    std::fs::write(&file, scenario).unwrap();
    let set = set.split_whitespace().flat_map(|pair| ["--set", pair]);
    let output = Command::new(LOADTEST)
        .arg("run")
        .arg(&file)
        .args(options.split_whitespace())
        .args(set)
        .arg("--report")
        .arg(&record)
        .env_remove("MUSSIKON_JWT_SECRET")
        .output()
        .unwrap();
    let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    let record = std::fs::read(&record).map(|bytes| serde_json::from_slice(&bytes).unwrap());
    Ran {
        code: output.status.code(),
        record: record.unwrap_or_default(),
        printed: texts.concat(),
    }
}
