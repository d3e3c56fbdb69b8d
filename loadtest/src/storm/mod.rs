//! Connections that come at the times of a plan, join a room, and go again: what a hub does when everybody comes at once.

mod reader;

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Clock;
use crate::fleet::{in_both, slot as encoded};
use crate::hub;
use crate::pool::{Pool, Ready};
use crate::run::log::Log;
use crate::run::record::class;
use crate::target::{ConnectError, Target};
use crate::timetable::Timetable;
use reader::{Reader, Stage};

/// Connections begun before the sockets are read again, when the generator is behind its plan.
const PER_TURN: u32 = 32;
/// Every connection that stays pings once in this time.
const PING_EVERY_NS: u64 = 10_000_000_000;
/// With nothing due for longer than this, the generator may sleep for a moment.
const REST_NS: u64 = 2_000_000;

/// What is asked for.
pub struct Order {
    /// When connections are due.
    pub times: Timetable,
    /// Seconds that warm up, and seconds until the end, the warm-up included.
    pub seconds: (f64, f64),
    /// Connections that stay.
    pub keep: u32,
    /// Connections that may be on their way at the same time.
    pub at_once: u32,
    /// Rooms to join in turn.
    pub rooms: u32,
    /// Which of the target's groups of rooms they are.
    pub group: u32,
    /// Nanoseconds after which a connection that has not joined is an error.
    pub timeout_ns: u64,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blown {
    /// Connections that joined, warm-up included.
    pub joined: u32,
    /// Connections that had to wait because too many were on their way.
    pub held_back: u32,
    /// Connections that had joined and were ended by the other side.
    pub lost: u64,
    /// Most that had joined at the same time.
    pub most: u32,
    /// Share of the measured part in which there was something to do.
    pub busy: f64,
}

#[derive(Clone, Copy)]
struct Place {
    stage: Stage,
    intended_ns: u64,
    /// Counts up with every connection that has this place.
    turn: u32,
}

/// A storm before and while it blows.
pub struct Storm<'a> {
    order: Order,
    target: &'a Target,
    clock: Clock,
    pool: Pool,
    places: Vec<Place>,
    free: Vec<usize>,
    /// Who stays, the oldest first.
    staying: VecDeque<(usize, u32)>,
    /// Who is on the way, the one that began first in front, with the time at which it is given up.
    coming: VecDeque<(u64, usize, u32)>,
    on_the_way: u32,
    here: u32,
    requests: Vec<Vec<u8>>,
    hellos: [Vec<u8>; 2],
    joins: Vec<[Vec<u8>; 2]>,
    pings: [Vec<u8>; 2],
    pinged_ns: u64,
    ping_next: usize,
    next: u32,
    total: u32,
    /// When the way was free again after too many had been on it.
    freed_ns: u64,
    idle_ns: u64,
    blown: Blown,
}

impl<'a> Storm<'a> {
    /// Makes the rooms, and everything that connections say.
    pub fn new(order: Order, target: &'a Target, clock: Clock) -> Result<Self, ConnectError> {
        target.create_rooms(order.group, order.rooms)?;
        let places = (order.keep + order.at_once) as usize;
        let requests = (0..places).map(|place| target.upgrade_request(&target.user(place)));
        let join = |room| {
            let name = target.room_name(order.group, room);
            in_both(|encoding| hub::join_room(encoding, "join", &name))
        };
        let empty = Place {
            stage: Stage::Free,
            intended_ns: 0,
            turn: 0,
        };
        Ok(Self {
            requests: requests.collect::<Result<_, _>>()?,
            joins: (0..order.rooms).map(join).collect::<Result<_, _>>()?,
            hellos: in_both(|encoding| Ok(hub::handshake_request(encoding)))?,
            pings: in_both(hub::ping)?,
            total: order.times.count_before((order.seconds.1 * 1e9) as u64),
            target,
            clock,
            pool: Pool::new()?,
            places: vec![empty; places],
            free: (0..places).rev().collect(),
            staying: VecDeque::new(),
            coming: VecDeque::new(),
            on_the_way: 0,
            here: 0,
            pinged_ns: 0,
            ping_next: 0,
            next: 0,
            freed_ns: 0,
            idle_ns: 0,
            blown: Blown::default(),
            order,
        })
    }

