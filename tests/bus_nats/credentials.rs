//! Nodes that show a credentials file to a server that knows its operator's accounts and nobody by name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actors::bus::{Bus, BusLimits, NatsBus, NatsError, NatsOptions, Traces};
use actors::ids::NodeId;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chaos::nats::{NatsServer, NatsSpec};
use nkeys::KeyPair;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Heard, join, join_with, spec, until};

/// Some time in the past, in seconds since 1970: nothing here expires.
const ISSUED: u64 = 1_700_000_000;

/// A claim about `subject`, signed by `issuer`, as the servers want it.
fn claim(issuer: &KeyPair, subject: &str, name: &str, claimed: &Value) -> String {
    let claims = json!({
        "jti": name,
        "iat": ISSUED,
        "iss": issuer.public_key(),
        "sub": subject,
        "name": name,
        "nats": claimed,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    let signed = format!("{head}.{}", part(&claims));
    let signature = issuer.sign(signed.as_bytes()).expect("a key with its seed");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// An operator with one account.
struct Realm {
    operator: KeyPair,
    account: KeyPair,
}

impl Realm {
    fn new() -> Self {
        Self {
            operator: KeyPair::new_operator(),
            account: KeyPair::new_account(),
        }
    }

    /// What a server is told: its operator, and the account in memory, with nothing to ask elsewhere.
    fn settings(&self) -> Vec<String> {
        let id = self.operator.public_key();
        let operator = json!({ "type": "operator", "version": 2 });
        let operator = claim(&self.operator, &id, "operator", &operator);
        let id = self.account.public_key();
        let account = json!({ "type": "account", "version": 2, "limits": {
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
            "conn": -1, "leaf": -1,
        } });
        let account = claim(&self.operator, &id, "hubs", &account);
        vec![
            format!("operator: \"{operator}\""),
            "resolver: MEMORY".to_owned(),
            format!("resolver_preload {{ {id}: \"{account}\" }}"),
        ]
    }

    /// A credentials file for a new user of the account.
    fn credentials(&self, path: PathBuf) -> PathBuf {
        let user = KeyPair::new_user();
        let claimed =
            json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
        let token = claim(&self.account, &user.public_key(), "hub", &claimed);
        let seed = user.seed().expect("a new key has its seed");
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        std::fs::write(&path, text).expect("written");
        path
    }
}

fn showing(file: &Path) -> NatsOptions {
    NatsOptions {
        credentials_file: file.to_owned(),
        ..NatsOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_comes_in_by_its_credentials_file_and_strangers_do_not() {
    let folder = TempDir::new().expect("a folder");
    let (ours, theirs) = (Realm::new(), Realm::new());
    let settings = NatsSpec {
        settings: ours.settings(),
        ..spec(folder.path())
    };
    let mut server = NatsServer::start(&settings)
        .await
        .expect("nats-server starts");
    let path = |name: &str| folder.path().join(name);
    let (known, foreign) = (
        showing(&ours.credentials(path("known.creds"))),
        showing(&theirs.credentials(path("foreign.creds"))),
    );
    let a = join_with(&server.url(), "a", &known).await;
    let b = join_with(&server.url(), "b", &known).await;
    let stranger = join(&server.url(), "stranger").await;
    let forger = join_with(&server.url(), "forger", &foreign).await;
    for bus in [&a, &b, &stranger, &forger] {
        bus.attach(Arc::new(Heard::default()));
    }
    until("both connections", || a.is_connected() && b.is_connected()).await;
    // And again, with a new challenge to sign.
    server.kill();
    until("the end", || !a.is_connected() && !b.is_connected()).await;
    server.restart().await.expect("the server comes back");
    until("both again", || a.is_connected() && b.is_connected()).await;
    let (node, trace) = (NodeId::parse("b").expect("valid"), Traces::new(1).begin());
    let word = Bytes::from_static(b"hej");
    let asked = a.request(&node, trace, word.clone(), Duration::from_secs(5));
    assert_eq!(asked.await, Ok(word));
    assert!(!stranger.is_connected(), "a node without a file came in");
    assert!(!forger.is_connected(), "a user of another operator came in");

    let node = NodeId::parse("lost").expect("valid");
    let missing = showing(&path("missing.creds"));
    let limits = BusLimits::default();
    let refused = NatsBus::connect(&server.url(), node, &missing, &limits).await;
    let named = matches!(&refused, Err(NatsError::Credentials { path, .. }) if path.ends_with("missing.creds"));
    assert!(named, "{:?}", refused.err());
}
