//! Several processes: one that holds the directory, one that is killed while it writes. Each test runs
//! itself again as the child.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use actors::ids::Sequence;
use actors::journal::conformance::Store;
use actors::journal::conformance::writer::{Writer, read_all, records, room};
use actors::journal::fjall::OpenError;
use actors::journal::{AppendError, SideWrites};

use super::place::open;

const CHILD: &str = "JOURNAL_TEST_CHILD_DIRECTORY";
const ROOMS: usize = 8;

/// The directory to work in, if this process is the child of a test.
pub fn child_directory() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// This test binary as a child that runs one test, or what `wrapped` makes of it; killed when dropped.
pub struct Running {
    child: Child,
    pub input: Option<ChildStdin>,
    pub output: BufReader<ChildStdout>,
}

impl Running {
    pub fn start(wrapper: &[&str], test: &str, directory: &Path) -> Self {
        let this = std::env::current_exe().expect("this binary has a path");
        let mut command = match wrapper {
            [] => Command::new(&this),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&this);
                command
            }
        };
        command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
        command.env(CHILD, directory).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("its output is piped"));
        Self {
            input: child.stdin.take(),
            output,
            child,
        }
    }

    /// The next line of the child's own, without its mark; nothing when it has ended.
    pub fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            match self.output.read_line(&mut line) {
                Ok(0) | Err(_) => return None,
                // The test harness writes before us on the same line.
                Ok(_) => match line.split_once("child: ") {
                    Some((_, text)) if text.ends_with('\n') => {
                        return Some(text.trim_end().to_owned());
                    }
                    _ => {}
                },
            }
        }
    }

    /// Ends it the hard way and answers what it had still said.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("it can be killed");
        std::iter::from_fn(|| self.line()).collect()
    }

    pub fn wait(mut self) -> std::process::ExitStatus {
        drop(self.input.take());
        let mut rest = String::new();
        let _ = self.output.read_to_string(&mut rest);
        self.child.wait().expect("it ends")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says something to the parent; false if it is gone.
pub fn say(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "child: {text}")
        .and_then(|()| out.flush())
        .is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_refused() {
    if let Some(directory) = child_directory() {
        let store = open(&directory).expect("the child opens it first");
        say("open");
        let _ = std::io::stdin().read(&mut [0]);
        return drop(store);
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut child = Running::start(
        &[],
        "process::a_second_process_is_refused",
        directory.path(),
    );
    assert_eq!(child.line().as_deref(), Some("open"));
    let refusal = open(directory.path()).err().expect("it is refused");
    assert!(
        matches!(&refusal, OpenError::Locked { path } if path == directory.path()),
        "{refusal}"
    );
    assert!(child.wait().success());
    open(directory.path()).expect("it is free when the other process has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_writer_loses_nothing_it_acknowledged() {
    if let Some(directory) = child_directory() {
        return write_until_killed(&directory).await;
    }
    let test = "process::a_killed_writer_loses_nothing_it_acknowledged";
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut heads = vec![(Sequence::ZERO, String::new()); ROOMS];
    for round in 0..3 {
        let mut child = Running::start(&[], test, directory.path());
        let mut said: Vec<_> = std::iter::from_fn(|| child.line()).take(300).collect();
        assert_eq!(
            said.len(),
            300,
            "the child ended by itself: {:?}",
            said.last()
        );
        said.extend(child.kill());
        for line in &said {
            let mut words = line.split(' ');
            let mut word = || words.next().expect("room, sequence, digest");
            let room: usize = word().parse().expect("a number");
            let sequence = Sequence(word().parse().expect("a number"));
            heads[room] = heads[room].clone().max((sequence, word().to_owned()));
        }
        let store: Arc<dyn Store> = open(directory.path()).expect("it opens after the kill");
        for (n, (sequence, digest)) in heads.iter().enumerate() {
            let rows = read_all(&store, &room_of(n)).await.expect("a whole chain");
            let row = rows.iter().find(|row| row.last() == *sequence);
            let found = row.map(|row| row.digest.to_string());
            assert_eq!(
                found.as_ref(),
                Some(digest),
                "round {round}, room {n} at {sequence}"
            );
        }
    }
}

pub fn room_of(n: usize) -> actors::ids::EntityId {
    room(&format!("room {n}")).expect("a valid id")
}

/// Appends to all rooms at once and reports each acknowledgement, until the end.
pub async fn write_until_killed(directory: &Path) {
    let store: Arc<dyn Store> = open(directory).expect("the child opens it");
    let mut tasks = Vec::new();
    for n in 0..ROOMS {
        let mut writer = Writer::new(&store, room_of(n));
        writer.head = store.head(&writer.entity).await.expect("its head");
        tasks.push(tokio::spawn(async move {
            loop {
                let appended = writer.append_once(records("x", 1 + n % 3), SideWrites::default());
                appended.await?;
                let head = writer.head;
                if !say(&format!("{n} {} {}", head.sequence, head.digest)) {
                    return Ok::<_, AppendError>(());
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic").expect("no failure");
    }
}
