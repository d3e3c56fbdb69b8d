//! Hubs in a keyspace of their own, and members that chat on them.

use std::process::{Command, Output};
use std::time::Duration;

use actors::journal::scylla::ScyllaAccess;
use chaos::client::{Client, InvokeError, Settings};
use chaos::cql::keyspace;
use chaos::history::{Event, History};
use chaos::suite::{Outcome, Workload, WorkloadError, WorkloadSpec, encoding};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::common::{SECRET, TestHub, judge, token};

/// Acknowledgements that must come between two faults.
const TRAFFIC: usize = 200;
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Members that read from the start.
pub const READERS: usize = 12;

/// One of the rooms that they chat in.
pub const ROOM: &str = "stage";

pub type Variables = Vec<(&'static str, String)>;

/// What a hub needs to find a keyspace of its own.
pub fn variables(access: &ScyllaAccess) -> Variables {
    vec![
        ("MUSSIKON_STORE", "scylla".into()),
        ("MUSSIKON_SCYLLA_NODES", access.nodes.join(",")),
        ("MUSSIKON_SCYLLA__KEYSPACE", keyspace("hub")),
        ("MUSSIKON_SCYLLA__REPLICATION", "1".into()),
    ]
}

pub fn command(arguments: &[&str], variables: &Variables) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_mussikon-hub"))
        .args(arguments)
        .current_dir(folder.path())
        .env("MUSSIKON_JWT_SECRET", SECRET)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap()
}

pub fn migrate(variables: &Variables) -> String {
    let made = command(&["migrate"], variables);
    assert!(made.status.success(), "{made:?}");
    String::from_utf8_lossy(&made.stdout).into_owned()
}

/// A hub with members that chat until the end.
pub struct Chat {
    pub settings: Settings,
    pub hub: TestHub,
    pub history: History,
    pub workload: Workload,
}

impl Chat {
    pub async fn start(variables: &Variables) -> Self {
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
    pub async fn send(&self, guest: &Client, id: &str, wanted: fn(&Answer) -> bool) -> Answer {
        let known = format!("guest/{id}");
        let text = "anybody here?";
        let sent = Event::Sent {
            id: known,
            text: text.into(),
        };
        self.history.record("guest", ROOM, sent);
        let sending = async {
            loop {
                let message = json!([ROOM, { "id": id, "kind": "text", "text": text }]);
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
    pub async fn goes_on(&self) {
        let enough = self.workload.acknowledged() + TRAFFIC;
        if let Err(error) = self.workload.until_acknowledged(enough).await {
            stuck(&error, &self.history, &self.hub);
        }
    }

    /// Brings the chat to its end and judges all that its members saw.
    pub async fn finish(self) -> (Outcome, History) {
        let outcome = self.workload.finish().await;
        let outcome = outcome.unwrap_or_else(|error| stuck(&error, &self.history, &self.hub));
        judge(&self.history, &self.hub);
        (outcome, self.history)
    }
}

/// What the hub says of a send.
pub type Answer = Result<Value, InvokeError>;

/// Told to try again, in one way or the other.
pub fn told_to_retry(answer: &Answer) -> bool {
    let codes = ["unavailable", "outcome_unknown"];
    matches!(answer, Err(error) if codes.iter().any(|code| error.is_code(code)))
}

fn stuck(error: &WorkloadError, history: &History, hub: &TestHub) -> ! {
    judge(history, hub);
    panic!("{error}\n{}", hub.logs());
}
