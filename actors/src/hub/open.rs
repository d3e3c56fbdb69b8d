//! Open requests around a place, the nearest first, a page at a time. Reads cell after cell and keeps no more than a page.

use std::collections::BTreeMap;

use super::nearby::{Look, scan};
use super::{Hub, HubError};
use crate::ids::RequestId;
use crate::journal::{Table, TableRow};
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
        let cells = cells_by_distance(&query.place, query.radius_km + COARSE_KM);
        let prefix = |cell: &str| open_requests_prefix(&query.instrument, cell);
        let (table, mut left) = (Table::OpenRequests, limits.open_rows.max(1));
        let mut nearest = Nearest::new(query);
        let complete = scan(
            journal,
            limits,
            table,
            &cells,
            prefix,
            &mut left,
            &mut nearest,
        );
        let complete = complete.await?;
        Ok(nearest.page(complete, by))
    }
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

impl Look for Nearest<'_> {
    fn has_enough(&self, km: f64) -> bool {
        // What everybody may know of a place may be that much nearer than the place.
        let km = km - COARSE_KM;
        let last = self.kept.last_key_value();
        let full = self.kept.len() >= self.most;
        full && last.is_some_and(|((last, _), _)| km > f64::from_bits(*last))
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
}
