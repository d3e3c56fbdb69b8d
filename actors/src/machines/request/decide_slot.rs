//! What comes of a musician's time: it is held or not, given back, played, disputed; or everything is called off.

use super::command::{Outcome as DisputeOutcome, RequestReply};
use super::decide_draft::{Outcome, trimmed};
use super::event::RequestEvent;
use super::permit::Attempt;
use super::state::Facts;
use super::{Request, RequestLimits, RequestState, Standing, Trigger};
use crate::ids::{Timestamp, UserId};
use crate::machines::terms::{SlotFate, SlotRefusal};
use crate::machines::{Context, Decision};

impl Request {
    /// The answer to a reservation. One that nobody waits for any more changes nothing: whatever made it void has asked
    /// for the time to be free again.
    pub(super) fn slot_answered(
        &self,
        context: &Context<'_, Request>,
        musician: &UserId,
        number: u64,
        answer: &Result<(), SlotRefusal>,
    ) -> Decision<Request> {
        let facts = self.facts.as_deref();
        let Some(facts) = facts.filter(|facts| facts.is_reserving(musician)) else {
            return self.noted(None);
        };
        let attempt = Attempt::by_hub(context, Some(number));
        let (event, to) = match answer {
            Ok(()) => {
                let event = RequestEvent::Assigned {
                    musician: musician.clone(),
                    remind_at: facts.remind_at(context.now, context.limits),
                };
                (event, RequestState::Assigned)
            }
            Err(refusal) => {
                let next = facts.next(context.limits);
                let to = facts.after(next.as_ref(), context.now);
                let event = RequestEvent::SlotRefused {
                    musician: musician.clone(),
                    refusal: refusal.clone(),
                    next,
                };
                (event, to)
            }
        };
        let permit = self.permit(&attempt, event.trigger(), to).ok();
        self.noted(permit.map(|permit| attempt.entry(permit, event)))
    }

    /// Whether the time is still wanted that a musician holds since an errand.
    pub(super) fn wants(&self, musician: &UserId, reserved_by: u64) -> Decision<Request> {
        let facts = self.facts.as_deref();
        let awaits = |facts: &Facts| {
            let pending = facts.pending.as_ref();
            pending.is_some_and(|p| p.musician == *musician && p.number == reserved_by)
        };
        let fate = match facts {
            Some(facts) if facts.is_assigned(musician) => SlotFate::Booked,
            Some(facts) if awaits(facts) => SlotFate::Held,
            _ => SlotFate::Free,
        };
        Decision {
            events: Vec::new(),
            reply: RequestReply::Wants(fate),
        }
    }

    pub(super) fn drop_out(&self, attempt: &Attempt<'_>, facts: &Facts, reason: &str) -> Outcome {
        let permit = self.permit(attempt, Trigger::DropOut, RequestState::Active)?;
        let (now, limits) = (attempt.now(), attempt.context.limits);
        // Once the deadline is over, another one is looked for until the event begins.
        let open = facts.deadline.filter(|deadline| *deadline > now);
        let event = RequestEvent::DroppedOut {
            reason: trimmed(reason),
            deadline: open.unwrap_or(facts.brief.gig.window.from),
            aim: facts.first_aim(now, limits),
        };
        Ok(self.step(attempt.entry(permit, event), Some(Standing::DroppedOut)))
    }

    pub(super) fn cancel(&self, attempt: &Attempt<'_>, reason: &str) -> Outcome {
        let reason = trimmed(reason);
        self.plain(
            attempt,
            RequestState::Cancelled,
            RequestEvent::Cancelled { reason },
        )
    }

    pub(super) fn dispute(&self, attempt: &Attempt<'_>, reason: &str) -> Outcome {
        let reason = trimmed(reason);
        self.plain(
            attempt,
            RequestState::Disputed,
            RequestEvent::Disputed { reason },
        )
    }

    pub(super) fn resolve(
        &self,
        attempt: &Attempt<'_>,
        outcome: DisputeOutcome,
        details: &str,
    ) -> Outcome {
        let to = match outcome {
            DisputeOutcome::Completed => RequestState::Completed,
            DisputeOutcome::Cancelled => RequestState::Cancelled,
        };
        let details = trimmed(details);
        self.plain(attempt, to, RequestEvent::Resolved { details })
    }
}

impl Facts {
    /// When both sides are to be reminded; not at all of what is assigned that late.
    fn remind_at(&self, now: Timestamp, limits: &RequestLimits) -> Option<Timestamp> {
        let begins = self.brief.gig.window.from;
        let at = Timestamp(begins.0.saturating_sub(limits.remind_before_ms));
        (at > now).then_some(at)
    }
}
