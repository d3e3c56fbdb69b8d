//! Pages of a room's messages in their latest state, by sequence both ways.

use std::time::Duration;

use super::{Hub, HubError};
use crate::delivery::Shown;
use crate::ids::{EntityId, RoomId, Sequence, UserId};
use crate::journal::{PageLimit, Range, ReadError};
use crate::machines::room::latest;
use crate::machines::room::view::MessageView;
use std::sync::Arc;

/// Which messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryPage {
    /// The newest ones below this sequence; `None` for the newest of all.
    Before(Option<Sequence>),
    /// The oldest ones above this sequence.
    After(Sequence),
}

/// A message and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    /// Position.
    pub sequence: Sequence,
    /// Latest state.
    pub view: Arc<MessageView>,
}

/// A page, ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The messages.
    pub messages: Vec<HistoryEntry>,
    /// Position to give as `before` or `after` for the next page in the same direction; `None` at the end.
    pub next: Option<Sequence>,
    /// The room's head when the page was read.
    pub head: Sequence,
}

const RECORDS: usize = 256;

impl Hub {
    /// A page of at most `limit` messages. With `min_sequence`, waits a bounded time for the room to
    /// reach it, so that a client can read on another connection what was acknowledged to it on one.
    pub async fn history(
        &self,
        room: &RoomId,
        by: &UserId,
        page: HistoryPage,
        limit: usize,
        min_sequence: Option<Sequence>,
    ) -> Result<History, HubError> {
        let limit = limit.clamp(1, self.parts.limits.history_page.max(1));
        let mut waited = 0;
        let view = loop {
            let view = self.view(room, by).await?;
            match min_sequence {
                Some(wanted) if wanted > view.head => {
                    if waited >= self.parts.limits.history_wait_ms {
                        return Err(HubError::NotReached(wanted));
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    waited += 50;
                }
                _ => break view,
            }
        };
        let (mut messages, more) = match page {
            HistoryPage::After(after) => self.collect(room, Range::After(after), limit).await?,
            HistoryPage::Before(before) => {
                let before = before.unwrap_or(view.head.next()).min(view.head.next());
                self.collect(room, Range::Before(before), limit).await?
            }
        };
        let next = more.then(|| messages.last().map(|m| m.sequence)).flatten();
        messages.sort_by_key(|message| message.sequence);
        Ok(History {
            messages,
            next,
            head: view.head,
        })
    }

    /// Messages in reading direction, and whether there is a further one.
    async fn collect(
        &self,
        room: &RoomId,
        mut range: Range,
        limit: usize,
    ) -> Result<(Vec<HistoryEntry>, bool), HubError> {
        let mut found = Vec::new();
        while let Some((shown, next)) = self.shown_page(room, range).await? {
            for (sequence, shown) in shown {
                let Shown::Message(view) = shown else {
                    continue;
                };
                if found.len() == limit {
                    return Ok((found, true));
                }
                found.push(HistoryEntry { sequence, view });
            }
            range = next;
        }
        Ok((found, false))
    }

    async fn shown_page(
        &self,
        room: &RoomId,
        range: Range,
    ) -> Result<Option<(Vec<(Sequence, Shown)>, Range)>, HubError> {
        let entity = EntityId::room(room);
        let journal = &self.parts.journal;
        let limit = PageLimit {
            records: RECORDS,
            bytes: self.parts.limits.page_bytes,
        };
        let mut rows = journal.read(&entity, range, limit).await?;
        rows.sort_by_key(|row| row.first);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(None);
        };
        let (first, last) = (first.first, last.last());
        let overlays = journal.overlays(&entity, first, last).await?;
        let shown = latest::show(&rows, &overlays).map_err(|error| ReadError::Corrupt {
            entity: entity.clone(),
            sequence: first,
            reason: error.to_string(),
        })?;
        Ok(Some(match range {
            Range::After(after) => {
                let kept = shown.into_iter().filter(|(s, _)| *s > after).collect();
                (kept, Range::After(last))
            }
            Range::Before(before) => {
                let kept = shown.into_iter().rev().filter(|(s, _)| *s < before);
                (kept.collect(), Range::Before(first))
            }
        }))
    }
}
