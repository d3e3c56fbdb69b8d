//! Pulls a session's subscriptions forward from the journal until they are live again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::entry::{Offered, Standing};
use super::session::{SessionCore, Subscription};
use crate::delivery::{Block, Delivery, Payload, ResetReason, Shown};
use crate::ids::{EntityId, Sequence, UserId};
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
            while let Some((entity, subscription)) = next_behind(&core) {
                if !bring_forward(&core, &entity, &subscription).await {
                    core.pumping.store(false, Ordering::Release);
                    return;
                }
            }
            core.pumping.store(false, Ordering::Release);
            // Someone may have fallen behind after the last look and found the flag set.
            if next_behind(&core).is_none() || core.pumping.swap(true, Ordering::AcqRel) {
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

fn next_behind(core: &SessionCore) -> Option<(EntityId, Subscription)> {
    if core.is_closed() {
        return None;
    }
    let subscriptions = core.subscriptions.lock().clone();
    subscriptions.into_iter().find(|(_, subscription)| {
        let mut feed = subscription.feed.lock();
        let entry = feed.entry(subscription.place);
        entry.is_some_and(|e| e.standing == Standing::Behind)
    })
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
    if entry.reset.is_some() {
        return Next::Tell;
    }
    match feed.recent_after(position) {
        Some(delivery) => Next::Recent(delivery),
        None => Next::Read(position),
    }
}

/// The next page, or `None` if there is only a reset to be told. Where events are gone that the reader has not seen, one of
/// them may have ended the membership: then what is kept begins for the reader where the membership has changed last.
async fn read(
    core: &SessionCore,
    entity: &EntityId,
    subscription: &Subscription,
    position: Sequence,
) -> Result<Option<Arc<Delivery>>, String> {
    let mut block = page(core, entity, position).await?;
    let room = subscription.feed.lock().members_only().cloned();
    if let Some(room) = room
        && block.first > position.next()
        && !begins_with_member(&block, &core.user)
    {
        let since = core.fanout.member_since(&room, &core.user).await;
        match since.map_err(|error| error.to_string())? {
            Some(since) if since > block.first => {
                block = page(core, entity, Sequence(since.0 - 1)).await?;
            }
            Some(_) => {}
            None => {
                if let Some(entry) = subscription.feed.lock().entry(subscription.place) {
                    entry.reset = Some((block.first, ResetReason::Trimmed));
                    entry.over = true;
                }
                return Ok(None);
            }
        }
    }
    Ok(Some(Delivery::new(Payload::Events(block))))
}

/// Whether a page itself proves that somebody is a member where it begins: it says next of them that they were removed, or
/// have another role.
fn begins_with_member(block: &Block, who: &UserId) -> bool {
    let said = block.events.iter().find_map(|shown| match shown {
        Shown::Other(event) => is_member_before(event, who),
        _ => None,
    });
    said == Some(true)
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

/// The next page as it is kept.
async fn page(core: &SessionCore, entity: &EntityId, position: Sequence) -> Result<Block, String> {
    let shown = core.fanout.read_shown(entity, position).await;
    let shown = shown.map_err(|error| error.to_string())?;
    let first = shown.first().map(|(first, _)| *first);
    Ok(Block {
        entity: entity.clone(),
        first: first.ok_or("nothing is there")?,
        events: shown.into_iter().map(|(_, shown)| shown).collect(),
    })
}

/// Waits for the queue to drain; false when the connection is gone.
async fn drained(core: &SessionCore) -> bool {
    let (wake, drained) = tokio::sync::oneshot::channel();
    core.outlet.on_drain(Box::new(move || {
        let _ = wake.send(());
    }));
    drained.await.is_ok() && !core.is_closed()
}