    /// Opens all connections at their times, and waits for the last ones.
    pub fn blow(mut self, start_ns: u64, mut log: Log) -> Result<(Blown, Log), ConnectError> {
        let after = |seconds: f64| start_ns + (seconds * 1e9) as u64;
        let (warmup_s, seconds) = self.order.seconds;
        let (measured_ns, end_ns) = (after(warmup_s), after(seconds));
        self.pinged_ns = start_ns;
        let mut ready = Vec::new();
        let mut idle_before = None;
        let mut idle_after = None;
        loop {
            let now_ns = self.clock.now_ns();
            if now_ns >= measured_ns {
                idle_before.get_or_insert(self.idle_ns);
            }
            if now_ns >= end_ns {
                idle_after.get_or_insert(self.idle_ns);
                if self.next == self.total && self.on_the_way == 0 {
                    break;
                }
            }
            self.turn(start_ns, &mut ready, &mut log)?;
        }
        let idle_ns = idle_after.unwrap_or_default() - idle_before.unwrap_or_default();
        self.blown.busy = 1.0 - idle_ns as f64 / (end_ns - measured_ns).max(1) as f64;
        Ok((self.blown, log))
    }

    fn turn(
        &mut self,
        start_ns: u64,
        ready: &mut Vec<Ready>,
        log: &mut Log,
    ) -> Result<(), ConnectError> {
        let now_ns = self.clock.now_ns();
        let begun = self.begin_due(start_ns, log);
        self.give_up(now_ns, log);
        self.keep_alive(now_ns);
        log.tick(now_ns, self.here);
        let full = self.on_the_way >= self.order.at_once;
        let due_ns = match self.next < self.total && !full {
            true => start_ns.saturating_add(self.order.times.ns(self.next)),
            false => u64::MAX,
        };
        let rests = !begun && due_ns > now_ns + REST_NS;
        let timeout = Duration::from_millis(u64::from(rests));
        let waited_ns = self.clock.now_ns();
        self.pool.wait(Some(timeout), ready)?;
        if !begun && (ready.is_empty() || rests) {
            self.idle_ns += self.clock.now_ns() - waited_ns;
        }
        for event in ready.iter() {
            if let Ready::Socket {
                index,
                readable,
                writable,
            } = *event
            {
                self.serve(index, readable, writable, log);
            }
        }
        Ok(())
    }

    /// Begins the connections whose time has come; true when there was one.
    fn begin_due(&mut self, start_ns: u64, log: &mut Log) -> bool {
        let first = self.next;
        while self.next < self.total && self.next - first < PER_TURN {
            let now_ns = self.clock.now_ns();
            let intended_ns = start_ns.saturating_add(self.order.times.ns(self.next));
            if now_ns < intended_ns {
                break;
            }
            if self.on_the_way >= self.order.at_once {
                // Whoever is due from now on waits for others, and not for the generator.
                self.freed_ns = now_ns;
                break;
            }
            let Some(place) = self.free.pop() else {
                break;
            };
            let held = self.freed_ns > intended_ns;
            self.blown.held_back += u32::from(held);
            let late_ns = now_ns - self.freed_ns.max(intended_ns);
            log.late(intended_ns, intended_ns + late_ns);
            self.next += 1;
            self.begin(place, intended_ns, now_ns, log);
        }
        self.next > first
    }

