//! What goes on beside requests: ticks, cursor writes, passivation, news of new memberships.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use litemap::LiteMap;

use super::Hub;
use crate::cluster::cursors::Told;
use crate::delivery::{Delivery, Outlet, Payload};
use crate::ids::{RoomId, UserId};
use crate::journal::AppendError;

/// Connections of each user on this node.
#[derive(Default)]
pub(crate) struct UserSessions {
    users: DashMap<UserId, LiteMap<u64, Arc<dyn Outlet>>>,
    numbers: std::sync::atomic::AtomicU64,
}

impl UserSessions {
    pub fn add(&self, user: UserId, outlet: Arc<dyn Outlet>) -> u64 {
        let number = self
            .numbers
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // Most users have one connection, and keep it.
        let mut sessions = self
            .users
            .entry(user)
            .or_insert_with(|| LiteMap::with_capacity(1));
        sessions.insert(number, outlet);
        drop(sessions);
        number
    }

    pub fn remove(&self, user: &UserId, number: u64) {
        if let Some(mut sessions) = self.users.get_mut(user) {
            sessions.remove(&number);
        }
        self.users
            .remove_if(user, |_, sessions| sessions.is_empty());
    }

    fn outlets(&self, user: &UserId) -> Vec<Arc<dyn Outlet>> {
        self.users
            .get(user)
            .map(|sessions| sessions.values().cloned().collect())
            .unwrap_or_default()
    }
}

const TICK: Duration = Duration::from_millis(250);
/// Between two passivation sweeps and writes of who was seen.
const SECOND: Duration = Duration::from_secs(1);
/// Before a store that failed is asked to write read marks again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The hub after a pause, unless nobody has a handle of it any more.
pub(super) async fn after(pause: Duration, hub: &impl Fn() -> Option<Hub>) -> Option<Hub> {
    tokio::time::sleep(pause).await;
    hub()
}

impl Hub {
    /// Ends when the last handle of the hub is gone.
    pub(super) fn start_background(&self) {
        self.start_ticks();
        self.start_seconds();
        self.start_cursors();
        self.tell_new_members();
    }

    fn start_ticks(&self) {
        let hub = self.faintly();
        tokio::spawn(async move {
            while let Some(hub) = after(TICK, &hub).await {
                hub.fanout.tick();
            }
        });
    }

    /// By itself: presence must not wait for a store that is slow.
    fn start_seconds(&self) {
        let hub = self.faintly();
        tokio::spawn(async move {
            while let Some(hub) = after(SECOND, &hub).await {
                hub.each_second().await;
            }
        });
    }

    /// By itself: nothing else must wait for a store that is slow.
    fn start_cursors(&self) {
        let hub = self.faintly();
        let cursors = self.cursors.clone();
        tokio::spawn(async move {
            loop {
                cursors.pause().await;
                let Some(hub) = hub() else {
                    return;
                };
                let written = hub.write_cursors().await;
                drop(hub);
                if let Err(error) = written {
                    tracing::warn!(%error, "read marks not written yet");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        });
    }

    /// The hub again, as long as somebody has a handle of it.
    pub(super) fn faintly(&self) -> impl Fn() -> Option<Hub> + Send + Sync + 'static {
        let weak = Arc::downgrade(&self.parts);
        let (directories, fanout) = (self.directories.clone(), self.fanout.clone());
        let cursors = self.cursors.clone();
        move || {
            Some(Hub {
                parts: weak.upgrade()?,
                directories: directories.clone(),
                fanout: fanout.clone(),
                cursors: cursors.clone(),
            })
        }
    }

    async fn each_second(&self) {
        self.directories.passivate_idle();
        if let Err(error) = self.note_seen().await {
            tracing::warn!(%error, "signs of life not written");
        }
    }

    /// Writes what is due, and tells of all that was written.
    async fn write_cursors(&self) -> Result<(), AppendError> {
        let mut told = Vec::new();
        let written = self.cursors.write_due(&mut told).await;
        self.tell_read(told).await;
        written
    }

    async fn tell_read(&self, written: Told) {
        // Those of a room come one after the other.
        for marks in written.chunk_by(|(room, ..), (next, ..)| room == next) {
            if !self.tells_marks(&marks[0].0).await {
                continue;
            }
            for (room, user, up_to) in marks {
                if let Some(peers) = &self.parts.peers {
                    peers.tell_read(room, user, *up_to);
                }
                let payload = Payload::Read {
                    room: room.clone(),
                    user: user.clone(),
                    up_to: *up_to,
                };
                self.fanout.tell(room, payload, None);
            }
        }
    }

    /// Whether anybody is to hear of marks in this room. Other nodes may have subscribers where this one has none.
    async fn tells_marks(&self, room: &RoomId) -> bool {
        let present = self.fanout.feed_of(room).is_some() || self.parts.peers.is_some();
        present && self.is_small(room).await
    }

    /// `RoomAdded` to all connections of a new member, once the room can be asked for its view.
    fn tell_new_members(&self) {
        let weak = Arc::downgrade(&self.parts);
        let (directories, fanout) = (self.directories.clone(), Arc::downgrade(&self.fanout));
        let cursors = self.cursors.clone();
        self.fanout.on_added(Box::new(move |room, user| {
            let (Some(parts), Some(fanout)) = (weak.upgrade(), fanout.upgrade()) else {
                return;
            };
            let outlets = parts.sessions.outlets(&user);
            if outlets.is_empty() {
                return;
            }
            let hub = Hub {
                directories: directories.clone(),
                fanout,
                cursors: cursors.clone(),
                parts,
            };
            tokio::spawn(async move {
                let Ok(view) = hub.view(&room, &user).await else {
                    return;
                };
                let delivery = Delivery::new(Payload::RoomAdded(Box::new(view)));
                for outlet in outlets {
                    let _ = outlet.push(&delivery);
                }
            });
        }));
    }
}
