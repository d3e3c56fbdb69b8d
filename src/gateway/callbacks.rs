//! What hubs call clients with: the callbacks of the chat hub by name, and any payload turned into callbacks.

use actors::delivery::{Block, Payload, Shown};
use actors::ids::{EntityKind, Sequence};
use actors::machines::room::{MessageState, RoomEvent};
use serde::Serialize;

use super::notices;
use super::shapes::{
    Added, MemberChange, MessageDeletion, MessageEdit, Presence, ReactionChange, Read, Reset,
    RoomChange, RoomSummary, ShownMessage, Typing,
};
use crate::rfc3339::Rfc3339;

/// A callback as the reference shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Callback {
    /// Name.
    pub name: &'static str,
    /// Members of its object; those with `?` may be missing.
    pub shape: &'static str,
    /// Whether it stands for a journaled event, one per sequence.
    pub journaled: bool,
    /// When it comes.
    pub meaning: &'static str,
}

macro_rules! callbacks {
    ($($name:ident = $text:literal, $shape:literal, $journaled:literal, $meaning:literal;)*) => {
        $(pub(super) const $name: &str = $text;)*

        /// Every callback of the hub, in the order of the reference.
        pub const CALLBACKS: &[$crate::gateway::callbacks::Callback] =
            &[$($crate::gateway::callbacks::Callback {
                name: $text, shape: $shape, journaled: $journaled, meaning: $meaning,
            }),*];
    };
}
pub(super) use callbacks;

callbacks! {
    RECEIVE_MESSAGE = "ReceiveMessage", "{roomId, sequence, number, id, senderId, kind, text?, metadata?, replyTo?: {sequence, id, senderId, kind, text?}, sentAt, edited?, editedAt?, deleted?, reactions?: {emoji: [userId]}}", true, "A message, in its latest state; a deleted one has no text.";
    MESSAGE_EDITED = "MessageEdited", "{roomId, sequence, target, text?, by, editedAt}", true, "The message at `target` has a new text; none if it was deleted since.";
    MESSAGE_DELETED = "MessageDeleted", "{roomId, sequence, target, by, at}", true, "The message at `target` is gone.";
    REACTION_CHANGED = "ReactionChanged", "{roomId, sequence, target, emoji, userId, added, at}", true, "A user reacted to the message at `target`, or took that back.";
    MEMBER_CHANGED = "MemberChanged", "{roomId, sequence, userId, change: \"added\"|\"removed\"|\"role\", role?, by, at}", true, "Someone joined or left the members, or has another role.";
    ROOM_CHANGED = "RoomChanged", "{roomId, sequence, change: \"created\"|\"renamed\"|\"arranged\", kind?, name?, by, at}", true, "The room was created (always sequence 1) or renamed, or the hub arranges who is in the room of a request (changes of members follow).";
    MESSAGES_READ = "MessagesRead", "{roomId, userId, upTo}", false, "A user has read up to here; only in small rooms, and not for a message of that user's own, which says it by itself.";
    USER_TYPING = "UserTyping", "{roomId, userId, isTyping}", false, "A user begins or ends to type.";
    PRESENCE_CHANGED = "PresenceChanged", "{roomId, userId?, online?, count, at}", false, "A user came or left; in big rooms only the count.";
    ROOM_ADDED = "RoomAdded", "{room: {roomId, kind, name, head, messageCount, memberCount, myRole, createdBy, createdAt, peer?, lastMessage}}", false, "You became a member of a room.";
    STREAM_RESET = "StreamReset", "{roomId, from, reason: \"beyond_head\"|\"trimmed\"}", false, "The position asked for cannot be served; events follow from `from`.";
}

/// Takes the callbacks of a payload, one after the other.
pub trait Sink {
    /// What taking one may come to.
    type Error;

