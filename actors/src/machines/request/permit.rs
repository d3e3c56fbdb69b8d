//! Whether a step may be made: by the table, in the capacities that someone has, under its conditions.

use super::command::Change;
use super::state::Facts;
use super::transitions::{self, Transition};
use super::{Actor, Request, RequestEntry, RequestEvent, RequestRejection, RequestState, Trigger};
use crate::ids::{Timestamp, UserId};
use crate::machines::Context;
use crate::machines::terms::{Caller, PlatformRole};

/// What someone, or the hub, would do: all that conditions look at besides the request.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub context: &'a Context<'a, Request>,
    /// Who; `None` for the hub.
    pub by: Option<&'a Caller>,
    /// The idempotency key.
    pub key: Option<u64>,
    /// What was wished; `None` for the hub.
    pub change: Option<&'a Change>,
    /// The errand that is answered.
    pub number: Option<u64>,
}

/// A step that may be made.
#[derive(Clone, Copy)]
pub(super) struct Permit {
    from: RequestState,
    to: RequestState,
    role: Actor,
}

impl<'a> Attempt<'a> {
    /// The hub does something by itself, or brings the answer to an errand.
    pub fn by_hub(context: &'a Context<'a, Request>, number: Option<u64>) -> Self {
        Self {
            context,
            by: None,
            key: None,
            change: None,
            number,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.context.now
    }

    /// The entry of a step.
    pub fn entry(&self, permit: Permit, event: RequestEvent) -> RequestEntry {
        RequestEntry {
            event,
            from: permit.from,
            to: permit.to,
            at: self.context.now,
            by: self.by.map(|caller| caller.user.clone()),
            role: permit.role,
            key: self.key,
        }
    }
}

impl Request {
    /// Whether the step to a state may be made.
    pub(super) fn permit(
        &self,
        attempt: &Attempt<'_>,
        trigger: Trigger,
        to: RequestState,
    ) -> Result<Permit, RequestRejection> {
        let facts = self.facts.as_deref();
        let from = facts.map(|facts| facts.state);
        let has = |role: &&Actor| acts_as(facts, attempt.by, **role);
        let allows = |row: &Transition| row.roles.iter().find(has).copied();
        // Whoever may never do it is told so, whatever the state.
        if !transitions::by(trigger).any(|row| allows(row).is_some()) {
            return Err(RequestRejection::Forbidden(trigger));
        }
        let Some(row) = transitions::find(from, to, trigger) else {
            return Err(wrong_state(from, trigger));
        };
        let role = allows(row).ok_or(RequestRejection::Forbidden(trigger))?;
        for guard in row.guards {
            self.check(*guard, attempt)?;
        }
        Ok(Permit {
            from: from.unwrap_or(to),
            to,
            role,
        })
    }
}

fn wrong_state(from: Option<RequestState>, trigger: Trigger) -> RequestRejection {
    match from {
        None => RequestRejection::NotFound,
        Some(state)
            if state.has_musician()
                && matches!(trigger, Trigger::Accept | Trigger::Apply | Trigger::Choose) =>
        {
            RequestRejection::AlreadyAssigned
        }
        Some(state) => RequestRejection::WrongState { trigger, state },
    }
}

/// Whether someone has a capacity.
fn acts_as(facts: Option<&Facts>, by: Option<&Caller>, role: Actor) -> bool {
    let Some(caller) = by else {
        return role == Actor::System;
    };
    let part =
        |has: fn(&Facts, &UserId) -> bool| facts.is_some_and(|facts| has(facts, &caller.user));
    match role {
        Actor::Owner => part(Facts::is_owner),
        Actor::Assigned => part(Facts::is_assigned),
        Actor::Organizer => caller.role == PlatformRole::Organizer,
        Actor::Musician => caller.role == PlatformRole::Musician,
        Actor::Moderator => caller.role == PlatformRole::Moderator,
        Actor::Admin => caller.role == PlatformRole::Admin,
        Actor::User => caller.role == PlatformRole::User,
        Actor::System => false,
    }
}
