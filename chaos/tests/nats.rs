//! Real NATS servers: found or downloaded, alone and as a cluster, through kills, pauses and restarts.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use chaos::nats::{NatsCluster, NatsServer, NatsSpec, NatsTls, RoutedNats};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

const BUILD: &str = env!("CARGO_TARGET_TMPDIR");
const SOON: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_millis(300);

fn folder() -> TempDir {
    std::fs::create_dir_all(BUILD).unwrap();
    tempfile::Builder::new()
        .prefix("nats-")
        .tempdir_in(BUILD)
        .unwrap()
}

fn spec(folder: &TempDir) -> NatsSpec {
    NatsSpec::new(BUILD, folder.path())
}

/// A client of a few lines.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(server: &NatsServer) -> Self {
        Self::connect_as(server, json!({})).await.unwrap()
    }

    /// The client, or the server's refusal.
    async fn connect_as(server: &NatsServer, mut login: serde_json::Value) -> Result<Self, String> {
        login["verbose"] = false.into();
        let mut client = Self(BufReader::new(
            TcpStream::connect(server.address()).await.unwrap(),
        ));
        assert!(client.line().await.starts_with("INFO "));
        client.say(&format!("CONNECT {login}\r\nPING")).await;
        match client.line().await.as_str() {
            "PONG" => Ok(client),
            other => Err(other.to_owned()),
        }
    }

    async fn say(&mut self, text: &str) {
        let text = format!("{text}\r\n");
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(SOON, self.0.read_line(&mut line))
            .await
            .expect("nothing from the server in time")
            .unwrap();
        line.trim_end().to_owned()
    }

    async fn subscribe(&mut self, subject: &str) {
        self.say(&format!("SUB {subject} 1\r\nPING")).await;
        assert_eq!(self.line().await, "PONG");
    }

    async fn publish(&mut self, subject: &str, text: &str) {
        self.say(&format!("PUB {subject} {}\r\n{text}\r\nPING", text.len()))
            .await;
        assert_eq!(self.line().await, "PONG");
    }

    /// The next message's text.
    async fn message(&mut self) -> String {
        let head = self.line().await;
        assert!(head.starts_with("MSG "), "{head}");
        self.line().await
    }
}

/// Publishes until the subscriber has it: news of a subscription takes its time between nodes.
async fn reaches(publisher: &mut Client, subscriber: &mut Client, subject: &str, text: &str) {
    let deadline = Instant::now() + SOON;
    let message = subscriber.message();
    tokio::pin!(message);
    loop {
        publisher.publish(subject, text).await;
        if let Ok(message) = timeout(Duration::from_millis(100), &mut message).await {
            assert_eq!(message, text);
            return;
        }
        assert!(Instant::now() < deadline, "{subject} never arrived");
    }
}

#[tokio::test]
async fn one_server_serves_survives_a_pause_and_comes_back_on_its_port_after_a_kill() {
    let folder = folder();
    let mut server = NatsServer::start(&spec(&folder)).await.unwrap();
    let mut client = Client::connect(&server).await;
    client.subscribe("rooms.one").await;
    client.publish("rooms.two", "for nobody").await;
    client.say("PUB rooms.one 5\r\nhello").await;
    assert_eq!(client.message().await, "hello");
    assert_eq!(
        server.monitor("/varz").await.unwrap()["jetstream"],
        json!({})
    );

    server.pause().unwrap();
    client.say("PING").await;
    let mut line = String::new();
    let answer = timeout(SILENCE, client.0.read_line(&mut line)).await;
    assert!(answer.is_err(), "a paused server said {line}");
    server.resume().unwrap();
    assert_eq!(client.line().await, "PONG");

    let address = server.address();
    server.kill();
    assert!(TcpStream::connect(address).await.is_err());
    server.restart().await.unwrap();
    assert_eq!(server.address(), address);
    let mut client = Client::connect(&server).await;
    client.subscribe("rooms.one").await;
    client.say("PUB rooms.one 5\r\nagain").await;
    assert_eq!(client.message().await, "again");
    assert!(
        server.logs().contains("Server is ready"),
        "{}",
        server.logs()
    );
}

#[tokio::test]
async fn only_the_user_gets_in_and_settings_are_obeyed() {
    let folder = folder();
    let mut spec = spec(&folder);
    spec.credentials = Some(("hub".into(), "pass \"word\" \\ $x".into()));
    spec.settings.push("max_payload: 1000".into());
    let server = NatsServer::start(&spec).await.unwrap();
    let refused = Client::connect_as(&server, json!({})).await.err();
    assert!(refused.unwrap().contains("Authorization Violation"));
    let (user, pass) = spec.credentials.clone().unwrap();
    let login = json!({"user": user, "pass": pass});
    let mut client = Client::connect_as(&server, login).await.unwrap();
    client.publish("a", &"x".repeat(1000)).await;
    client
        .say(&format!("PUB a 1001\r\n{}", "x".repeat(1001)))
        .await;
    assert!(client.line().await.contains("Maximum Payload"));
    assert_eq!(server.monitor("/varz").await.unwrap()["max_payload"], 1000);
}

