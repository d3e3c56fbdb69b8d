//! What clients ask for, and what they make of the answers.

use std::sync::Arc;

use parking_lot::Mutex;
use rand::Rng;

use super::{Client, Message, Site, Unsure};
use crate::delivery::Shown;
use crate::hub::{HistoryPage, HubError};
use crate::ids::{MessageId, RoomId, Sequence};
use crate::machines::room::{Content, MessageKind, Role, RoomCommand, RoomKind, RoomReply};
use crate::runtime::AskError;
use crate::testing::mistake;
use crate::testing::oracle::{Glimpse, Mark, Outcome, Wish, fact, text};

impl Client {
    /// Creates a room with everybody in it.
    pub fn create(&mut self, site: &Site<'_>, room: &RoomId, kind: RoomKind) {
        let others = self.habits.users.iter().filter(|user| **user != self.user);
        let members = match kind {
            RoomKind::Direct => self.habits.users[..2]
                .iter()
                .filter(|user| **user != self.user)
                .cloned()
                .collect(),
            _ => others.cloned().collect(),
        };
        let command = RoomCommand::Create {
            by: self.user.clone(),
            kind,
            name: None,
            members,
        };
        self.ask(site, room, Wish::Other("create"), command, None);
    }

    /// Sends a new message.
    pub fn send(&mut self, site: &Site<'_>, room: &RoomId) {
        self.sent += 1;
        let id = format!("{}-{}", self.user, self.sent);
        let text = format!("text of {id}");
        if let Ok(id) = MessageId::parse(&id) {
            self.send_as(site, (room.clone(), id, text));
        }
    }

    pub(super) fn send_again(&mut self, site: &Site<'_>) {
        let again = {
            let mut unsure = self.unsure.lock();
            if unsure.is_empty() {
                return;
            }
            let index = self.rng.random_range(0..unsure.len());
            let Some(message) = unsure.iter().nth(index).cloned() else {
                return;
            };
            unsure.remove(&message);
            message
        };
        self.send_as(site, again);
    }

    pub(super) fn send_as(&mut self, site: &Site<'_>, message: Message) {
        let (room, id, text) = message.clone();
        // The same for every repeat, for it is part of what the message says.
        let reply_to = text.len().is_multiple_of(5).then_some(Sequence(5));
        let command = RoomCommand::Send {
            by: self.user.clone(),
            id: id.clone(),
            content: Content {
                kind: MessageKind::Text,
                text: text.clone(),
                metadata: None,
            },
            reply_to,
        };
        if let Some(unasked) = mistake::unasked(&command) {
            let hub = site.hub.clone();
            let room = room.clone();
            site.runtime
                .spawn(async move { drop(hub.room(&room, unasked).await) });
        }
        let command = mistake::sent(command);
        self.ask(site, &room, Wish::Send { id, text }, command, Some(message));
    }

    pub(super) fn change(&mut self, site: &Site<'_>, room: &RoomId) {
        let known = self.positions.lock().get(room).map_or(1, |s| s.0.max(1));
        // Mostly something recent, sometimes something that must be loaded.
        let back = match self.rng.random_range(0..3) {
            0 => self.rng.random_range(0..known),
            _ => self.rng.random_range(0..known.min(8)),
        };
        let target = Sequence(known - back);
        let by = self.user.clone();
        self.sent += 1;
        let (wish, command) = match self.rng.random_range(0..10) {
            0..5 => {
                let text = format!("edit {} of {}", self.sent, self.user);
                let wish = Wish::Edit {
                    target,
                    text: text.clone(),
                };
                (wish, RoomCommand::Edit { by, target, text })
            }
            5..6 => (Wish::Other("delete"), RoomCommand::Delete { by, target }),
            kind => (
                Wish::Other("react"),
                RoomCommand::React {
                    by,
                    target,
                    emoji: "♫".into(),
                    add: kind < 9,
                },
            ),
        };
        self.ask(site, room, wish, command, None);
    }

    pub(super) fn look(&mut self, site: &Site<'_>, room: &RoomId) {
        let command = RoomCommand::View {
            by: self.user.clone(),
        };
        self.ask(site, room, Wish::Look, command, None);
    }

