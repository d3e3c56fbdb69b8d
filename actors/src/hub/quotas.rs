//! How many requests one organizer may have: counted in the rows of the organizer's own list. No lock: two wishes of the
//! same moment may both be let through.

use super::{Hub, HubError};
use crate::ids::{RequestId, UserId};
use crate::journal::Table;
use crate::machines::request::cards::{RequestCard, requests_of_user_prefix};
use crate::machines::request::{Change, RequestLimits, RequestRejection, RequestState};
use crate::machines::terms::{Caller, PlatformRole};
use crate::runtime::AskError;

/// Rows that are read at once, and at most: whoever has more has been here for a year and is not counted any further.
const PAGE: usize = 500;
const PAGES: usize = 4;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// The bounds; 0 is none.
pub(super) struct Quotas {
    active: usize,
    new_per_day: usize,
}

impl Quotas {
    pub fn new(limits: &RequestLimits) -> Self {
        Self {
            active: limits.active_per_organizer,
            new_per_day: limits.new_per_day,
        }
    }
}

impl Hub {
    /// Whether an organizer may have one more. What has taken effect already is let through: it is a repeat.
    pub(super) async fn check_quotas(
        &self,
        request: &RequestId,
        by: &Caller,
        change: &Change,
    ) -> Result<(), HubError> {
        let quotas = &self.parts.quotas;
        let most = match change {
            Change::Create { .. } => quotas.new_per_day,
            Change::Submit { .. } => quotas.active,
            _ => 0,
        };
        if most == 0 || by.role == PlatformRole::Admin {
            return Ok(());
        }
        let creates = matches!(change, Change::Create { .. });
        let now = self.parts.clock.now();
        let counts = |card: &RequestCard| match creates {
            true => now.since(card.created_at) < DAY_MS,
            false => is_active(card.state),
        };
        let own = self.organized_by(&by.user).await?;
        let done = |card: &&RequestCard| creates || card.state != RequestState::Draft;
        let repeated = own.iter().filter(done).any(|card| card.id == *request);
        if repeated || own.iter().filter(|card| counts(card)).count() < most {
            return Ok(());
        }
        let rejection = match creates {
            true => RequestRejection::TooManyNew { most },
            false => RequestRejection::TooManyActive { most },
        };
        Err(HubError::Request(AskError::Rejected(rejection)))
    }

    /// Requests of an organizer, as far as they are read.
    async fn organized_by(&self, user: &UserId) -> Result<Vec<RequestCard>, HubError> {
        let (journal, prefix) = (&self.parts.journal, requests_of_user_prefix(user));
        let (mut found, mut after) = (Vec::new(), None);
        for _ in 0..PAGES {
            let table = Table::RequestsOfUser;
            let rows = journal.scan_rows(table, prefix.clone(), after, PAGE);
            let rows = rows.await?;
            let cards = rows.iter().filter_map(super::requests::card);
            found.extend(cards.filter(|card| card.organizer == *user));
            after = rows.last().map(|row| row.key.clone());
            if rows.len() < PAGE {
                break;
            }
        }
        Ok(found)
    }
}

/// Whether somebody is, or will be, looked for.
fn is_active(state: RequestState) -> bool {
    matches!(
        state,
        RequestState::Pending | RequestState::Active | RequestState::InReview
    )
}
