//! Hubs on a cluster store: the schema by the command line, and chats that survive kills of the hub and of the CQL node.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Command, Output};
use std::time::Duration;

use actors::journal::scylla::ScyllaAccess;
use chaos::client::{Client, InvokeError, Settings};
use chaos::cql::keyspace;
use chaos::history::{Event, History};
use chaos::member::connected;
use chaos::suite::{Outcome, Workload, WorkloadError, WorkloadSpec, encoding};
use common::cql::{OwnNode, Servers};
use common::{SECRET, TestHub, judge, token};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

/// Acknowledgements that must come between two faults.
const TRAFFIC: usize = 200;
const PATIENCE: Duration = Duration::from_secs(60);
/// Members that read from the start.
const READERS: usize = 12;

/// One of the rooms that they chat in.
const ROOM: &str = "stage";

type Variables = Vec<(&'static str, String)>;

/// What a hub needs to find a keyspace of its own.
fn variables(access: &ScyllaAccess) -> Variables {
    vec![
        ("MUSSIKON_STORE", "scylla".into()),
        ("MUSSIKON_SCYLLA_NODES", access.nodes.join(",")),
        ("MUSSIKON_SCYLLA__KEYSPACE", keyspace("hub")),
        ("MUSSIKON_SCYLLA__REPLICATION", "1".into()),
    ]
}

fn command(arguments: &[&str], variables: &Variables) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_mussikon-hub"))
        .args(arguments)
        .current_dir(folder.path())
        .env("MUSSIKON_JWT_SECRET", SECRET)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap()
}

fn migrate(variables: &Variables) -> String {
    let made = command(&["migrate"], variables);
    assert!(made.status.success(), "{made:?}");
    String::from_utf8_lossy(&made.stdout).into_owned()
}

/// A hub with members that chat until the end.
struct Chat {
    settings: Settings,
    hub: TestHub,
    history: History,
    workload: Workload,
}

impl Chat {
    async fn start(variables: &Variables) -> Self {
        let given: Vec<_> = variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let hub = TestHub::start_with(&given).await;
        let url = format!("{}/hubs/chat", hub.url());
        let settings = Settings::new(url.clone(), encoding(0), Some(token("guest")));
        let connect = move |user: &str, number| {
            Settings::new(url.clone(), encoding(number), Some(token(user)))
        };
        let history = History::new(2_000_000);
        let spec = WorkloadSpec {
            patience: PATIENCE,
            ..WorkloadSpec::default()
        };
        let workload = Workload::start(spec, Box::new(connect), history.clone()).await;
        Self {
            workload: workload.unwrap_or_else(|error| panic!("{error}\n{}", hub.logs())),
            history,
            settings,
            hub,
        }
    }

    /// Sends one message under one id until the answer is as wanted.
    async fn send(&self, guest: &Client, id: &str, wanted: fn(&Answer) -> bool) -> Answer {
        let known = format!("guest/{id}");
        self.history
            .record("guest", ROOM, Event::Sent { id: known });
        let sending = async {
            loop {
                let message = json!([ROOM, { "id": id, "kind": "text", "text": "anybody here?" }]);
                let answer = guest.invoke::<Value>("SendMessage", message).await;
                if wanted(&answer) {
                    return answer;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let answer = timeout(PATIENCE, sending).await;
        answer.unwrap_or_else(|_| panic!("message {id}\n{}", self.hub.logs()))
    }

    /// Waits for further acknowledgements.
    async fn goes_on(&self) {
        let enough = self.workload.acknowledged() + TRAFFIC;
        if let Err(error) = self.workload.until_acknowledged(enough).await {
            stuck(&error, &self.history, &self.hub);
        }
    }

    /// Brings the chat to its end and judges all that its members saw.
    async fn finish(self) -> (Outcome, History) {
        let outcome = self.workload.finish().await;
        let outcome = outcome.unwrap_or_else(|error| stuck(&error, &self.history, &self.hub));
        judge(&self.history, &self.hub);
        (outcome, self.history)
    }
}

/// What the hub says of a send.
type Answer = Result<Value, InvokeError>;

/// Told to try again, in one way or the other.
fn told_to_retry(answer: &Answer) -> bool {
    let codes = ["unavailable", "outcome_unknown"];
    matches!(answer, Err(error) if codes.iter().any(|code| error.is_code(code)))
}

fn stuck(error: &WorkloadError, history: &History, hub: &TestHub) -> ! {
    judge(history, hub);
    panic!("{error}\n{}", hub.logs());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_asks_for_the_schema_and_loses_nothing_when_it_is_killed_under_load() {
    const KILLS: usize = 4;
    let servers = Servers::provide().await;
    let variables = variables(&servers.access());
    let unmade = command(&["serve"], &variables);
    let complaint = String::from_utf8_lossy(&unmade.stderr).into_owned();
    let named = complaint.contains("run `mussikon-hub migrate`");
    assert!(named && !unmade.status.success(), "{complaint}");
    for expected in ["version 1 created", "version 1, nothing to do"] {
        let told = migrate(&variables);
        assert!(told.contains(expected), "{told}");
    }

    let mut chat = Chat::start(&variables).await;
    for _ in 0..KILLS {
        chat.goes_on().await;
        chat.hub.kill();
        chat.hub.restart().await.unwrap();
    }
    chat.goes_on().await;
    let (outcome, _) = chat.finish().await;
    let unanswered: usize = outcome.senders.iter().map(|s| s.unanswered).sum();
    assert!(unanswered > KILLS, "kills at quiet moments: {outcome:?}");
    // Those that were there from the start came back after every kill; others came at the end.
    let stayed = outcome.connections.iter().filter(|count| **count > KILLS);
    assert_eq!(stayed.count(), READERS, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_killed_and_paused_under_a_hub_delays_sends_and_loses_nothing() {
    let mut own = OwnNode::start().await;
    let variables = variables(&own.access());
    migrate(&variables);
    let chat = Chat::start(&variables).await;
    let guest = connected(&chat.settings).await;
    for id in ["first", "second"] {
        chat.goes_on().await;
        own.node.kill();
        let answer = chat.send(&guest, id, |answer| answer.is_err()).await;
        assert!(told_to_retry(&answer), "{answer:?}");
        own.node.restart().await.unwrap();
        // Tried again with the same id it is there once, whatever became of it before.
        let answer = chat.send(&guest, id, |answer| !told_to_retry(answer)).await;
        let sequence = answer.unwrap()["sequence"].as_u64().unwrap();
        let id = format!("guest/{id}");
        let acknowledged = Event::Acknowledged { id, sequence };
        chat.history.record("guest", ROOM, acknowledged);

        chat.goes_on().await;
        own.node.pause().unwrap();
        // Longer than an append may take.
        sleep(Duration::from_secs(3)).await;
        own.node.resume().unwrap();
    }
    chat.goes_on().await;
    let (outcome, history) = chat.finish().await;
    // The hub stayed, and so did everybody's connection; nobody was told that a message will never be there.
    let once = outcome.connections.iter().filter(|count| **count == 1);
    assert_eq!(once.count(), outcome.connections.len(), "{outcome:?}");
    let refused = |event: &Event| matches!(event, Event::Refused { .. });
    let records = history.records();
    let refused = records.iter().filter(|record| refused(&record.event));
    assert_eq!(refused.count(), 0);
}
