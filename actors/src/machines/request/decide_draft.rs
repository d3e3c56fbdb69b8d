//! From a new draft to an open request: create, edit, submit, and what a moderator says.

use super::command::{Change, Done, RequestReply};
use super::event::{Aim, RequestEvent};
use super::input::{Brief, RequestInput};
use super::permit::Attempt;
use super::state::Facts;
use super::{
    Request, RequestEntry, RequestLimits, RequestRejection, RequestState, Standing, Trigger,
    validate,
};
use crate::ids::{Sequence, Timestamp};
use crate::machines::Decision;
use crate::machines::terms::Caller;

/// What a rule answers.
pub(super) type Outcome = Result<Decision<Request>, RequestRejection>;

/// When an overloaded request may be asked again, in milliseconds.
const RETRY_AFTER_MS: u64 = 1_000;

impl Request {
    /// What a user wishes.
    pub(super) fn change(
        &self,
        attempt: &Attempt<'_>,
        caller: &Caller,
        change: &Change,
    ) -> Outcome {
        if let (Change::Create { input }, None) = (change, &self.facts) {
            return self.create(attempt, input);
        }
        let remembered = attempt.context.limits.keys;
        let known = attempt.key.map(|key| self.keys.find(key, remembered));
        let known = known.transpose()?.flatten();
        if let Change::Create { .. } = change {
            return self.created_already(caller);
        }
        // Whoever brought it into a state in which it is hidden may ask again whether that took effect.
        if let (Some(sequence), Some(facts)) = (known, self.facts.as_deref()) {
            return Ok(self.repeated(facts, caller, sequence));
        }
        let facts = self.seen_by(caller)?;
        if self.outbox.len() > attempt.context.limits.outbox {
            let retry_after_ms = RETRY_AFTER_MS;
            return Err(RequestRejection::Overloaded { retry_after_ms });
        }
        match change {
            Change::Create { .. } => self.created_already(caller),
            Change::Edit { input, .. } => self.edit(attempt, input),
            Change::Submit { .. } => self.submit(attempt, facts),
            Change::Approve => self.approve(attempt, facts),
            Change::Refuse { reason } => self.refuse(attempt, reason),
            Change::Accept => self.accept(attempt, facts, caller),
            Change::Decline { reason } => self.decline(attempt, facts, reason.as_deref()),
            Change::Apply { rate, words } => self.apply_for(attempt, facts, *rate, words),
            Change::Withdraw { reason } => self.withdraw(attempt, facts, caller, reason.as_deref()),
            Change::Choose { musician } => self.choose(attempt, musician),
            Change::RejectApplication { musician, reason } => {
                self.reject_application(attempt, facts, musician, reason)
            }
            Change::Review => self.plain(attempt, RequestState::InReview, RequestEvent::Reviewed),
            Change::Reopen => self.reopen(attempt, facts),
            Change::DropOut { reason } => self.drop_out(attempt, facts, reason),
            Change::Cancel { reason } => self.cancel(attempt, reason),
            Change::Start => self.plain(attempt, RequestState::InProgress, RequestEvent::Started),
            Change::Complete => {
                self.plain(attempt, RequestState::Completed, RequestEvent::Completed)
            }
            Change::Dispute { reason } => self.dispute(attempt, reason),
            Change::Resolve { outcome, details } => self.resolve(attempt, *outcome, details),
        }
    }

    fn create(&self, attempt: &Attempt<'_>, input: &RequestInput) -> Outcome {
        let permit = self.permit(attempt, Trigger::Create, RequestState::Draft)?;
        let brief = Box::new(self.checked(attempt, input)?);
        let entry = attempt.entry(permit, RequestEvent::Created { brief });
        Ok(self.step(entry, None))
    }

    /// Whoever created it is given it again; anybody else is told that the id is taken. That the same key stood for another
    /// wish was found out before, as long as the key is remembered.
    fn created_already(&self, caller: &Caller) -> Outcome {
        let facts = self.facts.as_deref();
        let mine = facts.filter(|facts| facts.is_owner(&caller.user));
        let facts = mine.ok_or(RequestRejection::Exists)?;
        Ok(self.repeated(facts, caller, Sequence(1)))
    }

    fn edit(&self, attempt: &Attempt<'_>, input: &RequestInput) -> Outcome {
        let permit = self.permit(attempt, Trigger::Edit, RequestState::Draft)?;
        let brief = Box::new(self.checked(attempt, input)?);
        let entry = attempt.entry(permit, RequestEvent::Edited { brief });
        Ok(self.step(entry, None))
    }

    fn checked(
        &self,
        attempt: &Attempt<'_>,
        input: &RequestInput,
    ) -> Result<Brief, RequestRejection> {
        validate::brief(input, attempt.now(), attempt.context.limits)
            .map_err(RequestRejection::Invalid)
    }

