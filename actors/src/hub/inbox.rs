//! Pages of a user's notifications as they are now, the newest first.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Hub, HubError};
use crate::ids::{EntityId, Sequence, UserId};
use crate::journal::{PageLimit, Range, ReadError};
use crate::machines::inbox::latest::show;
use crate::machines::inbox::{InboxCommand, InboxEvent, InboxReply, Notification};

/// Records that are read at once.
const RECORDS: usize = 256;

/// A notification as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct InboxItem {
    /// Its position.
    pub sequence: Sequence,
    /// The notification; it has words, for one that was put away is in no page.
    pub notification: Arc<Notification>,
    /// Whether it was read.
    pub read: bool,
}

/// Notifications by sequence descending.
#[derive(Debug, Clone, PartialEq)]
pub struct InboxPage {
    /// The notifications.
    pub items: Vec<InboxItem>,
    /// Give this as `before` for the next page; `None` at the end. A page may be short and have a next one all the same.
    pub next: Option<Sequence>,
    /// How many are unread in all.
    pub unread: u64,
    /// The inbox's last sequence when the page was read.
    pub head: Sequence,
}

impl Hub {
    /// A page of a user's notifications, at most `limit` of those below `before`.
    pub async fn inbox_page(
        &self,
        user: &UserId,
        before: Option<Sequence>,
        limit: usize,
    ) -> Result<InboxPage, HubError> {
        let bounds = &self.parts.inbox;
        let limit = limit.clamp(1, bounds.page.max(1));
        // A page holds no more unread ones than the newest of those below its beginning.
        let asked = InboxCommand::Unread { before, limit };
        let InboxReply::Unread {
            unread,
            newest,
            head,
        } = self.inbox(user, asked).await?
        else {
            return Err(HubError::Limit("an inbox answered out of turn".into()));
        };
        let fresh: BTreeSet<Sequence> = newest.into_iter().collect();
        let mut page = InboxPage {
            items: Vec::new(),
            next: None,
            unread,
            head,
        };
        // What came after the answer is for the next look.
        let mut below = before.unwrap_or(head.next()).min(head.next());
        let mut left = bounds.page_records.max(1);
        loop {
            let found = self.inbox_records(user, below, left.min(RECORDS)).await?;
            let Some((last, _)) = found.last() else {
                return Ok(page);
            };
            let last = *last;
            left = left.saturating_sub(found.len());
            for (sequence, notification) in found {
                let Some(notification) = notification else {
                    continue;
                };
                if page.items.len() == limit {
                    page.next = page.items.last().map(|item| item.sequence);
                    return Ok(page);
                }
                page.items.push(InboxItem {
                    sequence,
                    notification,
                    read: !fresh.contains(&sequence),
                });
            }
            below = last;
            if left == 0 {
                page.next = Some(below);
                return Ok(page);
            }
        }
    }

    /// Entries below a sequence, descending: each with its notification, if it is one that has words.
    async fn inbox_records(
        &self,
        user: &UserId,
        below: Sequence,
        records: usize,
    ) -> Result<Vec<(Sequence, Option<Arc<Notification>>)>, HubError> {
        let entity = EntityId::inbox(user);
        let journal = &self.parts.journal;
        let limit = PageLimit {
            records,
            bytes: self.parts.limits.page_bytes,
        };
        let mut rows = journal.read(&entity, Range::Before(below), limit).await?;
        rows.sort_by_key(|row| row.first);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(Vec::new());
        };
        let (first, last) = (first.first, last.last());
        let overlays = journal.overlays(&entity, first, last).await?;
        let shown = show(&rows, &overlays).map_err(|error| ReadError::Corrupt {
            entity,
            sequence: first,
            reason: error.to_string(),
        })?;
        let entries = shown.into_iter().rev().filter(|(at, _)| *at < below);
        let notification = |event| match event {
            InboxEvent::Added(added) if added.content.is_some() => Some(added),
            _ => None,
        };
        Ok(entries
            .map(|(at, shown)| (at, notification(shown.event)))
            .collect())
    }
}
