//! The file that describes a deployment: where its hubs are, how tokens are made, and what may be hurt and how.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use super::member::{Hurt, Kind, Member};

/// How long a member may take to be back.
const START_MS: u64 = 60_000;
/// Members of one kind at most.
const MEMBERS: usize = 100;

/// Why a file describes no deployment.
#[derive(Debug, Error)]
pub enum DeploymentError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no TOML, or has keys or values that there are not.
    #[error("{path}: {source}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        source: Box<toml::de::Error>,
    },
    /// What it says does not go together. All such things are named.
    #[error("{}", problems.join("\n"))]
    Contradiction {
        /// Each with file, line and key.
        problems: Vec<String>,
    },
    /// The variable that holds the secret is not set.
    #[error("{path}: secret_env names {variable}, which is not set")]
    Secret {
        /// The file.
        path: PathBuf,
        /// The variable.
        variable: String,
    },
}

/// A deployment that somebody else runs.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The file, as errors name it.
    pub path: PathBuf,
    /// Signs the tokens of clients.
    pub secret: String,
    /// The issuer in tokens, if hubs want one.
    pub issuer: Option<String>,
    /// The audience in tokens, if hubs want one.
    pub audience: Option<String>,
    /// How long a member may take to be back.
    pub start_within: Duration,
    /// Who takes part.
    pub traffic: Traffic,
    /// Hubs, NATS servers and CQL nodes.
    pub members: Vec<Member>,
}

/// How much is said; hubs limit what one sender may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traffic {
    /// Senders in all.
    pub senders: usize,
    /// Readers of each room.
    pub readers: usize,
    /// Milliseconds between an answer and a sender's next message.
    pub pause_ms: u64,
    /// Milliseconds that a live reader has to reach the head when a fault is healed.
    pub converge_within_ms: u64,
    /// Whether organizers submit matching requests, which people behind the hubs may be offered.
    pub requests: bool,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            senders: 10,
            readers: 2,
            pause_ms: 250,
            converge_within_ms: 5000,
            requests: false,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    secret_env: String,
    issuer: Option<String>,
    audience: Option<String>,
    #[serde(default = "start_ms")]
    start_within_ms: u64,
    #[serde(default)]
    traffic: Traffic,
    hub: Vec<Spanned<RawMember>>,
    #[serde(default)]
    nats: Vec<Spanned<RawMember>>,
    #[serde(default)]
    cql: Vec<Spanned<RawMember>>,
}

