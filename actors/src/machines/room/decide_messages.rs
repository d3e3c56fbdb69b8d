//! Sending, editing, deleting and reacting: which events follow, and who is refused why.

use std::sync::Arc;

use super::draft::{Draft, Outcome};
use super::validate::{self, invalid};
use super::working_set::Known;
use super::{
    Content, Message, MessageState, ReplySnapshot, Room, RoomEvent, RoomLimits, RoomRejection,
    RoomReply, Sent, dedupe,
};
use crate::ids::{MessageId, Sequence, Timestamp, UserId};
use crate::machines::Context;
use crate::mutation::{self, Mutation};

/// Dedupe entries that may leave the window per message admitted: more than enter.
const PRUNED_PER_SEND: usize = 4;

/// A message that stands in the journal, whether deleted or not.
struct Target<'a> {
    message: &'a Message,
    state: &'a MessageState,
}

impl Room {
    pub(super) fn send(
        &self,
        context: &Context<'_, Room>,
        by: &UserId,
        id: &MessageId,
        content: &Content,
        reply_to: Option<Sequence>,
    ) -> Outcome {
        self.settings()?;
        let fingerprint = dedupe::fingerprint(content, reply_to);
        let mut draft = Draft::new(self);
        // A repeat is recognised before any rule that may have changed since the first time.
        if let Some(used) = self.dedupe.find(by, id)
            && !mutation::is_on(Mutation::ForgetDedupe)
        {
            if used.fingerprint != fingerprint {
                return Err(RoomRejection::IdReused);
            }
            return draft.reply(sent(id, used.sequence, used.sent_at));
        }
        self.reader(by)?;
        let content = validate::content(content, context.limits)?;
        let reply_to = reply_to
            .map(|target| self.reply_snapshot(target, context.limits))
            .transpose()?;
        if let Some(retry_after_ms) = self.dedupe.full_for(context.now, context.limits) {
            return Err(RoomRejection::Overloaded { retry_after_ms });
        }
        let sequence = draft.push(RoomEvent::MessageSent(Arc::new(Message {
            number: self.message_count + 1,
            id: id.clone(),
            sender: by.clone(),
            kind: content.kind,
            content: Some(content),
            reply_to,
            sent_at: context.now,
            fingerprint,
        })));
        draft.reply(sent(id, sequence, context.now))
    }

    pub(super) fn edit(
        &self,
        context: &Context<'_, Room>,
        by: &UserId,
        target: Sequence,
        text: &str,
    ) -> Outcome {
        self.reader(by)?;
        let found = self.live_target_of(by, target)?;
        let limits = context.limits;
        if context.now.since(found.message.sent_at) > limits.edit_window_ms {
            let minutes = limits.edit_window_ms / 60_000;
            return Err(RoomRejection::EditWindowClosed { minutes });
        }
        if found.original_text().is_empty() {
            return Err(invalid("sequence", "names a message without text"));
        }
        let text = validate::text(found.message.kind, text, limits)?;
        let mut draft = Draft::new(self);
        if text == found.text() {
            return draft.done();
        }
        if found.state.edits.len() >= limits.edits_per_message {
            let problem = format!("was edited {} times already", limits.edits_per_message);
            return Err(invalid("sequence", problem));
        }
        draft.push(RoomEvent::MessageEdited {
            target,
            text: Some(text.to_owned()),
            by: by.clone(),
            at: context.now,
        });
        draft.done()
    }

    pub(super) fn delete(&self, now: Timestamp, by: &UserId, target: Sequence) -> Outcome {
        self.reader(by)?;
        let found = self.target(target)?;
        if found.message.sender != *by && !self.moderates(by) {
            return Err(RoomRejection::Forbidden(
                "only the author or a moderator deletes a message",
            ));
        }
        let mut draft = Draft::new(self);
        if found.state.deleted.is_none() {
            draft.push(RoomEvent::MessageDeleted {
                target,
                by: by.clone(),
                at: now,
            });
        }
        draft.done()
    }