    /// Reads a page of history, marks something as read, lists the rooms, types.
    pub(super) fn browse(&mut self, site: &Site<'_>, room: &RoomId) {
        let Some(connection) = &self.connection else {
            return;
        };
        let (session, made, life) = (connection.session.clone(), connection.made, connection.life);
        let (user, room, history) = (self.user.clone(), room.clone(), self.history.clone());
        let known = self
            .positions
            .lock()
            .get(&room)
            .copied()
            .unwrap_or_default();
        let asked = Sequence(self.rng.random_range(0..=known.0));
        let page = match self.rng.random_range(0..3) {
            0 => HistoryPage::Before(None),
            1 => HistoryPage::Before(Some(known)),
            _ => HistoryPage::After(Sequence(known.0 / 2)),
        };
        site.runtime.spawn(async move {
            let hub = session.hub();
            if let Ok(page) = hub.history(&room, &user, page, 10, None).await {
                let mut history = history.lock();
                for entry in page.messages {
                    let shown = Shown::Message(entry.view);
                    history.glimpses.push(Glimpse {
                        room: room.clone(),
                        sequence: entry.sequence,
                        fact: fact(&shown),
                        text: text(&shown),
                    });
                }
            }
            // Answers of these are judged by nobody here; they must not fail in any other way.
            let _ = session.typing(&room, true).await;
            let _ = hub.my_rooms(&user, None, 10).await;
            let begun = history.lock().moment();
            if let Ok(cursor) = hub.mark_read(&room, &user, asked).await {
                let mut history = history.lock();
                let moments = (begun, history.moment());
                history.marks.push(Mark {
                    user,
                    room,
                    connection: made,
                    life,
                    asked,
                    told: cursor.up_to,
                    moments,
                });
            }
        });
    }

    pub(super) fn manage(&mut self, site: &Site<'_>, room: &RoomId) {
        let by = self.user.clone();
        let user = self.habits.users[self.rng.random_range(0..self.habits.users.len())].clone();
        let (word, command) = match self.rng.random_range(0..8) {
            0 => ("remove", RoomCommand::Remove { by, user }),
            1 => (
                "rename",
                RoomCommand::Rename {
                    by,
                    name: format!("room {}", self.sent),
                },
            ),
            2 => {
                let role = Role::Moderator;
                ("role", RoomCommand::SetRole { by, user, role })
            }
            3 => ("quit", RoomCommand::Quit { by }),
            _ => ("invite", RoomCommand::Invite { by, user }),
        };
        self.ask(site, room, Wish::Other(word), command, None);
    }

    pub(super) fn ask(
        &mut self,
        site: &Site<'_>,
        room: &RoomId,
        wish: Wish,
        command: RoomCommand,
        message: Option<Message>,
    ) {
        let attempt = self.history.lock().begin(&self.user, room, site.node, wish);
        let (hub, room, history) = (site.hub.clone(), room.clone(), self.history.clone());
        let (unsure, under_way) = (self.unsure.clone(), self.under_way.clone());
        *under_way.lock() += 1;
        site.runtime.spawn(async move {
            // A runtime that dies with the command in hand leaves no answer, but must free its place.
            let mut place = Place(under_way, message.map(|message| (unsure, message)));
            let outcome = outcome(hub.room(&room, command).await);
            if matches!(outcome, Outcome::Ok(_)) {
                place.1 = None;
            }
            history.lock().answer(attempt, outcome);
        });
    }
}

/// A command under way; when it ends without success, its message is to be sent again.
struct Place(Arc<Mutex<usize>>, Option<(Unsure, Message)>);

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        if let Some((unsure, message)) = self.1.take() {
            unsure.lock().insert(message);
        }
    }
}

/// What an answer means to a client.
pub fn outcome(answer: Result<RoomReply, HubError>) -> Outcome {
    match answer {
        Ok(RoomReply::Sent(sent)) => Outcome::Ok(sent.sequence),
        Ok(RoomReply::Room(view)) => Outcome::Ok(view.head),
        Ok(RoomReply::Done { sequence }) => Outcome::Ok(sequence),
        Ok(RoomReply::Members(_)) => Outcome::Ok(Sequence::ZERO),
        Err(HubError::Room(AskError::OutcomeUnknown)) => Outcome::Unknown,
        Err(HubError::Room(AskError::Rejected(rejection))) => {
            Outcome::Refused(rejection.code().to_owned())
        }
        Err(other) => Outcome::Refused(other.to_string()),
    }
}
