//! Creating a room, and everything about its members: which events follow, and who is refused why.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::draft::{Draft, Outcome};
use super::validate::{self, invalid};
use super::{MemberView, Role, Room, RoomEvent, RoomKind, RoomLimits, RoomRejection, RoomReply};
use crate::ids::{EntityId, RoomId, Timestamp, UserId};
use crate::machines::{Context, Machine};

const DIRECT_IS_FIXED: RoomRejection =
    RoomRejection::Forbidden("a direct room has two fixed members and no name");

impl Room {
    pub(super) fn create(
        &self,
        context: &Context<'_, Room>,
        by: &UserId,
        kind: RoomKind,
        name: Option<&str>,
        members: &[UserId],
    ) -> Outcome {
        if self.settings.is_some() {
            return self.created_already(by, kind);
        }
        let others = distinct_others(by, members, context.limits)?;
        let name = match (kind, name) {
            (RoomKind::Direct, Some(_)) => {
                return Err(invalid("name", "does not belong to a direct room"));
            }
            (_, name) => name
                .map(|name| validate::name(name, context.limits))
                .transpose()?,
        };
        self.check_id(by, kind, &others)?;
        let at = context.now;
        let mut draft = Draft::new(self);
        draft.push(RoomEvent::Created {
            kind,
            name: name.map(str::to_owned),
            by: by.clone(),
            at,
        });
        let own = match kind {
            RoomKind::Direct => Role::Member,
            RoomKind::Group | RoomKind::Public => Role::Owner,
        };
        let others = others.into_iter().map(|user| (user.clone(), Role::Member));
        for (user, role) in std::iter::once((by.clone(), own)).chain(others) {
            let by = by.clone();
            draft.push(RoomEvent::MemberAdded { user, role, by, at });
        }
        let view = self.after(&draft).view(by)?;
        draft.reply(RoomReply::Room(view))
    }

    pub(super) fn list_members(
        &self,
        by: &UserId,
        after: Option<&UserId>,
        limit: usize,
        limits: &RoomLimits,
    ) -> Outcome {
        self.reader(by)?;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = self.members.range::<UserId, _>((from, Bound::Unbounded));
        let page = page.take(limit.clamp(1, limits.members_page.max(1)));
        let members = page.map(|(user, member)| MemberView {
            user: user.clone(),
            role: member.role,
            joined_at: member.joined_at,
        });
        Draft::new(self).reply(RoomReply::Members(members.collect()))
    }

    pub(super) fn invite(
        &self,
        context: &Context<'_, Room>,
        by: &UserId,
        user: &UserId,
    ) -> Outcome {
        // Anyone who may read a public room may also become a member of it.
        let standing = self.reader(by)?;
        if self.is_direct() {
            return Err(DIRECT_IS_FIXED);
        }
        if standing.is_none() && by != user {
            return Err(RoomRejection::NotAMember);
        }
        let mut draft = Draft::new(self);
        if self.members.contains_key(user) {
            return draft.done();
        }
        if self.members.len() >= context.limits.members {
            return Err(RoomRejection::RoomFull(context.limits.members));
        }
        // Only a public room can be joined when its last member has left.
        let role = if self.members.is_empty() {
            Role::Owner
        } else {
            Role::Member
        };
        draft.push(RoomEvent::MemberAdded {
            user: user.clone(),
            role,
            by: by.clone(),
            at: context.now,
        });
        draft.done()
    }

    pub(super) fn remove(&self, now: Timestamp, by: &UserId, user: &UserId) -> Outcome {
        let own = self.member(by)?.role;
        if self.is_direct() {
            return Err(DIRECT_IS_FIXED);
        }
        if own < Role::Moderator {
            return Err(RoomRejection::Forbidden("only moderators remove members"));
        }
        let other = self
            .members
            .get(user)
            .ok_or(RoomRejection::MemberNotFound)?;
        if other.role >= own {
            return Err(RoomRejection::Forbidden(
                "only members of a lower role can be removed",
            ));
        }
        let mut draft = Draft::new(self);
        draft.push(RoomEvent::MemberRemoved {
            user: user.clone(),
            by: by.clone(),
            at: now,
        });
        draft.done()
    }

