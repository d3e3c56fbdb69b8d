//! Wishes addressed to a room, and their answers.

use serde::{Deserialize, Serialize};

use super::view::{MemberView, RoomView};
use super::{Content, Role, RoomKind};
use crate::ids::{MessageId, Sequence, Timestamp, UserId};
use crate::machines::Wish;

/// A wish. `by` is the authenticated user; ids come in with the command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RoomCommand {
    /// Creates the room, or returns it if the same creator made the same kind (direct: either member).
    Create {
        /// Creator.
        by: UserId,
        /// Kind.
        kind: RoomKind,
        /// Name; refused for direct, optional else.
        name: Option<String>,
        /// Further members besides the creator; for direct exactly the other one.
        members: Vec<UserId>,
    },
    /// Query: the room as `by` sees it; refused to those who may not read.
    View {
        /// Who asks.
        by: UserId,
    },
    /// Query: a page of members by user id ascending.
    Members {
        /// Who asks.
        by: UserId,
        /// Only above this id.
        after: Option<UserId>,
        /// At most this many (clamped to the limit).
        limit: usize,
    },
    /// A new message.
    Send {
        /// Sender.
        by: UserId,
        /// Idempotency key.
        id: MessageId,
        /// Text and metadata, not yet validated or trimmed.
        content: Content,
        /// A message it answers.
        reply_to: Option<Sequence>,
    },
    /// New text for an own message.
    Edit {
        /// Who.
        by: UserId,
        /// The message.
        target: Sequence,
        /// The text, not yet trimmed.
        text: String,
    },
    /// Deletes a message.
    Delete {
        /// Who.
        by: UserId,
        /// The message.
        target: Sequence,
    },
    /// Adds or takes back a reaction.
    React {
        /// Who.
        by: UserId,
        /// The message.
        target: Sequence,
        /// The emoji.
        emoji: String,
        /// Add, or take back.
        add: bool,
    },
    /// Adds a member at once.
    Invite {
        /// Who.
        by: UserId,
        /// Whom.
        user: UserId,
    },
    /// Removes a member.
    Remove {
        /// Who.
        by: UserId,
        /// Whom.
        user: UserId,
    },
    /// Ends the own membership.
    Quit {
        /// Who.
        by: UserId,
    },
    /// Gives a role.
    SetRole {
        /// Who.
        by: UserId,
        /// Whom.
        user: UserId,
        /// Which.
        role: Role,
    },
    /// From the hub itself, never from a client: the room exists, with this owner, these members and without those.
    Arrange {
        /// Of the arrangements of one room the greatest number counts; a late copy of an earlier one changes nothing.
        number: u64,
        /// The owner, a member too.
        owner: UserId,
        /// Who must be a member.
        members: Vec<UserId>,
        /// Who must be none.
        gone: Vec<UserId>,
    },
    /// A new name.
    Rename {
        /// Who.
        by: UserId,
        /// The name, not yet trimmed.
        name: String,
    },
}

/// Answers, one kind per command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RoomReply {
    /// To `Create` and `View` and `Rename`.
    Room(RoomView),
    /// To `Members`.
    Members(Vec<MemberView>),
    /// To `Send`.
    Sent(Sent),
    /// To `Edit`, `Delete`, `React`, `Invite`, `Remove`, `Quit`, `SetRole`: the sequence of the event, or of the
    /// last event when nothing had to change (repeat).
    Done {
        /// Sequence.
        sequence: Sequence,
    },
}

/// A message was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// Its id.
    pub id: MessageId,
    /// Its position.
    pub sequence: Sequence,
    /// When it was accepted first.
    pub sent_at: Timestamp,
}

impl RoomCommand {
    /// Who wishes it.
    pub fn by(&self) -> &UserId {
        match self {
            RoomCommand::Create { by, .. }
            | RoomCommand::View { by }
            | RoomCommand::Members { by, .. }
            | RoomCommand::Send { by, .. }
            | RoomCommand::Edit { by, .. }
            | RoomCommand::Delete { by, .. }
            | RoomCommand::React { by, .. }
            | RoomCommand::Invite { by, .. }
            | RoomCommand::Remove { by, .. }
            | RoomCommand::Quit { by }
            | RoomCommand::SetRole { by, .. }
            | RoomCommand::Rename { by, .. } => by,
            RoomCommand::Arrange { owner, .. } => owner,
        }
    }
}

impl Wish for RoomCommand {
    /// At least 64.
    fn weight(&self) -> usize {
        64 + match self {
            RoomCommand::Create { members, name, .. } => {
                name.as_ref().map_or(0, String::len)
                    + members.iter().map(|m| m.as_str().len() + 16).sum::<usize>()
            }
            RoomCommand::Send { content, .. } => content.weight() + 128,
            RoomCommand::Edit { text, .. } => text.len(),
            RoomCommand::Rename { name, .. } => name.len(),
            RoomCommand::React { emoji, .. } => emoji.len(),
            RoomCommand::Arrange { members, gone, .. } => {
                let named = members.iter().chain(gone);
                named.map(|m| m.as_str().len() + 16).sum::<usize>()
            }
            _ => 0,
        }
    }

    fn is_query(&self) -> bool {
        matches!(self, RoomCommand::View { .. } | RoomCommand::Members { .. })
    }

    fn has_id(&self) -> bool {
        matches!(self, RoomCommand::Send { .. } | RoomCommand::Create { .. })
    }
}