    fn submit(&self, attempt: &Attempt<'_>, facts: &Facts) -> Outcome {
        let limits = attempt.context.limits;
        let to = if limits.moderation {
            RequestState::Pending
        } else {
            RequestState::Active
        };
        let permit = self.permit(attempt, Trigger::Submit, to)?;
        let deadline = deadline_of(&facts.brief, attempt.now(), limits);
        let aim = (!limits.moderation).then(|| facts.first_aim(attempt.now(), limits));
        let entry = attempt.entry(permit, RequestEvent::Submitted { deadline, aim });
        Ok(self.step(entry, None))
    }

    fn approve(&self, attempt: &Attempt<'_>, facts: &Facts) -> Outcome {
        let permit = self.permit(attempt, Trigger::Approve, RequestState::Active)?;
        let aim = facts.first_aim(attempt.now(), attempt.context.limits);
        let entry = attempt.entry(permit, RequestEvent::Approved { aim });
        Ok(self.step(entry, None))
    }

    fn refuse(&self, attempt: &Attempt<'_>, reason: &str) -> Outcome {
        let permit = self.permit(attempt, Trigger::Refuse, RequestState::Draft)?;
        let reason = trimmed(reason);
        let entry = attempt.entry(permit, RequestEvent::Refused { reason });
        Ok(self.step(entry, None))
    }

    /// A step of which nothing is to be said but that it was made.
    pub(super) fn plain(
        &self,
        attempt: &Attempt<'_>,
        to: RequestState,
        event: RequestEvent,
    ) -> Outcome {
        let permit = self.permit(attempt, event.trigger(), to)?;
        Ok(self.step(attempt.entry(permit, event), None))
    }

    /// The decision for a caller's step; how the caller stands then, if that is a musician with a part.
    pub(super) fn step(
        &self,
        entry: RequestEntry,
        standing: Option<Standing>,
    ) -> Decision<Request> {
        let done = Done {
            sequence: self.head.next(),
            state: entry.to,
            standing,
        };
        Decision {
            events: vec![entry],
            reply: RequestReply::Done(done),
        }
    }

    /// Nothing has to change: the wish took effect before.
    pub(super) fn repeated(
        &self,
        facts: &Facts,
        caller: &Caller,
        sequence: Sequence,
    ) -> Decision<Request> {
        let done = Done {
            sequence,
            state: facts.state,
            standing: facts.standing(&caller.user),
        };
        Decision {
            events: Vec::new(),
            reply: RequestReply::Done(done),
        }
    }

    /// The decision for what the hub brings: an event, or none if there is nothing to do.
    pub(super) fn noted(&self, entry: Option<RequestEntry>) -> Decision<Request> {
        let sequence = match &entry {
            Some(_) => self.head.next(),
            None => self.head,
        };
        Decision {
            events: entry.into_iter().collect(),
            reply: RequestReply::Noted { sequence },
        }
    }
}

/// A reason as it is kept; whether it fits was a condition of the step.
pub(super) fn trimmed(reason: &str) -> String {
    reason.trim().to_owned()
}

/// The same of one that need not be given.
pub(super) fn some_trimmed(reason: Option<&str>) -> Option<String> {
    let reason = trimmed(reason?);
    (!reason.is_empty()).then_some(reason)
}

/// Until when musicians are looked for.
fn deadline_of(brief: &Brief, now: Timestamp, limits: &RequestLimits) -> Timestamp {
    let begins = brief.gig.window.from;
    brief.deadline.unwrap_or_else(|| {
        let early = Timestamp(begins.0.saturating_sub(limits.deadline_lead_ms));
        let late = if early > now { early } else { begins };
        late.min(now.plus_millis(limits.open_ms))
    })
}

impl Facts {
    /// The search with which everything begins.
    pub(super) fn first_aim(&self, now: Timestamp, limits: &RequestLimits) -> Aim {
        let radius = self.brief.radius_km.unwrap_or(limits.radius_km);
        self.aim(radius, now, limits)
    }

    /// A search within a radius.
    pub(super) fn aim(&self, radius_km: f64, now: Timestamp, limits: &RequestLimits) -> Aim {
        Aim {
            radius_km: radius_km.min(limits.radius_max_km),
            limit: self.room_for_offers(limits),
            again_at: now.plus_millis(limits.search_wait_ms),
        }
    }

    /// How many musicians may be offered it in one wave.
    pub(super) fn room_for_offers(&self, limits: &RequestLimits) -> usize {
        let left = limits.most_offers().saturating_sub(self.offers());
        left.min(limits.wave_size)
    }
}
