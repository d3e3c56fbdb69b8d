//! The hub as its edges see it: one façade over entities, sessions, history and lists of rooms.

mod alarms;
mod background;
mod errands;
mod error;
mod history;
mod inbox;
mod kinds;
mod matches;
mod nearby;
mod open;
mod people;
mod presence;
mod quotas;
pub mod reindex;
mod relay;
mod requests;
mod rooms;
pub mod search;
mod session;
mod watch;
mod whereabouts;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use error::HubError;
pub use history::{History, HistoryEntry, HistoryPage};
pub use inbox::{InboxItem, InboxPage};
pub use matches::{Match, matched};
pub use open::{OpenAt, OpenPage, OpenQuery};
pub use presence::Seen;
pub use requests::{Assignment, AuditPage, RequestsPage};
pub use rooms::{RoomListing, RoomsPage};
pub use session::{HubSession, Joined, Looked};
pub use watch::Watch;
pub use whereabouts::Whereabouts;

use self::kinds::Ground;
use self::relay::Listeners;
use crate::clock::Clock;
use crate::cluster::cursors::{Cursor, Cursors, CursorsFull};
use crate::cluster::{Directories, Fanout, FanoutLimits, Hosted, PeerParts, Peers, RouteError};
use crate::ids::{EntityId, EntityKind, RoomId, Sequence, UserId};
use crate::journal::{Journal, RETRY_AFTER, Wakeups};
use crate::machines::inbox::{Inbox, InboxLimits};
use crate::machines::matching::MatchingLimits;
use crate::machines::request::{Request, RequestLimits};
use crate::machines::room::{
    MemberView, Room, RoomCommand, RoomLimits, RoomRejection, RoomReply, RoomView,
};
use crate::machines::user::{User, UserLimits};
use crate::mutation::{self, Mutation};
use crate::runtime::{AskError, RuntimeLimits};

/// Every bound of the hub without its wire.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HubLimits {
    /// Rules of rooms.
    pub room: RoomLimits,
    /// Journaled actors.
    pub runtime: RuntimeLimits,
    /// Sessions and fan-out.
    pub fanout: FanoutLimits,
    /// Rules of users.
    pub user: UserLimits,
    /// Rules of matching requests.
    pub request: RequestLimits,
    /// Rules of inboxes.
    pub inbox: InboxLimits,
    /// The search for musicians.
    pub matching: MatchingLimits,
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

/// The hub of one node.
#[derive(Clone)]
pub struct Hub {
    directories: Directories,
    fanout: Arc<Fanout>,
    cursors: Arc<Cursors>,
    parts: Arc<Shared>,
}

pub(crate) struct Shared {
    journal: Arc<dyn Journal>,
    wakeups: Arc<dyn Wakeups>,
    clock: Arc<dyn Clock>,
    limits: Arc<FanoutLimits>,
    matching: MatchingLimits,
    inbox: InboxLimits,
    witness: matches::Witness,
    /// Lines in a page of a request's audit.
    audit_page: usize,
    quotas: quotas::Quotas,
    directories: Directories,
    signs: presence::Signs,
    sessions: background::UserSessions,
    /// This node among others, if it is.
    peers: Option<Arc<Peers>>,
}

