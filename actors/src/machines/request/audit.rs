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

impl AuditEntry {
    /// The line as the musician who has the request reads it: own lines as they are; of the others what happened to the
    /// request, but not who else had a part in it and why; nothing of what happened to others only.
    pub fn for_musician(self, musician: &UserId) -> Option<Self> {
        let is_me = |user: &Option<UserId>| user.as_ref() == Some(musician);
        if is_me(&self.by) || is_me(&self.musician) {
            return Some(self);
        }
        let others = matches!(self.role, Actor::Musician | Actor::Assigned);
        if others || self.musician.is_some() {
            let moved = self.from != self.to;
            return moved.then_some(Self {
                by: None,
                musician: None,
                reason: None,
                ..self
            });
        }
        // What a moderator told the organizer of the draft, and why nobody was found, is between these.
        let told = matches!(
            self.action,
            Trigger::Cancel | Trigger::Dispute | Trigger::Resolve
        );
        Some(Self {
            reason: self.reason.filter(|_| told),
            ..self
        })
    }
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
