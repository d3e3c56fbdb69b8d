//! A run of one kind of traffic, and what it came to.

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

    pub fn found(&self) -> &Value {
        &self.report["entries"][0]["measured"]["evening"]["measurement"]
    }

    /// How often something was wrong: a fault, or a contradiction.
    pub fn wrong(&self, name: &str) -> u64 {
        let found = self.found();
        let count = [&found["faults"][name], &found["contradictions"][name]];
        count.iter().filter_map(|count| count.as_u64()).sum()
    }

    /// How many operations of a class were measured.
    pub fn class(&self, name: &str) -> u64 {
        let latency = &self.found()["classes"][name]["latency"]["count"];
        latency
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {}", self.printed))
    }

    /// On a busy machine the generator may be late, but nothing may be wrong.
    pub fn assert_correct(&self) {
        let verdict = self.report["verdict"].as_str().unwrap_or_default();
        let is_correct = matches!(
            (verdict, self.code),
            ("passed", Some(0)) | ("generator_limited", Some(3))
        );
        assert!(is_correct, "{}", self.printed);
    }
}
