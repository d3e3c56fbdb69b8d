//! Requests that found their musician: whoever measures is told of each once, by the node on which it became durable.

use std::sync::{Arc, OnceLock};

use super::Hub;
use super::relay::Listeners;
use crate::ids::{EntityId, RequestId, Sequence, Timestamp};
use crate::journal::{Head, Journal, PageLimit, Range, ReadError, Row};
use crate::machines::Machine;
use crate::machines::request::{Request, RequestEntry, RequestEvent};
use crate::machines::terms::Gig;
use crate::runtime::CommitSink;

/// What is read at once.
const PAGE: PageLimit = PageLimit {
    records: 256,
    bytes: 256 * 1_024,
};

/// A request that found its musician.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// What is to be played, where, when and for how much.
    pub gig: Gig,
    /// Since when musicians were looked for.
    pub opened_at: Timestamp,
    /// When one was found.
    pub assigned_at: Timestamp,
}

/// Is told where an assignment stands.
type Told = Box<dyn Fn(RequestId, Sequence) + Send + Sync>;

/// Whoever wants to be told of assignments, if anybody does.
#[derive(Clone, Default)]
pub(super) struct Witness(Arc<OnceLock<Told>>);

/// What becomes durable of requests goes here: to those who listen, and assignments to the witness.
pub(super) struct Requests {
    pub listeners: Listeners,
    pub witness: Witness,
}

impl CommitSink<Request> for Requests {
    fn committed(&self, entity: &EntityId, row: &Row, events: &[RequestEntry]) {
        CommitSink::<Request>::committed(&self.listeners, entity, row, events);
        let (Some(told), Some(request)) = (self.witness.0.get(), entity.as_request()) else {
            return;
        };
        let numbered = (row.first.0..).map(Sequence).zip(events);
        let assigned = |entry: &RequestEntry| matches!(entry.event, RequestEvent::Assigned { .. });
        for (at, _) in numbered.filter(|(_, entry)| assigned(entry)) {
            told(request.clone(), at);
        }
    }

    fn advanced(&self, entity: &EntityId, head: Head) {
        CommitSink::<Request>::advanced(&self.listeners, entity, head);
    }

    fn failed(&self, entity: &EntityId) {
        CommitSink::<Request>::failed(&self.listeners, entity);
    }
}

impl Hub {
    /// Has one be told of every assignment that becomes durable on this node, before its answer leaves: it must not wait.
    /// The first one stays.
    pub fn on_assigned(&self, told: impl Fn(RequestId, Sequence) + Send + Sync + 'static) {
        if self.parts.witness.0.set(Box::new(told)).is_err() {
            tracing::error!("assignments have a witness already");
        }
    }
}

/// The assignment at a sequence of a request's journal; `None` if there is none.
pub async fn matched(
    journal: &dyn Journal,
    request: &RequestId,
    assigned: Sequence,
) -> Result<Option<Match>, ReadError> {
    let entity = EntityId::request(request);
    let (mut gig, mut opened_at) = (None, None);
    let mut after = Sequence::ZERO;
    loop {
        let rows = journal.read(&entity, Range::After(after), PAGE).await?;
        let read = rows.iter().flat_map(|row| row.entries());
        let mut last = after;
        for (sequence, record) in read.filter(|(sequence, _)| *sequence > after) {
            let entry = Request::decode(record).map_err(|error| ReadError::Corrupt {
                entity: entity.clone(),
                sequence,
                reason: error.to_string(),
            })?;
            last = sequence;
            if let RequestEvent::Created { brief } | RequestEvent::Edited { brief } = &entry.event {
                gig = Some(brief.gig.clone());
            }
            // Given back, it is open anew.
            if entry.to.is_open() && !entry.from.is_open() {
                opened_at = Some(entry.at);
            }
            if sequence == assigned {
                let found = gig.zip(opened_at).map(|(gig, opened_at)| Match {
                    gig,
                    opened_at,
                    assigned_at: entry.at,
                });
                let is_assigned = matches!(entry.event, RequestEvent::Assigned { .. });
                return Ok(found.filter(|_| is_assigned));
            }
        }
        if last == after {
            return Ok(None);
        }
        after = last;
    }
}
