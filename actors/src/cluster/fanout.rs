//! Durable events → live subscriptions of this node; gaps are filled from the journal.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::FanoutLimits;
use super::feed::{After, Feed};
use super::peers::Peers;
use super::shown::{self, Listened};
use crate::clock::Clock;
use crate::delivery::{Payload, Shown};
use crate::ids::{EntityId, EntityKind, RoomId, Sequence, UserId};
use crate::journal::{Head, Journal, PageLimit, Range, ReadError, Row, Table};
use crate::machines::room::cards::rooms_of_user_key;
use crate::mutation::{self, Mutation};
use crate::runtime::CommitSink;

/// Called with each user who became a member of a room, for sessions of this node to be told.
pub type OnAdded = Box<dyn Fn(RoomId, UserId) + Send + Sync>;

/// The feeds of all entities that have subscribers here.
pub struct Fanout {
    pub(crate) feeds: DashMap<EntityId, Arc<Mutex<Feed>>>,
    counts: Counts,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Arc<FanoutLimits>,
    pub(crate) readers: Semaphore,
    /// Entities of whose feeds something is to be done at the next tick, under one short lock.
    pub(crate) restless: Mutex<std::collections::BTreeSet<EntityId>>,
    on_added: std::sync::OnceLock<OnAdded>,
    /// This node among others, if it is.
    peers: std::sync::OnceLock<Weak<Peers>>,
    pub(super) gap_fills: AtomicU64,
    me: Weak<Fanout>,
}

impl<M: Listened> CommitSink<M> for Fanout {
    fn committed(&self, entity: &EntityId, row: &Row, events: &[M::Event]) {
        self.became_durable::<M>(entity, row.first, events);
    }

    fn advanced(&self, entity: &EntityId, head: Head) {
        self.heard(entity, head.sequence);
    }

    fn failed(&self, entity: &EntityId) {
        self.look_after(entity.clone());
    }
}

/// How many feeds there are of each kind.
#[derive(Default)]
struct Counts([AtomicUsize; EntityKind::ALL.len()]);

impl Counts {
    fn of(&self, kind: EntityKind) -> &AtomicUsize {
        &self.0[kind.number()]
    }
}

/// Pauses between looks at the head of an entity that failed.
const LOOK_AFTER: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(8),
    Duration::from_secs(30),
];

