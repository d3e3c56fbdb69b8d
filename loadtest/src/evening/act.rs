//! What people of an evening do when its time has come.

use protocol::Encoding;

use super::crowd::{Crowd, TRIAL};
use super::engine::World;
use super::gate::{Due, Gate};
use super::people::{People, Stage};
use super::plan::Deed;
use super::says;
use super::visits::Ending;
use crate::hub::HubError;
use crate::stamp::Stamp;
use crate::target::ConnectError;

/// Places of journals that may be kept before those that all have seen are looked for.
const TRIM_PLACES: usize = 4_096;

impl Crowd<'_> {
    /// A message is due; whoever is not there says it after coming back.
    fn send(&mut self, gate: &mut Gate<Deed>, n: u32, slot: u32) {
        let user = self.cast.user(slot) as usize;
        self.books.sent(slot);
        if self.people.clients[user].stage == Stage::Away {
            self.excuse(n);
        }
        self.outboxes[user].add(n);
        self.say_waiting(gate, user);
        if std::mem::take(&mut self.typing[slot as usize].on) {
            self.say_typing(gate, slot, false);
        }
    }

    /// Says all that waits, if somebody is there to say it.
    fn say_waiting(&mut self, gate: &mut Gate<Deed>, user: usize) {
        if !self.people.is_there(user) {
            return;
        }
        self.frame.clear();
        let encoding = usize::from(gate.lines.encoding(user) == Encoding::MessagePack);
        while let Some(n) = self.outboxes[user].take() {
            let Some(slot) = self.books.slot_of(n) else {
                continue;
            };
            let mask = (n.wrapping_mul(0x9e37_79b9) ^ 0x5bd1_e995).to_le_bytes();
            let template = &mut self.templates[self.cast.room(slot) as usize][encoding];
            template.push(
                Stamp {
                    trial: TRIAL,
                    index: n,
                },
                mask,
                &mut self.frame,
            );
        }
        if !self.frame.is_empty() {
            gate.lines.say(user, &self.frame);
        }
    }

    fn say_typing(&mut self, gate: &mut Gate<Deed>, slot: u32, is_typing: bool) {
        let user = self.cast.user(slot) as usize;
        let room = &self.names[self.cast.room(slot) as usize];
        if let Ok(record) = says::typing(gate.lines.encoding(user), room, is_typing) {
            gate.lines.say_record(user, &record);
        }
    }

    fn begin_typing(&mut self, gate: &mut Gate<Deed>, slot: u32, at_ns: u64) {
        let typing = &mut self.typing[slot as usize];
        // Whoever types already tells nothing new.
        if self.people.is_there(self.cast.user(slot) as usize) && !typing.on {
            (typing.on, typing.since_ns) = (true, at_ns + 1);
            self.say_typing(gate, slot, true);
        }
    }

    fn read_history(&mut self, gate: &mut Gate<Deed>, slot: u32, at_ns: u64) {
        let user = self.cast.user(slot) as usize;
        if !self.people.is_there(user) || self.histories[user].is_some() {
            return;
        }
        let room = &self.names[self.cast.room(slot) as usize];
        if let Ok(record) = says::history(gate.lines.encoding(user), room, self.spec.history_limit)
        {
            self.histories[user] = Some((at_ns, slot));
            gate.lines.say_record(user, &record);
        }
    }

    fn pause(&mut self, gate: &mut Gate<Deed>, user: usize) {
        if self.people.is_there(user) {
            self.people.clients[user].paused = true;
            gate.lines.pause(user);
        }
    }

    fn resume(&mut self, gate: &mut Gate<Deed>, user: usize, at_ns: u64) {
        let client = &mut self.people.clients[user];
        if std::mem::take(&mut client.paused) {
            client.since_ns = at_ns;
            gate.lines.resume(user, self);
        }
    }

    /// Somebody goes, with all lines.
    fn leave(&mut self, gate: &mut Gate<Deed>, user: u32, how: Ending) {
        let lines = std::iter::once(user as usize).chain(self.second[user as usize]);
        for line in lines {
            gate.leave(&mut self.people, line, how);
        }
        self.disconnected(user);
        for n in self.outboxes[user as usize].waiting().collect::<Vec<_>>() {
            self.excuse(n);
        }
    }

    /// Nobody hears anything of somebody any more; the hub ends "is typing" by itself.
    fn disconnected(&mut self, user: u32) {
        self.outboxes[user as usize].disconnected();
        self.histories[user as usize] = None;
        for slot in self.cast.slots_of(user) {
            self.typing[slot as usize].on = false;
        }
    }

    /// Somebody wants to be there again.
    fn come_back(&mut self, gate: &mut Gate<Deed>, user: u32, at_ns: u64) {
        let lines = std::iter::once(user as usize).chain(self.second[user as usize]);
        for line in lines {
            gate.come_back(&mut self.people, line, at_ns);
        }
    }
}

