//! The bus by NATS on real servers: the conformance suite, one server and three, restarts, limits, passwords, credentials, TLS.

mod credentials;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actors::bus::conformance::{Provider, run};
use actors::bus::{
    Bus, BusEvent, BusLimits, Inbox, Message, NatsBus, NatsOptions, Published, Reply, RequestError,
    Subject, Token, Traces,
};
use actors::ids::{EntityId, EntityKind, NodeId};
use bytes::Bytes;
use chaos::nats::{NatsCluster, NatsServer, NatsSpec, NatsTls};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tempfile::TempDir;

fn spec(folder: &Path) -> NatsSpec {
    NatsSpec::new(env!("CARGO_TARGET_TMPDIR"), folder)
}

async fn join(url: &str, node: &str) -> Arc<NatsBus> {
    join_with(url, node, &NatsOptions::default()).await
}

async fn join_with(url: &str, node: &str, options: &NatsOptions) -> Arc<NatsBus> {
    let node = NodeId::parse(node).expect("valid");
    NatsBus::connect(url, node, options, &BusLimits::default())
        .await
        .expect("a connection that may come later")
}

/// Joins nodes in turn to the servers.
struct Servers(Vec<String>, AtomicUsize);

impl Provider for Servers {
    fn join(&self, node: &NodeId) -> BoxFuture<'_, Arc<dyn Bus>> {
        let turn = self.1.fetch_add(1, Ordering::Relaxed) % self.0.len();
        let node = node.as_str().to_owned();
        async move { join(&self.0[turn], &node).await as Arc<dyn Bus> }.boxed()
    }
}

#[derive(Default)]
struct Heard {
    hints: AtomicUsize,
    events: Mutex<Vec<BusEvent>>,
}

impl Inbox for Heard {
    fn hint(&self, _: Subject, _: Message) {
        self.hints.fetch_add(1, Ordering::Relaxed);
    }

    fn request(&self, message: Message, reply: Reply) {
        reply(message.payload);
    }

    fn changed(&self, event: BusEvent) {
        self.events.lock().push(event);
    }
}

impl Heard {
    fn hints(&self) -> usize {
        self.hints.load(Ordering::Relaxed)
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), waited).await;
    assert!(waited.is_ok(), "{what} did not happen");
}

