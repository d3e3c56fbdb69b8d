//! The hub as its edges see it: one façade over entities, sessions, history and lists of rooms.

mod background;
mod history;
mod relay;
mod rooms;
mod session;
mod whereabouts;

use std::collections::BTreeSet;
use std::sync::Arc;

use thiserror::Error;

pub use history::{History, HistoryEntry, HistoryPage};
pub use rooms::{RoomListing, RoomsPage};
pub use session::{HubSession, Joined, Looked};
pub use whereabouts::Whereabouts;

use crate::clock::Clock;
use crate::cluster::cursors::{Cursor, Cursors, CursorsFull};
use crate::cluster::{Fanout, FanoutLimits, PeerParts, Peers, RouteError};
use crate::ids::{EntityId, RoomId, Sequence, UserId};
use crate::journal::{Journal, RETRY_AFTER, ReadError, Wakeups};
use crate::machines::room::{
    MemberView, Room, RoomCommand, RoomLimits, RoomRejection, RoomReply, RoomView,
};
use crate::mutation::{self, Mutation};
use crate::runtime::{AskError, Deps, Directory, NoErrands, RuntimeLimits};

/// Every bound of the hub without its wire.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HubLimits {
    /// Rules of rooms.
    pub room: RoomLimits,
    /// Journaled actors.
    pub runtime: RuntimeLimits,
    /// Sessions and fan-out.
    pub fanout: FanoutLimits,
}

/// What a hub stands on.
pub struct HubParts {
    /// Durable storage.
    pub journal: Arc<dyn Journal>,
    /// Durable alarms.
    pub wakeups: Arc<dyn Wakeups>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Bounds.
    pub limits: HubLimits,
    /// Any number that differs between nodes and starts.
    pub salt: u64,
}

/// Why the hub did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HubError {
    /// A room's rules said no, or the room could not answer.
    #[error(transparent)]
    Room(#[from] AskError<RoomRejection>),
    /// The store could not be read.
    #[error("unavailable ({0}), retry after 250 ms")]
    Store(#[from] ReadError),
    /// Another node owns the room and this one is cut off from it: nothing was begun.
    #[error("this node is cut off from the owner of the room, retry after {} ms", crate::journal::RETRY_AFTER.as_millis())]
    CutOff,
    /// A bound of the session or node is reached.
    #[error("{0}")]
    Limit(String),
    /// The awaited position was not reached in time.
    #[error("the room has not reached sequence {0} yet, retry after 250 ms")]
    NotReached(Sequence),
}

impl From<RouteError> for HubError {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::Ask(error) => HubError::Room(error),
            RouteError::CutOff => HubError::CutOff,
        }
    }
}

impl HubError {
    /// A rule's refusal.
    pub fn rejected(rejection: RoomRejection) -> Self {
        HubError::Room(AskError::Rejected(rejection))
    }
}

/// The hub of one node.
#[derive(Clone)]
pub struct Hub {
    directory: Directory<Room>,
    fanout: Arc<Fanout>,
    cursors: Arc<Cursors>,
    parts: Arc<Shared>,
}

pub(crate) struct Shared {
    journal: Arc<dyn Journal>,
    wakeups: Arc<dyn Wakeups>,
    clock: Arc<dyn Clock>,
    limits: Arc<FanoutLimits>,
    sessions: background::UserSessions,
    /// This node among others, if it is.
    peers: Option<Arc<Peers>>,
}

impl Hub {
    /// Starts a hub: its supervisor and its background tasks on the current runtime.
    pub async fn start(parts: HubParts) -> Result<Self, ractor::SpawnErr> {
        Self::start_as(parts, None).await
    }

    /// Starts a hub that is one node among others.
    pub async fn start_among(parts: HubParts, peers: PeerParts) -> Result<Self, ractor::SpawnErr> {
        Self::start_as(parts, Some(peers)).await
    }

    async fn start_as(parts: HubParts, peers: Option<PeerParts>) -> Result<Self, ractor::SpawnErr> {
        let limits = Arc::new(parts.limits.fanout);
        let fanout = Fanout::new(parts.journal.clone(), parts.clock.clone(), limits.clone());
        let peers = peers.map(|peers| Peers::new(peers, fanout.clone(), parts.salt));
        let relay = peers.as_ref().map(Peers::relay);
        let cursors = Arc::new(Cursors::new(parts.journal.clone(), limits.clone()));
        let directory = Directory::start(Deps {
            journal: parts.journal.clone(),
            wakeups: parts.wakeups.clone(),
            clock: parts.clock.clone(),
            sink: relay::sink(fanout.clone(), cursors.clone(), relay),
            errands: Arc::new(NoErrands),
            limits: Arc::new(parts.limits.runtime),
            rules: Arc::new(parts.limits.room),
            salt: parts.salt,
        })
        .await?;
        let hub = Self {
            directory,
            fanout,
            cursors,
            parts: Arc::new(Shared {
                journal: parts.journal,
                wakeups: parts.wakeups,
                clock: parts.clock,
                limits,
                sessions: background::UserSessions::default(),
                peers,
            }),
        };
        hub.start_background();
        if let Some(peers) = &hub.parts.peers {
            peers.join(hub.directory.clone());
        }
        Ok(hub)
    }