    pub(super) fn quit(&self, now: Timestamp, by: &UserId) -> Outcome {
        let own = self.member(by)?.role;
        if self.is_direct() {
            return Err(DIRECT_IS_FIXED);
        }
        let mut draft = Draft::new(self);
        if own == Role::Owner
            && let Some(heir) = self.heir(by)
        {
            draft.push(RoomEvent::RoleChanged {
                user: heir,
                role: Role::Owner,
                by: by.clone(),
                at: now,
            });
        }
        draft.push(RoomEvent::MemberRemoved {
            user: by.clone(),
            by: by.clone(),
            at: now,
        });
        draft.done()
    }

    pub(super) fn set_role(
        &self,
        now: Timestamp,
        by: &UserId,
        user: &UserId,
        role: Role,
    ) -> Outcome {
        let own = self.member(by)?.role;
        if self.is_direct() {
            return Err(DIRECT_IS_FIXED);
        }
        if own != Role::Owner {
            return Err(RoomRejection::Forbidden("only the owner gives roles"));
        }
        let other = self
            .members
            .get(user)
            .ok_or(RoomRejection::MemberNotFound)?;
        let mut draft = Draft::new(self);
        if other.role == role {
            return draft.done();
        }
        if user == by {
            return Err(RoomRejection::Forbidden(
                "the owner hands the room over by making another member owner",
            ));
        }
        let mut change = |user: &UserId, role| {
            draft.push(RoomEvent::RoleChanged {
                user: user.clone(),
                role,
                by: by.clone(),
                at: now,
            });
        };
        change(user, role);
        if role == Role::Owner {
            change(by, Role::Moderator);
        }
        draft.done()
    }

    pub(super) fn rename(&self, context: &Context<'_, Room>, by: &UserId, name: &str) -> Outcome {
        let own = self.member(by)?.role;
        if self.is_direct() {
            return Err(DIRECT_IS_FIXED);
        }
        if own < Role::Moderator {
            return Err(RoomRejection::Forbidden("only moderators rename the room"));
        }
        let name = validate::name(name, context.limits)?;
        let mut view = self.view(by)?;
        let mut draft = Draft::new(self);
        if view.name.as_deref() != Some(name) {
            view.name = Some(name.to_owned());
            view.head = draft.push(RoomEvent::Renamed {
                name: name.to_owned(),
                by: by.clone(),
                at: context.now,
            });
        }
        draft.reply(RoomReply::Room(view))
    }

    /// The same wish again gives the same room, whatever else it says; anything else is another's room.
    fn created_already(&self, by: &UserId, kind: RoomKind) -> Outcome {
        let settings = self.settings()?;
        let mine = match kind {
            RoomKind::Direct => self.members.contains_key(by),
            RoomKind::Group | RoomKind::Public => settings.created_by == *by,
        };
        if settings.kind != kind || !mine {
            return Err(RoomRejection::RoomExists);
        }
        // A creator who has left is like anybody else.
        self.reader(by)?;
        Draft::new(self).reply(RoomReply::Room(self.view(by)?))
    }

    /// The id of a direct room is derived from its pair, and only such a room may have such an id.
    fn check_id(
        &self,
        by: &UserId,
        kind: RoomKind,
        others: &[&UserId],
    ) -> Result<(), RoomRejection> {
        match (kind, others) {
            (RoomKind::Direct, [other]) if self.id == RoomId::direct(by, other) => Ok(()),
            (RoomKind::Direct, [_]) => Err(invalid(
                "roomId",
                "must be the one derived from the two members of a direct room",
            )),
            (RoomKind::Direct, _) => Err(invalid(
                "members",
                "must name exactly one other user for a direct room",
            )),
            _ if self.id.as_str().starts_with(RoomId::DIRECT_PREFIX) => {
                Err(invalid("roomId", "is kept for direct rooms"))
            }
            _ => Ok(()),
        }
    }

    /// The new room as it will be.
    fn after(&self, draft: &Draft) -> Room {
        let mut room = Room::empty(&EntityId::room(&self.id));
        for entry in draft.events() {
            room.apply(room.head.next(), entry);
        }
        room
    }
}

/// The initial members besides the creator, each once, in the order given.
fn distinct_others<'a>(
    by: &UserId,
    members: &'a [UserId],
    limits: &RoomLimits,
) -> Result<Vec<&'a UserId>, RoomRejection> {
    let mut seen = BTreeSet::from([by]);
    let mut others = Vec::new();
    for user in members {
        if seen.insert(user) {
            others.push(user);
        }
        if seen.len() > limits.members.max(2) {
            return Err(RoomRejection::RoomFull(limits.members));
        }
    }
    Ok(others)
}