fn room(name: &str) -> Token {
    Token::of(&EntityId::new(EntityKind::Room, name).expect("valid"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_conforms_on_one_server_and_across_three() {
    let folder = TempDir::new().expect("a folder");
    let settings = spec(&folder.path().join("one"));
    let one = NatsServer::start(&settings).await;
    let one = one.expect("nats-server starts");
    let alone = Servers(vec![one.url()], AtomicUsize::new(0));
    assert_eq!(run(&alone).await, []);
    let settings = spec(&folder.path().join("three"));
    let servers = NatsCluster::start(&settings, 3).await;
    let servers = servers.expect("three servers start");
    let three = Servers(servers.urls(), AtomicUsize::new(0));
    assert_eq!(run(&three).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_of_the_server_every_interest_is_heard_again() {
    let folder = TempDir::new().expect("a folder");
    let mut server = NatsServer::start(&spec(folder.path()))
        .await
        .expect("nats-server starts");
    let (a, b) = (
        join(&server.url(), "a").await,
        join(&server.url(), "b").await,
    );
    let (heard_a, heard) = (Arc::new(Heard::default()), Arc::new(Heard::default()));
    a.attach(heard_a);
    b.attach(heard.clone());
    until("the connections", || a.is_connected() && b.is_connected()).await;
    b.subscribe(room("r"));
    let (to, trace) = (Subject::Entity(room("r")), Traces::new(1).begin());
    let hint = || a.publish(to, trace, Bytes::from_static(b"x"));
    until("a first hint", || {
        hint();
        heard.hints() > 0
    })
    .await;

    server.kill();
    until("the news that both are cut off", || {
        !a.is_connected() && !b.is_connected()
    })
    .await;
    assert_eq!(hint(), Published::Dropped);
    let asked = a.request(
        &NodeId::parse("b").expect("valid"),
        trace,
        Bytes::new(),
        Duration::from_secs(1),
    );
    assert_eq!(asked.await, Err(RequestError::Disconnected));

    server.restart().await.expect("the server comes back");
    let back = tokio::time::Instant::now();
    until("the connections after the restart", || {
        a.is_connected() && b.is_connected()
    })
    .await;
    // At most a second between two attempts, and some time for a busy machine.
    assert!(
        back.elapsed() < Duration::from_secs(5),
        "{:?}",
        back.elapsed()
    );
    let before = heard.hints();
    until("a hint after the restart", || {
        hint();
        heard.hints() > before
    })
    .await;
    let events = heard.events.lock().clone();
    assert_eq!(
        events,
        [
            BusEvent::Connected,
            BusEvent::Disconnected,
            BusEvent::Connected
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_own_limit_and_password_are_respected() {
    let folder = TempDir::new().expect("a folder");
    let spec = NatsSpec {
        credentials: Some(("hub".into(), "ge/heim@1".into())),
        settings: vec!["max_payload: 65536".into()],
        ..spec(folder.path())
    };
    let server = NatsServer::start(&spec).await.expect("nats-server starts");
    // Several addresses: nobody listens on the first.
    let url = format!(
        "nats://127.0.0.1:1,nats://hub:ge%2Fheim%401@{}",
        server.address()
    );
    let (a, stranger) = (
        join(&url, "a").await,
        join(&format!("nats://{}", server.address()), "stranger").await,
    );
    a.attach(Arc::new(Heard::default()));
    stranger.attach(Arc::new(Heard::default()));
    until("the connection with the password", || a.is_connected()).await;
    let trace = Traces::new(1).begin();
    let publish = |bytes: usize| a.publish(Subject::Nodes, trace, vec![0; bytes].into());
    assert_eq!(publish(65_536), Published::TooLarge);
    assert_eq!(publish(60_000), Published::Queued);
    assert!(!stranger.is_connected(), "a stranger came in");
}

/// Runs openssl in a folder.
fn openssl(folder: &Path, arguments: &str) {
    let made = std::process::Command::new("openssl")
        .current_dir(folder)
        .args(arguments.split(' '))
        .output()
        .expect("install openssl, which makes the certificates of this test");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{arguments}: {said}");
}

/// An authority, and certificates signed by it: one for a server on this machine, one for a node.
fn certificates(folder: &Path) {
    let key = "-newkey rsa:2048 -nodes -days 1";
    openssl(
        folder,
        &format!("req -x509 {key} -subj /CN=authority -out ca.pem -keyout ca.key"),
    );
    for name in ["server", "node"] {
        openssl(
            folder,
            &format!("req {key} -subj /CN={name} -out {name}.csr -keyout {name}.key"),
        );
        std::fs::write(
            folder.join("extensions"),
            "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
        )
        .expect("written");
        let sign = format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile extensions -out {name}.pem"
        );
        openssl(folder, &sign);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_server_is_trusted_by_its_authority_and_trusts_nodes_by_theirs() {
    let folder = TempDir::new().expect("a folder");
    certificates(folder.path());
    let path = |name: &str| folder.path().join(name);
    let spec = NatsSpec {
        tls: Some(NatsTls {
            certificate: path("server.pem"),
            key: path("server.key"),
            client_authority: Some(path("ca.pem")),
        }),
        ..spec(folder.path())
    };
    let server = NatsServer::start(&spec).await.expect("nats-server starts");
    let known = NatsOptions {
        tls: true,
        ca_file: path("ca.pem"),
        cert_file: path("node.pem"),
        key_file: path("node.key"),
        ..NatsOptions::default()
    };
    let nameless = NatsOptions {
        cert_file: "".into(),
        key_file: "".into(),
        ..known.clone()
    };
    let trusting_others = NatsOptions {
        ca_file: "".into(),
        ..known.clone()
    };
    let a = join_with(&server.url(), "a", &known).await;
    let b = join_with(&server.url(), "b", &known).await;
    let refused = join_with(&server.url(), "nameless", &nameless).await;
    let refusing = join_with(&server.url(), "refusing", &trusting_others).await;
    for bus in [&a, &b, &refused, &refusing] {
        bus.attach(Arc::new(Heard::default()));
    }
    until("both connections", || a.is_connected() && b.is_connected()).await;
    let node = NodeId::parse("b").expect("valid");
    let trace = Traces::new(1).begin();
    let asked = a.request(
        &node,
        trace,
        Bytes::from_static(b"hej"),
        Duration::from_secs(5),
    );
    assert_eq!(asked.await, Ok(Bytes::from_static(b"hej")));
    assert!(
        !refused.is_connected(),
        "a node without a certificate came in"
    );
    assert!(!refusing.is_connected(), "an unknown authority was trusted");
}
