//! A hub on a held store, one room, and short ways to ask it.

use std::sync::Arc;

use actors::hub::{Hub, HubError, HubLimits, HubParts, HubSession};
use actors::ids::{EntityId, Sequence};
use actors::machines::room::{RoomCommand, RoomKind, RoomReply, Sent};
use actors::testing::oracle::{History, Seen, SharedHistory, View};
use actors::testing::reader::{Positions, Reader};
pub use actors::testing::words::{Paused, message, pass, room, user};

use super::store::Held;

pub struct Stage {
    pub hub: Hub,
    pub store: Held,
    pub history: SharedHistory,
}

pub fn entity(name: &str) -> EntityId {
    EntityId::room(&room(name))
}

impl Stage {
    /// A hub that has the store to itself.
    pub async fn new(change: impl FnOnce(&mut HubLimits)) -> Self {
        Self::on(Held::new(true), change).await
    }

    pub async fn on(store: Held, change: impl FnOnce(&mut HubLimits)) -> Self {
        let mut limits = HubLimits::default();
        limits.room.sends_per_second = 0;
        change(&mut limits);
        let parts = HubParts {
            journal: Arc::new(store.clone()),
            wakeups: store.inner.clone(),
            clock: Arc::new(Paused::default()),
            limits,
            salt: 7,
        };
        Self {
            hub: Hub::start(parts).await.expect("a hub starts"),
            store,
            history: SharedHistory::default(),
        }
    }

    /// `ada` creates a group room with `members`.
    pub async fn create(&self, name: &str, members: &[&str]) -> Result<RoomReply, HubError> {
        let command = RoomCommand::Create {
            by: user("ada"),
            kind: RoomKind::Group,
            name: None,
            members: members.iter().map(|name| user(name)).collect(),
        };
        self.hub.room(&room(name), command).await
    }

    pub async fn send(&self, to: &str, by: &str, id: &str) -> Result<Sent, HubError> {
        match self.hub.room(&room(to), message(by, id)).await? {
            RoomReply::Sent(sent) => Ok(sent),
            other => panic!("not an answer to a message: {other:?}"),
        }
    }

    /// Asks beside the test.
    pub fn spawn_send(
        &self,
        to: &'static str,
        id: String,
    ) -> tokio::task::JoinHandle<Result<Sent, HubError>> {
        let (hub, store, history) = (self.hub.clone(), self.store.clone(), self.history.clone());
        let stage = Stage {
            hub,
            store,
            history,
        };
        tokio::spawn(async move { stage.send(to, "ada", &id).await })
    }

    pub async fn head(&self, name: &str) -> Result<Sequence, HubError> {
        Ok(self.hub.view(&room(name), &user("ada")).await?.head)
    }

    /// A connection of `name` with a queue of this size.
    pub fn connect(&self, name: &str, queue: usize) -> (HubSession, Arc<Reader>) {
        let reader = Reader::new(self.history.clone(), Positions::default(), queue);
        (self.hub.connect(user(name), reader.clone()), reader)
    }

    /// Joins and begins; answers the number of the view.
    pub async fn join(
        &self,
        (session, reader): &(HubSession, Arc<Reader>),
        name: &str,
        after: Option<Sequence>,
    ) -> usize {
        let joined = session.join(&room(name), after).await.expect("joined");
        let view = self.view(session, name, after, joined.view.head);
        reader.joined(room(name), view, None);
        joined.starting.begin();
        view
    }

    pub fn view(
        &self,
        session: &HubSession,
        name: &str,
        after: Option<Sequence>,
        head: Sequence,
    ) -> usize {
        let mut history = self.history.lock();
        history.views.push(View {
            user: session.user().clone(),
            room: room(name),
            after,
            head,
            seen: Vec::new(),
        });
        history.views.len() - 1
    }

    /// What a view has shown, as numbers; a reset as the negative of where it leads.
    pub fn seen(&self, view: usize) -> Vec<i64> {
        let history: &History = &self.history.lock();
        let seen = history.views[view].seen.iter().map(|seen| match seen {
            Seen::Event { sequence, .. } => sequence.0 as i64,
            Seen::Reset { from } => -(from.0 as i64),
        });
        seen.collect()
    }
}