    fn begin(&mut self, index: usize, intended_ns: u64, now_ns: u64, log: &mut Log) {
        let place = &mut self.places[index];
        place.turn = place.turn.wrapping_add(1);
        place.stage = Stage::Upgrading;
        place.intended_ns = intended_ns;
        self.on_the_way += 1;
        let due_ns = now_ns + self.order.timeout_ns;
        self.coming.push_back((due_ns, index, place.turn));
        let (pool, requests) = (&mut self.pool, &self.requests);
        let begun = self.target.connect(index).and_then(|stream| {
            pool.place(index, stream)?;
            pool.queue(index, &requests[index]).map(drop)
        });
        if begun.is_err() {
            self.fail(index, log);
        }
    }

    fn serve(&mut self, index: usize, readable: bool, writable: bool, log: &mut Log) {
        if self.places[index].stage == Stage::Free {
            return;
        }
        if writable && self.pool.flush(index).is_err() {
            return self.fail(index, log);
        }
        if !readable {
            return;
        }
        let encoding = self.target.encoding_of(index);
        let mut reader = Reader {
            stage: &mut self.places[index].stage,
            hello: &self.hellos[encoded(encoding)],
            join: &self.joins[index % self.joins.len()][encoded(encoding)],
            encoding,
            answer: Vec::new(),
        };
        let before = *reader.stage;
        let read = self.pool.read(index, |bytes| reader.receive(bytes));
        let (answer, now) = (reader.answer, self.places[index].stage);
        let wrote = answer.is_empty() || self.pool.write(index, &answer).is_ok();
        // What is over at this moment went well, whatever came behind it.
        if now == Stage::Joined && before != Stage::Joined {
            self.joined(index, log);
        }
        if read.is_err() || !wrote {
            self.fail(index, log);
        }
    }

    fn joined(&mut self, index: usize, log: &mut Log) {
        let place = self.places[index];
        log.record(class::CONNECT, place.intended_ns, self.clock.now_ns());
        self.on_the_way -= 1;
        self.here += 1;
        self.blown.joined += 1;
        self.staying.push_back((index, place.turn));
        while self.here > self.order.keep
            && let Some((oldest, turn)) = self.staying.pop_front()
        {
            let place = self.places[oldest];
            if place.turn == turn && place.stage == Stage::Joined {
                self.here -= 1;
                self.release(oldest);
            }
        }
        self.blown.most = self.blown.most.max(self.here);
    }

    /// A connection ended that nobody wanted to end, or never came to be one.
    fn fail(&mut self, index: usize, log: &mut Log) {
        match self.places[index].stage {
            Stage::Free => return,
            Stage::Joined => {
                self.here -= 1;
                self.blown.lost += 1;
            }
            _ => {
                self.on_the_way -= 1;
                log.error(class::CONNECT, self.places[index].intended_ns);
            }
        }
        self.release(index);
    }

    fn release(&mut self, index: usize) {
        self.pool.close(index);
        self.places[index].stage = Stage::Free;
        self.free.push(index);
    }

    fn give_up(&mut self, now_ns: u64, log: &mut Log) {
        while let Some((due_ns, index, turn)) = self.coming.front().copied() {
            let place = self.places[index];
            let is_coming =
                place.turn == turn && !matches!(place.stage, Stage::Free | Stage::Joined);
            if is_coming && now_ns < due_ns {
                return;
            }
            self.coming.pop_front();
            if is_coming {
                self.fail(index, log);
            }
        }
    }

    fn keep_alive(&mut self, now_ns: u64) {
        let each_ns = PING_EVERY_NS / self.places.len().max(1) as u64;
        while self.pinged_ns + each_ns <= now_ns {
            self.pinged_ns += each_ns;
            let index = self.ping_next;
            self.ping_next = (index + 1) % self.places.len();
            if self.places[index].stage == Stage::Joined {
                // A connection that is gone shows when it is read.
                let ping = &self.pings[encoded(self.target.encoding_of(index))];
                let _ = self.pool.write(index, ping);
            }
        }
    }
}
