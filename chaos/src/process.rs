//! A server as a child process: started with its logs kept, watched until it is ready, paused, killed, never outliving us.

use std::ffi::OsString;
use std::fs::{self, File};
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::time::{Instant, sleep};

/// Between two looks at something that another process is about to change.
const POLL: Duration = Duration::from_millis(5);
/// How much of each log an error shows.
const LOG_TAIL_BYTES: u64 = 4096;

/// Runs the program with a guard beside it that ends it when this process ends, however that happens.
///
/// The guard waits on a pipe that only this process holds open: a line on it means "leave quietly", its end means
/// "the parent is gone". The shell then becomes the program, so both share one process id.
const GUARD: &str = r#"exec 3<&0 </dev/null
(trap '' HUP INT TERM; read -r _ <&3 || kill -s KILL $$) >/dev/null 2>&1 &
exec "$@" 3<&-"#;

/// How to start a server.
#[derive(Clone, Debug)]
pub struct Launch {
    /// What errors call it, as in "the hub".
    pub name: &'static str,
    /// The program.
    pub program: PathBuf,
    /// Arguments after the program's name.
    pub arguments: Vec<OsString>,
    /// Holds `stdout.log` and `stderr.log`, and is the working folder.
    pub folder: PathBuf,
    /// Variables set for it. All `MUSSIKON_*` variables of this process are removed first.
    pub variables: Vec<(String, OsString)>,
    /// How long a start may take until the server is ready.
    pub start_within: Duration,
}

impl Launch {
    fn command(&self) -> io::Result<Command> {
        let log = |name| {
            File::options()
                .create(true)
                .append(true)
                .open(self.folder.join(name))
        };
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", GUARD, "guard"])
            .arg(&self.program)
            .args(&self.arguments);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MUSSIKON_") {
                command.env_remove(name);
            }
        }
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(log("stdout.log")?)
            .stderr(log("stderr.log")?)
            .process_group(0);
        Ok(command)
    }
}

/// Why a server did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The process could not be created.
    #[error("cannot start {binary}: {source}")]
    Spawn {
        /// The program.
        binary: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It ended before it was ready.
    #[error("{name} ended with {status} before it was ready\n{logs}")]
    Ended {
        /// Which server.
        name: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The ends of its logs.
        logs: String,
    },
    /// It was not ready in time; it was killed.
    #[error("{name} was not ready within {within:?}\n{logs}")]
    Silent {
        /// Which server.
        name: &'static str,
        /// The time it had.
        within: Duration,
        /// The ends of its logs.
        logs: String,
    },
}

/// Why a signal or an end could not be had.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// It is not running.
    #[error("{0} is not running")]
    NotRunning(&'static str),
    /// It did not end in time; it was killed.
    #[error("{name} did not end within {within:?}\n{logs}")]
    Lingers {
        /// Which server.
        name: &'static str,
        /// The time it had.
        within: Duration,
        /// The ends of its logs.
        logs: String,
    },
    /// The system refused.
    #[error("signal or look at the process failed: {0}")]
    System(#[from] io::Error),
}

/// A server's process. Dropping it kills the process, and so does the death of this process by any cause.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    folder: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// Starts a server and asks `ready` over and over until it gives a value, which is returned too.
    pub async fn start<T, F>(
        launch: &Launch,
        mut ready: impl FnMut() -> F,
    ) -> Result<(Self, T), StartError>
    where
        F: Future<Output = Option<T>>,
    {
        let failed = |source| StartError::Spawn {
            binary: launch.program.clone(),
            source,
        };
        let name = launch.name;
        fs::create_dir_all(&launch.folder).map_err(failed)?;
        let child = launch.command().and_then(|mut c| c.spawn());
        let mut process = Self {
            name,
            folder: launch.folder.clone(),
            child: Some(child.map_err(failed)?),
        };
        let deadline = Instant::now() + launch.start_within;
        loop {
            if let Some(value) = ready().await {
                return Ok((process, value));
            }
            if let Some(status) = process.ended().map_err(failed)? {
                let logs = process.logs();
                return Err(StartError::Ended { name, status, logs });
            }
            if Instant::now() >= deadline {
                process.kill();
                return Err(StartError::Silent {
                    name,
                    within: launch.start_within,
                    logs: process.logs(),
                });
            }
            sleep(POLL).await;
        }
    }

    /// The folder with its logs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The ends of its logs, for the message of a failed test.
    pub fn logs(&self) -> String {
        ["stdout.log", "stderr.log"]
            .map(|name| format!("--- {name}\n{}", tail(&self.folder.join(name))))
            .join("\n")
    }

    /// Ends it at once (SIGKILL) and waits until it is gone. Does nothing when it is not running.
    pub fn kill(&mut self) {
        if let Some(child) = self.child.take() {
            end(child);
        }
    }

    /// Asks it to end in order (SIGTERM) and waits for its exit status; kills it when it takes longer than `within`.
    pub async fn terminate(&mut self, within: Duration) -> Result<ExitStatus, ProcessError> {
        self.signal("TERM")?;
        self.wait(within).await
    }

    /// Waits until it ends by itself; kills it when it takes longer than `within`.
    pub async fn wait(&mut self, within: Duration) -> Result<ExitStatus, ProcessError> {
        let name = self.name;
        let deadline = Instant::now() + within;
        loop {
            self.running()?;
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                self.kill();
                let logs = self.logs();
                return Err(ProcessError::Lingers { name, within, logs });
            }
            sleep(POLL).await;
        }
    }

    /// Stops it where it stands (SIGSTOP): sockets stay open, nothing is answered.
    pub fn pause(&self) -> Result<(), ProcessError> {
        self.signal("STOP")
    }

    /// Lets it go on after a pause (SIGCONT).
    pub fn resume(&self) -> Result<(), ProcessError> {
        self.signal("CONT")
    }

    /// Resident memory in bytes.
    pub fn rss_bytes(&self) -> Result<u64, ProcessError> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.running()?))?;
        let kilobytes = status.lines().find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .trim()
                .strip_suffix(" kB")?
                .parse::<u64>()
                .ok()
        });
        Ok(kilobytes.ok_or(ProcessError::NotRunning(self.name))? * 1024)
    }

    fn running(&self) -> Result<u32, ProcessError> {
        self.id().ok_or(ProcessError::NotRunning(self.name))
    }

    /// Its status if it has ended by itself, told once.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = match &mut self.child {
            Some(child) => child.try_wait()?,
            None => None,
        };
        if status.is_some() {
            self.kill();
        }
        Ok(status)
    }

    /// Sends a signal by its name without `SIG`.
    ///
    /// By the shell's own `kill`, since the standard library can only send SIGKILL. The id cannot have passed to another
    /// process: an ended child keeps it until it is waited for.
    pub fn signal(&self, signal: &str) -> Result<(), ProcessError> {
        let id = self.running()?.to_string();
        let status = Command::new("/bin/sh")
            .args(["-c", r#"kill -s "$0" "$1""#, signal, &id])
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(ProcessError::NotRunning(self.name))
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills and reaps a child, and sends its guard home before the process id can be used again.
fn end(mut child: Child) {
    if let Some(mut guard) = child.stdin.take() {
        // A guard that is gone already needs no word.
        let _ = guard.write_all(b"\n");
    }
    // Fails only for a child that has ended, and then waiting is all that is left to do.
    let _ = child.kill();
    let _ = child.wait();
}

fn tail(path: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_else(|error| format!("({}: {error})", path.display()))
}

/// Whether a process ended by SIGKILL, as one does that was killed and did not exit by itself.
pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9)
}
