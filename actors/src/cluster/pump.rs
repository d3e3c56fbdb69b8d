//! Pulls a session's subscriptions forward from the journal until they are live again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::entry::{Offered, Standing};
use super::feed::Place;
use super::session::{SessionCore, Subscription};
use crate::delivery::{Block, Delivery, Payload, Shown};
use crate::ids::{EntityId, RoomId, Sequence, UserId};
use crate::machines::room::RoomEvent;

/// Starts a pump unless one is at work.
pub(crate) fn start(core: &Arc<SessionCore>) {
    if !core.pumping.swap(true, Ordering::AcqRel) {
        start_held(core);
    }
}

/// Starts a pump whose flag is set already.
pub(crate) fn start_held(core: &Arc<SessionCore>) {
    let core = core.clone();
    tokio::spawn(async move {
        loop {
            let forward = bring_all_forward(&core).await;
            core.pumping.store(false, Ordering::Release);
            // Someone may have fallen behind after the last look and found the flag set.
            if !forward || behind(&core).is_empty() || core.pumping.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    });
}

/// Makes a subscription live if it has everything that the feed has handed on.
pub(crate) fn try_live(subscription: &Subscription) -> bool {
    let mut feed = subscription.feed.lock();
    let position = feed.position.unwrap_or_default();
    match feed.entry(subscription.place) {
        // Gone meanwhile: nothing left to do for it.
        None => true,
        Some(entry) if entry.position >= position && entry.reset.is_none() => {
            entry.standing = Standing::Live;
            true
        }
        Some(_) => false,
    }
}

/// All subscriptions that are behind: somebody who comes back to a thousand rooms is so in each, and a look at all of them
/// for the next one would make a million. Places only, for a feed that somebody holds cannot be given up.
fn behind(core: &SessionCore) -> Vec<(EntityId, Place)> {
    if core.is_closed() {
        return Vec::new();
    }
    let subscriptions = core.subscriptions.lock();
    let behind = subscriptions.iter().filter(|(_, subscription)| {
        let mut feed = subscription.feed.lock();
        let entry = feed.entry(subscription.place);
        entry.is_some_and(|e| e.standing == Standing::Behind)
    });
    behind
        .map(|(entity, subscription)| (entity.clone(), subscription.place))
        .collect()
}

/// Until nothing is behind any more; false when the connection is gone.
async fn bring_all_forward(core: &Arc<SessionCore>) -> bool {
    loop {
        let behind = behind(core);
        if behind.is_empty() {
            return true;
        }
        for (entity, place) in behind {
            let subscription = core.subscriptions.lock().get(&entity).cloned();
            let Some(subscription) = subscription.filter(|now| now.place == place) else {
                // Left or joined anew meanwhile.
                continue;
            };
            if !bring_forward(core, &entity, &subscription).await {
                return false;
            }
        }
    }
}

/// Pushes until the subscription is live or over; false when the connection is gone.
async fn bring_forward(
    core: &Arc<SessionCore>,
    entity: &EntityId,
    subscription: &Subscription,
) -> bool {
    while !core.is_closed() {
        if try_live(subscription) {
            return true;
        }
        let next = match what_next(subscription) {
            Next::Gone => return true,
            Next::Tell => None,
            Next::Recent(delivery) => Some(delivery),
            Next::Read(position) => match read(core, entity, subscription, position).await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%entity, error, "catch-up will be tried again");
                    tokio::time::sleep(Duration::from_millis(core.fanout.limits.retry_ms)).await;
                    continue;
                }
            },
        };
        // Offered under the feed's lock: a subscription that was replaced meanwhile gets nothing more.
        let offered = {
            let mut feed = subscription.feed.lock();
            feed.offer(subscription.place, next.as_ref())
        };
        match offered {
            Some(Offered::Accepted) => {}
            Some(Offered::Ended) => {
                core.end(entity, subscription.place.serial);
                return true;
            }
            Some(Offered::Full) => {
                if !drained(core).await {
                    return false;
                }
            }
            Some(Offered::Closed) => return false,
            None => return true,
        }
    }
    false
}

enum Next {
    Gone,
    /// A reset to be told.
    Tell,
    /// A kept live delivery that continues exactly here.
    Recent(Arc<Delivery>),
    Read(Sequence),
}

fn what_next(subscription: &Subscription) -> Next {
    let mut feed = subscription.feed.lock();
    let Some(entry) = feed.entry(subscription.place) else {
        return Next::Gone;
    };
    let position = entry.position;
    match entry.reset {
        Some((from, _)) if from <= position.next() || entry.over => return Next::Tell,
        // Whether there is anything to be told after the gap, what is kept says.
        Some(_) => return Next::Read(position),
        None => {}
    }
    match feed.recent_after(position) {
        Some(delivery) => Next::Recent(delivery),
        None => Next::Read(position),
    }
}

