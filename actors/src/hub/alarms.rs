//! Alarms that are due: looked for in a task of its own, whatever else goes on; so many entities are roused at once.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::{AbortHandle, JoinSet};

use super::Hub;
use super::background::after;
use crate::ids::{EntityId, Timestamp};
use crate::runtime::alarm::{Kind, LANDED_MS};

/// An entity that wants to be woken, and since when.
type Alarm = (EntityId, Timestamp);

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Alarms that are read at once, and how often in one look; the next look goes on from there.
const PAGE: usize = 256;
const PAGES: usize = 16;
/// An alarm of another node's entity that has been due for so long, while this node was looking, is taken up here, in
/// milliseconds. It is harmless: recovery can be repeated, and of two owners only one can append.
const FORSAKEN_MS: u64 = 30_000;
/// An alarm that has been due for so long and is still needed is put off for as long, in milliseconds.
const PUT_OFF_MS: u64 = 5_000;
/// No entity may take up a place for longer.
const LONGEST: Duration = Duration::from_secs(30);

/// Where alarms are read from, and what is done about them.
trait Bell: Clone + Send + Sync + 'static {
    fn now(&self) -> Timestamp;
    /// Whether this node is to see to an entity.
    fn is_mine(&self, entity: &EntityId) -> bool;
    /// A page of what is due, above an alarm; `None` if it cannot be read.
    fn due(&self, after: Option<Alarm>) -> BoxFuture<'_, Option<Vec<Alarm>>>;
    /// Rouses the entity, and clears the alarm if it is of no use any more.
    fn heed(&self, alarm: Alarm) -> BoxFuture<'static, ()>;
}

/// Looks for alarms and has them heeded.
struct Watch {
    at_once: usize,
    tasks: JoinSet<()>,
    under_way: BTreeMap<Alarm, AbortHandle>,
    /// Where the last look ended, unless it saw everything.
    after: Option<Alarm>,
    /// When this node began to look.
    since: Option<Timestamp>,
}

impl Watch {
    fn new(at_once: usize) -> Self {
        Self {
            at_once: at_once.max(1),
            tasks: JoinSet::new(),
            under_way: BTreeMap::new(),
            after: None,
            since: None,
        }
    }

    /// One look: what is this node's is heeded, and afterwards some of what nobody seems to heed.
    async fn look(&mut self, bell: &impl Bell) {
        let mut forsaken = Vec::new();
        for _ in 0..PAGES {
            let Some(page) = bell.due(self.after.take()).await else {
                return;
            };
            let full = page.len() >= PAGE;
            self.after = page.last().filter(|_| full).cloned();
            for alarm in page {
                if bell.is_mine(&alarm.0) {
                    self.heed(bell, alarm).await;
                } else if forsaken.len() < self.at_once && self.is_forsaken(alarm.1, bell.now()) {
                    forsaken.push(alarm);
                }
            }
            if self.after.is_none() {
                break;
            }
        }
        for alarm in forsaken {
            self.heed(bell, alarm).await;
        }
    }

    /// After a start, or a night in which all nodes were down, the owners come first.
    fn is_forsaken(&mut self, due: Timestamp, now: Timestamp) -> bool {
        let since = self.since.get_or_insert(now);
        // A clock that was set back makes nobody wait for it to come round again.
        *since = now.min(*since);
        now.since(due.max(*since)) >= FORSAKEN_MS
    }

    /// Begins to heed an alarm, once there is a place for it, unless that has begun before.
    async fn heed(&mut self, bell: &impl Bell, alarm: Alarm) {
        self.note_ended();
        if self.under_way.contains_key(&alarm) {
            return;
        }
        while self.tasks.len() >= self.at_once {
            self.tasks.join_next().await;
        }
        let heeded = tokio::time::timeout(LONGEST, bell.heed(alarm.clone()));
        let task = self.tasks.spawn(heeded.map(drop));
        self.under_way.insert(alarm, task);
    }

    fn note_ended(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        self.under_way.retain(|_, task| !task.is_finished());
    }
}

impl Hub {
    /// Ends when the last handle of the hub is gone.
    pub(super) fn start_alarms(&self, at_once: usize) {
        let hub = self.faintly();
        tokio::spawn(async move {
            let mut watch = Watch::new(at_once);
            while let Some(hub) = after(LOOK, &hub).await {
                watch.look(&hub).await;
            }
        });
    }

    async fn see_to(&self, (entity, at): Alarm) {
        // Waking recovers, recovering repairs; only then is the alarm cleared.
        let over = match self.directories.rouse(&entity, at).await {
            true => self.look_again(&entity, at).await,
            false => self.put_off(&entity, at).await,
        };
        if !over {
            return;
        }
        if let Err(error) = self.parts.wakeups.clear(&entity, at).await {
            tracing::warn!(%entity, %error, "wake-up not cleared");
        }
    }

    /// An append whose writer has not reported back may land after the entity was repaired.
    async fn look_again(&self, entity: &EntityId, at: Timestamp) -> bool {
        if Kind::of(at) != Kind::Repair {
            return true;
        }
        let landed = self.parts.clock.now().plus_millis(LANDED_MS);
        let armed = self
            .parts
            .wakeups
            .arm(entity, Kind::Landed.at(landed))
            .await;
        armed.is_ok()
    }

    /// An alarm that is still needed goes off again a little later, so that it does not stand in the way of others for ever.
    async fn put_off(&self, entity: &EntityId, at: Timestamp) -> bool {
        let now = self.parts.clock.now();
        if now.since(at) < PUT_OFF_MS {
            return false;
        }
        let later = Kind::of(at).at(now.plus_millis(PUT_OFF_MS));
        let armed = self.parts.wakeups.arm(entity, later).await;
        armed.is_ok()
    }
}

impl Bell for Hub {
    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    fn is_mine(&self, entity: &EntityId) -> bool {
        self.parts.peers.as_ref().is_none_or(|p| p.owns(entity))
    }

    fn due(&self, after: Option<Alarm>) -> BoxFuture<'_, Option<Vec<Alarm>>> {
        let due = self.parts.wakeups.due(self.now(), after, PAGE);
        let told = |error| tracing::warn!(%error, "wake-ups unreadable");
        Box::pin(async move { due.await.map_err(told).ok() })
    }

    fn heed(&self, alarm: Alarm) -> BoxFuture<'static, ()> {
        let hub = self.clone();
        Box::pin(async move { hub.see_to(alarm).await })
    }
}

#[cfg(test)]
mod tests;
