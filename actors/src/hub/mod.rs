//! The hub as its edges see it: one façade over entities, sessions, history and lists of rooms.

mod background;
mod history;
mod relay;
mod rooms;

use std::sync::Arc;

use thiserror::Error;

pub use history::{History, HistoryEntry, HistoryPage};
pub use relay::Relay;
pub use rooms::{RoomListing, RoomsPage};

use crate::clock::Clock;
use crate::cluster::cursors::{Cursor, Cursors, CursorsFull};
use crate::cluster::{Fanout, FanoutLimits, Registered, Session, Starting};
use crate::delivery::Outlet;
use crate::ids::{EntityId, RoomId, Sequence, UserId};
use crate::journal::{Journal, RETRY_AFTER, ReadError, Wakeups};
use crate::machines::room::{
    MemberView, Room, RoomCommand, RoomLimits, RoomRejection, RoomReply, RoomView,
};
use crate::runtime::{AskError, Deps, Directory, RuntimeLimits};

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
    /// A bound of the session or node is reached.
    #[error("{0}")]
    Limit(String),
    /// The awaited position was not reached in time.
    #[error("the room has not reached sequence {0} yet, retry after 250 ms")]
    NotReached(Sequence),
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
}

/// A room as a session saw it when it looked, with its live events coming in from then on.
pub struct Looked {
    registered: Registered,
    view: RoomView,
    after: Option<Sequence>,
    first: Sequence,
}

impl Looked {
    /// Which room.
    pub fn room(&self) -> &RoomId {
        &self.view.room
    }
}

/// A room as joined.
pub struct Joined {
    /// The room at that moment.
    pub view: RoomView,
    /// Users present by name, if they are few.
    pub present: Option<Vec<UserId>>,
    /// How many are present.
    pub present_count: usize,
    /// To be begun once the answer is on its way.
    pub starting: Starting,
}

/// A connection of a user to this hub.
pub struct HubSession {
    session: Arc<Session>,
    number: u64,
    hub: Hub,
}

impl Drop for HubSession {
    fn drop(&mut self) {
        let user = self.session.user();
        self.hub.parts.sessions.remove(user, self.number);
    }
}

impl Hub {
    /// Starts a hub: its supervisor and its background tasks on the current runtime.
    pub async fn start(parts: HubParts) -> Result<Self, ractor::SpawnErr> {
        Self::start_with(parts, None).await
    }

    /// Starts a hub that also tells `relay` what became durable here, for other nodes to [`hear`](Self::hear).
    pub async fn start_with(
        parts: HubParts,
        relay: Option<Arc<dyn Relay>>,
    ) -> Result<Self, ractor::SpawnErr> {
        let limits = Arc::new(parts.limits.fanout);
        let fanout = Fanout::new(parts.journal.clone(), parts.clock.clone(), limits.clone());
        let directory = Directory::start(Deps {
            journal: parts.journal.clone(),
            wakeups: parts.wakeups.clone(),
            clock: parts.clock.clone(),
            sink: relay::sink(fanout.clone(), relay),
            limits: Arc::new(parts.limits.runtime),
            rules: Arc::new(parts.limits.room),
            salt: parts.salt,
        })
        .await?;
        let hub = Self {
            directory,
            fanout,
            cursors: Arc::new(Cursors::new(parts.journal.clone(), limits.clone())),
            parts: Arc::new(Shared {
                journal: parts.journal,
                wakeups: parts.wakeups,
                clock: parts.clock,
                limits,
                sessions: background::UserSessions::default(),
            }),
        };
        hub.start_background();
        Ok(hub)
    }

    /// A new connection of a user.
    pub fn connect(&self, user: UserId, outlet: Arc<dyn Outlet>) -> HubSession {
        let session = Session::new(user.clone(), outlet.clone(), self.fanout.clone());
        let number = self.parts.sessions.add(user, outlet);
        HubSession {
            session: Arc::new(session),
            number,
            hub: self.clone(),
        }
    }

    /// Asks a room.
    pub async fn room(&self, room: &RoomId, command: RoomCommand) -> Result<RoomReply, HubError> {
        let bytes = command.weight();
        let entity = EntityId::room(room);
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

    /// A page of members with whether each is present on this node.
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
        let present: std::collections::BTreeSet<UserId> = self
            .fanout
            .feeds
            .get(room)
            .map(|feed| feed.lock().present().cloned().collect())
            .unwrap_or_default();
        Ok(members
            .into_iter()
            .map(|member| {
                let here = present.contains(&member.user);
                (member, here)
            })
            .collect())
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
        if let Some(held) = held.into_iter().find(|held| *held >= cursor) {
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

    /// Writes what waits, takes no new commands and puts all entities to sleep; returns when done.
    pub async fn drain(&self) {
        if let Err(error) = self.cursors.flush().await {
            tracing::warn!(%error, "read marks not written at drain");
        }
        while !self.directory.drain() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

impl HubSession {
    /// Whose session.
    pub fn user(&self) -> &UserId {
        self.session.user()
    }

    /// A task's own hold on the session.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Subscribes to a room from a position; nothing is shown before [`Starting::begin`].
    pub async fn join(&self, room: &RoomId, after: Option<Sequence>) -> Result<Joined, HubError> {
        self.subscribe(self.look(room, after).await?)
    }

    /// The first half of joining, which changes nothing: looks at the room from a position, or is refused.
    pub async fn look(&self, room: &RoomId, after: Option<Sequence>) -> Result<Looked, HubError> {
        let registered = self.session.register(room);
        let view = self.hub.view(room, self.user()).await?;
        let first = match after {
            Some(after) if after != view.head => {
                let entity = EntityId::room(room);
                self.hub.parts.journal.first_retained(&entity).await?
            }
            _ => Sequence(1),
        };
        Ok(Looked {
            registered,
            view,
            after,
            first,
        })
    }

    /// The second half of joining; refused if the session has too many rooms.
    pub fn subscribe(&self, looked: Looked) -> Result<Joined, HubError> {
        let Looked {
            registered,
            view,
            after,
            first,
        } = looked;
        let starting = self
            .session
            .subscribe(&registered, &view, after, first)
            .map_err(|e| HubError::Limit(e.to_string()))?;
        let (present, present_count) = registered.present();
        Ok(Joined {
            view,
            present,
            present_count,
            starting,
        })
    }

    /// Whether it is subscribed, begun or not.
    pub fn is_subscribed(&self, room: &RoomId) -> bool {
        self.session.is_subscribed(room)
    }

    /// Ends a subscription; false if there was none.
    pub fn leave(&self, room: &RoomId) -> bool {
        self.session.leave(room)
    }

    /// Begins or ends "is typing". A subscription has proved the right already.
    pub async fn typing(&self, room: &RoomId, typing: bool) -> Result<(), HubError> {
        if !self.session.is_subscribed(room) {
            self.hub.view(room, self.user()).await?;
        }
        self.hub.fanout.typing(room, self.user(), typing);
        Ok(())
    }

    /// The hub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }
}
