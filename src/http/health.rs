//! Is the process alive, and should it be sent work: two questions, two answers.

use std::sync::Arc;
use std::time::Duration;

use actors::cluster::Peers;
use actors::ids::{EntityId, EntityKind, Timestamp};
use actors::journal::{AppendError, Journal, Wakeups};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::auth::issuer::{IssuerKeys, Standing};
use crate::config::HealthConfig;
use crate::drain::Watch;

/// One look at the store serves all who ask within this time, so that asking costs nothing.
const KEEP: Duration = Duration::from_secs(1);
/// The entity whose journal is looked at; it never has one.
const PROBE: &str = "health-probe";

/// How well something is; the overall answer is the worst of its checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Well.
    Healthy,
    /// It works, but slowly.
    Degraded,
    /// It does not work.
    Unhealthy,
    /// The process is about to end.
    Draining,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How well it is.
    pub status: Status,
    /// How long it took to answer.
    pub elapsed_ms: u64,
    /// In words.
    pub description: String,
}

/// The answer to "should this node be sent work".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The worst of the checks.
    pub status: Status,
    /// The checks.
    pub checks: Vec<Check>,
}

/// Answers for this process.
pub struct Health {
    journal: Arc<dyn Journal>,
    wakeups: Arc<dyn Wakeups>,
    peers: Option<Arc<Peers>>,
    issuer: Option<Arc<IssuerKeys>>,
    limits: HealthConfig,
    drain: Watch,
    last: Mutex<Option<(Instant, Check)>>,
}

/// Liveness: the process answers, whatever else is broken. Restarting it would not mend that.
pub async fn live() -> axum::Json<serde_json::Value> {
    axum::Json(serde_json::json!({ "status": "alive" }))
}

impl Health {
    /// Health of a process with this store, and these other nodes if it is one of several.
    pub fn new(
        journal: Arc<dyn Journal>,
        wakeups: Arc<dyn Wakeups>,
        peers: Option<Arc<Peers>>,
        limits: HealthConfig,
        drain: Watch,
    ) -> Self {
        Self {
            journal,
            wakeups,
            peers,
            issuer: None,
            limits,
            drain,
            last: Mutex::new(None),
        }
    }

    /// The same of a process that accepts tokens signed with these keys.
    #[must_use]
    pub fn with_issuer(mut self, issuer: Option<Arc<IssuerKeys>>) -> Self {
        self.issuer = issuer;
        self
    }

    /// Readiness, with every check.
    pub async fn report(&self) -> Report {
        let mut checks = vec![self.journal_check().await];
        checks.extend(self.peers.as_deref().map(bus_check));
        checks.extend(self.issuer.as_deref().map(issuer_check));
        let worst = checks.iter().map(|check| check.status).max();
        let status = if self.drain.not_ready() {
            Status::Draining
        } else {
            worst.unwrap_or(Status::Healthy)
        };
        let ready = status < Status::Unhealthy;
        metrics::gauge!("mussikon_ready").set(f64::from(u8::from(ready)));
        Report { status, checks }
    }

    async fn journal_check(&self) -> Check {
        let mut last = self.last.lock().await;
        if let Some((at, check)) = &*last
            && at.elapsed() < KEEP
        {
            return check.clone();
        }
        let begun = Instant::now();
        let allowed = Duration::from_millis(self.limits.journal_unhealthy_ms);
        let probed = tokio::time::timeout(allowed, self.probe()).await;
        let took = begun.elapsed();
        metrics::histogram!("mussikon_journal_probe_seconds").record(took.as_secs_f64());
        let elapsed_ms = took.as_millis() as u64;
        let (status, description) = match probed {
            Err(_) => (
                Status::Unhealthy,
                format!("no answer within {} ms", allowed.as_millis()),
            ),
            Ok(Err(text)) => (Status::Unhealthy, text),
            Ok(Ok(())) => self.written(elapsed_ms),
        };
        if status != Status::Healthy {
            tracing::warn!(?status, elapsed_ms, reason = %description, "the journal is not well");
        }
        let check = Check {
            name: "journal",
            status,
            elapsed_ms,
            description,
        };
        // From its end on: those who waited for it must not each ask again.
        *last = Some((Instant::now(), check.clone()));
        check
    }

    /// How well a store is that answered. One whose disk is nearly full takes the probe, which frees space, and refuses
    /// what clients write; it reads on, so that it is no reason to send nobody.
    fn written(&self, elapsed_ms: u64) -> (Status, String) {
        if let Some(reason) = self.journal.refuses() {
            return (Status::Degraded, format!("writes are refused: {reason}"));
        }
        match elapsed_ms > self.limits.journal_degraded_ms {
            true => (Status::Degraded, format!("took {elapsed_ms} ms")),
            false => (Status::Healthy, "reads and writes".into()),
        }
    }

    /// Reads, and writes something that changes nothing: a store that stopped writing still reads.
    async fn probe(&self) -> Result<(), String> {
        let entity = EntityId::new(EntityKind::Room, PROBE).map_err(|e| e.to_string())?;
        let read = self.journal.head(&entity).await;
        read.map_err(|_| "reads fail".to_owned())?;
        let written = self.wakeups.clear(&entity, Timestamp(0)).await;
        written.map_err(|error| match error {
            AppendError::Broken(_) => "the store is broken: it needs an operator".into(),
            _ => "writes fail".into(),
        })
    }
}

/// Life with other nodes is never worse than degraded: a node that is cut off still serves what it can, and
/// if the bus itself is gone, taking all nodes out of service would help nobody.
fn bus_check(peers: &Peers) -> Check {
    let others = peers.others();
    let (status, description) = match peers.trouble() {
        Some(trouble) => (Status::Degraded, trouble.to_owned()),
        None => (Status::Healthy, format!("{others} other nodes")),
    };
    Check {
        name: "bus",
        status,
        elapsed_ms: 0,
        description,
    }
}

/// Old keys are good enough to serve with. Without any, users would be told that they are nobody, and sign in again in
/// vain: they had better be sent to a node that has keys, or be told that there is none.
fn issuer_check(issuer: &IssuerKeys) -> Check {
    let (status, description) = match issuer.standing() {
        Standing::Fresh { keys } => (Status::Healthy, format!("keys: {keys}")),
        Standing::Stale { keys, age, reason } => (
            Status::Degraded,
            format!("keys: {keys}, {} s old: {reason}", age.as_secs()),
        ),
        Standing::None { reason } => {
            let reason = reason.map(|reason| reason.to_string());
            let reason = reason.unwrap_or_else(|| "the issuer lists none that can be used".into());
            (Status::Unhealthy, format!("no keys: {reason}"))
        }
    };
    Check {
        name: "issuer",
        status,
        elapsed_ms: 0,
        description,
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
