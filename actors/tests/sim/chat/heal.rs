//! After the faults: everything that was promised for then must come about, in time.

use std::collections::{BTreeMap, BTreeSet};

use actors::ids::{EntityId, RoomId, UserId};
use actors::testing::oracle::{Awaited, Outcome, Roll};
use actors::testing::workload::Client;
use rand::Rng;

use super::World;

/// Every live subscriber reaches the head, and every command is answered, within this time, if the store of this world lets one
/// client read all rooms from their beginning in it.
const HEALED_MS: u64 = 5_000;
/// What the store takes for a page and its overlays.
const PAGE_MS: u64 = 20;
/// What is asked from then on has a certain answer; before, a question may come upon an append in doubt.
const CERTAIN_MS: u64 = 2_200;
/// Where the bus tells nobody that hints were lost, a round of looks is the last net.
const ROUND_MS: u64 = 30_000;
/// A head appended this long before the end of the faults is said again after it.
const REPEATED_MS: u64 = 3_800;
/// An entity that nobody asks is woken by its alarm, armed before the end of the faults at the latest.
const ALARM_MS: u64 = 45_000;
/// Whoever leaves is shown for a while.
const LINGER_MS: u64 = 3_000;
/// After an outage in which all repeats of a word may be lost, whoever left in it is shown for so long.
const DOUBTED_MS: u64 = 13_500;
/// When everybody says something, unless they are quiet.
const GREETINGS: [u64; 2] = [300, 2_300];
/// Clients come back until then.
const RESUME_MS: u64 = 2_000;

impl World {
    /// Ends all faults and waits for everything to come about.
    pub(super) fn healed(&mut self) {
        let lives: BTreeSet<u64> = self.nodes.iter().filter_map(|n| n.life()).collect();
        self.heal();
        if self.options.deserted {
            self.trace.hit("deserted");
            self.crowd.clients.iter_mut().for_each(Client::disconnect);
        }
        let healed = self.now();
        let soon = HEALED_MS.max(RESUME_MS + self.pages() * PAGE_MS);
        self.wait(healed, CERTAIN_MS, soon);
        let before = self.crowd.history.lock().attempts.len();
        self.wait(healed, soon, soon);
        let alive = self.nodes.iter().filter_map(|node| node.life());
        let since_before: BTreeSet<u64> = alive.filter(|life| lives.contains(life)).collect();
        // Whose last word came so late that it was repeated afterwards.
        let repeated = |(at, life): (u64, u64)| {
            at + REPEATED_MS >= healed && (at >= healed || since_before.contains(&life))
        };
        let told = self.options.announced || !self.options.clustered();
        let mut awaited = self.heads(|append| told || repeated(append));
        awaited.extend(self.answers(before));
        if !told {
            self.trace.hit("losses not announced");
            self.wait(healed, ROUND_MS + soon, soon);
            awaited.extend(self.heads(|_| true));
        }
        if self.options.deserted {
            self.wait(healed, ALARM_MS, soon);
        }
        self.settle(self.now() + LINGER_MS);
        let mut rolls = self.rolls();
        let doubted = self.doubted_until(healed);
        if doubted > self.now() {
            // Whoever is there is told of already.
            for roll in &mut rolls {
                roll.told.retain(|user| roll.present.contains(user));
            }
            self.settle(doubted);
            rolls.extend(self.rolls());
        }
        let mut history = self.crowd.history.lock();
        history.awaited = awaited;
        history.rolls = rolls;
    }

    /// Lets everybody read until then.
    fn settle(&mut self, until: u64) {
        while self.now() < until {
            self.read_all();
            self.step(20);
        }
    }

    /// When whoever left in an outage is shown no more. Two outages are one if no word was repeated in between.
    fn doubted_until(&self, healed: u64) -> u64 {
        let (mut until, mut span) = (0, (0, 0));
        for (from, to) in &self.outages {
            let to = healed.min(*to);
            span = match *from <= span.1 + REPEATED_MS {
                true => (span.0, to.max(span.1)),
                false => (*from, to),
            };
            if span.1 - span.0 > REPEATED_MS {
                until = span.1 + DOUBTED_MS;
            }
        }
        until
    }

