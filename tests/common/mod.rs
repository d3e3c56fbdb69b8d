//! Hubs and tokens as the tests of this folder need them.
#![allow(dead_code)] // Each test program uses its part.
#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

pub mod bystander;
pub mod cql;

use std::ops::{Deref, DerefMut};
use std::path::Path;

use chaos::check::Resets;
use chaos::hub::{HubProcess, HubSpec};
use chaos::token::Claims;
use tempfile::TempDir;

/// Signs the tokens of all users.
pub const SECRET: &str = "a secret of the tests, long enough for any rule";

/// Where packages of clients and folders of hubs go.
pub const BUILD: &str = env!("CARGO_TARGET_TMPDIR");

/// A token of `user`, good for an hour.
pub fn token(user: &str) -> String {
    Claims::user(user).role("user").sign(SECRET).unwrap()
}

/// `{"user": token, …}`.
pub fn tokens(users: &[&str]) -> String {
    let tokens: Vec<String> = users
        .iter()
        .map(|user| format!("\"{user}\":\"{}\"", token(user)))
        .collect();
    format!("{{{}}}", tokens.join(","))
}

/// A hub with its own folder, gone when dropped.
pub struct TestHub {
    hub: HubProcess,
    _folder: TempDir,
}

impl TestHub {
    /// A hub with the echo hubs, the texts of production, and no limit on how fast a user sends.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with further variables.
    pub async fn start_with(variables: &[(&str, &str)]) -> Self {
        let unlimited = ("MUSSIKON_ROOM__SENDS_PER_SECOND", "0");
        let variables = [&[unlimited], variables].concat();
        Self::start_as(&[], &variables).await
    }

    /// A hub with these arguments and variables, and the limits of production.
    pub async fn start_as(arguments: &[String], variables: &[(&str, &str)]) -> Self {
        std::fs::create_dir_all(BUILD).unwrap();
        let folder = tempfile::Builder::new()
            .prefix("hub-")
            .tempdir_in(BUILD)
            .unwrap();
        let mut spec = HubSpec::new(env!("CARGO_BIN_EXE_mussikon-hub"), folder.path())
            .variable("MUSSIKON_ENV", "production")
            .variable("MUSSIKON_JWT_SECRET", SECRET)
            .variable("MUSSIKON_ECHO_HUB", "true");
        spec.arguments = arguments.to_vec();
        for (name, value) in variables {
            spec = spec.variable(name, *value);
        }
        let hub = HubProcess::start(spec)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            hub,
            _folder: folder,
        }
    }
}

impl Deref for TestHub {
    type Target = HubProcess;

    fn deref(&self) -> &HubProcess {
        &self.hub
    }
}

impl DerefMut for TestHub {
    fn deref_mut(&mut self) -> &mut HubProcess {
        &mut self.hub
    }
}

/// A folder of this test folder.
pub fn sources(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// Fails with the violations and the hub's logs if `history` breaks a promise.
pub fn judge(history: &chaos::history::History, hub: &HubProcess) {
    // No test of this folder trims a journal or takes data back under its readers.
    let violations = chaos::check::check(history, Resets::Forbidden);
    if !violations.is_empty() {
        let path = Path::new(BUILD).join(format!("history-{}.jsonl", std::process::id()));
        std::fs::write(&path, history.to_lines()).unwrap();
        let first: Vec<String> = violations
            .iter()
            .take(20)
            .map(ToString::to_string)
            .collect();
        panic!(
            "{} violations, the first of them:\n{}\nthe history is in {}\n{}",
            violations.len(),
            first.join("\n"),
            path.display(),
            hub.logs()
        );
    }
}
