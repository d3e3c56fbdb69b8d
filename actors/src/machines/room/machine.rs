//! The room as a [`Machine`]: hands each call to the file that knows the rule.

use bytes::Bytes;

use super::{
    MessageState, Room, RoomCommand, RoomEntry, RoomEvent, RoomLimits, RoomRejection, RoomReply,
    codec, invariants, snapshot,
};
use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{OverlayWrite, Record, SideWrites};
use crate::machines::{Context, Decision, DecodeError, Machine};

use super::draft::Draft;

impl Machine for Room {
    const KIND: EntityKind = EntityKind::Room;
    type Command = RoomCommand;
    type Event = RoomEntry;
    type Reply = RoomReply;
    type Rejection = RoomRejection;
    type Limits = RoomLimits;

    fn new(entity: &EntityId) -> Self {
        Self::empty(entity)
    }

    fn is_passing(rejection: &RoomRejection) -> bool {
        use RoomRejection::{Overloaded, RateLimited};
        matches!(rejection, Overloaded { .. } | RateLimited { .. })
    }

    fn needs(&self, command: &RoomCommand) -> Option<Sequence> {
        let target = match command {
            RoomCommand::Send { reply_to, .. } => *reply_to,
            RoomCommand::Edit { target, .. }
            | RoomCommand::Delete { target, .. }
            | RoomCommand::React { target, .. } => Some(*target),
            _ => None,
        };
        let target = target.filter(|target| self.lacks(*target))?;
        // A repeat is answered without its target, and those who are refused anyway cost no read.
        match command {
            RoomCommand::Send { by, id, .. } if self.dedupe.find(by, id).is_some() => None,
            _ => self.reader(command.by()).is_ok().then_some(target),
        }
    }

    fn replay_needs(&self, entry: &RoomEntry) -> Option<Sequence> {
        let target = match &entry.event {
            RoomEvent::MessageEdited { target, .. }
            | RoomEvent::MessageDeleted { target, .. }
            | RoomEvent::ReactionAdded { target, .. }
            | RoomEvent::ReactionRemoved { target, .. } => Some(*target),
            _ => None,
        };
        target.filter(|target| self.lacks(*target))
    }

    fn load(
        &mut self,
        sequence: Sequence,
        record: Option<&Record>,
        overlay: Option<&OverlayWrite>,
    ) -> Result<(), DecodeError> {
        let entry = record.map(codec::decode).transpose()?;
        let message = match entry.map(|entry| entry.event) {
            Some(RoomEvent::MessageSent(message)) => Some(message),
            _ => None,
        };
        let (state, applied) = match overlay {
            Some(overlay) => (codec::decode_state(&overlay.state)?, overlay.applied),
            None => (MessageState::default(), sequence),
        };
        self.messages.load(sequence, message, state, applied);
        Ok(())
    }

    fn admit(
        &mut self,
        context: &Context<'_, Self>,
        command: &RoomCommand,
    ) -> Result<(), RoomRejection> {
        match command {
            RoomCommand::Send { by, id, .. } => self.admit_send(context, by, id),
            _ => Ok(()),
        }
    }

    fn decide(
        &self,
        context: &Context<'_, Self>,
        command: &RoomCommand,
    ) -> Result<Decision<Self>, RoomRejection> {
        let now = context.now;
        match command {
            RoomCommand::Create {
                by,
                kind,
                name,
                members,
            } => self.create(context, by, *kind, name.as_deref(), members),
            RoomCommand::View { by } => {
                self.reader(by)?;
                Draft::new(self).reply(RoomReply::Room(self.view(by)?))
            }
            RoomCommand::Members { by, after, limit } => {
                self.list_members(by, after.as_ref(), *limit, context.limits)
            }
            RoomCommand::Send {
                by,
                id,
                content,
                reply_to,
            } => self.send(context, by, id, content, *reply_to),
            RoomCommand::Edit { by, target, text } => self.edit(context, by, *target, text),
            RoomCommand::Delete { by, target } => self.delete(now, by, *target),
            RoomCommand::React {
                by,
                target,
                emoji,
                add,
            } => self.react(context, by, *target, emoji, *add),
            RoomCommand::Invite { by, user } => self.invite(context, by, user),
            RoomCommand::Remove { by, user } => self.remove(now, by, user),
            RoomCommand::Quit { by } => self.quit(now, by),
            RoomCommand::SetRole { by, user, role } => self.set_role(now, by, user, *role),
            RoomCommand::Rename { by, name } => self.rename(context, by, name),
            RoomCommand::Arrange {
                number,
                owner,
                members,
                gone,
            } => self.arrange(context, *number, owner, members, gone),
        }
    }

    fn apply(&mut self, sequence: Sequence, entry: &RoomEntry) {
        self.apply_entry(sequence, entry);
    }

    fn effects(&self, sequence: Sequence, entry: &RoomEntry) -> SideWrites {
        self.effects_of(sequence, &entry.event)
    }

    fn happened_at(entry: &RoomEntry) -> Timestamp {
        entry.event.at()
    }

    fn deadline(&self) -> Option<Timestamp> {
        None
    }

    fn encode(entry: &RoomEntry) -> Record {
        codec::encode(entry)
    }

    fn decode(record: &Record) -> Result<RoomEntry, DecodeError> {
        codec::decode(record)
    }

    fn snapshot(&self) -> Bytes {
        snapshot::encode(self)
    }

    fn restore(entity: &EntityId, state: &Bytes) -> Result<Self, DecodeError> {
        snapshot::decode(entity, state)
    }

    fn sweep(&mut self, context: &Context<'_, Self>) {
        self.dedupe.prune(context.now, context.limits, usize::MAX);
        self.messages.sweep(context.limits.recent_messages);
        self.rates.sweep(context.now);
        debug_assert_eq!(invariants::violated(self), None);
    }
}

impl Room {
    /// Whether a sequence lies in the journal but not in the working set.
    fn lacks(&self, target: Sequence) -> bool {
        target > Sequence::ZERO && target <= self.head && !self.messages.contains(target)
    }
}
