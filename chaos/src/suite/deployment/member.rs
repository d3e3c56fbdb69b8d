//! One member of a deployment: what may be done to it, and doing it. Nothing else is ever done.

use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use super::mending::Mending;

/// Between two looks at a process that is about to end.
const LOOK: Duration = Duration::from_millis(10);
/// How long a drain or the command that stops or starts a member may take.
pub(super) const COMMAND: Duration = Duration::from_secs(90);
/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A hub.
    Hub,
    /// A NATS server.
    Nats,
    /// A CQL node.
    Cql,
}

impl Kind {
    /// What its process is called if nothing else is said.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Hub => "mussikon-hub",
            Self::Nats => "nats-server",
            Self::Cql => "java",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hub => "hub",
            Self::Nats => "nats",
            Self::Cql => "cql",
        })
    }
}

/// What may be done to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hurt {
    /// End it at once, and start it again.
    Kill,
    /// Stop it where it stands, and let it go on.
    Pause,
    /// End it in order, and start it again.
    Restart,
}

impl fmt::Display for Hurt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Restart => "restart",
        })
    }
}

/// A member of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What it is.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// Where clients connect, `http://HOST:PORT`; hubs have one.
    pub url: Option<String>,
    /// What answers 200 when it is ready; for hubs by default `/health/ready` of the URL.
    pub health: Option<String>,
    /// What may be done to it. Nothing else is.
    pub hurt: Vec<Hurt>,
    /// Its process, which is not ended, for it will not come back under this number.
    pub pid: Option<u32>,
    /// Holds the number of its process.
    pub pid_file: Option<PathBuf>,
    /// What its process is called. One that is called something else is not signalled.
    pub program: String,
    /// Ends it at once, in place of SIGKILL.
    pub kill: Option<String>,
    /// Ends it in order, in place of SIGTERM.
    pub stop: Option<String>,
    /// Starts it. Without it somebody else does.
    pub start: Option<String>,
}

/// Why nothing was done to a member, or it was not mended.
#[derive(Debug, Error)]
pub enum MemberError {
    /// The deployment does not allow it.
    #[error("{kind} {name} must not be hurt by `{hurt}`: its `hurt` does not allow it")]
    Forbidden {
        /// What it is.
        kind: Kind,
        /// What it is called.
        name: String,
        /// What was wanted.
        hurt: Hurt,
    },
    /// There is no process, or it is another one than was meant.
    #[error("{kind} {name}: {reason}")]
    Process {
        /// What it is.
        kind: Kind,
        /// What it is called.
        name: String,
        /// What was found.
        reason: String,
    },
}

impl Member {
    /// What in its description does not go together.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let address = |url: &str| authority(url).is_some();
        match (self.kind, &self.url) {
            (Kind::Hub, None) => problems.push("`url` is missing".to_owned()),
            (_, Some(url)) if !address(url) => {
                problems.push(format!("`url` is {url}, which is not http://HOST:PORT"));
            }
            _ => {}
        }
        if let Some(health) = self.health.as_deref().filter(|health| !address(health)) {
            problems.push(format!(
                "`health` is {health}, which is not http://HOST:PORT/PATH"
            ));
        }
        for hurt in &self.hurt {
            let lacking = match hurt {
                Hurt::Pause if self.pid.is_none() => "`pid_file` or `pid`",
                Hurt::Kill if self.kill.is_none() => "`pid_file` or a command `kill`",
                Hurt::Restart if self.stop.is_none() => "`pid_file` or a command `stop`",
                _ => continue,
            };
            if self.pid_file.is_none() {
                problems.push(format!("`hurt` allows {hurt}, which needs {lacking}"));
            }
        }
        problems
    }

    /// Whether this may be done to it.
    pub fn allows(&self, hurt: Hurt) -> bool {
        self.hurt.contains(&hurt)
    }

    /// Begins to hurt it, and answers what mends it. Whatever happens to this process, it is mended.
    pub(super) async fn hurt(&self, hurt: Hurt) -> Result<Mending, MemberError> {
        if !self.allows(hurt) {
            let (kind, name) = (self.kind, self.name.clone());
            return Err(MemberError::Forbidden { kind, name, hurt });
        }
        match hurt {
            Hurt::Pause => {
                let pid = self.process()?;
                let mending = self.mending(&format!("kill -s CONT {pid}"))?;
                self.command(&format!("kill -s STOP {pid}")).await?;
                Ok(mending)
            }
            Hurt::Kill | Hurt::Restart => {
                let (command, signal) = match hurt {
                    Hurt::Kill => (&self.kill, "KILL"),
                    _ => (&self.stop, "TERM"),
                };
                let pid = match command {
                    Some(_) => None,
                    None => Some(self.process()?),
                };
                let start = self.start.as_deref().unwrap_or("true");
                let mending = self.mending(start)?;
                match (command, pid) {
                    (Some(command), _) => self.command(command).await?,
                    (None, Some(pid)) => {
                        self.command(&format!("kill -s {signal} {pid}")).await?;
                        self.gone(pid).await?;
                    }
                    (None, None) => {}
                }
                Ok(mending)
            }
        }
    }

    /// Its process, which must be called what it should.
    fn process(&self) -> Result<u32, MemberError> {
        let pid = match (&self.pid_file, self.pid) {
            (Some(file), _) => {
                let read = std::fs::read_to_string(file);
                let text =
                    read.map_err(|error| self.wrong(format!("{}: {error}", file.display())))?;
                let number = text.trim().parse().ok();
                number.ok_or_else(|| self.wrong(format!("{} holds no number", file.display())))?
            }
            (None, Some(pid)) => pid,
            (None, None) => return Err(self.wrong("it has no `pid_file` and no `pid`".to_owned())),
        };
        let program = std::fs::read_link(format!("/proc/{pid}/exe"));
        let program = program.map_err(|error| self.wrong(format!("process {pid}: {error}")))?;
        let called = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // A program that was replaced while it ran.
        let called = called.trim_end_matches(" (deleted)");
        if called == self.program {
            return Ok(pid);
        }
        let wanted = &self.program;
        Err(self.wrong(format!(
            "process {pid} is {called} and not {wanted}: it is left alone"
        )))
    }

    fn wrong(&self, reason: String) -> MemberError {
        let (kind, name) = (self.kind, self.name.clone());
        MemberError::Process { kind, name, reason }
    }

    fn mending(&self, command: &str) -> Result<Mending, MemberError> {
        let what = format!("{} {}", self.kind, self.name);
        Mending::prepare(what, command).map_err(|error| self.wrong(error.to_string()))
    }

    async fn command(&self, command: &str) -> Result<(), MemberError> {
        let mut running = Command::new("/bin/sh");
        running
            .args(["-c", command])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let done = timeout(COMMAND, running.status()).await;
        match done {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.wrong(format!("`{command}` ended with {status}"))),
            Ok(Err(error)) => Err(self.wrong(format!("`{command}`: {error}"))),
            Err(_) => Err(self.wrong(format!("`{command}` took more than {COMMAND:?}"))),
        }
    }

    /// Waits until a process has ended. It may stay as a zombie: whose child it is is not known.
    async fn gone(&self, pid: u32) -> Result<(), MemberError> {
        let deadline = Instant::now() + COMMAND;
        loop {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
            if state.is_none_or(|state| state.starts_with(['Z', 'X'])) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(self.wrong(format!("process {pid} did not end within {COMMAND:?}")));
            }
            sleep(LOOK).await;
        }
    }
}

