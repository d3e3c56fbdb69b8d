//! A client script of another language as a child process.
//!
//! It prints JSON objects, one a line: `{"case": …, "passed": true}` for each case that it ran, with `error` when the case
//! failed; `{"ask": …}` when it wants something done, which is answered with the line `done`. Its input stays open as long
//! as its parent lives. It exits with 0 only when it ran cases and all passed.

use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::time::timeout;

/// Lines that an error shows at most.
const LINES_KEPT: usize = 400;

/// Why a script did not do what it should.
#[derive(Debug, Error)]
pub enum DriverError {
    /// It could not be run or talked to.
    #[error("the client script could not be run: {0}")]
    System(#[from] std::io::Error),
    /// Its exit status or one of its cases says that it failed.
    #[error("the client script ended with {status}, {passed} cases passed\n{output}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// Cases that passed.
        passed: usize,
        /// What it printed.
        output: String,
    },
    /// It took too long and was killed.
    #[error("the client script did not end within {within:?}\n{output}")]
    Late {
        /// The time it had.
        within: Duration,
        /// What it printed.
        output: String,
    },
}

#[derive(Default, Deserialize)]
struct Line {
    case: Option<String>,
    passed: Option<serde_json::Value>,
    ask: Option<String>,
}

/// Runs a script to its end and returns how many cases passed. `grant` does what the script asks for.
pub async fn run(
    command: Command,
    within: Duration,
    grant: impl AsyncFnMut(String),
) -> Result<usize, DriverError> {
    let mut child = tokio::process::Command::from(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let closed = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    let mut stdin = child.stdin.take().ok_or_else(closed)?;
    let stdout = child.stdout.take().ok_or_else(closed)?;
    let stderr = child.stderr.take().ok_or_else(closed)?;
    let mut report = Report::default();
    let mut errors = Report::default();
    let talk = async {
        let (talked, heard) = tokio::join!(
            report.follow(BufReader::new(stdout).lines(), &mut stdin, grant),
            errors.collect(BufReader::new(stderr).lines()),
        );
        talked.and(heard)?;
        child.wait().await
    };
    let ended = timeout(within, talk).await;
    report.lines.append(&mut errors.lines);
    let output = report.lines.join("\n");
    match ended {
        Err(_) => Err(DriverError::Late { within, output }),
        Ok(status) => {
            let status = status?;
            let passed = report.passed;
            if status.success() && passed > 0 && report.failed == 0 {
                Ok(passed)
            } else {
                Err(DriverError::Failed {
                    status,
                    passed,
                    output,
                })
            }
        }
    }
}

#[derive(Default)]
struct Report {
    lines: Vec<String>,
    passed: usize,
    failed: usize,
}

impl Report {
    async fn follow(
        &mut self,
        mut stdout: Lines<BufReader<ChildStdout>>,
        stdin: &mut ChildStdin,
        mut grant: impl AsyncFnMut(String),
    ) -> std::io::Result<()> {
        while let Some(text) = stdout.next_line().await? {
            let line: Line = serde_json::from_str(&text).unwrap_or_default();
            match (&line.case, &line.passed) {
                (Some(_), Some(serde_json::Value::Bool(true))) => self.passed += 1,
                (Some(_), _) => self.failed += 1,
                (None, _) => {}
            }
            self.keep(text);
            if let Some(deed) = line.ask {
                grant(deed).await;
                stdin.write_all(b"done\n").await?;
            }
        }
        Ok(())
    }

    async fn collect(
        &mut self,
        mut lines: Lines<BufReader<tokio::process::ChildStderr>>,
    ) -> std::io::Result<()> {
        while let Some(text) = lines.next_line().await? {
            self.keep(text);
        }
        Ok(())
    }

    fn keep(&mut self, line: String) {
        if self.lines.len() < LINES_KEPT {
            self.lines.push(line.replace("\\n", "\n"));
        }
    }
}
