//! People with inboxes: what the hub shows them, and what they ask it.

use protocol::{Call, Encoding, HubMessage, Outcome};
use serde::Deserialize;
use std::collections::BTreeMap;

use super::super::engine::World;
use super::super::gate::{Due, Gate};
use super::super::lines::Listener;
use super::super::people::{People, Stage};
use super::super::says::{self, JOIN};
use super::super::visits::Ending;
use super::books::Books;
use super::plan::Deed;
use super::post::{Ask, Post};
use super::spec::InboxSpec;
use crate::evening::Curve;
use crate::hub::{self, HubError};
use crate::run::record::class;
use crate::stamp::Stamp;
use crate::target::ConnectError;

/// Invocation id of a mark.
const MARK: &str = "mark";

/// The argument of a callback, as far as it is looked at.
#[derive(Deserialize)]
struct Event {
    sequence: Option<u64>,
    data: Option<BTreeMap<String, String>>,
}

/// What `Subscribe` answers.
#[derive(Deserialize)]
struct Listening {
    head: u64,
}

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Notices come up.
    Traffic,
    /// Everybody comes back and is shown the rest.
    Ending,
    /// All inboxes are read and compared.
    Reading,
}

/// Everybody with an inbox.
pub struct Readers<'a> {
    /// What can be set.
    pub spec: &'a InboxSpec,
    /// When what is due.
    pub curve: &'a dyn Curve,
    /// The connections, by user.
    pub people: People<'a>,
    /// What is checked.
    pub books: Books,
    /// What goes over HTTP.
    pub post: Post,
    /// What each line speaks.
    pub speaks: Vec<Encoding>,
    /// Marks that have no answer yet, by user: up to where.
    pub marking: Vec<Option<u64>>,
    /// Whose mark the hub wanted later.
    pub later: Vec<usize>,
    /// How far the run is.
    pub phase: Phase,
}

impl Readers<'_> {
    fn happened(&mut self, user: usize, call: &Call, now_ns: u64) -> Result<(), HubError> {
        let Some(argument) = call.arguments.first() else {
            return Ok(());
        };
        if call.target == "StreamReset" {
            self.books.faults.unexpected += 1;
            self.books
                .wrong
                .example("reset", || format!("the inbox of user {user}"));
            return Ok(());
        }
        let event: Event = argument.decode()?;
        let Some(sequence) = event.sequence else {
            return Ok(());
        };
        self.people.heard += 1;
        let is_next = self.books.came(user as u32, sequence);
        match call.target.as_str() {
            "ReceiveNotification" => {
                let stamp = event
                    .data
                    .as_ref()
                    .and_then(|data| Stamp::read(data.get(super::NAME)?.as_bytes()));
                let n = stamp.map(|stamp| stamp.index);
                if self.books.show(user as u32, sequence, n) && is_next {
                    self.shown(user, n.unwrap_or_default(), now_ns);
                }
            }
            "UnreadChanged" => self.books.kept_back(user as u32, sequence),
            _ => {}
        }
        Ok(())
    }

    fn shown(&mut self, user: usize, n: u32, now_ns: u64) {
        let intended_ns = self.curve.intended_ns(n);
        // What came up while nobody was there was not waited for.
        if intended_ns >= self.people.clients[user].since_ns {
            let us = self.people.at(now_ns).saturating_sub(intended_ns) / 1_000;
            self.people.log.took(class::NOTIFICATION, intended_ns, us);
        }
    }

    fn completed(&mut self, user: usize, id: &str, outcome: &Outcome) -> Result<(), HubError> {
        self.people.heard += 1;
        match id {
            JOIN => {
                let listening: Listening = hub::result(outcome)?.decode()?;
                self.books.listens(user as u32, listening.head);
                self.people.joined.push(user);
            }
            MARK => match (hub::result(outcome), self.marking[user].take()) {
                (Ok(_), Some(up_to)) => self.books.marked(user as u32, up_to),
                (Err(error), Some(up_to)) if says::is_for_later(&error.to_string()) => {
                    self.marking[user] = Some(up_to);
                    self.later.push(user);
                }
                (Err(error), _) => {
                    self.books.faults.refused += 1;
                    self.books
                        .wrong
                        .example("refused", || format!("a mark of user {user}: {error}"));
                }
                (Ok(_), None) => self.books.faults.misacknowledged += 1,
            },
            _ => {}
        }
        Ok(())
    }

    fn mark(&mut self, gate: &mut Gate<Deed>, user: usize) {
        if !self.people.is_there(user) || self.marking[user].is_some() {
            return;
        }
        self.marking[user] = self.books.position(user as u32);
        self.say_mark(gate, user);
    }

    fn say_mark(&mut self, gate: &mut Gate<Deed>, user: usize) {
        let encoding = self.speaks[user];
        let record = self.marking[user].map(|up_to| says::mark_all_read(encoding, MARK, up_to));
        if let Some(Ok(record)) = record {
            gate.lines.say_record(user, &record);
        }
    }

    fn leave(&mut self, gate: &mut Gate<Deed>, user: u32, how: Ending) {
        gate.leave(&mut self.people, user as usize, how);
    }

    /// Whether everything has an answer, and everybody was shown everything.
    fn is_settled(&self) -> bool {
        let users = self.speaks.len();
        self.post.is_idle()
            && self.books.open() == 0
            && (0..users).all(|user| {
                self.people.is_there(user)
                    && self.marking[user].is_none()
                    && self.books.is_shown(user as u32)
            })
    }

    /// The last thing: all inboxes are read.
    fn read_all(&mut self) {
        self.phase = Phase::Reading;
        for user in 0..self.speaks.len() as u32 {
            self.post.ask(Ask::Count { user });
            self.post.ask(Ask::All { user, cursor: None });
        }
    }
}

