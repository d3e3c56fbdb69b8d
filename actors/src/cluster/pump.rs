//! Pulls a session's subscriptions forward from the journal until they are live again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::session::{SessionCore, Subscription};
use crate::delivery::{Block, Delivery, Payload, Pushed};
use crate::ids::{RoomId, Sequence};

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
            while let Some((room, subscription)) = next_behind(&core) {
                if !bring_forward(&core, &room, &subscription).await {
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
        Some(entry) if entry.position >= position => {
            entry.live = true;
            true
        }
        Some(_) => false,
    }
}

fn next_behind(core: &SessionCore) -> Option<(RoomId, Subscription)> {
    if core.is_closed() {
        return None;
    }
    let subscriptions = core.subscriptions.lock().clone();
    subscriptions.into_iter().find(|(_, subscription)| {
        let mut feed = subscription.feed.lock();
        feed.entry(subscription.place).is_some_and(|e| !e.live)
    })
}

/// Pushes until the subscription is live or over; false when the connection is gone.
async fn bring_forward(
    core: &Arc<SessionCore>,
    room: &RoomId,
    subscription: &Subscription,
) -> bool {
    while !core.is_closed() {
        if try_live(subscription) {
            return true;
        }
        let Some((position, until, recent)) = where_is(subscription) else {
            return true;
        };
        let delivery = match recent {
            Some(delivery) => delivery,
            None => match read(core, room, position, until).await {
                Some(delivery) => delivery,
                None => continue,
            },
        };
        let Payload::Events(block) = &delivery.payload else {
            return true;
        };
        let last = block.last();
        if !push(core, &delivery).await {
            return false;
        }
        let mut feed = subscription.feed.lock();
        let Some(entry) = feed.entry(subscription.place) else {
            return true;
        };
        entry.position = last;
        let over = entry.until.is_some_and(|until| last >= until);
        drop(feed);
        if over {
            core.end(&core.fanout, room, subscription.place.serial);
            return true;
        }
    }
    false
}

type Standing = (Sequence, Option<Sequence>, Option<Arc<Delivery>>);

fn where_is(subscription: &Subscription) -> Option<Standing> {
    let mut feed = subscription.feed.lock();
    let entry = feed.entry(subscription.place)?;
    let (position, until) = (entry.position, entry.until);
    let recent = feed.recent_after(position).filter(|delivery| {
        let Payload::Events(block) = &delivery.payload else {
            return false;
        };
        until.is_none_or(|until| block.last() <= until)
    });
    Some((position, until, recent))
}

async fn read(
    core: &SessionCore,
    room: &RoomId,
    position: Sequence,
    until: Option<Sequence>,
) -> Option<Arc<Delivery>> {
    match core.fanout.read_shown(room, position).await {
        Ok(mut shown) => {
            shown.retain(|(sequence, _)| until.is_none_or(|until| *sequence <= until));
            let first = shown.first()?.0;
            let events = shown.into_iter().map(|(_, shown)| shown).collect();
            Some(Delivery::new(Payload::Events(Block {
                room: room.clone(),
                first,
                events,
            })))
        }
        Err(error) => {
            tracing::warn!(%room, %error, "catch-up will be tried again");
            tokio::time::sleep(Duration::from_millis(core.fanout.limits.retry_ms)).await;
            None
        }
    }
}

/// Pushes, waiting for the queue to drain as often as it takes; false when the connection is gone.
async fn push(core: &SessionCore, delivery: &Arc<Delivery>) -> bool {
    loop {
        match core.outlet.push(delivery) {
            Pushed::Accepted => return true,
            Pushed::Closed => return false,
            Pushed::Full => {
                let (wake, drained) = tokio::sync::oneshot::channel();
                core.outlet.on_drain(Box::new(move || {
                    let _ = wake.send(());
                }));
                if drained.await.is_err() || core.is_closed() {
                    return false;
                }
            }
        }
    }
}
