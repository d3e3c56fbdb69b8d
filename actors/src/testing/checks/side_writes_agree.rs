//! Overlays, memberships and cards in the store equal what replaying the journal derives.

use std::collections::BTreeMap;

use crate::ids::{EntityId, RoomId, Sequence, UserId};
use crate::journal::{OverlayWrite, Row, Table, TableWrite};
use crate::machines::Machine;
use crate::machines::room::{Room, RoomEvent, cards};
use crate::testing::oracle::{History, Stored};

/// Replays every room.
pub fn check(history: &History) -> Result<(), String> {
    history
        .rooms
        .iter()
        .try_for_each(|(room, stored)| agree(room, stored).map_err(|e| format!("{room}: {e}")))
}

#[derive(Default)]
struct Derived {
    overlays: BTreeMap<Sequence, OverlayWrite>,
    table: BTreeMap<(Table, Vec<u8>), TableWrite>,
    members: Vec<UserId>,
}

fn agree(room: &RoomId, stored: &Stored) -> Result<(), String> {
    let derived = replay(room, &stored.rows)?;
    for (sequence, overlay) in &derived.overlays {
        if *sequence < stored.first_retained {
            continue;
        }
        let found = stored.overlays.iter().find(|o| o.sequence == *sequence);
        if found.map(|o| (o.applied, &o.state)) != Some((overlay.applied, &overlay.state)) {
            let found = found.map(|o| o.applied);
            return Err(format!(
                "the overlay of {sequence} should include {}, it includes {found:?}",
                overlay.applied
            ));
        }
    }
    if let Some(ahead) = stored
        .overlays
        .iter()
        .find(|o| !derived.overlays.contains_key(&o.sequence))
    {
        return Err(format!(
            "nothing accounts for the overlay of {}",
            ahead.sequence
        ));
    }
    let card = derived
        .table
        .get(&(Table::RoomCards, cards::room_card_key(room)));
    let card = card.map(|write| (write.rank, write.value.clone()));
    if stored
        .card
        .as_ref()
        .map(|row| (row.rank, Some(row.value.clone())))
        != card
    {
        return Err("the card is not that of the last change".into());
    }
    for user in &derived.members {
        let write = derived
            .table
            .get(&(Table::RoomsOfUser, cards::rooms_of_user_key(user, room)));
        let wanted = write.and_then(|write| Some((write.rank, write.value.clone()?)));
        let found = stored.memberships.get(user);
        if found.map(|row| (row.rank, row.value.clone())) != wanted {
            return Err(format!(
                "the membership of {user} is not that of the last change"
            ));
        }
    }
    Ok(())
}

fn replay(room: &RoomId, rows: &[Row]) -> Result<Derived, String> {
    let mut machine = Room::new(&EntityId::room(room));
    let mut derived = Derived::default();
    for (sequence, record) in rows.iter().flat_map(Row::entries) {
        let entry = Room::decode(record).map_err(|e| e.to_string())?;
        if sequence != machine.head().next() {
            return Err(format!("cannot replay {sequence} after {}", machine.head()));
        }
        machine.apply(sequence, &entry);
        let side = machine.effects(sequence, &entry);
        for overlay in side.overlays {
            derived.overlays.insert(overlay.sequence, overlay);
        }
        for write in side.table {
            derived
                .table
                .insert((write.table, write.key.clone()), write);
        }
        if let RoomEvent::MemberAdded { user, .. } = entry.event {
            derived.members.push(user);
        }
    }
    Ok(derived)
}