impl<'a> World<'a> for Readers<'a> {
    type Deed = Deed;

    fn people(&mut self) -> &mut People<'a> {
        &mut self.people
    }

    fn look_at_people(&self) -> &People<'a> {
        &self.people
    }

    fn hello(&self, line: usize, _: &Gate<Deed>) -> Result<Vec<u8>, HubError> {
        says::subscribe(self.speaks[line], self.books.position(line as u32))
    }

    fn is_operation(&self, deed: &Deed) -> bool {
        matches!(deed, Deed::Notice { .. })
    }

    fn before(&self, _: &Deed) -> Option<(u64, Deed)> {
        None
    }

    fn act(&mut self, gate: &mut Gate<Deed>, at_ns: u64, deed: Deed) {
        match deed {
            Deed::Notice { n, user } => {
                self.books.intended(user);
                self.post.ask(Ask::Notice { n, user, at_ns });
            }
            Deed::Again { n } => {
                if let Some(user) = self.books.user(n) {
                    self.post.ask(Ask::Notice {
                        n,
                        user,
                        at_ns: self.curve.intended_ns(n),
                    });
                }
            }
            Deed::Leave { user, how } => self.leave(gate, user, how),
            Deed::Return { user } => gate.come_back(&mut self.people, user as usize, at_ns),
            Deed::Look { user } => self.post.ask(Ask::Page {
                user,
                before: self.books.accepted(),
                at_ns,
            }),
            Deed::Mark { user } => self.mark(gate, user as usize),
            Deed::MarkAgain { user } => self.say_mark(gate, user as usize),
        }
    }

    fn arrived(&mut self, gate: &mut Gate<Deed>, line: usize) {
        // A mark whose answer was not heard is made again: that changes nothing if it had been made.
        self.say_mark(gate, line);
    }

    fn gone(&mut self, line: usize, is_loss: bool, why: &str) {
        if is_loss {
            self.books.faults.disconnected += u64::from(!self.spec.losses_allowed);
            self.books
                .wrong
                .example("lost", || format!("line {line}: {why}"));
        }
    }

    fn is_measured(&self, _: usize) -> bool {
        true
    }

    fn turn(&mut self, gate: &mut Gate<Deed>) -> Result<bool, ConnectError> {
        let came = self
            .post
            .turn(&mut self.books, &mut self.people, gate.clock.now_ns())?;
        for n in std::mem::take(&mut self.post.again) {
            gate.push_soon(n as usize, 0, Due::Deed(Deed::Again { n }));
        }
        for user in std::mem::take(&mut self.later) {
            let again = Deed::MarkAgain { user: user as u32 };
            gate.push_soon(user, 1, Due::Deed(again));
        }
        if self.phase == Phase::Ending && self.is_settled() {
            self.read_all();
        }
        Ok(came)
    }

    fn tidy(&mut self) -> (usize, usize) {
        (self.books.open(), self.books.len())
    }

    fn wind_up(&mut self, gate: &mut Gate<Deed>) {
        self.phase = Phase::Ending;
        gate.keep_deeds(|deed| matches!(deed, Deed::Again { .. } | Deed::MarkAgain { .. }));
        for user in 0..self.speaks.len() {
            if self.people.clients[user].stage == Stage::Away {
                gate.come_back(&mut self.people, user, gate.at());
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.phase == Phase::Reading && self.post.is_idle()
    }
}

impl Listener for Readers<'_> {
    fn heard(&mut self, line: usize, payload: &[u8], now_ns: u64) -> Result<(), HubError> {
        for message in hub::read_messages(self.speaks[line], payload)? {
            match message {
                HubMessage::Invocation { call, .. } => self.happened(line, &call, now_ns)?,
                HubMessage::Completion {
                    invocation_id,
                    outcome,
                    ..
                } => {
                    self.completed(line, invocation_id.as_ref(), &outcome)?;
                }
                HubMessage::Close { error, .. } => {
                    return Err(HubError::Closed(error.unwrap_or_default()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
