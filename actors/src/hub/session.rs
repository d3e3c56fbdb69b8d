//! One connection of a user to the hub: joining rooms and leaving them, listening to other entities, typing.

use std::sync::Arc;

use super::{Hub, HubError};
use crate::cluster::{Registered, Session, Sight, Starting};
use crate::delivery::Outlet;
use crate::ids::{EntityId, EntityKind, RoomId, Sequence, UserId};
use crate::journal::ReadError;
use crate::machines::room::{RoomKind, RoomView};

/// A room as a session saw it when it looked, with its live events coming in from then on.
pub struct Looked {
    registered: Registered,
    view: RoomView,
    after: Option<Sequence>,
    first_retained: Sequence,
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
    /// Among those of its user that are told of new rooms, if it is one of them.
    number: Option<u64>,
    hub: Hub,
}

impl Drop for HubSession {
    fn drop(&mut self) {
        let Some(number) = self.number else {
            return;
        };
        let user = self.session.user();
        self.hub.parts.sessions.remove(user, number);
        if let Some(peers) = &self.hub.parts.peers {
            peers.want_user(user, false);
        }
    }
}

impl Hub {
    /// A new connection of a user.
    pub fn connect(&self, user: UserId, outlet: Arc<dyn Outlet>) -> HubSession {
        let session = Session::new(user.clone(), outlet.clone(), self.fanout.clone());
        if let Some(peers) = &self.parts.peers {
            peers.want_user(&user, true);
        }
        let number = self.parts.sessions.add(user, outlet);
        HubSession {
            session: Arc::new(session),
            number: Some(number),
            hub: self.clone(),
        }
    }

    /// A new connection of a user that is not told when the user is added to a room.
    pub fn connect_apart(&self, user: UserId, outlet: Arc<dyn Outlet>) -> HubSession {
        HubSession {
            session: Arc::new(Session::new(user, outlet, self.fanout.clone())),
            number: None,
            hub: self.clone(),
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
        let entity = EntityId::room(room);
        let registered = self.session.register(&entity);
        let view = self.hub.view(room, self.user()).await?;
        let first_retained = self.first_retained(&entity, after, view.head).await?;
        Ok(Looked {
            registered,
            view,
            after,
            first_retained,
        })
    }

    /// The first sequence that can be read, if that matters to a reader of what is after `after`.
    async fn first_retained(
        &self,
        entity: &EntityId,
        after: Option<Sequence>,
        head: Sequence,
    ) -> Result<Sequence, ReadError> {
        match after {
            Some(after) if after != head => self.hub.parts.journal.first_retained(entity).await,
            _ => Ok(Sequence(1)),
        }
    }

    /// The second half of joining; refused if the session has too many subscriptions.
    pub fn subscribe(&self, looked: Looked) -> Result<Joined, HubError> {
        let Looked {
            registered,
            view,
            after,
            first_retained,
        } = looked;
        let sight = Sight {
            head: view.head,
            first_retained,
            open: view.kind == RoomKind::Public,
        };
        let starting = self
            .session
            .subscribe(&registered, sight, after)
            .map_err(|e| HubError::Limit(e.to_string()))?;
        let (present, present_count) = registered.present();
        Ok(Joined {
            view,
            present,
            present_count,
            starting,
        })
    }

    /// Subscribes to an inbox or a request, by positions as with rooms: with `after`, to every event after it and then to
    /// what comes; without, only to what is new. Whether the user may see it the caller knows. Nothing is shown before
    /// [`Starting::begin`].
    pub async fn attach(
        &self,
        entity: &EntityId,
        after: Option<Sequence>,
    ) -> Result<Starting, HubError> {
        // Rooms have members, who are asked for by joining.
        if !matches!(entity.kind, EntityKind::Inbox | EntityKind::Request) {
            return Err(HubError::internal("rooms are joined, not listened to"));
        }
        let registered = self.session.register(entity);
        let head = self.hub.parts.journal.head(entity).await?.sequence;
        let sight = Sight {
            head,
            first_retained: self.first_retained(entity, after, head).await?,
            open: true,
        };
        let starting = self.session.subscribe(&registered, sight, after);
        starting.map_err(|e| HubError::Limit(e.to_string()))
    }

    /// Whether it is subscribed to an inbox or a request, begun or not.
    pub fn is_attached(&self, entity: &EntityId) -> bool {
        self.session.is_attached(entity)
    }

    /// Ends a subscription to an inbox or a request; false if there was none.
    pub fn detach(&self, entity: &EntityId) -> bool {
        self.session.detach(entity)
    }

    /// Whether it is subscribed to a room, begun or not.
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