    pub(super) fn react(
        &self,
        context: &Context<'_, Room>,
        by: &UserId,
        target: Sequence,
        emoji: &str,
        add: bool,
    ) -> Outcome {
        self.reader(by)?;
        validate::emoji(emoji, context.limits)?;
        let found = self.live_target(target)?;
        let users = found.state.reactions.get(emoji);
        let there = users.is_some_and(|users| users.contains(by));
        let (emoji, at) = (emoji.to_owned(), context.now);
        let by = by.clone();
        let mut draft = Draft::new(self);
        match (add, there) {
            (true, false) => {
                found.room_for_reaction(users.is_none(), context.limits)?;
                draft.push(RoomEvent::ReactionAdded {
                    target,
                    emoji,
                    by,
                    at,
                });
            }
            (false, true) => {
                draft.push(RoomEvent::ReactionRemoved {
                    target,
                    emoji,
                    by,
                    at,
                });
            }
            (true, true) | (false, false) => {}
        }
        draft.done()
    }

    /// The rate limit of messages; repeats of known ones do not count.
    pub(super) fn admit_send(
        &mut self,
        context: &Context<'_, Room>,
        by: &UserId,
        id: &MessageId,
    ) -> Result<(), RoomRejection> {
        let (now, limits) = (context.now, context.limits);
        self.dedupe.prune(now, limits, PRUNED_PER_SEND);
        self.dedupe.ask(by, id);
        if limits.sends_per_second == 0
            || self.reader(by).is_err()
            || self.dedupe.find(by, id).is_some()
        {
            return Ok(());
        }
        let taken = self.rates.take(by, now, limits);
        taken.map_err(|retry_after_ms| RoomRejection::RateLimited { retry_after_ms })
    }

    fn reply_snapshot(
        &self,
        target: Sequence,
        limits: &RoomLimits,
    ) -> Result<ReplySnapshot, RoomRejection> {
        let found = self.live_target(target)?;
        let text = found.text().chars().take(limits.reply_chars).collect();
        Ok(ReplySnapshot {
            sequence: target,
            id: found.message.id.clone(),
            sender: found.message.sender.clone(),
            kind: found.message.kind,
            text: Some(text),
        })
    }

    fn live_target_of(&self, by: &UserId, target: Sequence) -> Result<Target<'_>, RoomRejection> {
        if self.target(target)?.message.sender != *by {
            return Err(RoomRejection::Forbidden("only the author edits a message"));
        }
        self.live_target(target)
    }

    fn live_target(&self, target: Sequence) -> Result<Target<'_>, RoomRejection> {
        let found = self.target(target)?;
        if found.state.deleted.is_some() || found.message.content.is_none() {
            return Err(RoomRejection::MessageDeleted(target));
        }
        Ok(found)
    }

    fn target(&self, target: Sequence) -> Result<Target<'_>, RoomRejection> {
        match self.messages.get(target) {
            Some(Known {
                message: Some(message),
                state,
                ..
            }) => Ok(Target { message, state }),
            _ => Err(RoomRejection::MessageNotFound(target)),
        }
    }
}

impl<'a> Target<'a> {
    fn original_text(&self) -> &'a str {
        let content = self.message.content.as_ref();
        content.map_or("", |content| &content.text)
    }

    fn text(&self) -> &'a str {
        let edited = self.state.text.as_deref();
        edited.unwrap_or(self.original_text())
    }

    fn room_for_reaction(&self, new_emoji: bool, limits: &RoomLimits) -> Result<(), RoomRejection> {
        let reactions = &self.state.reactions;
        if new_emoji && reactions.len() >= limits.emoji_per_message {
            let problem = format!(
                "would be one more than the {} different ones a message may have",
                limits.emoji_per_message
            );
            return Err(invalid("emoji", problem));
        }
        let total: usize = reactions.values().map(|users| users.len()).sum();
        if total >= limits.reactions_per_message {
            let problem = format!(
                "would be one more than the {} reactions a message may have",
                limits.reactions_per_message
            );
            return Err(invalid("emoji", problem));
        }
        Ok(())
    }
}

fn sent(id: &MessageId, sequence: Sequence, sent_at: Timestamp) -> RoomReply {
    RoomReply::Sent(Sent {
        id: id.clone(),
        sequence,
        sent_at,
    })
}
