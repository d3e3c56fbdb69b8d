//! What musicians answer, and what the organizer makes of it.

use super::decide_draft::{Outcome, some_trimmed, trimmed};
use super::event::{Next, RequestEvent};
use super::permit::{Attempt, Permit};
use super::state::Facts;
use super::{
    Actor, Request, RequestEntry, RequestLimits, RequestRejection, RequestState, Standing, Trigger,
    validate,
};
use crate::ids::{Timestamp, UserId};
use crate::machines::Decision;
use crate::machines::terms::{Caller, Cents};
use crate::mutation::{self, Mutation};

impl Request {
    pub(super) fn accept(&self, attempt: &Attempt<'_>, facts: &Facts, caller: &Caller) -> Outcome {
        let standing = facts.standing(&caller.user);
        if let Some(Standing::Reserving | Standing::Waiting | Standing::Assigned) = standing {
            return Ok(self.repeated(facts, caller, self.head));
        }
        let permit = self.permit(attempt, Trigger::Accept, RequestState::InReview)?;
        if facts.pending.is_none() && mutation::is_on(Mutation::AcceptUnreserved) {
            return Ok(self.unreserved(attempt, permit, caller));
        }
        let (event, standing) = if facts.pending.is_none() {
            let event = RequestEvent::Accepted {
                hold_ms: attempt.context.limits.hold_ms,
                reach_km: Some(reach_km(attempt.context.limits)),
            };
            (event, Standing::Reserving)
        } else {
            (RequestEvent::StoodBy, Standing::Waiting)
        };
        Ok(self.step(attempt.entry(permit, event), Some(standing)))
    }

    /// The mistake of that name.
    fn unreserved(
        &self,
        attempt: &Attempt<'_>,
        permit: Permit,
        caller: &Caller,
    ) -> Decision<Request> {
        let accepted = RequestEvent::Accepted {
            hold_ms: attempt.context.limits.hold_ms,
            reach_km: None,
        };
        let accepted = attempt.entry(permit, accepted);
        let mut decision = self.step(accepted, Some(Standing::Assigned));
        decision.events.push(RequestEntry {
            event: RequestEvent::Assigned {
                musician: caller.user.clone(),
                remind_at: None,
            },
            from: RequestState::InReview,
            to: RequestState::Assigned,
            at: attempt.now(),
            by: None,
            role: Actor::System,
            key: None,
        });
        decision
    }

    pub(super) fn decline(
        &self,
        attempt: &Attempt<'_>,
        facts: &Facts,
        reason: Option<&str>,
    ) -> Outcome {
        let permit = self.permit(attempt, Trigger::Decline, facts.state)?;
        let reason = some_trimmed(reason);
        let entry = attempt.entry(permit, RequestEvent::Declined { reason });
        Ok(self.step(entry, Some(Standing::Declined)))
    }

    pub(super) fn apply_for(
        &self,
        attempt: &Attempt<'_>,
        facts: &Facts,
        rate: Cents,
        words: &str,
    ) -> Outcome {
        let permit = self.permit(attempt, Trigger::Apply, facts.state)?;
        let words = validate::application(rate, words, attempt.context.limits)
            .map_err(RequestRejection::Invalid)?;
        let entry = attempt.entry(permit, RequestEvent::Applied { rate, words });
        Ok(self.step(entry, Some(Standing::Applied)))
    }

    pub(super) fn withdraw(
        &self,
        attempt: &Attempt<'_>,
        facts: &Facts,
        caller: &Caller,
        reason: Option<&str>,
    ) -> Outcome {
        let reason = some_trimmed(reason);
        let (permit, event) = if facts.is_reserving(&caller.user) {
            let next = facts.next(attempt.context.limits);
            let to = facts.after(next.as_ref(), attempt.now());
            let permit = self.permit(attempt, Trigger::LetGo, to)?;
            (permit, RequestEvent::LetGo { reason, next })
        } else {
            let permit = self.permit(attempt, Trigger::Withdraw, facts.state)?;
            (permit, RequestEvent::Withdrawn { reason })
        };
        Ok(self.step(attempt.entry(permit, event), Some(Standing::Withdrawn)))
    }

    pub(super) fn choose(&self, attempt: &Attempt<'_>, musician: &UserId) -> Outcome {
        let permit = self.permit(attempt, Trigger::Choose, RequestState::InReview)?;
        let event = RequestEvent::Chosen {
            musician: musician.clone(),
            hold_ms: attempt.context.limits.hold_ms,
        };
        Ok(self.step(attempt.entry(permit, event), None))
    }

    pub(super) fn reject_application(
        &self,
        attempt: &Attempt<'_>,
        facts: &Facts,
        musician: &UserId,
        reason: &str,
    ) -> Outcome {
        let permit = self.permit(attempt, Trigger::RejectApplication, facts.state)?;
        let event = RequestEvent::ApplicationRejected {
            musician: musician.clone(),
            reason: trimmed(reason),
        };
        Ok(self.step(attempt.entry(permit, event), None))
    }

    pub(super) fn reopen(&self, attempt: &Attempt<'_>, facts: &Facts) -> Outcome {
        let permit = self.permit(attempt, Trigger::Reopen, RequestState::Active)?;
        let (now, limits) = (attempt.now(), attempt.context.limits);
        let aim = match &facts.hunt {
            Some(hunt) => facts.aim(hunt.radius_km, now, limits),
            None => facts.first_aim(now, limits),
        };
        let entry = attempt.entry(permit, RequestEvent::Reopened { aim });
        Ok(self.step(entry, None))
    }
}

impl Facts {
    /// The first of those who wait.
    pub(super) fn next(&self, limits: &RequestLimits) -> Option<Next> {
        let waits = self.standbys.front();
        let waits = waits.filter(|_| !mutation::is_on(Mutation::ForgetStandbys));
        let musician = waits?.clone();
        Some(Next {
            musician,
            hold_ms: limits.hold_ms,
            reach_km: Some(reach_km(limits)),
        })
    }

    /// The state after a reservation came to nothing. Once the deadline is over the organizer goes on looking at what
    /// applications are left: an open request would expire on the spot.
    pub(super) fn after(&self, next: Option<&Next>, now: Timestamp) -> RequestState {
        let choice = !self.first_accept() && self.deadline_passed(now) && self.any_application();
        match next.is_some() || choice {
            true => RequestState::InReview,
            false => RequestState::Active,
        }
    }
}

/// How far musicians are looked for at most.
fn reach_km(limits: &RequestLimits) -> u32 {
    limits.radius_max_km.ceil() as u32
}
