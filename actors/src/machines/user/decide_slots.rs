//! What requests want of a musician's time. Every wish bears the number of its errand, and within a request the greater
//! number is the later wish; whatever comes with a number that was overtaken changes nothing.

use super::draft::{Draft, Outcome};
use super::state::{Hold, Slot};
use super::{User, UserEvent, UserRejection, UserReply};
use crate::ids::{RequestId, Sequence};
use crate::machines::Context;
use crate::machines::errand::Errand;
use crate::machines::terms::{Demand, SlotFate, SlotRefusal, Window};
use crate::mutation::{self, Mutation};

/// When a refused wish may be repeated.
const RETRY_MS: u64 = 1_000;

/// What a request asks for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub window: &'a Window,
    pub demand: Option<&'a Demand>,
}

/// What an event makes forgotten.
pub(super) struct Forgotten {
    pub requests: Vec<RequestId>,
    pub busy: Vec<Sequence>,
}

impl User {
    pub(super) fn reserve(
        &self,
        context: &Context<'_, User>,
        request: &RequestId,
        number: u64,
        wanted: Wanted<'_>,
        hold_ms: u64,
    ) -> Outcome {
        let mut draft = Draft::new(self);
        if let Some(slot) = self.facts.slots.get(request) {
            if slot.is_taken() && slot.number == number {
                return draft.reply(UserReply::Slot(Ok(())));
            }
            if number <= slot.last {
                return draft.reply(UserReply::Slot(Err(SlotRefusal::Outdated)));
            }
        }
        if self.facts.outbox.len() >= context.limits.errands {
            let retry_after_ms = RETRY_MS;
            return Err(UserRejection::Overloaded { retry_after_ms });
        }
        if let Err(refusal) = self.may_hold(context, request, wanted) {
            return draft.reply(UserReply::Slot(Err(refusal)));
        }
        let forgotten = self.forget(context, &mut draft);
        let others = self.facts.slots.iter().filter(|(other, slot)| {
            *other != request && slot.is_taken() && !forgotten.requests.contains(other)
        });
        if others.count() >= context.limits.slots {
            let full = UserReply::Slot(Err(SlotRefusal::Full));
            return Draft::new(self).reply(full);
        }
        let hold_ms = hold_ms.clamp(1, context.limits.hold_longest_ms.max(1));
        draft.push(UserEvent::SlotHeld {
            request: request.clone(),
            number,
            window: *wanted.window,
            travel_ms: context.limits.travel_ms,
            ask_at: context.now.plus_millis(hold_ms),
            at: context.now,
        });
        draft.reply(UserReply::Slot(Ok(())))
    }

    pub(super) fn confirm(
        &self,
        context: &Context<'_, User>,
        request: &RequestId,
        number: u64,
    ) -> Outcome {
        let mut draft = Draft::new(self);
        let held = self.slot(request, number);
        if held.is_some_and(|slot| matches!(slot.hold, Hold::Held { .. })) {
            draft.push(UserEvent::SlotBooked {
                request: request.clone(),
                number,
                at: context.now,
            });
        }
        draft.done()
    }

    pub(super) fn release(
        &self,
        context: &Context<'_, User>,
        request: &RequestId,
        number: u64,
    ) -> Outcome {
        let mut draft = Draft::new(self);
        let slot = match mutation::is_on(Mutation::UnfencedRelease) {
            true => self.facts.slots.get(request),
            false => self.slot(request, number),
        };
        if slot.is_some_and(Slot::is_taken) {
            draft.push(UserEvent::SlotReleased {
                request: request.clone(),
                number,
                at: context.now,
            });
        }
        draft.done()
    }

    /// The time is free, and that is counted once: a repeat finds it free.
    pub(super) fn give_back(
        &self,
        context: &Context<'_, User>,
        request: &RequestId,
        number: u64,
    ) -> Outcome {
        let mut draft = Draft::new(self);
        if self.slot(request, number).is_some_and(Slot::is_taken) {
            draft.push(UserEvent::SlotGivenBack {
                request: request.clone(),
                number,
                at: context.now,
            });
        }
        draft.done()
    }

    /// What a request answered. One that says "not yet" is asked again when the time for that has come.
    pub(super) fn settle(
        &self,
        context: &Context<'_, User>,
        request: &RequestId,
        number: u64,
        fate: SlotFate,
    ) -> Outcome {
        let mut draft = Draft::new(self);
        let slot = self.facts.slots.get(request);
        let asked =
            slot.filter(|slot| slot.number == number && matches!(slot.hold, Hold::Held { .. }));
        if let Some(slot) = asked {
            let (request, number, at) = (request.clone(), slot.last, context.now);
            match fate {
                SlotFate::Held => {}
                SlotFate::Booked => {
                    draft.push(UserEvent::SlotBooked {
                        request,
                        number,
                        at,
                    });
                }
                SlotFate::Free => {
                    draft.push(UserEvent::SlotReleased {
                        request,
                        number,
                        at,
                    });
                }
            }
        }
        draft.done()
    }

