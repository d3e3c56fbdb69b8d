//! Users and their inboxes: asking them, who was seen when, who fits a gig.

use std::collections::BTreeSet;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Hub, HubError, Shared, search};
use crate::ids::{EntityId, Timestamp, UserId};
use crate::journal::{AppendError, ReadError, Table, TableWrite};
use crate::machines::inbox::{Inbox, InboxCommand, InboxReply};
use crate::machines::matching::{Found, MatchingLimits, Wanted};
use crate::machines::terms::Gig;
use crate::machines::user::{User, UserCommand, UserReply};

/// Whoever was not heard of for so long is away, in milliseconds.
const AWAY_MS: u64 = 10 * 60 * 1_000;
/// Users whose sign of life waits to be written; those of more are lost, and the next one counts.
const WAITING: usize = 100_000;

/// Users who gave a sign of life since the last look.
#[derive(Default)]
pub(super) struct Seen(Mutex<BTreeSet<UserId>>);

impl Shared {
    pub(super) async fn search(
        &self,
        gig: &Gig,
        radius_km: f64,
        except: &[UserId],
        limit: usize,
    ) -> Result<Found, ReadError> {
        search::search(
            &*self.journal,
            &self.matching,
            gig,
            radius_km,
            except,
            limit,
        )
        .await
    }
}

impl Hub {
    /// Asks a user's entity, on whichever node it lives.
    pub async fn user(&self, user: &UserId, command: UserCommand) -> Result<UserReply, HubError> {
        let asked = self.ask::<User>(&EntityId::user(user), command).await;
        asked.map_err(|error| HubError::of(error, HubError::User))
    }

    /// Asks a user's inbox, on whichever node it lives.
    pub async fn inbox(
        &self,
        user: &UserId,
        command: InboxCommand,
    ) -> Result<InboxReply, HubError> {
        let asked = self.ask::<Inbox>(&EntityId::inbox(user), command).await;
        asked.map_err(|error| HubError::of(error, HubError::Inbox))
    }

    /// Musicians for as much of a gig as is known; see [`search::look`].
    pub async fn musicians(
        &self,
        wanted: &Wanted,
        radius_km: f64,
        limit: usize,
    ) -> Result<Found, HubError> {
        let (journal, limits) = (&*self.parts.journal, &self.parts.matching);
        Ok(search::look(journal, limits, wanted, radius_km, &[], limit).await?)
    }

    /// Bounds of the search.
    pub fn matching(&self) -> &MatchingLimits {
        &self.parts.matching
    }

    /// A user gives a sign of life. Written within about a second.
    pub fn heartbeat(&self, user: &UserId) {
        let mut seen = self.parts.seen.0.lock();
        if seen.len() < WAITING {
            seen.insert(user.clone());
        }
    }

    /// Who of some users gave a sign of life within the last ten minutes, on any node.
    pub async fn about(&self, users: &[UserId]) -> Result<Vec<bool>, HubError> {
        let keys = users.iter().map(seen_key).collect();
        let rows = self.parts.journal.get_rows(Table::LastSeen, keys).await?;
        let now = self.parts.clock.now();
        let recent = |rank| now.since(Timestamp(rank)) < AWAY_MS;
        let recent = rows
            .into_iter()
            .map(|row| row.is_some_and(|r| recent(r.rank)));
        Ok(recent.collect())
    }

    /// Writes the signs of life that came.
    pub(super) async fn note_seen(&self) -> Result<(), AppendError> {
        let seen = std::mem::take(&mut *self.parts.seen.0.lock());
        if seen.is_empty() {
            return Ok(());
        }
        let now = self.parts.clock.now();
        let row = |user| TableWrite {
            table: Table::LastSeen,
            key: seen_key(user),
            rank: now.0,
            value: Some(Bytes::new()),
        };
        self.parts
            .journal
            .put_rows(seen.iter().map(row).collect())
            .await
    }
}

fn seen_key(user: &UserId) -> Vec<u8> {
    user.as_str().as_bytes().to_vec()
}
