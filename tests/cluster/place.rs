//! Three hubs over a NATS server of their own and a CQL server for all of this program, all of them real processes.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chaos::check::Resets;
use chaos::client::{Client, Settings};
use chaos::cql::keyspace;
use chaos::history::History;
use chaos::hub::{HubProcess, HubSpec, start_all};
use chaos::nats::{NatsServer, NatsSpec};
use chaos::suite::Connect;
use chaos::token::Claims;
use protocol::Encoding;
use tempfile::TempDir;

use super::cql::Servers;

pub const BUILD: &str = env!("CARGO_TARGET_TMPDIR");
const BINARY: &str = env!("CARGO_BIN_EXE_mussikon-hub");
/// Signs the tokens of all users.
pub const SECRET: &str = "a secret of the tests, long enough for any rule";
/// What a client may do without hearing anything until it looks for another connection.
const SILENCE: Duration = Duration::from_secs(5);

pub struct Place {
    common: Vec<(&'static str, String)>,
    pub hubs: Vec<HubProcess>,
    pub nats: NatsServer,
    _cql: Arc<Servers>,
    folder: TempDir,
}

impl Place {
    /// So many hubs, with these further variables.
    pub async fn start(name: &str, hubs: usize, variables: &[(&'static str, &str)]) -> Self {
        std::fs::create_dir_all(BUILD).unwrap();
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix("cluster-").tempdir_in(BUILD).unwrap();
        let at = |part: &str| folder.path().join(part);
        let nats = NatsSpec::new(BUILD, at("nats"));
        let (nats, cql) = tokio::join!(NatsServer::start(&nats), Servers::provide());
        let nats = nats.unwrap_or_else(|error| panic!("{error}"));
        let nodes = cql.access().nodes.join(",");
        let mut common = vec![
            ("MUSSIKON_ENV", "production".to_owned()),
            ("MUSSIKON_JWT_SECRET", SECRET.to_owned()),
            ("MUSSIKON_ROOM__SENDS_PER_SECOND", "0".to_owned()),
            ("MUSSIKON_STORE", "scylla".to_owned()),
            ("MUSSIKON_SCYLLA_NODES", nodes),
            ("MUSSIKON_SCYLLA__KEYSPACE", keyspace(name)),
            ("MUSSIKON_SCYLLA__REPLICATION", "1".to_owned()),
            ("MUSSIKON_BUS", "nats".to_owned()),
            ("MUSSIKON_NATS_URL", nats.url()),
        ];
        let given = variables
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        common.extend(given);
        migrate(folder.path(), &common);
        let specs = (0..hubs).map(|number| {
            let name = format!("hub-{number}");
            let spec = HubSpec::new(BINARY, at(&name)).variable("MUSSIKON_NODE_ID", name);
            let all = common.iter();
            all.fold(spec, |spec, (name, value)| {
                spec.variable(name, value.clone())
            })
        });
        let hubs = start_all(specs).await;
        Self {
            common,
            hubs: hubs.unwrap_or_else(|error| panic!("{error}")),
            nats,
            _cql: cql,
            folder,
        }
    }

    /// What a command of the program prints.
    pub fn run(&self, command: &str) -> String {
        run(command, self.folder.path(), &self.common)
    }

    /// How clients reach `urls` in turn, by their number.
    pub fn connect(urls: Vec<String>) -> Connect {
        Box::new(move |user, number| {
            let encoding = Encoding::ALL[number % Encoding::ALL.len()];
            settings(&urls[number % urls.len()], user, encoding)
        })
    }

    pub fn urls(&self) -> Vec<String> {
        self.hubs.iter().map(HubProcess::url).collect()
    }

    /// A client of `user` on one hub.
    pub async fn client(&self, hub: usize, user: &str) -> Client {
        let settings = settings(&self.hubs[hub].url(), user, Encoding::Json);
        Client::connect(&settings).await.unwrap()
    }

    /// Waits until every hub knows so many others.
    pub async fn until_others(&self, others: usize) {
        let wanted = (others + 1) as f64;
        for hub in 0..self.hubs.len() {
            self.until_metric(hub, "mussikon_nodes", |nodes| nodes == wanted)
                .await;
            self.until_metric(hub, "mussikon_takes_entities", |takes| takes == 1.0)
                .await;
        }
    }

    pub async fn until_metric(&self, hub: usize, name: &str, is_good: impl Fn(f64) -> bool) {
        let waiting = async {
            while !is_good(self.metric(hub, name).await) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        assert!(waited.is_ok(), "{name} of hub {hub}\n{}", self.logs());
    }

    /// The sum of a metric over its labels; 0 if the hub does not answer.
    pub async fn metric(&self, hub: usize, name: &str) -> f64 {
        let text = get(&self.hubs[hub], "/metrics").await;
        let lines = text.lines().filter_map(|line| {
            let (key, value) = line.rsplit_once(' ')?;
            let key = key.split('{').next()?;
            (key == name).then(|| value.parse::<f64>().ok()).flatten()
        });
        lines.sum()
    }

    /// A metric whose key, labels included, is this; 0 if there is none.
    pub async fn metric_with(&self, hub: usize, key: &str) -> f64 {
        let text = get(&self.hubs[hub], "/metrics").await;
        let values = text.lines().filter_map(|line| {
            let (found, value) = line.rsplit_once(' ')?;
            (found == key).then(|| value.parse::<f64>().ok()).flatten()
        });
        values.sum()
    }

    pub fn logs(&self) -> String {
        let logs = self.hubs.iter().enumerate();
        let logs = logs.map(|(number, hub)| format!("hub {number}\n{}", hub.logs()));
        logs.collect::<Vec<_>>().join("\n")
    }

    /// Fails with the violations and the hubs' logs if `history` breaks a promise.
    pub fn judge(&self, history: &History) {
        let violations = chaos::check::check(history, Resets::Forbidden);
        if violations.is_empty() {
            return;
        }
        let path = Path::new(BUILD).join(format!("history-{}.jsonl", std::process::id()));
        std::fs::write(&path, history.to_lines()).unwrap();
        let first = violations.iter().take(20).map(ToString::to_string);
        panic!(
            "{} violations, the first of them:\n{}\nthe history is in {}\n{}",
            violations.len(),
            first.collect::<Vec<_>>().join("\n"),
            path.display(),
            self.logs()
        );
    }
}

fn settings(url: &str, user: &str, encoding: Encoding) -> Settings {
    let token = Claims::user(user).role("user").sign(SECRET).unwrap();
    let mut settings = Settings::new(format!("{url}/hubs/chat"), encoding, Some(token));
    settings.silence = SILENCE;
    settings
}

/// The body of an answer over HTTP; empty if there is none.
pub async fn get(hub: &HubProcess, path: &str) -> String {
    get_as(hub, path, "user").await
}

/// The same for a user of this role.
pub async fn get_as(hub: &HubProcess, path: &str, role: &str) -> String {
    get_from(hub.address(), path, role).await
}

/// The same from any server.
pub async fn get_from(server: SocketAddr, path: &str, role: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let asked = async {
        let mut stream = tokio::net::TcpStream::connect(server).await.ok()?;
        let token = Claims::user("operator").role(role).sign(SECRET).unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some(body.to_owned())
    };
    let asked = tokio::time::timeout(Duration::from_secs(5), asked).await;
    asked.ok().flatten().unwrap_or_default()
}

fn migrate(folder: &Path, variables: &[(&'static str, String)]) {
    run("migrate", folder, variables);
}

/// What a command of the program prints; it must succeed.
fn run(command: &str, folder: &Path, variables: &[(&'static str, String)]) -> String {
    let mut process = Command::new(BINARY);
    let ours = std::env::vars().map(|(name, _)| name);
    for name in ours.filter(|name| name.starts_with("MUSSIKON_")) {
        process.env_remove(name);
    }
    let done = process
        .args(command.split_whitespace())
        .current_dir(folder)
        .env("MUSSIKON_NODE_ID", "operator")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command}: {said}");
    String::from_utf8(done.stdout).unwrap()
}
