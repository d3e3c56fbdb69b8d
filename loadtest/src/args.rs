//! The command line.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::evening::args::{EveningArgs, InboxArgs};
use crate::process::cores;
use crate::reference::Fault;
use crate::requests::RequestsArgs;
use crate::run::RunArgs;
use crate::run::compare::CompareArgs;
use crate::run::file::PageArgs;

/// Length of a message's text when nobody says another.
const TEXT_BYTES: u16 = 64;

/// Open-loop load on a SignalR hub, judged against what this machine can do.
#[derive(Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// A scenario file: traffic, the shape of its load over time, and what is demanded of it.
    Run(RunArgs),
    /// A part of a scenario, for `run` with several processes.
    #[command(hide = true)]
    Work,
    /// One room, many members, a fixed rate of deliveries (default: 1×500 with 10 senders at 30,000/s).
    Fanout(FixedArgs),
    /// Many small rooms, a fixed rate of deliveries (default: 200×10, all senders, at 20,000/s).
    Rooms(FixedArgs),
    /// How long a sender waits until its message is durable (default: 10×1 at 500/s).
    Ack(FixedArgs),
    /// Connections that joined a room and do nothing: memory of each, and how fast they come in.
    Idle(IdleArgs),
    /// Organizers and musicians over the HTTP API, as users ask (default: 1,000 operations/s of 2,200 users).
    Requests(RequestsArgs),
    /// People who talk in rooms, come and go, and read slowly, as on an evening (default: 2,000 at 100 messages/s).
    Evening(EveningArgs),
    /// Notices that come up for people who are there, or are not (default: 1,000 at 50 notices/s).
    Inbox(InboxArgs),
    /// A hub that ends and begins anew, and the time until all its clients are back.
    Reconnect(ReconnectArgs),
    /// The highest rate with the 99th percentile within the limit and nothing missing.
    Capacity(CapacityArgs),
    /// The references alone: what this machine can do.
    Limit(SuiteArgs),
    /// Everything, each scenario beside its reference.
    All(SuiteArgs),
    /// Two records of runs side by side: what became better or worse beyond noise.
    Compare(CompareArgs),
    /// The page of a record that was written before.
    Page(PageArgs),
    /// The bare server that the references measure.
    ReferenceServer(ReferenceArgs),
}

/// Options of every measuring command.
#[derive(Args, Clone)]
pub struct Common {
    /// A hub that runs, as http://HOST:PORT; given several times, the nodes of a cluster, over which every room's members
    /// are spread.
    #[arg(long, conflicts_with = "spawn")]
    pub target: Vec<String>,
    /// Process of that hub, to measure its CPU and memory; several are measured together.
    #[arg(long, requires = "target")]
    pub pid: Vec<u32>,
    /// A hub binary to start for each scenario, on a core and in a directory of its own.
    #[arg(long)]
    pub spawn: Option<PathBuf>,
    /// Environment of the spawned hub, as KEY=VALUE; may be repeated.
    #[arg(long, value_parser = key_value)]
    pub hub_env: Vec<(String, String)>,
    /// Configuration file of the spawned hub (default: loadtest/hub.toml, built in, which lifts limits per client).
    #[arg(long)]
    pub hub_config: Option<PathBuf>,
    /// Secret with which tokens are signed (HS256).
    #[arg(long, env = "MUSSIKON_JWT_SECRET", hide_env_values = true)]
    pub secret: Option<String>,
    /// One ready-made token for all connections.
    #[arg(long, hide_env_values = true)]
    pub token: Option<String>,
    /// What the connections speak (default: json, or what a scenario file says).
    #[arg(long, value_enum)]
    pub encoding: Option<EncodingArg>,
    /// Length of a message's text (default: 64, or what a scenario file says); with the other members 64 makes about 250
    /// bytes on the wire.
    #[arg(long, value_parser = clap::value_parser!(u16).range(16..=1000))]
    pub text_bytes: Option<u16>,
    /// Leave out the reference run, and so the ratios.
    #[arg(long)]
    pub no_reference: bool,
    /// Core of spawned servers (default: 0 when there are two or more).
    #[arg(long)]
    pub server_core: Option<usize>,
    /// Core of the generator (default: 1 when there are two or more).
    #[arg(long)]
    pub generator_core: Option<usize>,
    /// Parent of the spawned hub's data directory, made if it is missing (default: the system's temporary directory).
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Where the standard error of spawned servers goes (default: thrown away with the data directory).
    #[arg(long)]
    pub server_log: Option<PathBuf>,
    /// Where the JSON report goes.
    #[arg(long, default_value = "target/loadtest.json")]
    pub report: PathBuf,
}

/// Options of a scenario at a fixed rate; what is left out is as the scenario has it.
#[derive(Args, Clone)]
pub struct FixedArgs {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
    /// Rooms.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub rooms: Option<u32>,
    /// Connections in each room.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub members: Option<u32>,
    /// Of these, how many send in turn.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub senders: Option<u32>,
    /// Of these, how many join the room and receive; the others only send (default: all).
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub listeners: Option<u32>,
    /// Deliveries per second over all rooms (sends per second times those who receive).
    #[arg(long, value_parser = positive)]
    pub rate: Option<f64>,
    /// How long is measured, and how long it warms up before that.
    #[command(flatten)]
    pub time: TimeArgs,
}

/// How long a trial takes.
#[derive(Args, Clone, Copy)]
pub struct TimeArgs {
    /// Seconds that are measured.
    #[arg(long, default_value_t = 10.0, value_parser = positive)]
    pub seconds: f64,
    /// Seconds before that which are checked but not measured.
    #[arg(long, default_value_t = 2.0, value_parser = not_negative)]
    pub warmup: f64,
}

