//! Inboxes, requests and users on the nodes of a town, beside its rooms.

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::hub::{HubError, HubSession};
use actors::ids::{EntityId, RequestId, Sequence};
use actors::machines::inbox::{InboxCommand, InboxReply};
use actors::machines::notice::{Notice, NoticeKind, Priority};
use actors::machines::request::{Change, Mode, RequestInput};
use actors::machines::terms::{Budget, Caller, Cents, Place, PlatformRole, Window};

use super::ear::Ear;
use super::town::{Town, user};

pub fn of(name: &str) -> EntityId {
    EntityId::inbox(&user(name))
}

pub fn gig(name: &str) -> RequestId {
    RequestId::parse(name).expect("a request id")
}

pub fn caller(name: &str, role: PlatformRole) -> Caller {
    let user = user(name);
    Caller { user, role }
}

pub fn notice() -> Notice {
    Notice {
        kind: NoticeKind::System,
        priority: Priority::Normal,
        data: BTreeMap::from([("message".into(), "There is news.".into())]),
    }
}

/// A draft that is in order.
fn input() -> RequestInput {
    let from = Town::now().plus_millis(60 * 24 * 3_600_000);
    RequestInput {
        title: None,
        event_type: "wedding".into(),
        instrument: "violin".into(),
        more_instruments: Vec::new(),
        genre: None,
        window: Window {
            from,
            to: from.plus_millis(3 * 3_600_000),
        },
        place: Place {
            lat: 40.4168,
            lng: -3.7038,
            address: "Plaza Mayor 1, Madrid".into(),
        },
        budget: Budget {
            min: Cents(30_000),
            max: Cents(60_000),
            negotiable: false,
        },
        description: "Two sets of an hour each, something slow first and then for dancing.".into(),
        attendees: Some(80),
        dress_code: None,
        equipment: None,
        mode: Mode::FirstAccept,
        radius_km: None,
        deadline: None,
    }
}

impl Town {
    /// Somebody whose inbox this node owns.
    pub fn somebody_of(&self, number: usize) -> String {
        let mut names = (0..).map(|n| format!("somebody-{n}"));
        let owned = |name: &String| self.owner_of(&of(name)) == number;
        names.find(owned).expect("one of many")
    }

    /// Tells somebody something by way of a node, for which each number stands once; answers where it stands.
    pub async fn notify(&self, on: usize, name: &str, number: u64) -> Result<u64, HubError> {
        let add = InboxCommand::Add {
            from: EntityId::request(&gig(&format!("gig-{number}"))),
            number: 1,
            notice: notice(),
        };
        match self.hub(on).inbox(&user(name), add).await? {
            InboxReply::Done { sequence, .. } => Ok(sequence.0),
            other => panic!("not an answer to a notification: {other:?}"),
        }
    }

    /// The same of several, in turn.
    pub async fn notify_all(&self, on: usize, name: &str, numbers: std::ops::RangeInclusive<u64>) {
        for number in numbers {
            self.notify(on, name, number).await.expect("taken in");
        }
    }

    /// A connection of `name` to a node, listening to the own inbox.
    pub async fn listen(
        &self,
        on: usize,
        name: &str,
        after: Option<u64>,
    ) -> (HubSession, Arc<Ear>) {
        self.attach(on, name, &of(name), after).await
    }

    /// A connection of `name` to a node, listening to something.
    pub async fn attach(
        &self,
        on: usize,
        name: &str,
        entity: &EntityId,
        after: Option<u64>,
    ) -> (HubSession, Arc<Ear>) {
        let ear = Arc::new(Ear::default());
        let session = self.hub(on).connect_apart(user(name), ear.clone());
        let starting = session.attach(entity, after.map(Sequence)).await;
        starting.expect("attached").begin();
        (session, ear)
    }

    /// `org` drafts a request by way of a node; answers where that stands.
    pub async fn draft(&self, on: usize, name: &str) -> Result<u64, HubError> {
        let input = Box::new(input());
        self.change(on, name, Change::Create { input }).await
    }

    /// `org` changes it.
    pub async fn change(&self, on: usize, name: &str, change: Change) -> Result<u64, HubError> {
        let org = caller("org", PlatformRole::Organizer);
        let hub = self.hub(on);
        let done = hub.change_request(&gig(name), &org, None, change).await?;
        Ok(done.sequence.0)
    }
}