    /// This node among others, if it is.
    pub fn peers(&self) -> Option<&Arc<Peers>> {
        self.parts.peers.as_ref()
    }

    /// Asks a room, on whichever node it lives.
    pub async fn room(&self, room: &RoomId, command: RoomCommand) -> Result<RoomReply, HubError> {
        let entity = EntityId::room(room);
        if let Some(peers) = &self.parts.peers {
            return Ok(peers.ask(&entity, command).await?);
        }
        let bytes = command.weight();
        Ok(self.directory.ask(&entity, command, bytes).await?)
    }

    /// The room as a user sees it; refused to those who may not read it.
    pub async fn view(&self, room: &RoomId, by: &UserId) -> Result<RoomView, HubError> {
        match self
            .room(room, RoomCommand::View { by: by.clone() })
            .await?
        {
            RoomReply::Room(view) => Ok(view),
            _ => Err(HubError::Limit("a room answered out of turn".into())),
        }
    }

    /// A page of members with whether each is online: subscribed to the room on any node.
    pub async fn members(
        &self,
        room: &RoomId,
        by: &UserId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<(MemberView, bool)>, HubError> {
        let command = RoomCommand::Members {
            by: by.clone(),
            after,
            limit,
        };
        let RoomReply::Members(members) = self.room(room, command).await? else {
            return Err(HubError::Limit("a room answered out of turn".into()));
        };
        let users: Vec<UserId> = members.iter().map(|member| member.user.clone()).collect();
        let online = match &self.parts.peers {
            Some(peers) => peers.online(room, users).await,
            None => self.fanout.online_here(room, &users).into_iter().collect(),
        };
        let marked = members.into_iter().map(|member| {
            let is_online = online.contains(&member.user);
            (member, is_online)
        });
        Ok(marked.collect())
    }

    /// Users present in a room on any node, as far as this node knows: it is told where it has subscribers itself.
    pub fn present(&self, room: &RoomId) -> BTreeSet<UserId> {
        let feed = self.fanout.feeds.get(room).map(|feed| feed.clone());
        let present = feed.map(|feed| feed.lock().present().into_iter().cloned().collect());
        present.unwrap_or_default()
    }

    /// Moves a user's read cursor forward, and answers where it stands. Written, and told to others, within about a
    /// second; a mark that is not ahead of the cursor changes nothing.
    pub async fn mark_read(
        &self,
        room: &RoomId,
        by: &UserId,
        up_to: Sequence,
    ) -> Result<Cursor, HubError> {
        let view = self.view(room, by).await?;
        if up_to > view.head {
            return Err(HubError::rejected(RoomRejection::Invalid {
                field: "upTo",
                problem: format!("is beyond the room's last sequence, {}", view.head),
            }));
        }
        let number = if up_to == view.head {
            view.message_count
        } else {
            self.message_number(room, up_to).await?
        };
        let cursor = Cursor { up_to, number };
        let held = self.cursors.of(by, std::slice::from_ref(room)).await?;
        let further = |held: &Cursor| *held >= cursor && !mutation::is_on(Mutation::MarkGoesBack);
        if let Some(held) = held.into_iter().find(further) {
            return Ok(held);
        }
        self.cursors.mark(room, by, cursor).map_err(|CursorsFull| {
            HubError::Room(AskError::Overloaded {
                retry_after: RETRY_AFTER,
            })
        })?;
        Ok(cursor)
    }

    /// Entities awake, rooms with subscribers, bytes of commands waiting: for gauges.
    pub fn load(&self) -> (usize, usize, usize) {
        (
            self.directory.awake(),
            self.fanout.rooms(),
            self.directory.waiting_bytes(),
        )
    }

    /// This node is about to drain; see [`Directory::leave`].
    pub fn leave(&self) {
        self.directory.leave();
    }

    /// Writes what waits, takes no new commands and puts all entities to sleep; returns when done.
    pub async fn drain(&self) {
        if let Err(error) = self.cursors.flush().await {
            tracing::warn!(%error, "read marks not written at drain");
        }
        if let Some(peers) = &self.parts.peers {
            peers.retire().await;
        }
        while !self.directory.drain() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        if let Some(peers) = &self.parts.peers {
            peers.leave().await;
        }
    }
}
