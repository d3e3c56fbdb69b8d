//! The inbox as a [`Machine`]: hands each call to the file that knows the rule.

use bytes::Bytes;

use super::known::Stands;
use super::{
    Inbox, InboxCommand, InboxEntry, InboxEvent, InboxLimits, InboxRejection, InboxReply, Mark,
    Source, codec, effects, invariants, snapshot,
};
use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{OverlayWrite, Record, SideWrites};
use crate::machines::{Context, Decision, DecodeError, Machine};

impl Machine for Inbox {
    const KIND: EntityKind = EntityKind::Inbox;
    type Command = InboxCommand;
    type Event = InboxEntry;
    type Reply = InboxReply;
    type Rejection = InboxRejection;
    type Limits = InboxLimits;

    fn new(_entity: &EntityId) -> Self {
        Self::default()
    }

    fn needs(&self, command: &InboxCommand) -> Option<Sequence> {
        let (InboxCommand::MarkRead { target } | InboxCommand::Dismiss { target }) = command else {
            return None;
        };
        let in_journal = *target > Sequence::ZERO && *target <= self.head;
        let lacks = in_journal && !self.is_unread(*target) && self.known.get(*target).is_none();
        lacks.then_some(*target)
    }

    fn load(
        &mut self,
        sequence: Sequence,
        record: Option<&Record>,
        overlay: Option<&OverlayWrite>,
    ) -> Result<(), DecodeError> {
        let entry = record.map(codec::decode).transpose()?;
        let mark = overlay.map(|overlay| codec::decode_mark(&overlay.state));
        let stands = match (entry.map(|entry| entry.event), mark.transpose()?) {
            (Some(InboxEvent::Added(_)), Some(Mark::Dismissed(_))) => Stands::Dismissed,
            (Some(InboxEvent::Added(notification)), _) if notification.content.is_none() => {
                Stands::Dismissed
            }
            (Some(InboxEvent::Added(_)), _) => Stands::Read,
            _ => Stands::Nothing,
        };
        self.known.load(sequence, stands);
        Ok(())
    }

    fn decide(
        &self,
        context: &Context<'_, Self>,
        command: &InboxCommand,
    ) -> Result<Decision<Self>, InboxRejection> {
        let now = context.now;
        match command {
            InboxCommand::Add {
                from,
                number,
                notice,
            } => {
                let (from, number) = (from.clone(), *number);
                self.add(context, Source::Entity { from, number }, notice)
            }
            InboxCommand::Post { by, notice, key } => self.post(context, by, notice, *key),
            InboxCommand::MarkRead { target } => self.mark_read(now, *target),
            InboxCommand::MarkAllRead { up_to } => self.mark_all_read(now, *up_to),
            InboxCommand::Dismiss { target } => self.dismiss(now, *target),
            InboxCommand::UnreadCount => self.list_unread(None, 0, context.limits),
            InboxCommand::Unread { before, limit } => {
                self.list_unread(*before, *limit, context.limits)
            }
            InboxCommand::Settings => self.show_settings(context.limits),
            InboxCommand::SetSettings { settings } => self.set_settings(context, settings),
        }
    }

    fn apply(&mut self, sequence: Sequence, entry: &InboxEntry) {
        self.apply_entry(sequence, entry);
    }

    fn effects(&self, sequence: Sequence, entry: &InboxEntry) -> SideWrites {
        effects::of(sequence, &entry.event)
    }

    fn happened_at(entry: &InboxEntry) -> Timestamp {
        entry.event.at()
    }

    fn encode(entry: &InboxEntry) -> Record {
        codec::encode(entry)
    }

    fn decode(record: &Record) -> Result<InboxEntry, DecodeError> {
        codec::decode(record)
    }

    fn snapshot(&self) -> Bytes {
        snapshot::encode(self)
    }

    fn restore(_entity: &EntityId, state: &Bytes) -> Result<Self, DecodeError> {
        snapshot::decode(state)
    }

    fn sweep(&mut self, context: &Context<'_, Self>) {
        self.known.sweep(context.limits.recent);
        debug_assert_eq!(invariants::violated(self), None);
    }
}
