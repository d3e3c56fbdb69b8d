//! The search for musicians and everything else that time brings: waves, running out, expiry, reminders.

use std::collections::BTreeSet;

use super::event::{Aim, Nobody, RequestEntry, RequestEvent};
use super::permit::Attempt;
use super::state::{Facts, Hunt};
use super::{Request, RequestLimits, RequestState, Standing};
use crate::ids::{Timestamp, UserId};
use crate::machines::matching::Found;
use crate::machines::terms::Candidate;
use crate::machines::{Context, Decision};

/// Most reasons that are kept: as many as there are.
const REASONS: usize = 8;

impl Request {
    /// The answer to a search. One that nobody waits for any more changes nothing.
    pub(super) fn candidates_found(
        &self,
        context: &Context<'_, Request>,
        number: u64,
        found: &Found,
    ) -> Decision<Request> {
        let facts = self.facts.as_deref();
        let hunting = facts.and_then(|facts| Some((facts, facts.hunt.as_ref()?)));
        let Some((facts, hunt)) = hunting else {
            return self.noted(None);
        };
        let event = facts.follow_up(hunt, found, context.now, context.limits);
        let attempt = Attempt::by_hub(context, Some(number));
        self.noted(self.by_time(&attempt, event, RequestState::Active))
    }

    /// Does what has come due, if anything has.
    pub(super) fn wake(&self, context: &Context<'_, Request>) -> Decision<Request> {
        let Some(facts) = self.facts.as_deref() else {
            return self.noted(None);
        };
        let now = context.now;
        let attempt = Attempt::by_hub(context, None);
        let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let entry = if due(facts.expires_at()) {
            self.by_time(&attempt, RequestEvent::Expired, RequestState::Expired)
        } else if due(facts.remind_at) {
            let told = now < facts.brief.gig.window.to;
            self.by_time(
                &attempt,
                RequestEvent::Reminded { told },
                RequestState::Assigned,
            )
        } else if due(facts.search_due()) && self.outbox.len() <= context.limits.outbox {
            let aim = facts.next_aim(now, context.limits);
            self.by_time(
                &attempt,
                RequestEvent::Searched { aim },
                RequestState::Active,
            )
        } else {
            None
        };
        self.noted(entry)
    }

    /// When there is something to do without anybody's wish.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let facts = self.facts.as_deref()?;
        let due = [facts.expires_at(), facts.search_due(), facts.remind_at];
        due.into_iter().flatten().min()
    }

    fn by_time(
        &self,
        attempt: &Attempt<'_>,
        event: RequestEvent,
        to: RequestState,
    ) -> Option<RequestEntry> {
        let permit = self.permit(attempt, event.trigger(), to).ok()?;
        Some(attempt.entry(permit, event))
    }
}

impl Facts {
    /// What follows from an answer: a wave, a search farther out, or nothing for a while.
    fn follow_up(
        &self,
        hunt: &Hunt,
        found: &Found,
        now: Timestamp,
        limits: &RequestLimits,
    ) -> RequestEvent {
        let candidates = self.fitting(&found.candidates, limits);
        if !candidates.is_empty() {
            let until = now.plus_millis(limits.offer_ms);
            return RequestEvent::Offered {
                candidates,
                top: limits.top_matches,
                until: self.deadline.map_or(until, |deadline| deadline.min(until)),
                next_at: now.plus_millis(limits.wave_wait_ms),
            };
        }
        let farther = self.farther(hunt, limits);
        if farther > hunt.radius_km && self.room_for_offers(limits) > 0 {
            let aim = self.aim(farther, now, limits);
            return RequestEvent::Searched { aim };
        }
        let nobody = Nobody {
            reasons: found.reasons.iter().copied().take(REASONS).collect(),
            alternatives: found
                .alternatives
                .iter()
                .take(limits.alternatives)
                .cloned()
                .collect(),
        };
        let said = hunt.told.as_ref().is_some_and(|told| same(told, &nobody));
        let wait = limits.retry_ms.saturating_mul(1 << hunt.misses.min(16));
        RequestEvent::RanOut {
            told: !said && !self.any_application(),
            nobody,
            next_at: now.plus_millis(wait.min(limits.retry_max_ms)),
        }
    }

    /// Those who may be offered it, the best first.
    fn fitting(&self, candidates: &[Candidate], limits: &RequestLimits) -> Vec<Candidate> {
        let mut seen = BTreeSet::new();
        let fits = |one: &&Candidate| {
            one.score >= limits.score_min
                && !self.is_out(&one.user)
                && seen.insert(one.user.clone())
        };
        let mut fitting: Vec<Candidate> = candidates.iter().filter(fits).cloned().collect();
        fitting.sort_by(|a, b| b.score.total_cmp(&a.score));
        fitting.truncate(self.room_for_offers(limits));
        fitting
    }

    /// Whether somebody is not to be asked (again).
    fn is_out(&self, user: &UserId) -> bool {
        let again = [None, Some(Standing::Missed), Some(Standing::Lapsed)];
        self.is_owner(user) || !again.contains(&self.standing(user))
    }

    /// Everybody who is not to be asked (again).
    pub(super) fn except(&self) -> Vec<UserId> {
        let parts = self.parts.keys().filter(|user| self.is_out(user));
        parts.chain([&self.organizer]).cloned().collect()
    }

    /// The search that is due now: farther out, unless the last one had no answer.
    fn next_aim(&self, now: Timestamp, limits: &RequestLimits) -> Aim {
        match &self.hunt {
            None => self.first_aim(now, limits),
            Some(hunt) if hunt.searching.is_some() => self.aim(hunt.radius_km, now, limits),
            Some(hunt) => self.aim(self.farther(hunt, limits), now, limits),
        }
    }

    fn farther(&self, hunt: &Hunt, limits: &RequestLimits) -> f64 {
        let farther = hunt.radius_km + limits.radius_step_km.max(0.0);
        farther.min(limits.radius_max_km).max(hunt.radius_km)
    }
}

/// Whether two say the same to the organizer: scores may differ a little from day to day.
fn same(a: &Nobody, b: &Nobody) -> bool {
    let names = |nobody: &Nobody| -> Vec<UserId> {
        let users = nobody.alternatives.iter().map(|one| one.user.clone());
        users.collect()
    };
    a.reasons == b.reasons && names(a) == names(b)
}