    /// Lets everybody read until so long after the end of the faults, in small steps until `soon`.
    fn wait(&mut self, healed: u64, millis: u64, soon: u64) {
        let begun = self.now() - healed;
        let mut greetings = GREETINGS.into_iter().filter(|due| *due >= begun).peekable();
        while self.now() < healed + millis {
            let since = self.now() - healed;
            let due = greetings.next_if(|due| *due <= since).is_some();
            let greet = due && !self.options.quiet && !self.options.deserted;
            let sites = Self::sites(&self.nodes);
            for client in &mut self.crowd.clients {
                client.read(&sites, 8);
                let returns = since < RESUME_MS && self.rng.random_range(0..50) == 0;
                if returns && !self.options.deserted {
                    client.resume(&sites);
                }
                if greet {
                    client.greet(&sites);
                }
            }
            self.step(if since < soon { 2 } else { 20 });
        }
    }

    /// Pages of all rooms together.
    fn pages(&self) -> u64 {
        let archive = self.store.archive.lock();
        let heads = archive.values().filter_map(|rows| rows.last());
        let events: u64 = heads.map(|row| row.last().0).sum();
        events.div_ceil(self.options.page_records as u64)
    }

    fn read_all(&mut self) {
        let sites = Self::sites(&self.nodes);
        for client in &mut self.crowd.clients {
            client.read(&sites, 8);
        }
    }

    /// Whether each subscriber has reached the head of each room whose last append is one of these.
    fn heads(&self, due: impl Fn((u64, u64)) -> bool) -> Vec<Awaited> {
        let archive = self.store.archive.lock();
        let appended = self.store.appended.lock();
        let mut awaited = Vec::new();
        for client in &self.crowd.clients {
            for (room, position) in client.subscribed() {
                let entity = EntityId::room(&room);
                let rows = archive.get(&entity).and_then(|rows| rows.last());
                let head = rows.map_or(0, |row| row.last().0);
                if appended.get(&entity).is_none_or(|append| due(*append)) {
                    let missed = position.0 != head;
                    awaited.push(Awaited {
                        what: format!("{} reaches the head of {room}", client.user()),
                        missed: missed.then(|| format!("at {position} of {head}")),
                    });
                }
            }
        }
        awaited
    }

    /// Whether all commands are answered, and those begun after the faults with something certain.
    fn answers(&self, before: usize) -> Vec<Awaited> {
        let history = self.crowd.history.lock();
        let open = history.unanswered();
        let mut awaited = vec![Awaited {
            what: "all commands are answered".into(),
            missed: (open > 0).then(|| format!("{open} are not")),
        }];
        for attempt in &history.attempts[before..] {
            let unknown = *attempt.outcome() == Outcome::Unknown;
            awaited.push(Awaited {
                what: format!("{attempt:?} has an outcome"),
                missed: unknown.then(|| "nobody knows".to_owned()),
            });
        }
        awaited
    }

    /// Who is present by the word of each node that has subscribers, and who is.
    fn rolls(&self) -> Vec<Roll> {
        let mut subscribed: BTreeMap<RoomId, BTreeMap<usize, BTreeSet<UserId>>> = BTreeMap::new();
        for client in &self.crowd.clients {
            for (room, _) in client.subscribed() {
                let nodes = subscribed.entry(room).or_default();
                let users = nodes.entry(client.node().unwrap_or_default()).or_default();
                users.insert(client.user().clone());
            }
        }
        let mut rolls = Vec::new();
        for (room, nodes) in subscribed {
            let present: BTreeSet<UserId> = nodes.values().flatten().cloned().collect();
            for node in nodes.keys() {
                if let Some((hub, _)) = self.nodes[*node].hub() {
                    rolls.push(Roll {
                        room: room.clone(),
                        node: *node,
                        told: hub.present(&room),
                        present: present.clone(),
                    });
                }
            }
        }
        rolls
    }
}
