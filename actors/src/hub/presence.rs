//! Who is there: signs of life that come in, and what searches know of them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Hub, HubError, Shared};
use crate::ids::{Timestamp, UserId};
use crate::journal::{AppendError, ReadError, Table, TableWrite};
use crate::machines::matching::Found;
use crate::machines::terms::Candidate;

/// Users whose sign of life waits to be written; those of more are lost, and the next one counts.
const WAITING: usize = 100_000;

/// Users who gave a sign of life since the last look.
#[derive(Default)]
pub(super) struct Signs(Mutex<BTreeSet<UserId>>);

/// When some users were heard of last, and who of them counts as online.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    at: BTreeMap<UserId, Timestamp>,
    /// Whoever was heard of then or since is online.
    online_from: Timestamp,
}

impl Seen {
    /// When a user gave a sign of life last, as far as anybody asked.
    pub fn at(&self, user: &UserId) -> Option<Timestamp> {
        self.at.get(user).copied()
    }

    /// Whether that was lately.
    pub fn is_online(&self, user: &UserId) -> bool {
        self.at(user).is_some_and(|at| at >= self.online_from)
    }
}

impl Shared {
    /// When some users were heard of last, on any node.
    pub(super) async fn seen(&self, users: Vec<UserId>) -> Result<Seen, ReadError> {
        let now = self.clock.now();
        let online_from = Timestamp(now.0.saturating_sub(self.matching.online_within_ms));
        let keys = users.iter().map(key).collect();
        let rows = self.journal.get_rows(Table::LastSeen, keys).await?;
        let at = users.into_iter().zip(rows);
        let at = at.filter_map(|(user, row)| Some((user, Timestamp(row?.rank))));
        Ok(Seen {
            at: at.collect(),
            online_from,
        })
    }

    /// The same of all whom a search names: no more than it may find.
    pub(super) async fn seen_of(&self, found: &Found) -> Result<Seen, ReadError> {
        let named = found.candidates.iter().chain(&found.alternatives);
        self.seen(named.map(|one| one.user.clone()).collect()).await
    }

    /// Leaves only those who are online among the candidates; if nobody is, those who fit are the alternatives.
    pub(super) fn online_of(&self, found: Found, seen: &Seen, limit: usize) -> Found {
        let is_online = |one: &Candidate| seen.is_online(&one.user);
        let (mut candidates, mut away): (Vec<_>, Vec<_>) =
            found.candidates.into_iter().partition(is_online);
        if candidates.is_empty() && !away.is_empty() {
            away.truncate(self.matching.alternatives);
            return Found {
                alternatives: away,
                ..Found::default()
            };
        }
        candidates.truncate(limit.max(1));
        Found {
            candidates,
            ..found
        }
    }
}

impl Hub {
    /// A user gives a sign of life. Written within about a second.
    pub fn heartbeat(&self, user: &UserId) {
        let mut signs = self.parts.signs.0.lock();
        if signs.len() < WAITING {
            signs.insert(user.clone());
        }
    }

    /// When some users gave a sign of life last, on any node.
    pub async fn seen(&self, users: Vec<UserId>) -> Result<Seen, HubError> {
        Ok(self.parts.seen(users).await?)
    }

    /// Writes the signs of life that came.
    pub(super) async fn note_seen(&self) -> Result<(), AppendError> {
        let signs = std::mem::take(&mut *self.parts.signs.0.lock());
        if signs.is_empty() {
            return Ok(());
        }
        let now = self.parts.clock.now();
        let row = |user| TableWrite {
            table: Table::LastSeen,
            key: key(user),
            rank: now.0,
            value: Some(Bytes::new()),
        };
        self.parts
            .journal
            .put_rows(signs.iter().map(row).collect())
            .await
    }
}

fn key(user: &UserId) -> Vec<u8> {
    user.as_str().as_bytes().to_vec()
}