/// `HOST:PORT` of an address, and its path.
pub(super) fn authority(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest
        .find('/')
        .map_or((rest, "/"), |slash| rest.split_at(slash));
    let (host, port) = authority.rsplit_once(':')?;
    (!host.is_empty() && port.parse::<u16>().is_ok()).then_some((authority, path))
}

#[cfg(test)]
mod tests {
    use tokio::process::Child;

    use super::super::file::tests::{GOOD, parse};
    use super::*;

    /// A process of this test's own.
    fn sleeper() -> Child {
        let mut sleeper = Command::new("sleep");
        sleeper.arg("60").kill_on_drop(true).spawn().unwrap()
    }

    fn member(pid: u32, hurt: &[Hurt]) -> Member {
        let mut member = parse(GOOD).unwrap().of(Kind::Nats)[0].clone();
        member.pid = Some(pid);
        member.hurt = hurt.to_vec();
        // Whatever `sleep` is on this machine.
        let exe = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap();
        member.program = exe.file_name().unwrap().to_string_lossy().into_owned();
        member
    }

    fn state(pid: u32) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    }

    /// The program of a child is its own only a moment after it was made.
    async fn started(child: &Child) -> u32 {
        let pid = child.id().unwrap();
        let own = std::env::current_exe().unwrap();
        while std::fs::read_link(format!("/proc/{pid}/exe")).unwrap() == own {
            sleep(LOOK).await;
        }
        until(pid, 'S').await;
        pid
    }

    async fn until(pid: u32, wanted: char) {
        while state(pid) != wanted {
            sleep(LOOK).await;
        }
    }

    #[tokio::test]
    async fn what_is_not_allowed_is_not_done() {
        let mut child = sleeper();
        let pid = started(&child).await;
        for hurt in [Hurt::Pause, Hurt::Kill, Hurt::Restart] {
            let error = member(pid, &[]).hurt(hurt).await.err().unwrap().to_string();
            assert!(
                error.contains("nats n") && error.contains(&hurt.to_string()),
                "{error}"
            );
        }
        assert_eq!(state(pid), 'S');
        child.kill().await.unwrap();
    }

    #[tokio::test]
    async fn a_process_with_another_name_is_left_alone() {
        let child = sleeper();
        let pid = started(&child).await;
        let mut member = member(pid, &[Hurt::Pause]);
        member.program = "nats-server".into();
        let error = member.hurt(Hurt::Pause).await.err().unwrap().to_string();
        assert!(
            error.contains("left alone") && error.contains("nats-server"),
            "{error}"
        );
        assert_eq!(state(pid), 'S');
    }

    #[tokio::test]
    async fn what_was_paused_goes_on_when_it_is_mended_and_when_nobody_mends_it() {
        let child = sleeper();
        let pid = started(&child).await;
        let member = member(pid, &[Hurt::Pause]);
        let mending = member.hurt(Hurt::Pause).await.unwrap();
        until(pid, 'T').await;
        mending.mend().await.unwrap();
        until(pid, 'S').await;
        let mending = member.hurt(Hurt::Pause).await.unwrap();
        until(pid, 'T').await;
        drop(mending);
        until(pid, 'S').await;
    }

    #[test]
    fn an_address_has_a_host_and_a_port() {
        assert_eq!(authority("http://a:1"), Some(("a:1", "/")));
        assert_eq!(authority("http://a:1/b/c"), Some(("a:1", "/b/c")));
        for wrong in ["a:1", "https://a:1", "http://a", "http://:1", "http://a:x/"] {
            assert_eq!(authority(wrong), None, "{wrong}");
        }
    }
}
