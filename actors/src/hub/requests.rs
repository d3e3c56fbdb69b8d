//! Matching requests: asking them, lists of them without waking any, their audit, and how a wish to be assigned ends.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Hub, HubError};
use crate::ids::{EntityId, RequestId, Sequence, UserId};
use crate::journal::{PageLimit, Range, ReadError, Table, TableRow};
use crate::machines::Machine;
use crate::machines::matching::cells::cells_around;
use crate::machines::request::cards::{
    RequestCard, open_requests_prefix, pending_requests_prefix, requests_of_user_key,
    requests_of_user_prefix,
};
use crate::machines::request::{
    AuditEntry, Change, Done, PartView, Request, RequestCommand, RequestRejection, RequestReply,
    RequestView, Standing, audit_of,
};
use crate::machines::terms::{Caller, Place, Term};
use crate::runtime::AskError;

/// Most requests in one page of a list.
const PAGE: usize = 100;
/// Cells that are read at the same time.
const CELLS_AT_ONCE: usize = 8;
/// Between two looks whether an assignment has come about.
const LOOK: Duration = Duration::from_millis(25);

/// Requests by id ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestsPage {
    /// The requests.
    pub requests: Vec<RequestCard>,
    /// Give this as `after` for the next page; `None` at the end.
    pub next: Option<RequestId>,
}

/// A page of a request's audit, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditPage {
    /// The lines.
    pub entries: Vec<AuditEntry>,
    /// Give this as `after` for the next page; `None` at the end.
    pub next: Option<Sequence>,
}

/// How a wish to be assigned, or to have somebody assigned, ended within its time.
#[derive(Debug, Clone, PartialEq)]
pub enum Assignment {
    /// So.
    Settled(Box<RequestView>),
    /// Not yet: it will be told as a notification.
    Pending(Done),
}

impl Hub {
    /// Asks a request, on whichever node it lives.
    pub async fn request(
        &self,
        request: &RequestId,
        command: RequestCommand,
    ) -> Result<RequestReply, HubError> {
        let entity = EntityId::request(request);
        let asked = self.ask::<Request>(&entity, command).await;
        asked.map_err(|error| HubError::of(error, HubError::Request))
    }

    /// A request as a caller may see it.
    pub async fn request_view(
        &self,
        request: &RequestId,
        by: &Caller,
    ) -> Result<RequestView, HubError> {
        let view = RequestCommand::View { by: by.clone() };
        match self.request(request, view).await? {
            RequestReply::View(view) => Ok(*view),
            _ => Err(HubError::Limit("a request answered out of turn".into())),
        }
    }

    /// Has a caller's wish carried out.
    pub async fn change_request(
        &self,
        request: &RequestId,
        by: &Caller,
        key: Option<u64>,
        change: Change,
    ) -> Result<Done, HubError> {
        self.check_quotas(request, by, &change).await?;
        let command = RequestCommand::Change {
            by: by.clone(),
            key,
            change,
        };
        match self.request(request, command).await? {
            RequestReply::Done(done) => Ok(done),
            _ => Err(HubError::Limit("a request answered out of turn".into())),
        }
    }

