//! A market without faults in one thread: machines decide, rows land, errands are carried out at once. What does not suit a
//! story is left out, or put in by hand.

use std::collections::BTreeMap;

use crate::ids::{EntityId, RequestId, Sequence, Timestamp, UserId};
use crate::journal::{Head, Row, SideWrites, Table, TableRow, TableWrite};
use crate::machines::errand::{Errand, Outbox};
use crate::machines::inbox::{Inbox, InboxCommand, InboxLimits};
use crate::machines::matching::Found;
use crate::machines::request::{Request, RequestCommand, RequestLimits, RequestReply};
use crate::machines::room::{Room, RoomCommand, RoomLimits};
use crate::machines::terms::Candidate;
use crate::machines::user::{User, UserCommand, UserLimits, UserReply};
use crate::machines::{Context, Machine};
use crate::runtime::pipeline::chores::done_key;
use crate::testing::market::history::History;

/// When everything happens.
pub const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// One entity.
pub struct Entity<M: Machine> {
    machine: M,
    head: Head,
}

/// Everybody.
pub struct Town {
    pub history: History,
    pub now: Timestamp,
    /// Errands that are noted as done and not carried out.
    pub neglects: fn(&Errand) -> bool,
    requests: BTreeMap<EntityId, Entity<Request>>,
    users: BTreeMap<EntityId, Entity<User>>,
    inboxes: BTreeMap<EntityId, Entity<Inbox>>,
    rooms: BTreeMap<EntityId, Entity<Room>>,
    candidates: Vec<UserId>,
}

impl<M: Machine> Entity<M> {
    fn new(entity: &EntityId) -> Self {
        Self {
            machine: M::new(entity),
            head: Head::default(),
        }
    }

    /// Events land, whether or not the machine would decide so.
    fn land(&mut self, history: &mut History, entity: &EntityId, events: Vec<M::Event>) {
        if events.is_empty() {
            return;
        }
        let mut records = Vec::new();
        for event in events {
            let sequence = self.head.sequence.plus(records.len() as u64 + 1);
            records.push(M::encode(&event));
            self.machine.apply(sequence, &event);
            write(history, self.machine.effects(sequence, &event));
        }
        let row = Row::seal(self.head, 0, records);
        self.head = row.head();
        history.log.push((entity.clone(), row));
    }

    fn ask(
        &mut self,
        history: &mut History,
        entity: &EntityId,
        (now, limits): (Timestamp, &M::Limits),
        command: &M::Command,
    ) -> Result<M::Reply, M::Rejection> {
        let context = Context { now, limits };
        let decision = self.machine.decide(&context, command)?;
        self.land(history, entity, decision.events);
        Ok(decision.reply)
    }
}

fn write(history: &mut History, side: SideWrites) {
    for write in side.table {
        put(history, write);
    }
}

fn put(history: &mut History, write: TableWrite) {
    let id = (write.table, write.key.clone());
    match write.value {
        Some(value) => drop(history.rows.insert(
            id,
            TableRow {
                key: write.key,
                rank: write.rank,
                value,
            },
        )),
        None => drop(history.rows.remove(&id)),
    }
}

/// Rules that suit short stories.
pub fn rules() -> RequestLimits {
    RequestLimits {
        score_min: 0.0,
        ..RequestLimits::default()
    }
}

impl Town {
    /// An empty town in which searches find these.
    pub fn new(candidates: Vec<UserId>) -> Self {
        Self {
            history: History {
                travel_ms: UserLimits::default().travel_ms,
                ..History::default()
            },
            now: NOW,
            neglects: |_| false,
            requests: BTreeMap::new(),
            users: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            rooms: BTreeMap::new(),
            candidates,
        }
    }

    /// Asks a request, and has everything done that follows.
    pub fn request(
        &mut self,
        id: &RequestId,
        command: &RequestCommand,
    ) -> Result<RequestReply, crate::machines::request::RequestRejection> {
        let reply = self.ask_request(&EntityId::request(id), command);
        self.run();
        reply
    }

    /// Asks a user, and has everything done that follows.
    pub fn user(&mut self, id: &UserId, command: &UserCommand) -> UserReply {
        let reply = self.ask_user(&EntityId::user(id), command);
        self.run();
        reply
    }

    pub fn inbox(&mut self, id: &UserId, command: &InboxCommand) {
        let entity = EntityId::inbox(id);
        let inbox = self.inboxes.entry(entity.clone());
        let inbox = inbox.or_insert_with(|| Entity::new(&entity));
        let rules = (self.now, &InboxLimits::default());
        inbox
            .ask(&mut self.history, &entity, rules, command)
            .expect("inboxes refuse nothing here");
    }

    pub fn room(&mut self, entity: &EntityId, command: &RoomCommand) {
        let room = self.rooms.entry(entity.clone());
        let room = room.or_insert_with(|| Entity::new(entity));
        let rules = (self.now, &RoomLimits::default());
        room.ask(&mut self.history, entity, rules, command)
            .expect("allowed");
    }

    fn ask_request(
        &mut self,
        entity: &EntityId,
        command: &RequestCommand,
    ) -> Result<RequestReply, crate::machines::request::RequestRejection> {
        let request = self.requests.entry(entity.clone());
        let request = request.or_insert_with(|| Entity::new(entity));
        request.ask(&mut self.history, entity, (self.now, &rules()), command)
    }

