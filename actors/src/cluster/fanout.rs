//! Durable events → live subscriptions of this node; gaps are filled from the journal.

use std::sync::{Arc, Weak};
use std::time::Duration;

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::FanoutLimits;
use super::feed::{After, Feed};
use super::session::SessionCore;
use crate::clock::Clock;
use crate::delivery::{Payload, Shown};
use crate::ids::{EntityId, RoomId, Sequence, UserId};
use crate::journal::{Head, Journal, PageLimit, Range, ReadError};
use crate::machines::room::latest;
use crate::machines::room::{Room, RoomEntry, RoomEvent};
use crate::runtime::CommitSink;

/// Called with each user who became a member of a room, for sessions of this node to be told.
pub type OnAdded = Box<dyn Fn(RoomId, UserId) + Send + Sync>;

/// The feeds of all rooms that have subscribers here.
pub struct Fanout {
    pub(crate) feeds: DashMap<RoomId, Arc<Mutex<Feed>>>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Arc<FanoutLimits>,
    pub(crate) readers: Semaphore,
    /// Rooms with something to announce at the next tick, under one short lock.
    pub(crate) restless: Mutex<std::collections::BTreeSet<RoomId>>,
    on_added: std::sync::OnceLock<OnAdded>,
    me: Weak<Fanout>,
}

impl CommitSink<Room> for Fanout {
    fn committed(&self, entity: &EntityId, first: Sequence, _head: Head, events: &[RoomEntry]) {
        let Some(room) = entity.as_room() else {
            return;
        };
        for entry in events {
            if let (RoomEvent::MemberAdded { user, .. }, Some(told)) =
                (&entry.event, self.on_added.get())
            {
                told(room.clone(), user.clone());
            }
        }
        let Some(feed) = self.feeds.get(&room).map(|feed| feed.clone()) else {
            return;
        };
        let shown: Vec<Shown> = events
            .iter()
            .map(|entry| latest::show_event(&entry.event))
            .collect();
        self.publish(&feed, first, &shown);
    }
}

impl Fanout {
    /// A fan-out without feeds.
    pub fn new(
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        limits: Arc<FanoutLimits>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            feeds: DashMap::new(),
            journal,
            clock,
            readers: Semaphore::new(limits.catch_ups.max(1)),
            limits,
            restless: Mutex::default(),
            on_added: std::sync::OnceLock::new(),
            me: me.clone(),
        })
    }

    /// Who is told of new members. Set once, before traffic.
    pub fn on_added(&self, told: OnAdded) {
        if self.on_added.set(told).is_err() {
            tracing::error!("the listener for new members was set twice");
        }
    }

    /// Rooms with subscribers here.
    pub fn rooms(&self) -> usize {
        self.feeds.len()
    }

    pub(crate) fn feed(&self, room: &RoomId) -> Arc<Mutex<Feed>> {
        self.feeds
            .entry(room.clone())
            .or_insert_with(|| {
                let feed = Feed::new(room.clone(), self.limits.recent_events);
                Arc::new(Mutex::new(feed))
            })
            .clone()
    }

    /// Gives up a feed that nobody needs. The shard's lock keeps a new subscriber from taking it meanwhile:
    /// whoever holds a clone of the `Arc` still counts.
    pub(crate) fn forget_unused(&self, room: &RoomId) {
        self.feeds.remove_if(room, |_, feed| {
            Arc::strong_count(feed) == 1 && feed.lock().is_unused()
        });
    }

    pub(crate) fn publish(&self, feed: &Arc<Mutex<Feed>>, first: Sequence, shown: &[Shown]) {
        let mut after = After::default();
        feed.lock().publish(first, shown, &mut after);
        for session in after.behind {
            metrics::counter!("mussikon_slow_consumers_total").increment(1);
            session.fall_behind();
        }
        let room = feed.lock().room().clone();
        for (session, serial) in after.ended {
            SessionCore::end(&session, self, &room, serial);
        }
        if after.gap {
            self.fill(feed.clone());
        }
    }

    /// Reads what the feed missed and publishes it as if it had come live. One reader per feed.
    fn fill(&self, feed: Arc<Mutex<Feed>>) {
        metrics::counter!("mussikon_gap_fills_total").increment(1);
        let Some(me) = self.me.upgrade() else {
            return;
        };
        tokio::spawn(async move {
            while let Some((room, position)) = still_missing(&feed) {
                match me.read_shown(&room, position).await {
                    Ok(shown) if !shown.is_empty() => {
                        let first = shown[0].0;
                        let events: Vec<Shown> = shown.into_iter().map(|(_, s)| s).collect();
                        me.publish(&feed, first, &events);
                    }
                    other => {
                        let error = other.err().map(|e| e.to_string());
                        tracing::warn!(%room, error, "gap not filled yet");
                        tokio::time::sleep(Duration::from_millis(me.limits.retry_ms)).await;
                    }
                }
            }
        });
    }

    /// A page of events after a position as readers see them now; empty at the end of the journal.
    pub(crate) async fn read_shown(
        &self,
        room: &RoomId,
        after: Sequence,
    ) -> Result<Vec<(Sequence, Shown)>, ReadError> {
        let entity = EntityId::room(room);
        let limit = PageLimit {
            records: self.limits.page_records,
            bytes: self.limits.page_bytes,
        };
        let _permit = self
            .readers
            .acquire()
            .await
            .map_err(|e| ReadError::Unavailable(e.to_string()))?;
        let rows = self
            .journal
            .read(&entity, Range::After(after), limit)
            .await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(Vec::new());
        };
        let overlays = self
            .journal
            .overlays(&entity, first.first, last.last())
            .await?;
        let shown = latest::show(&rows, &overlays).map_err(|error| ReadError::Corrupt {
            entity: entity.clone(),
            sequence: first.first,
            reason: error.to_string(),
        })?;
        Ok(shown.into_iter().filter(|(s, _)| *s > after).collect())
    }

    /// Hands something that is not journaled to the live subscribers of a room.
    pub fn tell(&self, room: &RoomId, payload: Payload, except: Option<&UserId>) {
        if let Some(feed) = self.feeds.get(room).map(|feed| feed.clone()) {
            feed.lock().tell(payload, except);
        }
    }
}

/// Where filling must go on; when nothing is missing, filling is over.
fn still_missing(feed: &Mutex<Feed>) -> Option<(RoomId, Sequence)> {
    let mut feed = feed.lock();
    let position = feed.position.unwrap_or_default();
    feed.filling = position < feed.wanted;
    feed.filling.then(|| (feed.room().clone(), position))
}
