//! Only members: whoever is none any more is shown nothing further, joins nothing and says nothing, but in a public room.

use std::collections::BTreeSet;

use super::{Events, events};
use crate::ids::UserId;
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
    // A removal that was seen is the last that is; whoever did not see it may be a member again when something else is shown.
    let mut removed = None;
    let mut ends = BTreeSet::new();
    let mut hidden = BTreeSet::new();
    for (sequence, event) in events.range(head.next()..) {
        let before = members.contains(user);
        pass(&mut members, event);
        match (before, members.contains(user)) {
            (true, false) => drop(ends.insert(*sequence)),
            (false, false) => drop(hidden.insert(*sequence)),
            (_, true) => {}
        }
    }
    for seen in &view.seen {
        let Seen::Event { sequence, .. } = seen else {
            continue;
        };
        if let Some(end) = removed {
            return Err(format!(
                "{user} saw the removal at {end} and then {sequence}"
            ));
        }
        if hidden.contains(sequence) {
            return Err(format!(
                "{user} was no member at {sequence} and was shown it"
            ));
        }
        removed = ends.get(sequence);
    }
    Ok(())
}