/// The next page, or `None` if there is only a reset to be told, or nobody to tell it.
async fn read(
    core: &SessionCore,
    entity: &EntityId,
    subscription: &Subscription,
    mut position: Sequence,
) -> Result<Option<Arc<Delivery>>, String> {
    let (room, since) = {
        let mut feed = subscription.feed.lock();
        let room = feed.members_only().cloned();
        match feed.entry(subscription.place) {
            Some(entry) => (room, entry.since),
            None => return Ok(None),
        }
    };
    loop {
        let block = page(core, entity, position).await?;
        let block = block.ok_or("nothing is there")?;
        let first = block.first;
        // Whoever joined was a member then, so that only what is gone after that may have ended it.
        let from = match &room {
            Some(room) if first > position.max(since).next() => {
                readable(core, room, subscription, &block).await?
            }
            _ => Some(first),
        };
        match from {
            Some(from) if from == first => {
                return Ok(Some(Delivery::new(Payload::Events(block))));
            }
            // Looked at again there, for it may be gone meanwhile.
            Some(from) => position = Sequence(from.0 - 1),
            None => {
                if let Some(entry) = subscription.feed.lock().entry(subscription.place) {
                    entry.reset_to(first);
                    entry.over = true;
                }
                return Ok(None);
            }
        }
    }
}

/// From where on somebody may read what a room has kept, whose first page this is; nothing for who is no member in any of it.
/// What is gone may have ended the membership, and what is kept tells whether it did: the first that it says of somebody is
/// that they were removed, or have another role, and so were a member until then, or that they were added.
async fn readable(
    core: &SessionCore,
    room: &RoomId,
    subscription: &Subscription,
    first: &Block,
) -> Result<Option<Sequence>, String> {
    let from = |(sequence, before)| if before { first.first } else { sequence };
    if let Some(said) = was_member(first, &core.user) {
        return Ok(Some(from(said)));
    }
    let since = core.fanout.member_since(room, &core.user).await;
    let since = since.map_err(|error| error.to_string())?;
    if since.is_some_and(|since| since <= first.first) {
        return Ok(Some(first.first));
    }
    let mut read = first.last();
    loop {
        if core.is_closed() || subscription.feed.lock().entry(subscription.place).is_none() {
            // Nobody is shown the page.
            return Ok(Some(first.first));
        }
        let Some(next) = page(core, &first.entity, read).await? else {
            return match since {
                None => Ok(None),
                Some(_) => Err("what the table of members tells of cannot be read yet".into()),
            };
        };
        if next.first > read.next() {
            return Err("more was trimmed meanwhile".into());
        }
        if let Some(said) = was_member(&next, &core.user) {
            return Ok(Some(from(said)));
        }
        read = next.last();
    }
}

/// The first event in a page that changed whether somebody is a member, or as what, and whether they were one before it.
fn was_member(page: &Block, who: &UserId) -> Option<(Sequence, bool)> {
    let numbered = (page.first.0..).map(Sequence).zip(&page.events);
    let mut said = numbered.filter_map(|(sequence, shown)| match shown {
        Shown::Other(event) => Some((sequence, is_member_before(event, who)?)),
        _ => None,
    });
    said.next()
}

/// Whether somebody was a member when this happened, if it tells.
fn is_member_before(event: &RoomEvent, who: &UserId) -> Option<bool> {
    let (user, before) = match event {
        RoomEvent::MemberAdded { user, .. } => (user, false),
        RoomEvent::MemberRemoved { user, .. } | RoomEvent::RoleChanged { user, .. } => (user, true),
        _ => return None,
    };
    (user == who).then_some(before)
}

/// The next page as it is kept, if there is one.
async fn page(
    core: &SessionCore,
    entity: &EntityId,
    position: Sequence,
) -> Result<Option<Block>, String> {
    let shown = core.fanout.read_shown(entity, position).await;
    let shown = shown.map_err(|error| error.to_string())?;
    Ok(shown.first().map(|(first, _)| *first).map(|first| Block {
        entity: entity.clone(),
        first,
        events: shown.into_iter().map(|(_, shown)| shown).collect(),
    }))
}

/// Waits for the queue to drain; false when the connection is gone.
async fn drained(core: &SessionCore) -> bool {
    let (wake, drained) = tokio::sync::oneshot::channel();
    core.outlet.on_drain(Box::new(move || {
        let _ = wake.send(());
    }));
    drained.await.is_ok() && !core.is_closed()
}
