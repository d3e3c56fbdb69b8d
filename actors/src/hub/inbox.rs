//! Pages of an inbox, newest first: what the journal holds, without what was put away, with what is still unread.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Hub, HubError};
use crate::ids::{EntityId, Sequence, UserId};
use crate::journal::{Journal, PageLimit, Range, ReadError};
use crate::machines::inbox::latest::show;
use crate::machines::inbox::{
    InboxCommand, InboxEvent, InboxLimits, InboxReply, InboxShown, Notification,
};

/// A notification as its owner finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxItem {
    /// Position.
    pub sequence: Sequence,
    /// The notification, with its words.
    pub notification: Arc<Notification>,
    /// Whether it was read.
    pub read: bool,
}

/// A page, descending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxPage {
    /// The notifications; fewer than asked for if many were put away, even if there are more.
    pub items: Vec<InboxItem>,
    /// Give this as `before` for the next page; `None` at the end.
    pub next: Option<Sequence>,
    /// How many of all are unread.
    pub unread: u64,
    /// The inbox's last sequence when it was asked.
    pub head: Sequence,
}

/// Records read at once.
const RECORDS: usize = 256;

impl Hub {
    /// A page of at most `limit` notifications below `before`, or of the newest ones.
    pub async fn inbox_page(
        &self,
        user: &UserId,
        before: Option<Sequence>,
        limit: usize,
    ) -> Result<InboxPage, HubError> {
        let limits = &self.parts.inbox;
        let limit = limit.clamp(1, limits.page.max(1));
        let asked = self
            .inbox(user, InboxCommand::Unread { before, limit })
            .await?;
        let InboxReply::Unread {
            unread,
            newest,
            head,
        } = asked
        else {
            return Err(HubError::internal("an inbox answered out of turn"));
        };
        let reader = Reader {
            journal: &*self.parts.journal,
            entity: EntityId::inbox(user),
            bytes: self.parts.limits.page_bytes,
            limits,
        };
        let before = before.unwrap_or(head.next()).min(head.next());
        let (found, next) = reader.below(before, limit).await?;
        // The answer holds as many unread ones as the page has places: those of the page are among them.
        let newest: BTreeSet<Sequence> = newest.into_iter().collect();
        let items = found.into_iter().map(|(sequence, notification)| InboxItem {
            sequence,
            read: !newest.contains(&sequence),
            notification,
        });
        Ok(InboxPage {
            items: items.collect(),
            next,
            unread,
            head,
        })
    }
}

/// Reads one inbox.
struct Reader<'a> {
    journal: &'a dyn Journal,
    entity: EntityId,
    bytes: usize,
    limits: &'a InboxLimits,
}

type Found = Vec<(Sequence, Arc<Notification>)>;

impl Reader<'_> {
    /// The newest notifications below a sequence, and where to go on if there is anything below them.
    async fn below(
        &self,
        mut before: Sequence,
        limit: usize,
    ) -> Result<(Found, Option<Sequence>), ReadError> {
        let mut found = Vec::new();
        let mut looked_at = 0;
        while before > Sequence(1) {
            let page = self.entries(before).await?;
            if page.is_empty() {
                break;
            }
            for (sequence, shown) in page {
                if found.len() == limit || looked_at >= self.limits.page_records.max(1) {
                    return Ok((found, Some(before)));
                }
                (before, looked_at) = (sequence, looked_at + 1);
                if let InboxEvent::Added(notification) = shown.event
                    && notification.content.is_some()
                {
                    found.push((sequence, notification));
                }
            }
        }
        Ok((found, None))
    }

    /// Some entries below a sequence, descending.
    async fn entries(&self, before: Sequence) -> Result<Vec<(Sequence, InboxShown)>, ReadError> {
        let limit = PageLimit {
            records: RECORDS,
            bytes: self.bytes,
        };
        let range = Range::Before(before);
        let mut rows = self.journal.read(&self.entity, range, limit).await?;
        rows.sort_by_key(|row| row.first);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(Vec::new());
        };
        let (first, last) = (first.first, last.last());
        let overlays = self.journal.overlays(&self.entity, first, last).await?;
        let shown = show(&rows, &overlays).map_err(|error| ReadError::Corrupt {
            entity: self.entity.clone(),
            sequence: first,
            reason: error.to_string(),
        })?;
        let below = shown.into_iter().rev();
        Ok(below.filter(|(sequence, _)| *sequence < before).collect())
    }
}