fn start_ms() -> u64 {
    START_MS
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMember {
    name: String,
    url: Option<String>,
    health: Option<String>,
    #[serde(default)]
    hurt: Vec<Hurt>,
    pid: Option<u32>,
    pid_file: Option<PathBuf>,
    program: Option<String>,
    kill: Option<String>,
    stop: Option<String>,
    start: Option<String>,
}

impl Deployment {
    /// Reads the file; `variable` tells the value of an environment variable.
    pub fn read(
        path: &Path,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, DeploymentError> {
        let text = std::fs::read_to_string(path).map_err(|source| DeploymentError::File {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text, variable)
    }

    fn parse(
        path: &Path,
        text: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, DeploymentError> {
        let raw: Raw = toml::from_str(text).map_err(|source| DeploymentError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let (mut members, mut problems) = (Vec::new(), Vec::new());
        for (kind, given) in [
            (Kind::Hub, raw.hub),
            (Kind::Nats, raw.nats),
            (Kind::Cql, raw.cql),
        ] {
            if given.len() > MEMBERS {
                problems.push(format!("{}: more than {MEMBERS} of {kind}", path.display()));
            }
            for spanned in given.into_iter().take(MEMBERS) {
                let line = line_of(text, spanned.span().start);
                let raw = spanned.into_inner();
                let at = format!("{}, line {line}: {kind} {}", path.display(), raw.name);
                let member = raw.member(kind);
                problems.extend(
                    member
                        .problems()
                        .into_iter()
                        .map(|what| format!("{at}: {what}")),
                );
                if members
                    .iter()
                    .any(|other: &Member| other.kind == kind && other.name == member.name)
                {
                    problems.push(format!("{at}: `name` is another one's"));
                }
                members.push(member);
            }
        }
        if !members.iter().any(|member| member.kind == Kind::Hub) {
            problems.push(format!("{}: there is no [[hub]]", path.display()));
        }
        if !problems.is_empty() {
            return Err(DeploymentError::Contradiction { problems });
        }
        let secret = variable(&raw.secret_env).ok_or_else(|| DeploymentError::Secret {
            path: path.to_owned(),
            variable: raw.secret_env.clone(),
        })?;
        Ok(Self {
            path: path.to_owned(),
            secret,
            issuer: raw.issuer,
            audience: raw.audience,
            start_within: Duration::from_millis(raw.start_within_ms),
            traffic: raw.traffic,
            members,
        })
    }

    /// The members of a kind, in the order of the file.
    pub fn of(&self, kind: Kind) -> Vec<&Member> {
        let of_kind = self.members.iter().filter(|member| member.kind == kind);
        of_kind.collect()
    }
}

impl RawMember {
    fn member(self, kind: Kind) -> Member {
        Member {
            kind,
            name: self.name,
            url: self.url,
            health: self.health,
            hurt: self.hurt,
            pid: self.pid,
            pid_file: self.pid_file,
            program: self.program.unwrap_or_else(|| kind.program().to_owned()),
            kill: self.kill,
            stop: self.stop,
            start: self.start,
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const GOOD: &str = r#"
secret_env = "SECRET"

[[hub]]
name = "a"
url = "http://127.0.0.1:8081"
hurt = ["kill", "pause"]
pid_file = "/run/a.pid"
start = "true"

[[hub]]
name = "b"
url = "http://127.0.0.1:8082"
hurt = ["restart"]
stop = "true"
start = "true"

[[nats]]
name = "n"
hurt = ["pause"]
pid = 4711
"#;

    pub(in super::super) fn parse(text: &str) -> Result<Deployment, DeploymentError> {
        let variable = |name: &str| (name == "SECRET").then(|| "s".repeat(32));
        Deployment::parse(Path::new("site.toml"), text, variable)
    }

    #[test]
    fn a_good_file_is_taken_as_it_is() {
        let read = parse(GOOD).unwrap();
        assert_eq!(read.of(Kind::Hub).len(), 2);
        assert_eq!(read.of(Kind::Nats)[0].program, "nats-server");
        assert_eq!(read.of(Kind::Hub)[0].hurt, [Hurt::Kill, Hurt::Pause]);
        assert!(read.of(Kind::Cql).is_empty());
        assert_eq!(read.traffic, Traffic::default());
    }

    #[test]
    fn an_error_names_the_file_the_line_and_the_key() {
        let said = |text: &str| parse(text).unwrap_err().to_string();
        let wrong = [
            (
                GOOD.replace("url = \"http://127.0.0.1:8082\"", "urk = 1"),
                "line 13",
                "urk",
            ),
            (
                GOOD.replace("\"pause\"]\npid = ", "\"maim\"]\npid = "),
                "line 20",
                "maim",
            ),
            (GOOD.replace("pid = 4711", "pid = -1"), "line 21", "pid"),
            (GOOD.replace("name = \"a\"\n", ""), "line 4", "name"),
            (
                GOOD.replace("url = \"http://127.0.0.1:8081\"\n", ""),
                "line 4",
                "`url`",
            ),
            (GOOD.replace("8081\"", "\""), "line 4", "`url`"),
            (
                GOOD.replace("pid_file = \"/run/a.pid\"\n", ""),
                "line 4",
                "`pid_file`",
            ),
            (GOOD.replace("stop = \"true\"\n", ""), "line 11", "`stop`"),
            (
                GOOD.replace("name = \"b\"", "name = \"a\""),
                "line 11",
                "`name`",
            ),
        ];
        for (text, line, key) in wrong {
            let error = said(&text);
            let named = error.contains("site.toml") && error.contains(line) && error.contains(key);
            assert!(named, "{line} {key}: {error}");
        }
        let error = said("secret_env = \"OTHER\"\n[[hub]]\nname = \"a\"\nurl = \"http://h:1\"\n");
        assert!(
            error.contains("site.toml") && error.contains("OTHER"),
            "{error}"
        );
    }

    #[test]
    fn all_contradictions_are_told_at_once() {
        let text = GOOD
            .replace("stop = \"true\"\n", "")
            .replace("pid = 4711\n", "");
        let error = parse(&text).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 2, "{error}");
    }
}