impl Shared {
    async fn ask<M: Hosted>(
        &self,
        entity: &EntityId,
        command: M::Command,
    ) -> Result<M::Reply, RouteError<M::Rejection>> {
        if let Some(peers) = &self.peers {
            return peers.ask::<M>(entity, command).await;
        }
        Ok(self.directories.ask::<M>(entity, command).await?)
    }
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
        let directories = Directories::new(&parts.limits.runtime);
        let among = |peers| Peers::new(peers, fanout.clone(), directories.clone(), parts.salt);
        let peers = peers.map(among);
        let alarms_at_once = parts.limits.runtime.alarms_at_once;
        let cursors = Arc::new(Cursors::new(parts.journal.clone(), limits.clone()));
        let listeners = Listeners {
            fanout: fanout.clone(),
            relay: peers.as_ref().map(Peers::relay),
        };
        let runner = Arc::new(errands::Runner::default());
        let ground = Ground {
            journal: parts.journal.clone(),
            wakeups: parts.wakeups.clone(),
            clock: parts.clock.clone(),
            errands: runner.clone(),
            limits: Arc::new(parts.limits.runtime),
            salt: parts.salt,
            listeners,
            directories: directories.clone(),
        };
        let rooms = relay::Rooms {
            listeners: ground.listeners.clone(),
            cursors: cursors.clone(),
        };
        ground
            .host::<Room>(parts.limits.room, Arc::new(rooms))
            .await?;
        let listeners = Arc::new(ground.listeners.clone());
        let (users, matching) = (parts.limits.user, parts.limits.matching);
        ground.host::<User>(users, Arc::new(relay::Nobody)).await?;
        let inbox = parts.limits.inbox;
        ground.host::<Inbox>(inbox.clone(), listeners).await?;
        let requests = matches::Requests {
            listeners: ground.listeners.clone(),
            witness: matches::Witness::default(),
        };
        let (witness, audit_page) = (requests.witness.clone(), parts.limits.request.audit_page);
        let quotas = quotas::Quotas::new(&parts.limits.request);
        ground
            .host::<Request>(parts.limits.request, Arc::new(requests))
            .await?;
        let hub = Self {
            directories: directories.clone(),
            fanout,
            cursors,
            parts: Arc::new(Shared {
                directories,
                matching,
                inbox,
                witness,
                audit_page,
                quotas,
                signs: presence::Signs::default(),
                journal: parts.journal,
                wakeups: parts.wakeups,
                clock: parts.clock,
                limits,
                sessions: background::UserSessions::default(),
                peers,
            }),
        };
        runner.serve(Arc::downgrade(&hub.parts));
        hub.start_background();
        hub.start_alarms(alarms_at_once);
        if let Some(peers) = &hub.parts.peers {
            peers.join();
        }
        Ok(hub)
    }

    /// This node among others, if it is.
    pub fn peers(&self) -> Option<&Arc<Peers>> {
        self.parts.peers.as_ref()
    }

    /// Asks a room, on whichever node it lives.
    pub async fn room(&self, room: &RoomId, command: RoomCommand) -> Result<RoomReply, HubError> {
        Ok(self.ask::<Room>(&EntityId::room(room), command).await?)
    }

    /// Asks an entity of any kind, on whichever node it lives.
    pub async fn ask<M: Hosted>(
        &self,
        entity: &EntityId,
        command: M::Command,
    ) -> Result<M::Reply, RouteError<M::Rejection>> {
        self.parts.ask::<M>(entity, command).await
    }

    /// The room as a user sees it; refused to those who may not read it.
    pub async fn view(&self, room: &RoomId, by: &UserId) -> Result<RoomView, HubError> {
        match self
            .room(room, RoomCommand::View { by: by.clone() })
            .await?
        {
            RoomReply::Room(view) => Ok(view),
            _ => Err(HubError::internal("a room answered out of turn")),
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
            return Err(HubError::internal("a room answered out of turn"));
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
        let present = self
            .fanout
            .feed_of(room)
            .map(|feed| feed.lock().present().into_iter().cloned().collect());
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
            self.directories.awake(),
            self.fanout.subscribed(EntityKind::Room),
            self.directories.waiting_bytes(),
        )
    }

    /// Entities of a kind with subscribers on this node.
    pub fn subscribed(&self, kind: EntityKind) -> usize {
        self.fanout.subscribed(kind)
    }

    /// This node is about to drain; see [`Directories::leave`].
    pub fn leave(&self) {
        self.directories.leave();
    }

    /// Writes what waits, takes no new commands and puts all entities to sleep; returns when done.
    pub async fn drain(&self) {
        self.write_all_cursors().await;
        if let Some(peers) = &self.parts.peers {
            peers.retire().await;
        }
        while !self.directories.drain() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        // Of those who sent meanwhile.
        self.write_all_cursors().await;
        if let Some(peers) = &self.parts.peers {
            peers.leave().await;
        }
    }

    /// Tells nobody: whoever would be told leaves with this node, or reads what is stored.
    async fn write_all_cursors(&self) {
        if let Err(error) = self.cursors.flush().await {
            tracing::warn!(%error, "read marks not written at drain");
        }
    }
}
