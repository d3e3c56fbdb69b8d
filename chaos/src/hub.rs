//! Hub nodes as processes: configured by their environment, back on the same port and data after a kill.

use std::ffi::OsString;
use std::fs::{self, File};
use std::future::ready;
use std::io::{Read, Seek, SeekFrom};
use std::net::{IpAddr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::try_join_all;
use thiserror::Error;
use tokio::time::timeout;

use crate::ports::{Port, PortError};
use crate::process::{Launch, Process, StartError};

/// What the hub prints before its address once it accepts connections.
const READY: &str = "listening on http://";

/// What errors call a hub.
pub(crate) const NAME: &str = "the hub";

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
    /// The address that it listens on.
    pub host: IpAddr,
    /// The network namespace that it runs in, if it is not that of this process.
    pub namespace: Option<PathBuf>,
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
            host: [127, 0, 0, 1].into(),
            namespace: None,
        }
    }

    /// Sets a variable for the hub; a later value of the same variable wins.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Runs the program once with these arguments instead, such as `migrate`, and answers what it printed.
    pub async fn run(&self, arguments: &[&str]) -> Result<String, HubError> {
        let failed = |reason: String| HubError::Command {
            arguments: arguments.join(" "),
            reason,
        };
        fs::create_dir_all(&self.folder).map_err(|error| failed(error.to_string()))?;
        let mut command = tokio::process::Command::new(&self.binary);
        command.args(arguments).current_dir(&self.folder);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MUSSIKON_") {
                command.env_remove(name);
            }
        }
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        let running = command
            .envs(variables)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let done = timeout(self.start_within * 3, running).await;
        let done = done.map_err(|_| failed("it took too long".to_owned()))?;
        let done = done.map_err(|error| failed(error.to_string()))?;
        if done.status.success() {
            return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&done.stderr);
        Err(failed(format!("{}\n{said}", done.status)))
    }

    fn launch(&self, listen: SocketAddr) -> Launch {
        let data = (
            "MUSSIKON_DATA_DIR".to_owned(),
            self.folder.join("data").into(),
        );
        let given = self.variables.iter();
        let given = given.map(|(name, value)| (name.clone(), value.into()));
        let listen = ("MUSSIKON_LISTEN".to_owned(), listen.to_string().into());
        let mut arguments: Vec<OsString> = self.arguments.iter().map(Into::into).collect();
        let program = match &self.namespace {
            None => self.binary.clone(),
            Some(namespace) => {
                let mut net = OsString::from("--net=");
                net.push(namespace);
                arguments.splice(0..0, [net, "--".into(), self.binary.clone().into()]);
                "nsenter".into()
            }
        };
        Launch {
            name: NAME,
            program,
            arguments,
            folder: self.folder.clone(),
            variables: [data].into_iter().chain(given).chain([listen]).collect(),
            start_within: self.start_within,
        }
    }
}

/// Why a hub did not start.
#[derive(Debug, Error)]
pub enum HubError {
    /// The process did not start or was not ready.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There was no port for it.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The program did not do what it was run for.
    #[error("the hub's program with `{arguments}`: {reason}")]
    Command {
        /// Its arguments.
        arguments: String,
        /// What went wrong.
        reason: String,
    },
}

/// A hub process. Dropping it kills the process, and so does the death of this process by any cause.
#[derive(Debug)]
pub struct HubProcess {
    spec: HubSpec,
    port: Port,
    process: Process,
}

impl HubProcess {
    /// Starts a hub on a free port and waits until it listens.
    pub async fn start(spec: HubSpec) -> Result<Self, HubError> {
        // A port that is free here is so in a namespace where nobody else is.
        let port = Port::claim([127, 0, 0, 1])?;
        let process = launch(&spec, SocketAddr::new(spec.host, port.number())).await?;
        Ok(Self {
            spec,
            port,
            process,
        })
    }

    /// Starts the hub again on its port and data; kills it first if it still runs.
    pub async fn restart(&mut self) -> Result<(), StartError> {
        self.process.kill();
        self.process = launch(&self.spec, self.address()).await?;
        Ok(())
    }

    /// What the next restart uses: another binary or other variables, as in an upgrade. The port stays.
    pub fn spec_mut(&mut self) -> &mut HubSpec {
        &mut self.spec
    }

    /// The value that a variable was given.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let given = self.spec.variables.iter().rev();
        let mut given = given.filter(|(given, _)| given == name);
        given.next().map(|(_, value)| value.as_str())
    }

    /// Where the hub listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.spec.host, self.port.number())
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }
}

impl Deref for HubProcess {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for HubProcess {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// Starts hubs side by side; the first failure ends those that run already.
pub async fn start_all(
    specs: impl IntoIterator<Item = HubSpec>,
) -> Result<Vec<HubProcess>, HubError> {
    try_join_all(specs.into_iter().map(HubProcess::start)).await
}

async fn launch(spec: &HubSpec, listen: SocketAddr) -> Result<Process, StartError> {
    let stdout = spec.folder.join("stdout.log");
    let start = fs::metadata(&stdout).map_or(0, |metadata| metadata.len());
    let launch = spec.launch(listen);
    let announced = || ready(announced(&stdout, start, listen).then_some(()));
    Ok(Process::start(&launch, announced).await?.0)
}

/// Whether a whole line after byte `start` announces the address.
fn announced(stdout: &Path, start: u64, address: SocketAddr) -> bool {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(stdout)?;
        file.seek(SeekFrom::Start(start))?;
        let mut text = Vec::new();
        file.take(1 << 16).read_to_end(&mut text)?;
        Ok(text)
    };
    // Until the hub has its log there is nothing to read.
    let text = read().unwrap_or_default();
    String::from_utf8_lossy(&text)
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .filter_map(|line| line.trim_end().split_once(READY)?.1.parse().ok())
        .any(|announced: SocketAddr| announced == address)
}
