//! What readers see of a room: summaries, members, the latest state of a message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Message, Role, RoomKind};
use crate::ids::{RoomId, Sequence, Timestamp, UserId};

/// A room as one user sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomView {
    /// Id.
    pub room: RoomId,
    /// Kind.
    pub kind: RoomKind,
    /// Name, if it has one.
    pub name: Option<String>,
    /// Last sequence.
    pub head: Sequence,
    /// Messages so far; the number of the newest one.
    pub message_count: u64,
    /// Members.
    pub member_count: usize,
    /// The asking user's role; `None` for the audience of a public room.
    pub my_role: Option<Role>,
    /// Creator.
    pub created_by: UserId,
    /// When it was created.
    pub created_at: Timestamp,
    /// For direct rooms: the other member.
    pub peer: Option<UserId>,
    /// Sequence of the newest message; zero when there is none.
    pub last_message: Sequence,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberView {
    /// Who.
    pub user: UserId,
    /// Role.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

/// The latest state of a message beyond what was journaled: also the content of its overlay.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MessageState {
    /// Latest text, if it was edited.
    pub text: Option<String>,
    /// When it was edited last.
    pub edited_at: Option<Timestamp>,
    /// Who deleted it, and when.
    pub deleted: Option<(UserId, Timestamp)>,
    /// Users by emoji.
    pub reactions: BTreeMap<String, BTreeSet<UserId>>,
    /// Sequences of its edits: their texts are erased with the message.
    pub edits: Vec<Sequence>,
}

impl MessageState {
    /// Nothing differs from the journaled message.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// A message as readers see it now.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageView {
    /// As journaled, with the latest text; `content` is `None` when deleted.
    pub message: Arc<Message>,
    /// Beyond that.
    pub state: MessageState,
}
