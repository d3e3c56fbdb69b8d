//! What a NATS server is told: its specification, its ports and the file it reads.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::HOST;
use super::{Port, PortError};

/// How to start NATS servers.
#[derive(Clone, Debug)]
pub struct NatsSpec {
    /// Where a downloaded server is kept, shared by all tests of a build folder.
    pub build: PathBuf,
    /// Gets a folder `node-N` for each node, with its configuration and logs.
    pub folder: PathBuf,
    /// The one user that may connect and the password; everybody may without.
    pub credentials: Option<(String, String)>,
    /// Encrypts the connections of clients.
    pub tls: Option<NatsTls>,
    /// Further lines of the configuration, such as `max_payload: 65536`.
    pub settings: Vec<String>,
    /// Further lines of the configuration's part about the cluster.
    pub cluster_settings: Vec<String>,
    /// How long a start may take until the server serves clients.
    pub start_within: Duration,
}

/// Files in PEM for connections of clients.
#[derive(Clone, Debug)]
pub struct NatsTls {
    /// The server's certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// If given, clients must show a certificate signed by one of these.
    pub client_authority: Option<PathBuf>,
}

impl NatsSpec {
    /// Servers open to everybody on this machine, with everything they write below `folder`.
    pub fn new(build: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self {
            build: build.into(),
            folder: folder.into(),
            credentials: None,
            tls: None,
            settings: Vec::new(),
            cluster_settings: Vec::new(),
            start_within: Duration::from_secs(20),
        }
    }
}

/// The ports of one node, held as long as it may come back.
#[derive(Debug)]
pub(super) struct Ports {
    pub(super) client: Port,
    pub(super) monitor: Port,
    pub(super) route: Port,
}

impl Ports {
    pub(super) fn claim() -> Result<Self, PortError> {
        Ok(Self {
            client: Port::claim(HOST)?,
            monitor: Port::claim(HOST)?,
            route: Port::claim(HOST)?,
        })
    }
}

/// The configuration of one node; `routes` are those of all nodes, its own too, and none for a single node.
pub(super) fn text(spec: &NatsSpec, name: &str, ports: &Ports, routes: &[SocketAddr]) -> String {
    let client = ports.client.address();
    let monitor = ports.monitor.address();
    let mut text = format!("server_name: {name}\nlisten: \"{client}\"\nhttp: \"{monitor}\"\n");
    let mut line = |arguments: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{arguments}");
    };
    if let Some((user, password)) = &spec.credentials {
        let (user, password) = (quoted(user), quoted(password));
        line(format_args!(
            "authorization {{ user: {user}, password: {password} }}"
        ));
    }
    if let Some(tls) = &spec.tls {
        let certificate = quoted(&tls.certificate.to_string_lossy());
        let key = quoted(&tls.key.to_string_lossy());
        line(format_args!(
            "tls {{\n  cert_file: {certificate}\n  key_file: {key}"
        ));
        if let Some(authority) = &tls.client_authority {
            let authority = quoted(&authority.to_string_lossy());
            line(format_args!("  ca_file: {authority}\n  verify: true"));
        }
        line(format_args!("}}"));
    }
    if !routes.is_empty() {
        let own = ports.route.address();
        let routes: Vec<String> = routes
            .iter()
            .filter(|route| **route != own)
            .map(|route| format!("\"nats-route://{route}\""))
            .collect();
        let routes = routes.join(", ");
        let further = spec.cluster_settings.iter();
        let further: String = further.map(|setting| format!("  {setting}\n")).collect();
        line(format_args!(
            "cluster {{\n  name: tests\n  listen: \"{own}\"\n  routes: [{routes}]\n{further}}}"
        ));
    }
    for setting in &spec.settings {
        line(format_args!("{setting}"));
    }
    text
}

/// As a string of the configuration's language, which takes JSON's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
