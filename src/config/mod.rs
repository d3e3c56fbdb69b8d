//! Configuration: one struct per component, read once, checked once, passed on explicitly.
//!
//! Later sources win: built-in defaults, then `mussikon.toml` in the working directory (or `--config`),
//! then `MUSSIKON_*` variables, then flags. A key `section.name` is `[section] name` in the file,
//! `MUSSIKON_SECTION__NAME` in the environment and `--set section.name=value` on the command line.
//! The documentation comments of the fields are the source of the table in the README.

mod auth;
mod check;
mod load;
#[cfg(test)]
mod load_tests;
mod secret;
mod sections;
mod suggest;

use std::net::SocketAddr;
use std::path::PathBuf;

use actors::bus::{BusLimits, NatsOptions};
use actors::cluster::FanoutLimits;
use actors::journal::fjall::FjallOptions;
use actors::journal::scylla::ScyllaOptions;
use actors::machines::inbox::InboxLimits;
use actors::machines::matching::MatchingLimits;
use actors::machines::request::RequestLimits;
use actors::machines::room::RoomLimits;
use actors::machines::user::UserLimits;
use actors::runtime::RuntimeLimits;
use serde::{Deserialize, Serialize};

use crate::echo::EchoLimits;
use crate::limits::GatewayLimits;
pub use auth::AuthConfig;
pub(crate) use load::leaves;
pub use load::{FileChoice, Loaded, Problem, Problems, Setting, Sources, load};
pub use secret::Secret;
pub use sections::{
    CorsConfig, DrainConfig, HealthConfig, HttpConfig, LogConfig, LogFormat, ThreadsConfig,
};

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address to serve on; port 0 picks a free one. What was picked is printed on standard output.
    pub listen: SocketAddr,
    /// Directory of everything the hub keeps. One hub per directory.
    pub data_dir: PathBuf,
    /// `development` shows details of internal errors to clients and makes its own secret; `production` does neither.
    pub env: Environment,
    /// Key that signs and checks tokens (HS256), at least 32 bytes. Required in production; in development a random one is kept in the data directory.
    pub jwt_secret: Option<Secret>,
    /// Where journals are kept: `embedded`, or `scylla` for a cluster; `mussikon-hub migrate` makes its schema first.
    pub store: StoreKind,
    /// Contact points of the ScyllaDB cluster, each `host:port` or `host`.
    pub scylla_nodes: Vec<String>,
    /// Password of the user `scylla.user`.
    pub scylla_password: Option<Secret>,
    /// How nodes reach each other: `local` (one node), or `nats` (a cluster; its nodes share a `scylla` store).
    pub bus: BusKind,
    /// Addresses of the NATS servers, separated by commas, each `nats://[user:password@]host:port` or `tls://…`.
    pub nats_url: Option<Secret>,
    /// Name of this node, unique in its cluster and the same after every start.
    pub node_id: String,
    /// Serves `/hubs/echo` and `/hubs/echo-auth` for interoperability tests.
    pub echo_hub: bool,
    /// Which tokens are accepted.
    pub auth: AuthConfig,
    /// Connections and their queues.
    pub gateway: GatewayLimits,
    /// The echo hubs.
    pub echo: EchoLimits,
    /// What a room allows.
    pub room: RoomLimits,
    /// What a user's profile may hold.
    pub user: UserLimits,
    /// What a matching request allows.
    pub request: RequestLimits,
    /// How musicians are found.
    pub matching: MatchingLimits,
    /// What an inbox holds.
    pub inbox: InboxLimits,
    /// Entities: the actors of rooms.
    pub runtime: RuntimeLimits,
    /// Sessions and what they are shown.
    pub fanout: FanoutLimits,
    /// The embedded store.
    pub journal: FjallOptions,
    /// The cluster store.
    pub scylla: ScyllaOptions,
    /// The connection to NATS.
    pub nats: NatsOptions,
    /// Life with other nodes.
    pub peers: BusLimits,
    /// Requests over HTTP.
    pub http: HttpConfig,
    /// Which web pages may use the hub.
    pub cors: CorsConfig,
    /// When the hub calls itself unwell.
    pub health: HealthConfig,
    /// What is logged, where.
    pub log: LogConfig,
    /// The orderly end.
    pub drain: DrainConfig,
    /// Threads.
    pub threads: ThreadsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: PathBuf::from("./data"),
            env: Environment::Development,
            jwt_secret: None,
            store: StoreKind::Embedded,
            scylla_nodes: Vec::new(),
            scylla_password: None,
            bus: BusKind::Local,
            nats_url: None,
            node_id: "hub-1".into(),
            echo_hub: false,
            auth: AuthConfig::default(),
            gateway: GatewayLimits::default(),
            echo: EchoLimits::default(),
            room: RoomLimits::default(),
            user: UserLimits::default(),
            request: RequestLimits::default(),
            matching: MatchingLimits::default(),
            inbox: InboxLimits::default(),
            runtime: RuntimeLimits::default(),
            fanout: FanoutLimits::default(),
            journal: FjallOptions::default(),
            scylla: ScyllaOptions::default(),
            nats: NatsOptions::default(),
            peers: BusLimits::default(),
            http: HttpConfig::default(),
            cors: CorsConfig::default(),
            health: HealthConfig::default(),
            log: LogConfig::default(),
            drain: DrainConfig::default(),
            threads: ThreadsConfig::default(),
        }
    }
}

impl Config {
    /// Whether clients may see the details of internal errors.
    pub fn detailed_errors(&self) -> bool {
        self.env == Environment::Development
    }

    /// Directory of the log files.
    pub fn log_dir(&self) -> PathBuf {
        self.data_dir.join(&self.log.dir)
    }
}

/// Who the hub runs for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// A developer at a desk.
    Development,
    /// Real users.
    Production,
}

/// The kinds of journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// In the data directory.
    Embedded,
    /// In a ScyllaDB cluster.
    Scylla,
}

/// The kinds of bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BusKind {
    /// Inside the process.
    Local,
    /// By NATS.
    Nats,
}
