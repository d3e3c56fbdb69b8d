//! Open requests around a place, the nearest first, a page at a time. Reads cell after cell and keeps no more than a page.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, stream};

use super::{Hub, HubError};
use crate::ids::RequestId;
use crate::journal::{Journal, ReadError, Table, TableRow};
use crate::machines::matching::MatchingLimits;
use crate::machines::matching::cells::{COARSE_KM, cells_by_distance};
use crate::machines::request::RequestCard;
use crate::machines::request::cards::open_requests_prefix;
use crate::machines::terms::{Caller, Place, Term};

/// Most requests in one page.
const PAGE: usize = 100;

/// A place in the list: the nearer one first, at the same distance the smaller id.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAt {
    /// How far it is, in kilometres.
    pub km: f64,
    /// The request.
    pub request: RequestId,
}

/// Open requests by distance ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenPage {
    /// The requests, each with how far it is in kilometres.
    pub requests: Vec<(RequestCard, f64)>,
    /// Give this as `after` for the next page; `None` at the end.
    pub next: Option<OpenAt>,
    /// Whether all rows were looked at that could be among these; if not, there may be nearer ones.
    pub complete: bool,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenQuery {
    /// The instrument.
    pub instrument: Term,
    /// Around where.
    pub place: Place,
    /// Within so many kilometres.
    pub radius_km: f64,
    /// Only behind this one.
    pub after: Option<OpenAt>,
    /// At most so many.
    pub limit: usize,
}

impl Hub {
    /// A page of open requests for an instrument around a place. Distances are those of the places that everybody may know,
    /// so that nobody finds out by them where exactly an event is.
    pub async fn open_requests(
        &self,
        by: &Caller,
        query: &OpenQuery,
    ) -> Result<OpenPage, HubError> {
        let (journal, limits) = (&*self.parts.journal, &self.parts.matching);
        let mut nearest = Nearest::new(query);
        let complete = scan(journal, limits, query, &mut nearest).await?;
        Ok(nearest.page(complete, by))
    }
}

/// The first rows of a cell, what their keys begin with, and how far away the cell is at least.
type Page = (f64, Vec<u8>, Vec<TableRow>);

/// Shows the rows of the cells to the choice, the nearest cell first, until no other can change it; false if there were more
/// than may be read for one page.
async fn scan(
    journal: &dyn Journal,
    limits: &MatchingLimits,
    query: &OpenQuery,
    nearest: &mut Nearest<'_>,
) -> Result<bool, ReadError> {
    let rows = limits.page_rows.max(1);
    let mut left = limits.open_rows.max(1);
    let cells = cells_by_distance(&query.place, query.radius_km + COARSE_KM);
    // Lazy, and of no lifetime: nothing is read before its turn, and whoever waits for all of it may be any task.
    let pages = cells.iter().map(|(km, cell)| {
        let km = *km;
        let prefix = open_requests_prefix(&query.instrument, cell);
        let page = journal.scan_rows(Table::OpenRequests, prefix.clone(), None, rows);
        page.map_ok(move |page| (km, prefix, page)).boxed()
    });
    let pages: Vec<BoxFuture<'static, Result<Page, ReadError>>> = pages.collect();
    let mut pages = stream::iter(pages).buffered(limits.parallel_cells.max(1));
    while let Some((km, prefix, mut page)) = pages.try_next().await? {
        // What everybody may know of a place may be that much nearer than the place.
        if nearest.is_settled(km - COARSE_KM) {
            return Ok(true);
        }
        loop {
            if page.len() > left {
                page.truncate(left);
                nearest.look_at(&page);
                return Ok(false);
            }
            left -= page.len();
            nearest.look_at(&page);
            let last = page.last().filter(|_| page.len() >= rows);
            let Some(after) = last.map(|row| row.key.clone()) else {
                break;
            };
            let more = journal.scan_rows(Table::OpenRequests, prefix.clone(), Some(after), rows);
            page = more.await?;
        }
    }
    Ok(true)
}

/// Order of the list: bits of a distance, which is never negative, are in the order of the distances.
type Key = (u64, RequestId);

/// The nearest of many in little memory.
struct Nearest<'a> {
    query: &'a OpenQuery,
    after: Option<Key>,
    /// One more than the page, which tells whether there is a next one.
    most: usize,
    kept: BTreeMap<Key, RequestCard>,
}

impl<'a> Nearest<'a> {
    fn new(query: &'a OpenQuery) -> Self {
        let after = query.after.as_ref();
        Self {
            query,
            after: after.map(|at| (at.km.to_bits(), at.request.clone())),
            most: query.limit.clamp(1, PAGE) + 1,
            kept: BTreeMap::new(),
        }
    }

    fn look_at(&mut self, rows: &[TableRow]) {
        for card in rows.iter().filter_map(super::requests::card) {
            let km = self.query.place.km_to(&card.gig.place.coarse());
            let key = (km.to_bits(), card.id.clone());
            let shown = self.after.as_ref().is_some_and(|after| key <= *after);
            let full = self.kept.len() >= self.most;
            let last = self.kept.last_key_value().map(|(last, _)| last);
            let behind = full && last.is_some_and(|last| key > *last);
            if km > self.query.radius_km || shown || behind {
                continue;
            }
            self.kept.insert(key, card);
            if self.kept.len() > self.most {
                self.kept.pop_last();
            }
        }
    }

    /// Whether nothing so far away, or further, can be on the page.
    fn is_settled(&self, km: f64) -> bool {
        let last = self.kept.last_key_value();
        let full = self.kept.len() >= self.most;
        full && last.is_some_and(|((last, _), _)| km > f64::from_bits(*last))
    }

    fn page(mut self, complete: bool, by: &Caller) -> OpenPage {
        let more = self.kept.len() >= self.most;
        if more {
            self.kept.pop_last();
        }
        let next = self.kept.last_key_value().filter(|_| more);
        let next = next.map(|((bits, request), _)| OpenAt {
            km: f64::from_bits(*bits),
            request: request.clone(),
        });
        let requests = self.kept.into_iter();
        OpenPage {
            requests: requests
                .map(|((bits, _), card)| (card.for_everybody(by), f64::from_bits(bits)))
                .collect(),
            next,
            complete,
        }
    }
}
