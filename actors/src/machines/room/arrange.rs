//! Who is in a room by the word of the hub itself: the rooms of matching requests.

use super::draft::{Draft, Outcome};
use super::validate::invalid;
use super::{Role, Room, RoomEvent, RoomKind, RoomRejection};
use crate::ids::{RoomId, UserId};
use crate::machines::Context;
use crate::mutation::{self, Mutation};

impl Room {
    /// Makes the room what it is to be. Of those who are neither named as members nor as gone nothing is said: whoever was
    /// invited by a member stays.
    pub(super) fn arrange(
        &self,
        context: &Context<'_, Room>,
        number: u64,
        owner: &UserId,
        members: &[UserId],
        gone: &[UserId],
    ) -> Outcome {
        if !self.id.as_str().starts_with(RoomId::REQUEST_PREFIX) {
            return Err(RoomRejection::Forbidden(
                "only the rooms of requests are arranged",
            ));
        }
        let mut draft = Draft::new(self);
        if number <= self.arranged && !mutation::is_on(Mutation::UnfencedArrange) {
            return draft.done();
        }
        if members.len() > context.limits.members {
            return Err(invalid("members", "has more members than a room may have"));
        }
        let (by, at) = (owner.clone(), context.now);
        if self.settings.is_none() {
            draft.push(RoomEvent::Created {
                kind: RoomKind::Group,
                name: None,
                by: by.clone(),
                at,
            });
        }
        if !self.members.contains_key(owner) {
            draft.push(added(owner, Role::Owner, &by, at));
        } else if self.role(owner) != Some(Role::Owner) {
            draft.push(RoomEvent::RoleChanged {
                user: owner.clone(),
                role: Role::Owner,
                by: by.clone(),
                at,
            });
        }
        let others = members.iter().filter(|user| *user != owner);
        for user in others.filter(|user| !self.members.contains_key(user)) {
            draft.push(added(user, Role::Member, &by, at));
        }
        let leave = |user: &&UserId| *user != owner && self.members.contains_key(*user);
        for user in gone.iter().filter(leave) {
            draft.push(RoomEvent::MemberRemoved {
                user: user.clone(),
                by: by.clone(),
                at,
            });
        }
        // Last: an owner may die between two rows of a decision that crosses a bucket, and then whatever is still missing
        // comes of the repeat.
        draft.push(RoomEvent::Arranged { number, by, at });
        draft.done()
    }
}

fn added(user: &UserId, role: Role, by: &UserId, at: crate::ids::Timestamp) -> RoomEvent {
    RoomEvent::MemberAdded {
        user: user.clone(),
        role,
        by: by.clone(),
        at,
    }
}
