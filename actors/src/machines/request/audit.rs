//! Who did what to a request, when and why: a reading of its journal.

use serde::{Deserialize, Serialize};

use super::event::{RequestEntry, RequestEvent};
use super::{Actor, RequestState, Trigger};
use crate::ids::{Sequence, Timestamp, UserId};

/// A line of the audit: one for each entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its position.
    pub sequence: Sequence,
    /// When.
    pub at: Timestamp,
    /// Who; `None` for the hub itself.
    pub by: Option<UserId>,
    /// In which capacity.
    pub role: Actor,
    /// What.
    pub action: Trigger,
    /// The state before.
    pub from: RequestState,
    /// The state after.
    pub to: RequestState,
    /// Whom it is about besides: the musician who was chosen, refused, assigned.
    pub musician: Option<UserId>,
    /// Why, if a reason was given and is not erased.
    pub reason: Option<String>,
}

/// The audit's line for an entry of the journal.
pub fn audit_of(sequence: Sequence, entry: &RequestEntry) -> AuditEntry {
    let reason = match &entry.event {
        RequestEvent::RanOut { nobody, .. } => {
            let reasons = nobody.reasons.iter().map(|reason| reason.as_str());
            Some(reasons.collect::<Vec<_>>().join(","))
        }
        event => event.reason().map(Into::into),
    };
    AuditEntry {
        sequence,
        at: entry.at,
        by: entry.by.clone(),
        role: entry.role,
        action: entry.event.trigger(),
        from: entry.from,
        to: entry.to,
        musician: entry.event.musician().cloned(),
        reason: reason.filter(|reason| !reason.is_empty()),
    }
}