    fn ask_user(&mut self, entity: &EntityId, command: &UserCommand) -> UserReply {
        let user = self.users.entry(entity.clone());
        let user = user.or_insert_with(|| Entity::new(entity));
        let rules = (self.now, &UserLimits::default());
        user.ask(&mut self.history, entity, rules, command)
            .expect("allowed")
    }

    /// Puts events into journals by hand.
    pub fn forge_request(&mut self, id: &RequestId, events: Vec<<Request as Machine>::Event>) {
        let entity = EntityId::request(id);
        let request = self.requests.get_mut(&entity).expect("it is there");
        request.land(&mut self.history, &entity, events);
        self.run();
    }

    pub fn forge_user(&mut self, id: &UserId, events: Vec<<User as Machine>::Event>) {
        let entity = EntityId::user(id);
        let user = self.users.get_mut(&entity).expect("it is there");
        user.land(&mut self.history, &entity, events);
    }

    pub fn forge_inbox(&mut self, id: &UserId, events: Vec<<Inbox as Machine>::Event>) {
        let entity = EntityId::inbox(id);
        let inbox = self.inboxes.get_mut(&entity).expect("it is there");
        inbox.land(&mut self.history, &entity, events);
    }

    pub fn forge_room(&mut self, entity: &EntityId, events: Vec<<Room as Machine>::Event>) {
        let room = self.rooms.get_mut(entity).expect("it is there");
        room.land(&mut self.history, entity, events);
    }

    /// The last sequence of a request.
    pub fn head(&self, id: &RequestId) -> Sequence {
        self.requests[&EntityId::request(id)].head.sequence
    }

    /// Carries out all errands, and what follows from them.
    fn run(&mut self) {
        let waits = |entity: &Entity<Request>| {
            let first = entity.machine.outbox()?.waiting().next()?;
            Some((first.0, first.1.clone()))
        };
        while let Some((entity, number, errand)) = self
            .requests
            .iter()
            .find_map(|(id, request)| waits(request).map(|(n, errand)| (id.clone(), n, errand)))
        {
            if !(self.neglects)(&errand) {
                self.carry_out(&entity, number, &errand);
            }
            let request = self.requests.get_mut(&entity).expect("it is there");
            request.machine.outbox_mut().expect("one").done(number);
            put(
                &mut self.history,
                TableWrite {
                    table: Table::ErrandsDone,
                    key: done_key(&entity),
                    rank: request.machine.outbox().map_or(0, Outbox::done_below),
                    value: Some(bytes::Bytes::new()),
                },
            );
        }
    }

    fn carry_out(&mut self, from: &EntityId, number: u64, errand: &Errand) {
        let request = from.as_request().expect("a request");
        match errand.clone() {
            Errand::Notify { user, notice } => {
                let from = from.clone();
                let add = InboxCommand::Add {
                    from,
                    number,
                    notice,
                };
                self.inbox(&user, &add);
            }
            Errand::Reserve {
                musician,
                window,
                hold_ms,
                demand,
            } => {
                let reserve = UserCommand::Reserve {
                    request,
                    number,
                    window,
                    hold_ms,
                    demand,
                };
                let reply = self.ask_user(&EntityId::user(&musician), &reserve);
                let UserReply::Slot(answer) = reply else {
                    unreachable!("a slot was asked for")
                };
                let answered = RequestCommand::SlotAnswered {
                    musician,
                    number,
                    answer,
                };
                self.ask_request(from, &answered).expect("never refused");
            }
            Errand::Confirm { musician } => {
                let confirm = UserCommand::Confirm { request, number };
                self.ask_user(&EntityId::user(&musician), &confirm);
            }
            Errand::Release { musician } => {
                let release = UserCommand::Release { request, number };
                self.ask_user(&EntityId::user(&musician), &release);
            }
            Errand::GiveBack { musician } => {
                let give_back = UserCommand::GiveBack { request, number };
                self.ask_user(&EntityId::user(&musician), &give_back);
            }
            Errand::Arrange {
                room,
                owner,
                members,
                gone,
            } => {
                let arrange = RoomCommand::Arrange {
                    number,
                    owner,
                    members,
                    gone,
                };
                self.room(&EntityId::room(&room), &arrange);
            }
            Errand::Search { except, .. } => {
                let found = self.candidates.iter().filter(|user| !except.contains(user));
                let candidates = found.map(|user| Candidate {
                    user: user.clone(),
                    score: 0.9,
                    distance_km: 1.0,
                    cost: None,
                    breakdown: Default::default(),
                });
                let found = Box::new(Found {
                    candidates: candidates.collect(),
                    ..Found::default()
                });
                let found = RequestCommand::CandidatesFound { number, found };
                self.ask_request(from, &found).expect("never refused");
            }
            Errand::Settle { .. } => unreachable!("requests settle nothing"),
        }
    }

    /// The history at its end: alarms for whatever is to be woken.
    pub fn end(mut self) -> History {
        for (entity, request) in &self.requests {
            let deadline = request.machine.deadline().into_iter();
            let alarms = deadline.map(|at| (entity.clone(), at.plus_millis(100)));
            self.history.alarms.extend(alarms);
        }
        self.history.ended = self.now.plus_millis(60_000);
        self.history
    }
}
