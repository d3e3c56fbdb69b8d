//! The user as a [`Machine`]: hands each call to the file that knows the rule.

use bytes::Bytes;

use super::decide_profile::Wish;
use super::decide_slots::Wanted;
use super::draft::Draft;
use super::state::Hold;
use super::{
    User, UserCommand, UserEvent, UserLimits, UserRejection, UserReply, codec, invariants, snapshot,
};
use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{Record, SideWrites};
use crate::machines::errand::Outbox;
use crate::machines::{Context, Decision, DecodeError, Machine};

impl Machine for User {
    const KIND: EntityKind = EntityKind::User;
    type Command = UserCommand;
    type Event = UserEvent;
    type Reply = UserReply;
    type Rejection = UserRejection;
    type Limits = UserLimits;

    fn new(entity: &EntityId) -> Self {
        Self::empty(entity)
    }

    fn is_passing(rejection: &UserRejection) -> bool {
        matches!(rejection, UserRejection::Overloaded { .. })
    }

    fn decide(
        &self,
        context: &Context<'_, Self>,
        command: &UserCommand,
    ) -> Result<Decision<Self>, UserRejection> {
        match command {
            UserCommand::View { by } => {
                let view = Box::new(self.view(by)?);
                Draft::new(self).reply(UserReply::View(view))
            }
            UserCommand::SetProfile {
                by,
                key,
                expected,
                profile,
            } => self.set_profile(context, Wish { by, key: *key }, *expected, profile),
            UserCommand::SetAvailability {
                by,
                key,
                expected,
                availability,
            } => self.set_availability(context, Wish { by, key: *key }, *expected, availability),
            UserCommand::Block { by, key, busy } => {
                self.block(context, Wish { by, key: *key }, busy)
            }
            UserCommand::Unblock { by, key, id } => {
                self.unblock(context, Wish { by, key: *key }, *id)
            }
            UserCommand::SetFigures { by, key, figures } => {
                self.set_figures(context, Wish { by, key: *key }, figures)
            }
            UserCommand::Reserve {
                request,
                number,
                window,
                hold_ms,
                demand,
            } => {
                let wanted = Wanted {
                    window,
                    demand: demand.as_deref(),
                };
                self.reserve(context, request, *number, wanted, *hold_ms)
            }
            UserCommand::Confirm { request, number } => self.confirm(context, request, *number),
            UserCommand::Release { request, number } => self.release(context, request, *number),
            UserCommand::GiveBack { request, number } => self.give_back(context, request, *number),
            UserCommand::SlotSettled {
                request,
                number,
                fate,
            } => self.settle(context, request, *number, *fate),
            UserCommand::Wake => self.wake_up(context),
        }
    }

    fn apply(&mut self, sequence: Sequence, event: &UserEvent) {
        self.apply_event(sequence, event);
    }

    fn effects(&self, sequence: Sequence, event: &UserEvent) -> SideWrites {
        self.effects_of(sequence, event)
    }

    fn happened_at(event: &UserEvent) -> Timestamp {
        event.at()
    }

    /// When the next request is to be asked about its hold.
    fn deadline(&self) -> Option<Timestamp> {
        let holds = self
            .facts
            .slots
            .values()
            .filter_map(|slot| match slot.hold {
                Hold::Held { ask_at, .. } => Some(ask_at),
                Hold::Booked | Hold::Released(_) => None,
            });
        holds.min()
    }

    fn wake() -> Option<UserCommand> {
        Some(UserCommand::Wake)
    }

    fn outbox(&self) -> Option<&Outbox> {
        Some(&self.facts.outbox)
    }

    fn outbox_mut(&mut self) -> Option<&mut Outbox> {
        Some(&mut self.facts.outbox)
    }

    fn encode(event: &UserEvent) -> Record {
        codec::encode(event)
    }

    fn decode(record: &Record) -> Result<UserEvent, DecodeError> {
        codec::decode(record)
    }

    fn snapshot(&self) -> Bytes {
        snapshot::encode(self)
    }

    fn restore(entity: &EntityId, state: &Bytes) -> Result<Self, DecodeError> {
        snapshot::decode(entity, state)
    }

    /// Nothing: what is forgotten is forgotten by events.
    fn sweep(&mut self, _context: &Context<'_, Self>) {
        debug_assert_eq!(invariants::violated(self), None);
    }
}
