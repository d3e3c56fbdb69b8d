//! What a room knows: settings, members, tallies, dedupe index, recent messages; and who may read it.

use std::collections::BTreeMap;

use super::dedupe::Dedupe;
use super::rate::Rates;
use super::working_set::WorkingSet;
use super::{Role, RoomKind, RoomRejection, RoomView};
use crate::ids::{EntityId, RoomId, Sequence, Timestamp, UserId};

/// A room as a pure state machine, see [`Machine`](crate::machines::Machine).
#[derive(Debug, Clone)]
pub struct Room {
    pub(super) id: RoomId,
    /// `None` until it is created.
    pub(super) settings: Option<Settings>,
    pub(super) head: Sequence,
    pub(super) message_count: u64,
    pub(super) last_message: Sequence,
    pub(super) members: BTreeMap<UserId, Member>,
    /// The last arrangement by the hub; 0 if there never was one.
    pub(super) arranged: u64,
    pub(super) dedupe: Dedupe,
    pub(super) messages: WorkingSet,
    /// Soft: no part of the durable state.
    pub(super) rates: Rates,
}

/// What `Created` and `Renamed` say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub kind: RoomKind,
    pub name: Option<String>,
    pub created_by: UserId,
    pub created_at: Timestamp,
}

/// Someone's membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub role: Role,
    pub joined_at: Timestamp,
    /// Sequence of the joining: orders members by standing.
    pub joined: Sequence,
}

impl Room {
    /// A room without a journal.
    pub(super) fn empty(entity: &EntityId) -> Self {
        Self {
            id: entity
                .as_room()
                .expect("the room machine runs entities of kind Room only"),
            settings: None,
            head: Sequence::ZERO,
            message_count: 0,
            last_message: Sequence::ZERO,
            members: BTreeMap::new(),
            arranged: 0,
            dedupe: Dedupe::default(),
            messages: WorkingSet::default(),
            rates: Rates::default(),
        }
    }

    /// Sequence of the last event applied.
    pub fn head(&self) -> Sequence {
        self.head
    }

    /// Messages so far; the number of the newest one.
    pub fn message_count(&self) -> u64 {
        self.message_count
    }

    /// Role of a member, `None` for everybody else.
    pub fn role(&self, user: &UserId) -> Option<Role> {
        self.members.get(user).map(|member| member.role)
    }

    /// Entries of the dedupe index.
    pub fn dedupe_len(&self) -> usize {
        self.dedupe.len()
    }

    /// Messages in the working set.
    pub fn working_set_len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn settings(&self) -> Result<&Settings, RoomRejection> {
        self.settings.as_ref().ok_or(RoomRejection::RoomNotFound)
    }

    pub(super) fn is_direct(&self) -> bool {
        matches!(&self.settings, Some(settings) if settings.kind == RoomKind::Direct)
    }

    /// Whoever may read and write messages here: members, and everybody in a public room.
    pub(super) fn reader(&self, user: &UserId) -> Result<Option<&Member>, RoomRejection> {
        let public = self.settings()?.kind == RoomKind::Public;
        match self.members.get(user) {
            None if !public => Err(RoomRejection::NotAMember),
            member => Ok(member),
        }
    }

    pub(super) fn member(&self, user: &UserId) -> Result<&Member, RoomRejection> {
        self.settings()?;
        self.members.get(user).ok_or(RoomRejection::NotAMember)
    }

    /// Whether deleting others' messages and removing members is allowed by role.
    pub(super) fn moderates(&self, user: &UserId) -> bool {
        self.role(user).is_some_and(|role| role >= Role::Moderator)
    }

    /// The room as one user sees it.
    pub(super) fn view(&self, user: &UserId) -> Result<RoomView, RoomRejection> {
        let settings = self.settings()?;
        let peer = self.members.keys().find(|other| *other != user);
        Ok(RoomView {
            room: self.id.clone(),
            kind: settings.kind,
            name: settings.name.clone(),
            head: self.head,
            message_count: self.message_count,
            member_count: self.members.len(),
            my_role: self.role(user),
            created_by: settings.created_by.clone(),
            created_at: settings.created_at,
            peer: peer.filter(|_| self.is_direct()).cloned(),
            last_message: self.last_message,
        })
    }
}
