//! A run of a scenario file, and what it came to.

use serde_json::Value;
use std::process::Command;

/// Something was wrong, or a threshold missed.
pub const EXIT_INCORRECT: i32 = 1;

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
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
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