    /// Requests whose holds have run out are asked, as far as there is room for errands. Nothing is let go.
    pub(super) fn wake_up(&self, context: &Context<'_, User>) -> Outcome {
        let mut draft = Draft::new(self);
        let mut room = context
            .limits
            .errands
            .saturating_sub(self.facts.outbox.len());
        let forgets = self.to_forget(context);
        for (request, slot) in &self.facts.slots {
            let Hold::Held { ask_at, asked } = slot.hold else {
                continue;
            };
            if ask_at > context.now || forgets.requests.contains(request) {
                continue;
            }
            if mutation::is_on(Mutation::HoldsLapse) {
                draft.push(UserEvent::SlotReleased {
                    request: request.clone(),
                    number: slot.last,
                    at: context.now,
                });
                continue;
            }
            let ask = room > 0 && !self.is_asking(request);
            room -= usize::from(ask);
            draft.push(UserEvent::SlotAsked {
                request: request.clone(),
                ask,
                ask_at: context
                    .now
                    .plus_millis(Self::pause_ms(asked, context.limits)),
                at: context.now,
            });
        }
        self.forget(context, &mut draft);
        draft.done()
    }

    /// The request's slot, unless this wish was overtaken.
    fn slot(&self, request: &RequestId, number: u64) -> Option<&Slot> {
        let slot = self.facts.slots.get(request)?;
        (number > slot.last).then_some(slot)
    }

    fn may_hold(
        &self,
        context: &Context<'_, User>,
        request: &RequestId,
        wanted: Wanted<'_>,
    ) -> Result<(), SlotRefusal> {
        let (facts, limits, window) = (&self.facts, context.limits, wanted.window);
        if window.to <= window.from
            || window.millis() > limits.slot_longest_ms
            || window.to <= context.now
            || window.from > context.now.plus_millis(limits.ahead_ms)
        {
            return Err(SlotRefusal::NoSuchTime);
        }
        if !facts.profile.musician {
            return Err(SlotRefusal::NotAMusician);
        }
        if let Some(demand) = wanted.demand {
            facts.profile.fulfils(demand)?;
        }
        if !facts.profile.available {
            return Err(SlotRefusal::Paused);
        }
        if self.has_enough(context, request) {
            return Err(SlotRefusal::TooManyHeld);
        }
        let others = facts.slots.iter().filter(|(other, _)| *other != request);
        let booked = others
            .into_iter()
            .find(|(_, slot)| slot.collides(window, limits.travel_ms));
        if let Some((request, slot)) = booked {
            return Err(SlotRefusal::Booked {
                request: request.clone(),
                window: slot.window,
            });
        }
        if let Some(busy) = facts
            .busy
            .values()
            .find(|busy| busy.window.overlaps(window))
        {
            let window = busy.window;
            return Err(SlotRefusal::Busy { window });
        }
        if !facts.availability.covers(window) {
            return Err(SlotRefusal::NotAvailable);
        }
        Ok(())
    }

    /// Whether the times of other requests, as far as they are not over, are as many as one musician may have.
    fn has_enough(&self, context: &Context<'_, User>, request: &RequestId) -> bool {
        let slots = self.facts.slots.iter();
        let others = slots.filter(|(other, slot)| {
            *other != request && slot.is_taken() && slot.window.to > context.now
        });
        let most = context.limits.concurrent;
        most > 0 && others.count() >= most
    }

    /// Whether a question to this request has not got through yet.
    fn is_asking(&self, request: &RequestId) -> bool {
        self.facts.outbox.waiting().any(|(_, errand)| {
            matches!(errand, Errand::Settle { request: asked, .. } if asked == request)
        })
    }

    /// Adds the event that makes forgotten what may be, if there is something.
    pub(super) fn forget(&self, context: &Context<'_, User>, draft: &mut Draft) -> Forgotten {
        let forgotten = self.to_forget(context);
        if !forgotten.requests.is_empty() || !forgotten.busy.is_empty() {
            draft.push(UserEvent::Forgotten {
                requests: forgotten.requests.clone(),
                busy: forgotten.busy.clone(),
                at: context.now,
            });
        }
        forgotten
    }

    /// What ended long ago, and the released times above their bound, the oldest first.
    fn to_forget(&self, context: &Context<'_, User>) -> Forgotten {
        let over = |window: &Window| context.now.since(window.to) > context.limits.past_ms;
        let (mut requests, mut released) = (Vec::new(), Vec::new());
        for (request, slot) in &self.facts.slots {
            match slot.hold {
                _ if over(&slot.window) => requests.push(request.clone()),
                Hold::Released(since) => released.push((since, request)),
                Hold::Held { .. } | Hold::Booked => {}
            }
        }
        released.sort_unstable();
        let excess = released.len().saturating_sub(context.limits.released);
        let oldest = released.into_iter().take(excess);
        requests.extend(oldest.map(|(_, request)| request.clone()));
        let busy = self.facts.busy.iter();
        let busy = busy.filter(|(_, busy)| over(&busy.window));
        let busy = busy.map(|(id, _)| *id).collect();
        Forgotten { requests, busy }
    }
}
