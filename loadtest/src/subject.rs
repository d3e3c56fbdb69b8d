//! A server that is measured: the hub under test, or a reference, each started anew for every scenario.

use std::env;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use thiserror::Error;

use crate::args::{Common, EncodingArg};
use crate::process::{self, Server, Start, StartError};
use crate::target::Target;
use crate::token::Credentials;

/// Limits that a benchmark must lift; the rest is as by default.
const HUB_CONFIG: &str = include_str!("../hub.toml");

/// How long a hub may take to accept a connection when it is looked for.
const LOOK: Duration = Duration::from_secs(5);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The hub under test.
    Hub,
    /// The bare server, one write per delivery.
    Reference,
    /// The bare server, one write per socket and turn.
    Coalescing,
}

/// Why a server could not be had.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A directory or our own path could not be had.
    #[error("preparing the server: {0}")]
    Prepare(#[from] io::Error),
    /// `--target` is no address.
    #[error("{0} is not an http:// address of a hub")]
    Address(String),
    /// Connections need a secret or a token.
    #[error("--target needs --secret or --token (or MUSSIKON_JWT_SECRET)")]
    NoCredentials,
    /// Nobody listens at `--target`.
    #[error("nobody answers at {0}: {1}")]
    NobodyThere(String, io::Error),
    /// Whoever is to end a hub must know its processes.
    #[error(
        "a hub that is to end and begin anew: start it with --spawn PATH, or name its processes with --pid ID beside --target and have somebody start them again"
    )]
    NotOurs,
    /// Nothing to measure.
    #[error("name the hub with --spawn PATH or --target URL")]
    NoHub,
}

/// Finds what is wrong with the hub that the options name, before anything is measured.
pub fn look_for_hub(common: &Common) -> Result<(), OpenError> {
    match &common.spawn {
        _ if !common.target.is_empty() => {
            let addresses = addresses(common)?;
            credentials(common)?;
            for (url, address) in common.target.iter().zip(addresses) {
                TcpStream::connect_timeout(&address, LOOK)
                    .map_err(|error| OpenError::NobodyThere(url.clone(), error))?;
            }
            Ok(())
        }
        // A bare name is looked for in PATH by whoever starts it.
        Some(program) if program.components().count() > 1 => fs::metadata(program)
            .map(drop)
            .map_err(|error| StartError::Spawn(program.clone(), error).into()),
        Some(_) => Ok(()),
        None => Err(OpenError::NoHub),
    }
}

/// Where the nodes listen that `--target` names.
fn addresses(common: &Common) -> Result<Vec<SocketAddr>, OpenError> {
    let urls = common.target.iter();
    urls.map(|url| resolve(url).ok_or_else(|| OpenError::Address(url.clone())))
        .collect()
}

/// What proves to a running hub who its clients are.
fn credentials(common: &Common) -> Result<Credentials, OpenError> {
    match (&common.token, &common.secret) {
        (Some(token), _) => Ok(Credentials::Token(token.clone())),
        (None, Some(secret)) => Ok(Credentials::Secret(secret.clone())),
        (None, None) => Err(OpenError::NoCredentials),
    }
}

/// A server that runs.
pub struct Running {
    /// The process.
    pub server: Server,
    /// How to connect to it.
    pub target: Target,
    /// Whether it answers sends.
    pub acknowledges: bool,
    /// How a hub that was started here is started anew, at the same address and with its data.
    pub again: Option<Start>,
    /// Data of a spawned hub; removed at the end.
    _directory: TempDir,
}

