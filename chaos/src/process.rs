//! A hub as a child process: started, killed, paused and restarted on the same port and data.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
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
/// What the hub prints before its address once it accepts connections.
const READY: &str = "listening on http://";

/// Runs the program with a guard beside it that ends it when this process ends, however that happens.
///
/// The guard waits on a pipe that only this process holds open: a line on it means "leave quietly", its end means
/// "the parent is gone". The shell then becomes the program, so both share one process id.
const GUARD: &str = r#"exec 3<&0 </dev/null
(trap '' HUP INT TERM; read -r _ <&3 || kill -s KILL $$) >/dev/null 2>&1 &
exec "$@" 3<&-"#;

/// How to start a hub.
#[derive(Clone, Debug)]
pub struct HubSpec {
    /// The program.
    pub binary: PathBuf,
    /// Arguments after the program's name; none serves.
    pub arguments: Vec<String>,
    /// Holds `data/`, `stdout.log` and `stderr.log`, and is the working folder.
    pub folder: PathBuf,
    /// Variables set for the hub. All `MUSSIKON_*` variables of this process are removed first.
    pub variables: Vec<(String, String)>,
    /// How long a start may take until the hub says where it listens.
    pub start_within: Duration,
}

impl HubSpec {
    /// A hub from `binary` with everything it writes below `folder`.
    pub fn new(binary: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            arguments: Vec::new(),
            folder: folder.into(),
            variables: Vec::new(),
            start_within: Duration::from_secs(20),
        }
    }

    /// Sets a variable for the hub.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    fn command(&self, listen: &str) -> io::Result<Command> {
        let log = |name| {
            File::options()
                .create(true)
                .append(true)
                .open(self.folder.join(name))
        };
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", GUARD, "guard"])
            .arg(&self.binary)
            .args(&self.arguments);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MUSSIKON_") {
                command.env_remove(name);
            }
        }
        command
            .env("MUSSIKON_DATA_DIR", self.folder.join("data"))
            .envs(
                self.variables
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str())),
            )
            .env("MUSSIKON_LISTEN", listen)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(log("stdout.log")?)
            .stderr(log("stderr.log")?)
            .process_group(0);
        Ok(command)
    }
}

/// Why a hub did not start.
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
    /// The hub ended before it said where it listens.
    #[error("the hub ended with {status} before it listened\n{logs}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// The ends of its logs.
        logs: String,
    },
    /// The hub said nothing in time; it was killed.
    #[error("the hub did not listen within {within:?}\n{logs}")]
    Silent {
        /// The time it had.
        within: Duration,
        /// The ends of its logs.
        logs: String,
    },
}

/// Why a signal or an end could not be had.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// The hub is not running.
    #[error("the hub is not running")]
    NotRunning,
    /// The hub did not end in time; it was killed.
    #[error("the hub did not end within {within:?}\n{logs}")]
    Lingers {
        /// The time it had.
        within: Duration,
        /// The ends of its logs.
        logs: String,
    },
    /// The system refused.
    #[error("signal or look at the hub failed: {0}")]
    System(#[from] io::Error),
}

/// A hub process. Dropping it kills the process, and so does the death of this process by any cause.
#[derive(Debug)]
pub struct HubProcess {
    spec: HubSpec,
    address: SocketAddr,
    child: Option<Child>,
}

impl HubProcess {
    /// Starts a hub on a free port of the loopback address and waits until it listens.
    pub async fn start(spec: HubSpec) -> Result<Self, StartError> {
        let (child, address) = launch(&spec, "127.0.0.1:0").await?;
        Ok(Self {
            spec,
            address,
            child: Some(child),
        })
    }

    /// Starts the hub again on its port and data; kills it first if it still runs.
    pub async fn restart(&mut self) -> Result<(), StartError> {
        self.kill();
        let (child, address) = launch(&self.spec, &self.address.to_string()).await?;
        self.child = Some(child);
        self.address = address;
        Ok(())
    }

    /// Where the hub listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The folder with the hub's data and logs.
    pub fn folder(&self) -> &Path {
        &self.spec.folder
    }

