//! One connection of a user to the hub: joining rooms, leaving them, typing.

use std::sync::Arc;

use super::{Hub, HubError};
use crate::cluster::{Registered, Session, Starting};
use crate::delivery::Outlet;
use crate::ids::{EntityId, RoomId, Sequence, UserId};
use crate::machines::room::RoomView;

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
            number,
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