impl Subject {
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Reference => "L1",
            Self::Coalescing => "L2",
        }
    }

    /// Starts the server, or finds the one that runs. A reference answers sends only when asked to.
    pub fn open(self, common: &Common, acknowledge: bool) -> Result<Running, OpenError> {
        let directory = common.scratch()?;
        let log = match &common.server_log {
            Some(path) => path.clone(),
            None => directory.path().join("server.log"),
        };
        let secret = common.secret.clone();
        let (mut nodes, mut again) = (Vec::new(), None);
        let (server, credentials) = match (self, &common.spawn) {
            (Self::Hub, _) if !common.target.is_empty() => {
                nodes = addresses(common)?;
                let server = Server::existing(nodes[0], &common.pid);
                (server, credentials(common)?)
            }
            (Self::Hub, Some(program)) => {
                let secret =
                    secret.unwrap_or_else(|| format!("loadtest-{0}-{0}-{0}-{0}", common.nonce()));
                let config = match &common.hub_config {
                    Some(path) => path.clone(),
                    None => {
                        let path = directory.path().join("hub.toml");
                        fs::write(&path, HUB_CONFIG)?;
                        path
                    }
                };
                let start = Start {
                    program: program.clone(),
                    arguments: vec!["--config".to_owned(), config.to_string_lossy().into_owned()],
                    environment: hub_environment(common, &directory, &secret),
                    core: common.server_core(),
                    log: log.clone(),
                };
                let server = Server::start(&start)?;
                again = Some(start.at(server.address));
                (server, Credentials::Secret(secret))
            }
            (Self::Hub, None) => return Err(OpenError::NoHub),
            (Self::Reference | Self::Coalescing, ..) => {
                let program: PathBuf = env::current_exe()?;
                let mut arguments = vec![
                    "reference-server".to_owned(),
                    "--end-with-parent".to_owned(),
                ];
                arguments.extend((self == Self::Coalescing).then(|| "--coalesce".to_owned()));
                arguments.extend(acknowledge.then(|| "--acknowledge".to_owned()));
                let start = Start {
                    program,
                    arguments,
                    environment: Vec::new(),
                    core: common.server_core(),
                    log: log.clone(),
                };
                (
                    Server::start(&start)?,
                    Credentials::Secret("the reference does not check".into()),
                )
            }
        };
        if nodes.is_empty() {
            nodes.push(server.address);
        }
        let target = Target {
            addresses: nodes,
            credentials,
            encoding: common.encoding().into(),
            mixed: common.encoding() == EncodingArg::Mixed,
            first: 0,
            nonce: common.nonce(),
            text_bytes: usize::from(common.text_bytes()),
        };
        Ok(Running {
            server,
            target,
            acknowledges: self == Self::Hub || acknowledge,
            again,
            _directory: directory,
        })
    }
}

impl Start {
    /// The same once more, at an address that is known now.
    fn at(mut self, address: SocketAddr) -> Self {
        let listen = ("MUSSIKON_LISTEN".to_owned(), address.to_string());
        self.environment.push(listen);
        self
    }
}

/// What a spawned hub is told: a free port, a directory of its own, our secret, then `--hub-env`.
fn hub_environment(common: &Common, directory: &TempDir, secret: &str) -> Vec<(String, String)> {
    let data = directory.path().join("data").to_string_lossy().into_owned();
    let set = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let mut environment = vec![
        set("MUSSIKON_LISTEN", "127.0.0.1:0"),
        set("MUSSIKON_DATA_DIR", &data),
        set("MUSSIKON_JWT_SECRET", secret),
    ];
    environment.extend(common.hub_env.iter().cloned());
    environment
}

fn resolve(url: &str) -> Option<SocketAddr> {
    let host = url.strip_prefix("http://")?.trim_end_matches('/');
    host.to_socket_addrs().ok()?.next()
}

/// Puts this process on its own core, when there is one besides the server's.
pub fn take_own_core(common: &Common) -> bool {
    common.generator_core().is_some_and(process::pin)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    #[test]
    fn a_target_is_an_http_address() {
        assert_eq!(resolve("http://127.0.0.1:8080/").unwrap().port(), 8080);
        assert_eq!(resolve("127.0.0.1:8080"), None);
        assert_eq!(resolve("http://nowhere"), None);
    }

    #[test]
    fn a_data_directory_that_is_missing_is_made_and_what_is_in_it_goes_again() {
        let parent = tempfile::tempdir().expect("a directory");
        let missing = parent.path().join("not/there");
        let arguments = [
            "loadtest",
            "limit",
            "--data-dir",
            missing.to_str().expect("a path"),
        ];
        let cli = Cli::try_parse_from(arguments).expect("arguments");
        let Command::Limit(suite) = cli.command else {
            panic!("another command");
        };
        let scratch = suite.common.scratch().expect("a directory");
        assert!(scratch.path().starts_with(&missing) && scratch.path().is_dir());
        drop(scratch);
        assert_eq!(missing.read_dir().expect("it stays").count(), 0);
    }
}
