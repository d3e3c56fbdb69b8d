//! What is written along with each event: overlays, erasures, the rooms of a user, the room's card.

use super::cards::{self, Membership, RoomCard};
use super::{Room, RoomEvent, codec};
use crate::ids::{Sequence, UserId};
use crate::journal::{OverlayWrite, SideWrites, Table, TableWrite};

impl Room {
    pub(super) fn effects_of(&self, sequence: Sequence, event: &RoomEvent) -> SideWrites {
        let mut side = SideWrites::default();
        match event {
            RoomEvent::MessageSent(_) | RoomEvent::Arranged { .. } => {}
            RoomEvent::Created { .. } | RoomEvent::Renamed { .. } => {
                side.table.extend(self.card_write(sequence));
            }
            RoomEvent::MemberAdded { user, .. } | RoomEvent::MemberRemoved { user, .. } => {
                side.table.push(self.membership_write(sequence, user));
                side.table.extend(self.card_write(sequence));
            }
            RoomEvent::RoleChanged { user, .. } => {
                side.table.push(self.membership_write(sequence, user));
            }
            RoomEvent::MessageEdited { target, .. }
            | RoomEvent::ReactionAdded { target, .. }
            | RoomEvent::ReactionRemoved { target, .. } => {
                side.overlays.extend(self.overlay_write(*target));
            }
            RoomEvent::MessageDeleted { target, .. } => {
                side.overlays.extend(self.overlay_write(*target));
                side.erasures.push(*target);
                if let Some(known) = self.messages.get(*target) {
                    side.erasures.extend_from_slice(&known.state.edits);
                }
            }
        }
        side
    }

    fn overlay_write(&self, target: Sequence) -> Option<OverlayWrite> {
        let known = self.messages.get(target)?;
        Some(OverlayWrite {
            sequence: target,
            applied: known.applied,
            state: codec::encode_state(&known.state),
        })
    }

    fn membership_write(&self, sequence: Sequence, user: &UserId) -> TableWrite {
        let membership = self.members.get(user).map(|member| Membership {
            role: member.role,
            joined_at: member.joined_at,
        });
        TableWrite {
            table: Table::RoomsOfUser,
            key: cards::rooms_of_user_key(user, &self.id),
            rank: sequence.0,
            value: membership.map(|membership| membership.encode()),
        }
    }

    fn card_write(&self, sequence: Sequence) -> Option<TableWrite> {
        Some(TableWrite {
            table: Table::RoomCards,
            key: cards::room_card_key(&self.id),
            rank: sequence.0,
            value: Some(self.card()?.encode()),
        })
    }

    fn card(&self) -> Option<RoomCard> {
        let settings = self.settings.as_ref()?;
        let mut members = self.members.keys();
        let pair = match (self.is_direct(), members.next(), members.next()) {
            (true, Some(a), Some(b)) => Some((a.clone(), b.clone())),
            _ => None,
        };
        Some(RoomCard {
            kind: settings.kind,
            name: settings.name.clone(),
            member_count: self.members.len(),
            created_by: settings.created_by.clone(),
            created_at: settings.created_at,
            pair,
        })
    }
}