    /// The same for a wish that reserves a musician's time ([`Change::Accept`], [`Change::Choose`]): waits a bounded time for
    /// the answer of the musician's calendar.
    pub async fn assign(
        &self,
        request: &RequestId,
        by: &Caller,
        key: Option<u64>,
        change: Change,
        wait: Duration,
    ) -> Result<Assignment, HubError> {
        let until = tokio::time::Instant::now() + wait;
        let done = self.change_request(request, by, key, change).await?;
        loop {
            // The wish has taken effect, whether or not the request can be looked at now.
            if let Ok(view) = self.request_view(request, by).await
                && !is_reserving(&view)
            {
                return Ok(Assignment::Settled(Box::new(view)));
            }
            if tokio::time::Instant::now() >= until {
                return Ok(Assignment::Pending(done));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Requests that a user has a part in, above `after`.
    pub async fn requests_of(
        &self,
        user: &UserId,
        after: Option<&RequestId>,
        limit: usize,
    ) -> Result<RequestsPage, HubError> {
        let after = after.map(|request| requests_of_user_key(user, request));
        let table = Table::RequestsOfUser;
        self.cards(table, requests_of_user_prefix(user), after, limit)
            .await
    }

    /// Requests that wait for a moderator, above `after`.
    pub async fn pending_requests(
        &self,
        after: Option<&RequestId>,
        limit: usize,
    ) -> Result<RequestsPage, HubError> {
        let prefix = pending_requests_prefix();
        let after = after.map(|request| [&prefix, request.as_str().as_bytes()].concat());
        self.cards(Table::OpenRequests, prefix, after, limit).await
    }

    /// Open requests for an instrument around a place, the nearest first.
    pub async fn open_requests(
        &self,
        instrument: &Term,
        place: &Place,
        radius_km: f64,
        limit: usize,
    ) -> Result<Vec<(RequestCard, f64)>, HubError> {
        let limit = limit.clamp(1, PAGE);
        let cells = cells_around(place, radius_km);
        let journal = &self.parts.journal;
        let reads = cells.iter().map(|cell| {
            let prefix = open_requests_prefix(instrument, cell);
            journal.scan_rows(Table::OpenRequests, prefix, None, PAGE)
        });
        let reads: Vec<_> = reads.collect();
        let pages = stream::iter(reads).buffered(CELLS_AT_ONCE);
        let pages: Vec<Vec<TableRow>> = pages.try_collect().await?;
        let mut found: Vec<(RequestCard, f64)> = pages
            .iter()
            .flatten()
            .filter_map(card)
            .map(|card| {
                let km = place.km_to(&card.gig.place);
                (card, km)
            })
            .filter(|(_, km)| *km <= radius_km)
            .collect();
        found.sort_by(|(one, near), (other, far)| {
            near.total_cmp(far).then_with(|| one.id.cmp(&other.id))
        });
        found.truncate(limit);
        Ok(found)
    }

    async fn cards(
        &self,
        table: Table,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<RequestsPage, HubError> {
        let limit = limit.clamp(1, PAGE);
        let journal = &self.parts.journal;
        let mut rows = journal.scan_rows(table, prefix, after, limit + 1).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let requests: Vec<RequestCard> = rows.iter().filter_map(card).collect();
        let next = requests.last().filter(|_| more).map(|card| card.id.clone());
        Ok(RequestsPage { requests, next })
    }

    /// A page of a request's audit; whether the caller may read it is asked of the request.
    pub async fn request_audit(
        &self,
        request: &RequestId,
        by: &Caller,
        after: Sequence,
        limit: usize,
    ) -> Result<AuditPage, HubError> {
        let view = self.request_view(request, by).await?;
        if view.inside.is_none() {
            return Err(HubError::Request(AskError::Rejected(
                RequestRejection::Hidden,
            )));
        }
        let entity = EntityId::request(request);
        let limit = limit.clamp(1, self.parts.audit_page.max(1));
        let page = PageLimit {
            records: limit + 1,
            bytes: self.parts.limits.page_bytes,
        };
        let rows = self
            .parts
            .journal
            .read(&entity, Range::After(after), page)
            .await?;
        let mut entries = Vec::new();
        for (sequence, record) in rows.iter().flat_map(|row| row.entries()) {
            if sequence <= after || entries.len() > limit {
                continue;
            }
            let entry = Request::decode(record).map_err(|error| ReadError::Corrupt {
                entity: entity.clone(),
                sequence,
                reason: error.to_string(),
            })?;
            entries.push(audit_of(sequence, &entry));
        }
        let more = entries.len() > limit
            || entries
                .last()
                .is_some_and(|last| last.sequence < view.sequence);
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|last| last.sequence);
        Ok(AuditPage { entries, next })
    }
}

/// Whether the caller, or whom the caller has chosen, waits for the answer of a calendar.
fn is_reserving(view: &RequestView) -> bool {
    let waits = |part: &PartView| matches!(part.standing, Standing::Reserving | Standing::Waiting);
    match (&view.inside, &view.mine) {
        (_, Some(part)) => waits(part),
        (Some(inside), None) => inside.reserving.is_some(),
        (None, None) => false,
    }
}

pub(super) fn card(row: &TableRow) -> Option<RequestCard> {
    match RequestCard::decode(&row.value) {
        Ok(card) => Some(card),
        Err(error) => {
            tracing::error!(%error, "an unreadable card of a request");
            None
        }
    }
}
