//! Only members: whoever is none any more is shown nothing further, joins nothing and says nothing, but in a public room.

use std::collections::BTreeSet;

use super::{Events, events};
use crate::ids::{Sequence, UserId};
use crate::machines::room::{RoomEvent, RoomKind};
use crate::testing::oracle::{History, Seen, View};

/// Judges journals and views.
pub fn check(history: &History) -> Result<(), String> {
    for (room, stored) in &history.rooms {
        let events = events(&stored.rows)?;
        let public = events.values().any(|event| {
            matches!(
                event,
                RoomEvent::Created {
                    kind: RoomKind::Public,
                    ..
                }
            )
        });
        if public {
            continue;
        }
        said(&events).map_err(|wrong| format!("{room}: {wrong}"))?;
        let views = history.views.iter().filter(|view| view.room == *room);
        for view in views {
            shown(&events, view).map_err(|wrong| format!("{room}: {wrong}"))?;
        }
    }
    Ok(())
}

fn pass(members: &mut BTreeSet<UserId>, event: &RoomEvent) {
    match event {
        RoomEvent::MemberAdded { user, .. } => {
            members.insert(user.clone());
        }
        RoomEvent::MemberRemoved { user, .. } => {
            members.remove(user);
        }
        _ => {}
    }
}

fn said(events: &Events) -> Result<(), String> {
    let mut members = BTreeSet::new();
    for (sequence, event) in events {
        if let RoomEvent::MessageSent(message) = event
            && !members.contains(&message.sender)
        {
            return Err(format!(
                "{sequence} is by someone who is no member: {event:?}"
            ));
        }
        pass(&mut members, event);
    }
    Ok(())
}

fn shown(events: &Events, view: &View) -> Result<(), String> {
    let View { user, head, .. } = view;
    let mut members = BTreeSet::new();
    for (_, event) in events.range(..=*head) {
        pass(&mut members, event);
    }
    if !members.contains(user) {
        return Err(format!("{user} joined at {head} and was no member"));
    }
    let ends = |(_, event): &(&Sequence, &RoomEvent)| matches!(event, RoomEvent::MemberRemoved { user: gone, .. } if gone == user);
    let Some((end, _)) = events.range(head.next()..).find(ends) else {
        return Ok(());
    };
    let last = view.seen.iter().rev().find_map(|seen| match seen {
        Seen::Event { sequence, .. } => Some(*sequence),
        Seen::Reset { .. } => None,
    });
    match last.filter(|last| last > end) {
        Some(last) => Err(format!("{user} was removed at {end} and was shown {last}")),
        None => Ok(()),
    }
}