    /// Takes one.
    fn call<A: Serialize>(&mut self, target: &'static str, argument: &A)
    -> Result<(), Self::Error>;
}

/// How many callbacks a payload stands for.
pub fn count(payload: &Payload) -> usize {
    match payload {
        Payload::Events(block) => match block.entity.kind {
            EntityKind::Room => block.events.len(),
            EntityKind::User | EntityKind::Request | EntityKind::Inbox => notices::count(block),
        },
        _ => 1,
    }
}

/// Gives every callback of a payload to `sink`, in order.
pub fn each<S: Sink>(payload: &Payload, sink: &mut S) -> Result<(), S::Error> {
    match payload {
        Payload::Events(block) => match block.entity.kind {
            EntityKind::Room => events(block, sink),
            EntityKind::User | EntityKind::Request | EntityKind::Inbox => {
                notices::each(block, sink)
            }
        },
        Payload::Reset {
            entity,
            from,
            reason,
        } => {
            let reset = Reset::new(entity, *from, reason.as_str());
            match entity.kind {
                EntityKind::Room => sink.call(STREAM_RESET, &reset),
                EntityKind::User | EntityKind::Request | EntityKind::Inbox => {
                    sink.call(notices::STREAM_RESET, &reset)
                }
            }
        }
        Payload::Read { room, user, up_to } => sink.call(
            MESSAGES_READ,
            &Read {
                room_id: room.as_str(),
                user_id: user,
                up_to: *up_to,
            },
        ),
        Payload::Typing { room, user, typing } => sink.call(
            USER_TYPING,
            &Typing {
                room_id: room.as_str(),
                user_id: user,
                is_typing: *typing,
            },
        ),
        Payload::Presence {
            room,
            user,
            count,
            at,
        } => sink.call(
            PRESENCE_CHANGED,
            &Presence {
                room_id: room.as_str(),
                user_id: user.as_ref().map(|(user, _)| user),
                online: user.as_ref().map(|(_, online)| *online),
                count: *count,
                at: Rfc3339(*at),
            },
        ),
        Payload::RoomAdded(room) => sink.call(
            ROOM_ADDED,
            &Added {
                room: RoomSummary::new(room),
            },
        ),
    }
}

fn events<S: Sink>(block: &Block, sink: &mut S) -> Result<(), S::Error> {
    let room_id = block.entity.id();
    let plain = MessageState::default();
    for (at, event) in block.events.iter().enumerate() {
        let sequence = block.first.plus(at as u64);
        match event {
            Shown::Message(view) => {
                let message = ShownMessage::new(room_id, sequence, &view.message, &view.state);
                sink.call(RECEIVE_MESSAGE, &message)?;
            }
            Shown::Other(event) => match &**event {
                RoomEvent::MessageSent(message) => {
                    let message = ShownMessage::new(room_id, sequence, message, &plain);
                    sink.call(RECEIVE_MESSAGE, &message)?;
                }
                other => change(room_id, sequence, other, sink)?,
            },
            // No room has any.
            Shown::Notice(_) | Shown::Step(_) => {}
        }
    }
    Ok(())
}

fn change<S: Sink>(
    room_id: &str,
    sequence: Sequence,
    event: &RoomEvent,
    sink: &mut S,
) -> Result<(), S::Error> {
    let member = |user_id, change, role, by, at| MemberChange {
        room_id,
        sequence,
        user_id,
        change,
        role,
        by,
        at,
    };
    let reaction = |target, emoji, user_id, added, at| ReactionChange {
        room_id,
        sequence,
        target,
        emoji,
        user_id,
        added,
        at,
    };
    match event {
        RoomEvent::Created { kind, name, by, at } => {
            let change = RoomChange {
                room_id,
                sequence,
                change: "created",
                kind: Some(kind.as_str()),
                name: name.as_deref(),
                by,
                at: Rfc3339(*at),
            };
            sink.call(ROOM_CHANGED, &change)
        }
        RoomEvent::Renamed { name, by, at } => {
            let change = RoomChange {
                room_id,
                sequence,
                change: "renamed",
                kind: None,
                name: Some(name),
                by,
                at: Rfc3339(*at),
            };
            sink.call(ROOM_CHANGED, &change)
        }
        RoomEvent::Arranged { by, at, .. } => {
            let change = RoomChange {
                room_id,
                sequence,
                change: "arranged",
                kind: None,
                name: None,
                by,
                at: Rfc3339(*at),
            };
            sink.call(ROOM_CHANGED, &change)
        }
        RoomEvent::MemberAdded { user, role, by, at } => {
            let change = member(user, "added", Some(role.as_str()), by, Rfc3339(*at));
            sink.call(MEMBER_CHANGED, &change)
        }
        RoomEvent::MemberRemoved { user, by, at } => {
            let change = member(user, "removed", None, by, Rfc3339(*at));
            sink.call(MEMBER_CHANGED, &change)
        }
        RoomEvent::RoleChanged { user, role, by, at } => {
            let change = member(user, "role", Some(role.as_str()), by, Rfc3339(*at));
            sink.call(MEMBER_CHANGED, &change)
        }
        RoomEvent::MessageEdited {
            target,
            text,
            by,
            at,
        } => {
            let edit = MessageEdit {
                room_id,
                sequence,
                target: *target,
                text: text.as_deref(),
                by,
                edited_at: Rfc3339(*at),
            };
            sink.call(MESSAGE_EDITED, &edit)
        }
        RoomEvent::MessageDeleted { target, by, at } => {
            let deletion = MessageDeletion {
                room_id,
                sequence,
                target: *target,
                by,
                at: Rfc3339(*at),
            };
            sink.call(MESSAGE_DELETED, &deletion)
        }
        RoomEvent::ReactionAdded {
            target,
            emoji,
            by,
            at,
        } => sink.call(
            REACTION_CHANGED,
            &reaction(*target, emoji, by, true, Rfc3339(*at)),
        ),
        RoomEvent::ReactionRemoved {
            target,
            emoji,
            by,
            at,
        } => sink.call(
            REACTION_CHANGED,
            &reaction(*target, emoji, by, false, Rfc3339(*at)),
        ),
        // Shown as a message before it comes to this.
        RoomEvent::MessageSent(_) => Ok(()),
    }
}