impl Fanout {
    /// A fan-out without feeds.
    pub fn new(
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        limits: Arc<FanoutLimits>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            feeds: DashMap::new(),
            counts: Counts::default(),
            journal,
            clock,
            readers: Semaphore::new(limits.catch_ups.max(1)),
            limits,
            restless: Mutex::default(),
            on_added: std::sync::OnceLock::new(),
            peers: std::sync::OnceLock::new(),
            gap_fills: AtomicU64::new(0),
            me: me.clone(),
        })
    }

    /// Who is told of new members. Set once, before traffic.
    pub fn on_added(&self, told: OnAdded) {
        if self.on_added.set(told).is_err() {
            tracing::error!("the listener for new members was set twice");
        }
    }

    /// This node lives among others from now on. Set once, before traffic; false if it does already.
    pub(super) fn among(&self, peers: Weak<Peers>) -> bool {
        self.peers.set(peers).is_ok()
    }

    pub(super) fn peers(&self) -> Option<Arc<Peers>> {
        self.peers.get().and_then(Weak::upgrade)
    }

    /// Someone became a member of a room.
    pub(super) fn added(&self, room: &RoomId, user: &UserId) {
        if let Some(told) = self.on_added.get() {
            told(room.clone(), user.clone());
        }
    }

    /// Durable events of an entity: its new members are told, its readers are shown them.
    fn became_durable<M: Listened>(&self, entity: &EntityId, first: Sequence, events: &[M::Event]) {
        if let Some(room) = entity.as_room() {
            let users = events.iter().filter_map(M::added);
            users.for_each(|user| self.added(&room, user));
        }
        self.published(entity, first, || events.iter().map(M::show).collect());
    }

    /// Durable events of an entity, from this node or another.
    pub(super) fn published(
        &self,
        entity: &EntityId,
        first: Sequence,
        shown: impl FnOnce() -> Vec<Shown>,
    ) {
        if let Some(feed) = self.feeds.get(entity).map(|feed| feed.clone()) {
            self.publish(&feed, first, &shown());
        }
    }

    /// Looks how far an entity reaches, beside whatever else goes on.
    pub(super) fn look(&self, entity: EntityId) {
        let known = |me: &Arc<Self>| me.feeds.contains_key(&entity);
        let Some(me) = self.me.upgrade().filter(known) else {
            return;
        };
        tokio::spawn(async move {
            let Ok(_permit) = me.readers.acquire().await else {
                return;
            };
            metrics::counter!("mussikon_head_looks_total").increment(1);
            match me.journal.head(&entity).await {
                Ok(head) => me.heard(&entity, head.sequence),
                Err(error) => {
                    tracing::warn!(%entity, %error, "head unreadable");
                    if let Some(peers) = me.peers() {
                        peers.look_again(entity);
                    }
                }
            }
        });
    }

    /// Entities of a kind with subscribers here.
    pub fn subscribed(&self, kind: EntityKind) -> usize {
        self.counts.of(kind).load(Ordering::Relaxed)
    }

    /// A room's feed, if it has subscribers here.
    pub(crate) fn feed_of(&self, room: &RoomId) -> Option<Arc<Mutex<Feed>>> {
        let feed = self.feeds.get(&EntityId::room(room));
        feed.map(|feed| feed.clone())
    }

    pub(crate) fn feed(&self, entity: &EntityId) -> Arc<Mutex<Feed>> {
        self.feeds
            .entry(entity.clone())
            .or_insert_with(|| {
                // Under the shard's lock, as its end is: beginnings and ends alternate.
                if let Some(peers) = self.peers() {
                    peers.want(entity);
                }
                self.counts.of(entity.kind).fetch_add(1, Ordering::Relaxed);
                let feed = Feed::new(entity.clone(), self.recent_events(entity.kind));
                Arc::new(Mutex::new(feed))
            })
            .clone()
    }

    /// Live events kept for those who resume shortly after. Of what has few readers there are too many feeds for that, and
    /// the journal has the events as well.
    fn recent_events(&self, kind: EntityKind) -> usize {
        match kind {
            EntityKind::Room => self.limits.recent_events,
            EntityKind::User | EntityKind::Request | EntityKind::Inbox => 0,
        }
    }

    /// Gives up a feed that nobody needs. The shard's lock keeps a new subscriber from taking it meanwhile:
    /// whoever holds a clone of the `Arc` still counts, and then this answers that it is to be tried again.
    pub(crate) fn forget_unused(&self, entity: &EntityId) -> bool {
        let mut unused = false;
        let removed = self.feeds.remove_if(entity, |_, feed| {
            unused = feed.lock().is_unused();
            let ends = unused && Arc::strong_count(feed) == 1;
            if ends {
                self.counts.of(entity.kind).fetch_sub(1, Ordering::Relaxed);
            }
            if ends && let Some(peers) = self.peers() {
                peers.release(entity);
            }
            ends
        });
        unused && removed.is_none()
    }

    fn publish(&self, feed: &Arc<Mutex<Feed>>, first: Sequence, shown: &[Shown]) {
        let mut after = After::default();
        feed.lock().publish(first, shown, &mut after);
        self.follow_up(feed, after);
    }

    fn follow_up(&self, feed: &Arc<Mutex<Feed>>, after: After) {
        for session in after.behind {
            metrics::counter!("mussikon_slow_consumers_total").increment(1);
            session.fall_behind();
        }
        if !after.ended.is_empty() {
            let entity = feed.lock().entity().clone();
            for (session, serial) in after.ended {
                session.end(&entity, serial);
            }
        }
        if after.gap {
            self.fill(feed.clone());
        }
    }

    /// An entity's journal reaches at least to `head`: what its feed has not seen is read.
    pub fn heard(&self, entity: &EntityId, head: Sequence) {
        let Some(feed) = self.feeds.get(entity).map(|feed| feed.clone()) else {
            return;
        };
        let gap = feed.lock().heard(head);
        if gap {
            self.fill(feed);
        }
    }

    /// Reads what the feed missed and publishes it as if it had come live. One reader per feed.
    fn fill(&self, feed: Arc<Mutex<Feed>>) {
        metrics::counter!("mussikon_gap_fills_total").increment(1);
        self.gap_fills.fetch_add(1, Ordering::Relaxed);
        feed.lock().fills += 1;
        let Some(me) = self.me.upgrade() else {
            return;
        };
        tokio::spawn(async move {
            let entity = feed.lock().entity().clone();
            while let Some(position) = missing(&feed) {
                match me.read_shown(&entity, position).await {
                    Ok(shown) if !shown.is_empty() => {
                        let first = shown[0].0;
                        let events: Vec<Shown> = shown.into_iter().map(|(_, s)| s).collect();
                        let mut after = After::default();
                        feed.lock().publish_filled(first, &events, &mut after);
                        me.follow_up(&feed, after);
                    }
                    other => {
                        let error = other.err().map(|e| e.to_string());
                        tracing::warn!(%entity, error, "gap not filled yet");
                        if mutation::is_on(Mutation::FillOnce) {
                            return;
                        }
                        tokio::time::sleep(Duration::from_millis(me.limits.retry_ms)).await;
                    }
                }
            }
            me.restless.lock().insert(entity);
        });
    }

    /// Asks the journal a few times how far an entity reaches: an append of one that failed may have landed,
    /// or may yet, and no owner tells.
    fn look_after(&self, entity: EntityId) {
        let known = |me: &Arc<Self>| me.feeds.contains_key(&entity);
        let Some(me) = self.me.upgrade().filter(known) else {
            return;
        };
        tokio::spawn(async move {
            for pause in LOOK_AFTER {
                tokio::time::sleep(pause).await;
                match me.journal.head(&entity).await {
                    Ok(head) => me.heard(&entity, head.sequence),
                    Err(error) => tracing::warn!(%entity, %error, "head unreadable"),
                }
            }
        });
    }

    /// The sequence at which a user's membership of a room has changed last; nothing for who is no member.
    pub(crate) async fn member_since(
        &self,
        room: &RoomId,
        user: &UserId,
    ) -> Result<Option<Sequence>, ReadError> {
        let keys = vec![rooms_of_user_key(user, room)];
        let rows = self.journal.get_rows(Table::RoomsOfUser, keys).await?;
        let row = rows.into_iter().next().flatten();
        Ok(row.map(|row| Sequence(row.rank)))
    }

    /// A page of events after a position as readers see them now; empty at the end of the journal.
    pub(crate) async fn read_shown(
        &self,
        entity: &EntityId,
        after: Sequence,
    ) -> Result<Vec<(Sequence, Shown)>, ReadError> {
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
            .read(entity, Range::After(after), limit)
            .await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(Vec::new());
        };
        let overlays = self
            .journal
            .overlays(entity, first.first, last.last())
            .await?;
        let shown = shown::rows(entity, &rows, &overlays).map_err(|error| ReadError::Corrupt {
            entity: entity.clone(),
            sequence: first.first,
            reason: error.to_string(),
        })?;
        Ok(shown.into_iter().filter(|(s, _)| *s > after).collect())
    }

    /// Hands something that is not journaled to the live subscribers of a room.
    pub fn tell(&self, room: &RoomId, payload: Payload, except: Option<&UserId>) {
        if let Some(feed) = self.feed_of(room) {
            feed.lock().tell(payload, except);
        }
    }
}

fn missing(feed: &Mutex<Feed>) -> Option<Sequence> {
    feed.lock().missing()
}
