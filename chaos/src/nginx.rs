//! nginx for tests, with a configuration of `deploy/`: named by the environment, installed, or from its Debian package.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpStream;

use crate::debian::unpacked;
use crate::ports::{Port, PortError};
use crate::process::{Launch, Process, StartError};
use crate::provision::{ProvisionError, at, is_program, on_path};

/// Names the program, if it is set.
const VARIABLE: &str = "MUSSIKON_TEST_NGINX";
/// Where Debian has it, which is not on everybody's PATH.
const INSTALLED: &str = "/usr/sbin/nginx";
const PACKAGE: &str = "nginx";
const REMEDY: &str = "install nginx (Debian: nginx), or name it with MUSSIKON_TEST_NGINX, or let apt-get reach its \
                      package index";

/// Why there is no nginx.
#[derive(Debug, Error)]
pub enum NginxError {
    /// There is no program to run.
    #[error("nginx cannot be provided: {0}")]
    Program(#[from] ProvisionError),
    /// The process did not start or was not ready.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There was no port for it.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The configuration has another form than is expected here.
    #[error("{path} has no line that begins with {line:?}")]
    Form {
        /// The configuration.
        path: PathBuf,
        /// What was looked for.
        line: &'static str,
    },
    /// A task of this process ended before its time.
    #[error("providing nginx was cut short: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// A running nginx. Dropping it kills the process, and so does the death of this process by any cause.
#[derive(Debug)]
pub struct Nginx {
    port: Port,
    _process: Process,
}

impl Nginx {
    /// Starts nginx in `folder` with the file `config` of an http block, in which only addresses and places are
    /// replaced: it listens on a free port, its one upstream has these servers, and logs stay in `folder`.
    pub async fn start(
        build: &Path,
        folder: &Path,
        config: &Path,
        servers: &[SocketAddr],
    ) -> Result<Self, NginxError> {
        let build = build.to_owned();
        let program = tokio::task::spawn_blocking(move || provide(&build)).await??;
        let port = Port::claim([127, 0, 0, 1])?;
        fs::create_dir_all(folder).map_err(at(folder))?;
        let text = fs::read_to_string(config).map_err(at(config))?;
        let block = replaced(&text, port.address(), servers).map_err(|line| NginxError::Form {
            path: config.to_owned(),
            line,
        })?;
        let path = folder.join("nginx.conf");
        fs::write(&path, whole(&block)).map_err(at(&path))?;
        let launch = Launch {
            name: "nginx",
            program,
            arguments: vec!["-p".into(), folder.into(), "-c".into(), path.into()],
            folder: folder.to_owned(),
            variables: Vec::new(),
            start_within: Duration::from_secs(20),
        };
        let address = port.address();
        let ready = || async move { TcpStream::connect(address).await.ok().map(drop) };
        let (process, ()) = Process::start(&launch, ready).await?;
        Ok(Self {
            port,
            _process: process,
        })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

/// The file for a single process that stays in front and writes only below its folder.
fn whole(block: &str) -> String {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {name};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr warn;\nevents {{ worker_connections 1024; }}\nhttp {{\n{temporary}{block}\n}}\n"
    )
}

/// The block with other addresses; else the beginning of a line that it lacks.
fn replaced(
    text: &str,
    listen: SocketAddr,
    servers: &[SocketAddr],
) -> Result<String, &'static str> {
    let (mut seen, mut out) = ([false; 3], String::new());
    for line in text.lines() {
        let plain = line.trim_start();
        if plain.starts_with("listen ") {
            seen[0] = true;
            out += &format!("listen {listen};\n");
        } else if plain.starts_with("access_log ") {
            seen[1] = true;
            let format = plain.rsplit(' ').next().unwrap_or_default();
            out += &format!("access_log access.log {format}\n");
        } else if let Some(rest) = plain
            .strip_prefix("server ")
            .filter(|r| !r.starts_with('{'))
        {
            // The first one stands for all, with its own settings.
            let settings = rest.split_once(' ').map_or(";", |(_, settings)| settings);
            if !std::mem::replace(&mut seen[2], true) {
                for server in servers {
                    out += &format!("server {server} {settings}\n");
                }
            }
        } else {
            out += line;
            out.push('\n');
        }
    }
    let expected = ["listen ", "access_log ", "server "];
    match seen.iter().position(|seen| !seen) {
        Some(missing) => Err(expected[missing]),
        None => Ok(out),
    }
}

fn provide(build: &Path) -> Result<PathBuf, ProvisionError> {
    if let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from) {
        return if is_program(&path) {
            Ok(path)
        } else {
            Err(ProvisionError::NotAProgram {
                variable: VARIABLE,
                path,
            })
        };
    }
    let installed = Some(PathBuf::from(INSTALLED)).filter(|path| is_program(path));
    match on_path("nginx").or(installed) {
        Some(path) => Ok(path),
        None => from_package(build),
    }
}

fn from_package(build: &Path) -> Result<PathBuf, ProvisionError> {
    let folder = unpacked(build, PACKAGE, REMEDY)?;
    let program = folder.join("usr/sbin/nginx");
    if is_program(&program) {
        return Ok(program);
    }
    Err(ProvisionError::Missing {
        program: "nginx",
        remedy: REMEDY,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_places_are_replaced_and_a_file_without_them_is_refused() {
        let text = "upstream u {\n  server a:1 max_fails=1;\n  server b:1 max_fails=1;\n}\nserver {\n  listen 80;\n  access_log /x y;\n}\n";
        let at = |text: &str| text.parse().unwrap();
        let listen = at("127.0.0.1:9");
        let made = replaced(text, listen, &[at("127.0.0.1:1"), at("127.0.0.1:2")]).unwrap();
        assert_eq!(
            made,
            "upstream u {\nserver 127.0.0.1:1 max_fails=1;\nserver 127.0.0.1:2 max_fails=1;\n}\nserver {\nlisten 127.0.0.1:9;\naccess_log access.log y;\n}\n"
        );
        let lacking = text.replace("listen", "hear");
        assert_eq!(replaced(&lacking, listen, &[]), Err("listen "));
    }
}