impl<'a> World<'a> for Crowd<'a> {
    type Deed = Deed;

    fn people(&mut self) -> &mut People<'a> {
        &mut self.people
    }

    fn look_at_people(&self) -> &People<'a> {
        &self.people
    }

    fn hello(&self, line: usize, gate: &Gate<Deed>) -> Result<Vec<u8>, HubError> {
        let encoding = gate.lines.encoding(line);
        if let Some(inbox) = self.inbox_of(line) {
            return says::subscribe(encoding, self.inboxes[inbox].checked_sub(1));
        }
        let slots = self.cast.slots_of(line as u32);
        let join = slots.map(|slot| says::Join {
            room_id: &self.names[self.cast.room(slot) as usize],
            after_sequence: self.books.position(slot),
        });
        says::join(encoding, &join.collect::<Vec<_>>())
    }

    fn is_operation(&self, deed: &Deed) -> bool {
        matches!(deed, Deed::Send { .. })
    }

    fn before(&self, deed: &Deed) -> Option<(u64, Deed)> {
        match *deed {
            Deed::Send {
                slot, typing_ns, ..
            } if typing_ns > 0 => Some((typing_ns, Deed::Type { slot })),
            _ => None,
        }
    }

    fn act(&mut self, gate: &mut Gate<Deed>, at_ns: u64, deed: Deed) {
        match deed {
            Deed::Send { n, slot, .. } => self.send(gate, n, slot),
            Deed::Type { slot } => self.begin_typing(gate, slot, at_ns),
            Deed::Leave { user, how } => self.leave(gate, user, how),
            Deed::Return { user } => self.come_back(gate, user, at_ns),
            Deed::Pause { user } => self.pause(gate, user as usize),
            Deed::Resume { user } => self.resume(gate, user as usize, at_ns),
            Deed::History { slot } => self.read_history(gate, slot, at_ns),
            Deed::Again { user, n } => {
                self.outboxes[user as usize].add(n);
                self.say_waiting(gate, user as usize);
            }
        }
    }

    fn arrived(&mut self, gate: &mut Gate<Deed>, line: usize) {
        if self.inbox_of(line).is_none() {
            self.say_waiting(gate, line);
        }
    }

    fn gone(&mut self, line: usize, is_loss: bool, why: &str) {
        if is_loss {
            self.books.faults.disconnected += u64::from(!self.spec.losses_allowed);
            self.books
                .wrong
                .example("lost", || format!("line {line}: {why}"));
            if self.inbox_of(line).is_none() {
                self.history_failed(line);
            }
        }
        if self.inbox_of(line).is_none() {
            self.disconnected(line as u32);
        }
    }

    fn is_measured(&self, line: usize) -> bool {
        self.inbox_of(line).is_none()
    }

    fn turn(&mut self, gate: &mut Gate<Deed>) -> Result<bool, ConnectError> {
        for (user, n) in std::mem::take(&mut self.again) {
            gate.push_soon(user as usize, n, Due::Deed(Deed::Again { user, n }));
        }
        Ok(false)
    }

    fn tidy(&mut self) -> (usize, usize) {
        if self.books.places() > TRIM_PLACES {
            self.books.trim();
        }
        (self.books.open(), self.books.places())
    }

    fn wind_up(&mut self, gate: &mut Gate<Deed>) {
        // What was still intended when an evening is ended early is intended no more.
        gate.keep_deeds(|deed| matches!(deed, Deed::Again { .. }));
        for user in 0..self.cast.users() {
            self.resume(gate, user as usize, gate.at());
            if self.people.clients[user as usize].stage == Stage::Away {
                self.come_back(gate, user, gate.at());
            }
        }
    }

    fn is_complete(&self) -> bool {
        let users = self.cast.users() as usize;
        (0..users).all(|user| self.people.is_there(user) && self.outboxes[user].is_empty())
            && self.histories.iter().all(Option::is_none)
            && self.books.is_complete()
    }
}
