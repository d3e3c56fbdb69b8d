//! The request as a [`Machine`]: hands each call to the file that knows the rule.

use bytes::Bytes;

use super::permit::Attempt;
use super::{
    Request, RequestCommand, RequestEntry, RequestLimits, RequestRejection, RequestReply, codec,
    invariants, snapshot,
};
use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{Record, SideWrites};
use crate::machines::errand::Outbox;
use crate::machines::{Context, Decision, DecodeError, Machine};

impl Machine for Request {
    const KIND: EntityKind = EntityKind::Request;
    type Command = RequestCommand;
    type Event = RequestEntry;
    type Reply = RequestReply;
    type Rejection = RequestRejection;
    type Limits = RequestLimits;

    fn new(entity: &EntityId) -> Self {
        Self::empty(entity)
    }

    fn is_passing(rejection: &RequestRejection) -> bool {
        matches!(rejection, RequestRejection::Overloaded { .. })
    }

    fn decide(
        &self,
        context: &Context<'_, Self>,
        command: &RequestCommand,
    ) -> Result<Decision<Self>, RequestRejection> {
        match command {
            RequestCommand::Change { by, key, change } => {
                let attempt = Attempt {
                    context,
                    by: Some(by),
                    key: *key,
                    change: Some(change),
                    number: None,
                };
                self.change(&attempt, by, change)
            }
            RequestCommand::View { by } => Ok(Decision {
                events: Vec::new(),
                reply: RequestReply::View(Box::new(self.view(by)?)),
            }),
            RequestCommand::CandidatesFound { number, found } => {
                Ok(self.candidates_found(context, *number, found))
            }
            RequestCommand::SlotAnswered {
                musician,
                number,
                answer,
            } => Ok(self.slot_answered(context, musician, *number, answer)),
            RequestCommand::Wants {
                musician,
                reserved_by,
            } => Ok(self.wants(musician, *reserved_by)),
            RequestCommand::Wake => Ok(self.wake(context)),
        }
    }

    fn apply(&mut self, sequence: Sequence, entry: &RequestEntry) {
        self.apply_entry(sequence, entry);
    }

    fn effects(&self, sequence: Sequence, entry: &RequestEntry) -> SideWrites {
        self.effects_of(sequence, entry)
    }

    fn happened_at(entry: &RequestEntry) -> Timestamp {
        entry.at
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.due()
    }

    fn wake() -> Option<RequestCommand> {
        Some(RequestCommand::Wake)
    }

    fn outbox(&self) -> Option<&Outbox> {
        Some(&self.outbox)
    }

    fn outbox_mut(&mut self) -> Option<&mut Outbox> {
        Some(&mut self.outbox)
    }

    fn encode(entry: &RequestEntry) -> Record {
        codec::encode(entry)
    }

    fn decode(record: &Record) -> Result<RequestEntry, DecodeError> {
        codec::decode(record)
    }

    fn snapshot(&self) -> Bytes {
        snapshot::encode(self)
    }

    fn restore(entity: &EntityId, state: &Bytes) -> Result<Self, DecodeError> {
        snapshot::decode(entity, state)
    }

    fn sweep(&mut self, _context: &Context<'_, Self>) {
        debug_assert_eq!(invariants::violated(self), None);
    }
}