/// Options of `idle`.
#[derive(Args, Clone)]
pub struct IdleArgs {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
    /// Connections; above 20,000 further loopback source addresses are used.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub connections: u32,
    /// Rooms that they are spread over.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub rooms: u32,
}

/// Options of `reconnect`.
#[derive(Args, Clone)]
pub struct ReconnectArgs {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
    /// Connections; above 20,000 further loopback source addresses are used.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub connections: u32,
    /// Rooms that they are spread over.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub rooms: u32,
    /// How the hub ends.
    #[arg(long, value_enum, default_value = "kill")]
    pub end: EndArg,
    /// A client tries again within so many milliseconds after a loss or a failed try, at a random time.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub spread_ms: u32,
}

/// How a hub ends.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum EndArg {
    /// At once, by SIGKILL.
    Kill,
    /// In order, by SIGTERM: connections are closed one after the other.
    Drain,
}

/// Options of `capacity`.
#[derive(Args, Clone)]
pub struct CapacityArgs {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
    /// One big room or many small ones.
    #[arg(value_enum)]
    pub shape: ShapeArg,
    /// First rate tried, in deliveries per second.
    #[arg(long, default_value_t = 60_000.0, value_parser = positive)]
    pub start: f64,
    /// Highest rate tried.
    #[arg(long, default_value_t = 2e7, value_parser = positive)]
    pub maximum: f64,
    /// How long each try takes.
    #[command(flatten)]
    pub time: TryArgs,
}

/// How long one try of a capacity search takes.
#[derive(Args, Clone, Copy)]
pub struct TryArgs {
    /// Seconds of each try that are measured.
    #[arg(long, default_value_t = 4.0, value_parser = positive)]
    pub try_seconds: f64,
    /// Seconds of each try that warm up.
    #[arg(long, default_value_t = 1.0, value_parser = not_negative)]
    pub try_warmup: f64,
}

/// Options of `limit` and `all`.
#[derive(Args, Clone)]
pub struct SuiteArgs {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
    /// How long the trials at fixed rates take.
    #[command(flatten)]
    pub time: TimeArgs,
    /// How long the tries of the searches take.
    #[command(flatten)]
    pub tries: TryArgs,
    /// Connections of the idle scenario.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub idle_connections: u32,
}

/// Options of `reference-server`.
#[derive(Args, Clone)]
pub struct ReferenceArgs {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// One write per socket and turn instead of one per delivery.
    #[arg(long)]
    pub coalesce: bool,
    /// Answer sends.
    #[arg(long)]
    pub acknowledge: bool,
    /// Do something wrong, to see the checks notice it.
    #[arg(long, value_enum)]
    pub fault: Option<Fault>,
    /// End when the process that started this one ends.
    #[arg(long)]
    pub end_with_parent: bool,
}

/// The two shapes whose capacity is searched.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ShapeArg {
    /// One room of 500.
    Fanout,
    /// 200 rooms of 10.
    Rooms,
}

/// Encodings of the hub protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncodingArg {
    /// JSON in text frames.
    Json,
    /// MessagePack in binary frames.
    Messagepack,
    /// Every second connection one of them.
    Mixed,
}

impl EncodingArg {
    /// Its name on the command line and in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Messagepack => "messagepack",
            Self::Mixed => "mixed",
        }
    }
}

impl From<EncodingArg> for protocol::Encoding {
    fn from(encoding: EncodingArg) -> Self {
        match encoding {
            // Of mixed connections the first.
            EncodingArg::Json | EncodingArg::Mixed => Self::Json,
            EncodingArg::Messagepack => Self::MessagePack,
        }
    }
}

impl Common {
    /// What the connections speak.
    pub fn encoding(&self) -> EncodingArg {
        self.encoding.unwrap_or(EncodingArg::Json)
    }

    /// Length of a message's text.
    pub fn text_bytes(&self) -> u16 {
        self.text_bytes.unwrap_or(TEXT_BYTES)
    }

    /// A new directory for data, which goes with what is returned.
    pub fn scratch(&self) -> io::Result<TempDir> {
        match &self.data_dir {
            Some(parent) => {
                std::fs::create_dir_all(parent)?;
                TempDir::with_prefix_in("loadtest-", parent)
            }
            None => TempDir::with_prefix("loadtest-"),
        }
    }

    /// Where spawned servers run.
    pub fn server_core(&self) -> Option<usize> {
        self.server_core.or(has_two_cores().then_some(0))
    }

    /// Where the generator runs.
    pub fn generator_core(&self) -> Option<usize> {
        self.generator_core.or(has_two_cores().then_some(1))
    }

    /// Eight digits that keep this run's rooms and ids apart from those of other runs.
    #[allow(
        clippy::disallowed_methods,
        reason = "only has to differ from run to run"
    )]
    pub fn nonce(&self) -> String {
        static NONCE: OnceLock<String> = OnceLock::new();
        let make = || {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            format!(
                "{:08x}",
                (now.as_millis() as u32) ^ std::process::id().rotate_right(12)
            )
        };
        NONCE.get_or_init(make).clone()
    }
}

/// Asked once, before this process is pinned: afterwards it sees one core only.
fn has_two_cores() -> bool {
    static TWO: OnceLock<bool> = OnceLock::new();
    *TWO.get_or_init(|| cores() > 1)
}

/// A number above 0.
pub fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("must be a number above 0".into()),
    }
}

/// A number that is 0 or above.
pub fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok(value),
        _ => Err("must be a number, 0 or above".into()),
    }
}

/// A pair as KEY=VALUE.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("must be KEY=VALUE".into()),
    }
}