#[tokio::test]
async fn three_servers_carry_messages_between_them_and_one_may_die_and_come_back() {
    let folder = folder();
    let mut cluster = NatsCluster::start(&spec(&folder), 3).await.unwrap();
    assert_eq!(cluster.urls().len(), 3);
    let mut publisher = Client::connect(&cluster.nodes[0]).await;
    for node in [1, 2] {
        let mut subscriber = Client::connect(&cluster.nodes[node]).await;
        let subject = format!("rooms.{node}");
        subscriber.subscribe(&subject).await;
        reaches(&mut publisher, &mut subscriber, &subject, "across").await;
    }

    cluster.nodes[2].kill();
    let mut subscriber = Client::connect(&cluster.nodes[1]).await;
    subscriber.subscribe("rooms.left").await;
    reaches(&mut publisher, &mut subscriber, "rooms.left", "two left").await;

    cluster.nodes[2].restart().await.unwrap();
    cluster.linked().await.unwrap();
    let mut subscriber = Client::connect(&cluster.nodes[2]).await;
    subscriber.subscribe("rooms.back").await;
    reaches(&mut publisher, &mut subscriber, "rooms.back", "three again").await;
}

#[tokio::test]
async fn a_server_that_is_cut_off_from_the_others_finds_no_way_past_its_proxies() {
    let folder = folder();
    let nats = RoutedNats::start(&spec(&folder), 3).await.unwrap();
    let mut publisher = Client::connect(&nats.nodes[0]).await;
    let mut near = Client::connect(&nats.nodes[1]).await;
    let mut far = Client::connect(&nats.nodes[2]).await;
    near.subscribe("rooms.near").await;
    far.subscribe("rooms.far").await;
    reaches(&mut publisher, &mut far, "rooms.far", "whole").await;

    nats.split(2);
    let deadline = Instant::now() + SOON;
    while nats.links_of(2).await.unwrap() > 0 {
        assert!(Instant::now() < deadline, "it is still linked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    reaches(&mut publisher, &mut near, "rooms.near", "two of three").await;
    publisher.publish("rooms.far", "lost").await;
    assert!(timeout(SILENCE, far.message()).await.is_err());
    assert_eq!(
        nats.links_of(2).await.unwrap(),
        0,
        "no way around was found"
    );

    nats.mend();
    nats.linked().await.unwrap();
    reaches(&mut publisher, &mut far, "rooms.far", "whole again").await;
}

#[tokio::test]
async fn a_configuration_that_the_server_refuses_is_an_error_with_its_words() {
    let folder = folder();
    let mut spec = spec(&folder);
    spec.settings.push("no_such_setting: 1".into());
    let error = NatsServer::start(&spec).await.unwrap_err().to_string();
    assert!(
        error.contains("nats-server ended") && error.contains("no_such_setting"),
        "{error}"
    );
}

/// A certificate for this machine, valid for a day, signed by itself.
fn certificate(folder: &TempDir) -> NatsTls {
    let path = |name: &str| folder.path().join(name);
    let tls = NatsTls {
        certificate: path("certificate.pem"),
        key: path("key.pem"),
        client_authority: None,
    };
    let made = std::process::Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .arg("-out")
        .arg(&tls.certificate)
        .arg("-keyout")
        .arg(&tls.key)
        .output()
        .expect("install openssl, which makes the certificate of this test");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{said}");
    tls
}

#[tokio::test]
async fn with_a_certificate_no_client_talks_in_plain() {
    let folder = folder();
    let mut spec = spec(&folder);
    spec.tls = Some(certificate(&folder));
    let server = NatsServer::start(&spec).await.unwrap();
    assert!(server.url().starts_with("tls://"), "{}", server.url());
    let mut plain = BufReader::new(TcpStream::connect(server.address()).await.unwrap());
    let mut greeting = String::new();
    plain.read_line(&mut greeting).await.unwrap();
    assert!(greeting.contains("\"tls_required\":true"), "{greeting}");
    plain.write_all(b"CONNECT {}\r\nPING\r\n").await.unwrap();
    let mut answer = Vec::new();
    // It ends with an error or a reset, and never with a welcome.
    let _ = timeout(SOON, plain.read_to_end(&mut answer)).await.unwrap();
    assert!(!answer.starts_with(b"PONG"), "{answer:?}");
}