    /// The process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The ends of the hub's logs, for the message of a failed test.
    pub fn logs(&self) -> String {
        logs(&self.spec.folder)
    }

    /// Ends the hub at once (SIGKILL) and waits until it is gone. Does nothing when it is not running.
    pub fn kill(&mut self) {
        if let Some(child) = self.child.take() {
            end(child);
        }
    }

    /// Asks the hub to drain (SIGTERM) and waits for its exit status; kills it when it takes longer than `within`.
    pub async fn terminate(&mut self, within: Duration) -> Result<ExitStatus, ProcessError> {
        self.signal("TERM")?;
        self.wait(within).await
    }

    /// Waits until the hub ends by itself; kills it when it takes longer than `within`.
    pub async fn wait(&mut self, within: Duration) -> Result<ExitStatus, ProcessError> {
        let deadline = Instant::now() + within;
        loop {
            let child = self.child.as_mut().ok_or(ProcessError::NotRunning)?;
            if let Some(status) = child.try_wait()? {
                self.kill();
                return Ok(status);
            }
            if Instant::now() >= deadline {
                self.kill();
                let logs = self.logs();
                return Err(ProcessError::Lingers { within, logs });
            }
            sleep(POLL).await;
        }
    }

    /// Stops the process where it stands (SIGSTOP): sockets stay open, nothing is answered.
    pub fn pause(&self) -> Result<(), ProcessError> {
        self.signal("STOP")
    }

    /// Lets a paused process go on (SIGCONT).
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
        Ok(kilobytes.ok_or(ProcessError::NotRunning)? * 1024)
    }

    fn running(&self) -> Result<u32, ProcessError> {
        self.id().ok_or(ProcessError::NotRunning)
    }

    /// By the shell's own `kill`, since the standard library can only send SIGKILL. The id cannot have passed to another
    /// process: an ended child keeps it until it is waited for.
    fn signal(&self, name: &str) -> Result<(), ProcessError> {
        let id = self.running()?.to_string();
        let status = Command::new("/bin/sh")
            .args(["-c", r#"kill -s "$0" "$1""#, name, &id])
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(ProcessError::NotRunning)
        }
    }
}

impl Drop for HubProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn launch(spec: &HubSpec, listen: &str) -> Result<(Child, SocketAddr), StartError> {
    let failed = |source| StartError::Spawn {
        binary: spec.binary.clone(),
        source,
    };
    fs::create_dir_all(&spec.folder).map_err(failed)?;
    let stdout = spec.folder.join("stdout.log");
    let start = fs::metadata(&stdout).map_or(0, |metadata| metadata.len());
    let mut child = spec
        .command(listen)
        .and_then(|mut c| c.spawn())
        .map_err(failed)?;
    let deadline = Instant::now() + spec.start_within;
    loop {
        if let Some(address) = announced_address(&stdout, start) {
            return Ok((child, address));
        }
        match child.try_wait() {
            Ok(Some(status)) => {
                end(child);
                let logs = logs(&spec.folder);
                return Err(StartError::Ended { status, logs });
            }
            Ok(None) if Instant::now() < deadline => sleep(POLL).await,
            Ok(None) => {
                end(child);
                let logs = logs(&spec.folder);
                let within = spec.start_within;
                return Err(StartError::Silent { within, logs });
            }
            Err(source) => {
                end(child);
                return Err(failed(source));
            }
        }
    }
}

/// The address on the first whole line after byte `start` that announces one.
fn announced_address(stdout: &Path, start: u64) -> Option<SocketAddr> {
    let mut file = File::open(stdout).ok()?;
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut text = Vec::new();
    file.take(1 << 16).read_to_end(&mut text).ok()?;
    String::from_utf8_lossy(&text)
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .find_map(|line| line.trim_end().split_once(READY)?.1.parse().ok())
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

fn logs(folder: &Path) -> String {
    ["stdout.log", "stderr.log"]
        .map(|name| format!("--- {name}\n{}", tail(&folder.join(name))))
        .join("\n")
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
