//! A run of a command, and what it came to.

use serde_json::Value;
use std::process::Command;

/// What a run came to.
pub struct Ran {
    pub code: Option<i32>,
    pub report: Value,
    pub printed: String,
}

impl Ran {
    /// Runs a command with these options.
    pub fn of(command: &str, line: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .arg(command)
            .args(line.split_whitespace())
            .arg("--report")
            .arg(&path)
            .env_remove("MUSSIKON_JWT_SECRET")
            .output()
            .unwrap();
        let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        let report = std::fs::read(&path).map(|bytes| serde_json::from_slice(&bytes).unwrap());
        Self {
            code: output.status.code(),
            report: report.unwrap_or_default(),
            printed: texts.concat(),
        }
    }
}
