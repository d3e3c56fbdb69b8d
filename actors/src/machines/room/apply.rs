//! What each event does to the state. Total: whatever was journaled applies.

use super::state::{Member, Settings};
use super::{Message, MessageState, Role, Room, RoomEntry, RoomEvent, RoomKind};
use crate::ids::{Sequence, Timestamp, UserId};

impl Room {
    pub(super) fn apply_entry(&mut self, sequence: Sequence, entry: &RoomEntry) {
        debug_assert_eq!(sequence, self.head.next(), "events apply in order");
        self.head = sequence;
        self.message_count = entry.message_count;
        self.last_message = entry.last_message;
        match &entry.event {
            RoomEvent::Created { kind, name, by, at } => {
                self.settings = Some(Settings {
                    kind: *kind,
                    name: name.clone(),
                    created_by: by.clone(),
                    created_at: *at,
                });
            }
            RoomEvent::Renamed { name, .. } => {
                if let Some(settings) = &mut self.settings {
                    settings.name = Some(name.clone());
                }
            }
            RoomEvent::Arranged { number, .. } => self.arranged = *number,
            RoomEvent::MemberAdded { user, role, at, .. } => {
                self.add_member(sequence, user, *role, *at);
            }
            RoomEvent::MemberRemoved { user, .. } => {
                self.members.remove(user);
            }
            RoomEvent::RoleChanged { user, role, .. } => self.change_role(user, *role),
            RoomEvent::MessageSent(message) => {
                self.remember(sequence, message);
                self.messages.sent(sequence, message.clone());
            }
            RoomEvent::MessageEdited { target, .. }
            | RoomEvent::MessageDeleted { target, .. }
            | RoomEvent::ReactionAdded { target, .. }
            | RoomEvent::ReactionRemoved { target, .. } => {
                let changed = self.messages.change(*target, sequence, |state| {
                    change_message(state, sequence, &entry.event);
                });
                debug_assert!(changed, "the message {target} was loaded before");
            }
        }
    }

    /// The dedupe part of a message, all of it in the header, so that it survives an erasure.
    fn remember(&mut self, sequence: Sequence, message: &Message) {
        let key = self.dedupe.key(&message.sender, &message.id);
        self.dedupe.insert(
            key,
            &message.sender,
            sequence,
            message.sent_at,
            message.fingerprint,
        );
    }

    fn add_member(&mut self, sequence: Sequence, user: &UserId, role: Role, at: Timestamp) {
        let member = Member {
            role: Role::Member,
            joined_at: at,
            joined: sequence,
        };
        self.members.entry(user.clone()).or_insert(member);
        self.change_role(user, role);
    }

    /// A new owner takes over by this event alone, even if the one that demotes the former owner
    /// never made it into the journal.
    fn change_role(&mut self, user: &UserId, role: Role) {
        if role == Role::Owner {
            let former = self.members.values_mut().find(|m| m.role == Role::Owner);
            if let Some(former) = former {
                former.role = Role::Moderator;
            }
        }
        if let Some(member) = self.members.get_mut(user) {
            member.role = role;
        }
    }

    /// Who becomes owner when the owner leaves: the moderator, else the member, of longest standing.
    pub(super) fn heir(&self, leaving: &UserId) -> Option<UserId> {
        let others = self.members.iter().filter(|(user, _)| *user != leaving);
        let heir = others.min_by_key(|(_, m)| (std::cmp::Reverse(m.role), m.joined));
        heir.map(|(user, _)| user.clone())
    }

    pub(super) fn kind(&self) -> Option<RoomKind> {
        self.settings.as_ref().map(|settings| settings.kind)
    }
}

fn change_message(state: &mut MessageState, sequence: Sequence, event: &RoomEvent) {
    match event {
        RoomEvent::MessageEdited { text, at, .. } => {
            state.text = text.clone();
            state.edited_at = Some(*at);
            state.edits.push(sequence);
        }
        RoomEvent::MessageDeleted { by, at, .. } => {
            state.deleted = Some((by.clone(), *at));
            state.text = None;
            state.reactions.clear();
        }
        RoomEvent::ReactionAdded { emoji, by, .. } => {
            let users = state.reactions.entry(emoji.clone()).or_default();
            users.insert(by.clone());
        }
        RoomEvent::ReactionRemoved { emoji, by, .. } => {
            if let Some(users) = state.reactions.get_mut(emoji) {
                users.remove(by);
                if users.is_empty() {
                    state.reactions.remove(emoji);
                }
            }
        }
        _ => {}
    }
}
