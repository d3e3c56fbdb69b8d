//! One open-loop trial: sends leave when the plan says, whatever the hub does, and latency counts from that moment.

pub mod books;
pub mod churn;
pub mod mark;
pub mod play;
mod receive;

use protocol::Encoding;
use std::time::Duration;

use crate::clock::Clock;
use crate::figures::{Figures, Quantiles};
use crate::fleet::{Fleet, slot};
use crate::hub::{HubError, SendTemplate};
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::pool::Ready;
use crate::process::Meter;
use crate::stamp::Stamp;
use crate::target::{ConnectError, Target};
use crate::wire::Scanner;

use books::{Books, Totals};
use churn::Churning;
use mark::Mark;

/// Sends made before the sockets are read again, when the generator is behind its plan.
const SENDS_PER_TURN: u32 = 64;
/// An idle generator looks for arrivals this often.
const PAUSE_NS: u64 = 20_000;
/// A generator that may rest does so when nothing is due for longer than this.
const REST_NS: u64 = 2_000_000;
const REST: Duration = Duration::from_millis(1);
/// The end of a trial waits this long for something to arrive, again and again.
const QUIET_NS: u64 = 3_000_000_000;

/// A trial under way.
pub struct Trial<'a, B> {
    fleet: &'a mut Fleet,
    plan: Plan,
    clock: Clock,
    server: Option<Meter>,
    /// By encoding, as [`slot`] numbers them.
    scanners: [Scanner; 2],
    /// For every room, by encoding.
    templates: [Vec<SendTemplate>; 2],
    ledger: Ledger,
    books: B,
    churn: Option<Churning>,
    next: u32,
    idle_ns: u64,
    bytes: u64,
    slow_records: u64,
    others: Vec<(usize, Vec<u8>)>,
    frame: Vec<u8>,
    ready: Vec<Ready>,
}

/// Frames to every room in one encoding; none when nobody speaks it.
fn templates(
    target: &Target,
    group: u32,
    rooms: u32,
    encoding: Encoding,
) -> Result<Vec<SendTemplate>, HubError> {
    if encoding != target.encoding && !target.mixed {
        return Ok(Vec::new());
    }
    let template = |room| {
        let name = target.room_name(group, room);
        SendTemplate::new(encoding, &name, &target.nonce, target.text_bytes)
    };
    (0..rooms).map(template).collect()
}

impl<'a> Trial<'a, Totals> {
    /// Prepares a trial of `plan`; it starts a moment after [`run`](Self::run) is called.
    pub fn new(
        fleet: &'a mut Fleet,
        plan: Plan,
        expects_acknowledgements: bool,
        server: Option<Meter>,
        clock: Clock,
    ) -> Result<Self, ConnectError> {
        let totals = Totals::new(plan.measured_from);
        Self::of(fleet, plan, expects_acknowledgements, server, clock, totals)
    }

    /// Sends everything, waits for what is still to come, and returns the figures. With `give_up_p99_ms`, it does not wait when
    /// that latency can no longer be met.
    pub fn run(mut self, give_up_p99_ms: Option<f64>) -> Result<Figures, ConnectError> {
        self.plan.start_ns = self.clock.now_ns() + 10_000_000;
        let (measured_from_ns, measured_until_ns) = self.plan.measured_ns();
        let begin = self.run_until(measured_from_ns)?;
        let end = self.run_until(measured_until_ns)?;
        let abandoned = give_up_p99_ms.is_some_and(|limit_ms| self.is_hopeless(limit_ms));
        if !abandoned {
            self.drain()?;
        }
        Ok(self.figures(begin, end, abandoned))
    }

    /// So much is late or still on its way that the 99th percentile is above the limit whatever comes.
    fn is_hopeless(&self, limit_ms: f64) -> bool {
        let limit_us = (limit_ms * 1000.0) as u64;
        let due = self.plan.total - self.plan.measured_from;
        let expected = u64::from(due) * u64::from(self.plan.shape.listeners);
        let in_time = self.books.latency.count_between(0, limit_us);
        // What was due less than the limit ago may still come in time.
        let undecided =
            (limit_ms / 1e3 * self.plan.rate()) as u64 * u64::from(self.plan.shape.listeners);
        in_time + undecided < expected / 100 * 98
    }

    fn figures(self, begin: Mark, end: Mark, abandoned: bool) -> Figures {
        let used = begin.until(end);
        let received = self.ledger.received();
        let (mut faults, positions) = self.ledger.close();
        if abandoned {
            faults = faults.without_outstanding();
        }
        self.fleet.positions = positions;
        Figures {
            offered_per_second: self.plan.rate() * f64::from(self.plan.shape.listeners),
            delivered_per_second: used.deliveries as f64 / used.seconds,
            sends: self.plan.total,
            deliveries: received,
            bytes_per_delivery: self.bytes as f64 / received.max(1) as f64,
            latency: Quantiles::of(&self.books.latency),
            acknowledgement: Quantiles::of(&self.books.acknowledgement),
            lag: Quantiles::of(&self.books.lag),
            generator_busy: used.generator_busy,
            server_busy: used.server_s.map(|server| server / used.seconds),
            server_cpu_s_per_million: used
                .server_s
                .map(|server| server / used.deliveries.max(1) as f64 * 1e6),
            others_busy: used.others_s.map(|others| others / used.seconds),
            slow_records: self.slow_records,
            abandoned,
            faults,
        }
    }
}

impl<'a, B: Books> Trial<'a, B> {
    fn of(
        fleet: &'a mut Fleet,
        plan: Plan,
        expects_acknowledgements: bool,
        server: Option<Meter>,
        clock: Clock,
        books: B,
    ) -> Result<Self, ConnectError> {
        let (target, group, rooms) = (&fleet.target, fleet.group, fleet.shape.rooms);
        let [json, messagepack] = Encoding::ALL;
        let positions = fleet.positions.clone();
        Ok(Self {
            scanners: [Scanner::new(json), Scanner::new(messagepack)],
            templates: [
                templates(target, group, rooms, json)?,
                templates(target, group, rooms, messagepack)?,
            ],
            ledger: Ledger::new(plan.clone(), expects_acknowledgements, positions),
            plan,
            clock,
            server,
            books,
            churn: None,
            next: 0,
            idle_ns: 0,
            bytes: 0,
            slow_records: 0,
            others: Vec::new(),
            frame: Vec::new(),
            ready: Vec::new(),
            fleet,
        })
    }

    fn run_until(&mut self, until_ns: u64) -> Result<Mark, ConnectError> {
        while self.clock.now_ns() < until_ns || self.is_late(until_ns) {
            // The generator owns its core: it never sleeps while sends are due, so that none is late.
            self.turn(Duration::ZERO)?;
        }
        Ok(Mark::now(
            self.clock.now_ns(),
            self.ledger.received(),
            self.idle_ns,
            self.server.as_ref(),
        ))
    }

    fn is_late(&self, until_ns: u64) -> bool {
        self.next < self.plan.total && self.plan.intended_ns(self.next) < until_ns
    }

    fn is_complete(&self) -> bool {
        self.ledger.is_complete() && self.churn.as_ref().is_none_or(Churning::all_here)
    }

    fn drain(&mut self) -> Result<(), ConnectError> {
        let (mut progress, mut since_ns) = (self.ledger.progress(), self.clock.now_ns());
        while !self.is_complete() && self.clock.now_ns() < since_ns + QUIET_NS {
            self.turn(Duration::from_millis(1))?;
            if self.ledger.progress() > progress {
                (progress, since_ns) = (self.ledger.progress(), self.clock.now_ns());
            }
        }
        // What must not come would come now: duplicates, and copies of what was refused.
        let quiet_ns = self.clock.now_ns() + 50_000_000;
        while self.clock.now_ns() < quiet_ns {
            self.turn(Duration::from_millis(1))?;
        }
        Ok(())
    }

    fn turn(&mut self, timeout: Duration) -> Result<(), ConnectError> {
        let started_ns = self.clock.now_ns();
        let sent = self.send_due();
        self.churn(started_ns);
        self.fleet.keep_alive(started_ns);
        let connections = self.fleet.shape.connections() - self.fleet.away.len() as u32;
        self.books.turn(started_ns, connections);
        let rests = B::RESTS && !sent && self.due_ns() > started_ns + REST_NS;
        let timeout = if rests { timeout.max(REST) } else { timeout };
        let waited_ns = self.clock.now_ns();
        self.fleet.pool.wait(Some(timeout), &mut self.ready)?;
        if self.ready.is_empty() && !sent {
            if !rests {
                self.pause(started_ns);
            }
            self.idle_ns += self.clock.now_ns() - started_ns;
        } else if rests {
            self.idle_ns += self.clock.now_ns() - waited_ns;
        }
        let ready = std::mem::take(&mut self.ready);
        for event in &ready {
            let Ready::Socket {
                index,
                readable,
                writable,
            } = *event
            else {
                continue;
            };
            if writable && self.fleet.pool.flush(index).is_err() {
                self.ledger.fault().disconnected += 1;
            }
            if readable {
                self.read(index);
                self.send_due();
            }
        }
        self.ready = ready;
        Ok(())
    }

    /// Nothing to do: leaves the kernel alone for a moment, or until the next send is due. More arrives meanwhile, so the
    /// server is disturbed less, and the generator spends half as much.
    fn pause(&self, from_ns: u64) {
        let until_ns = self.due_ns().min(from_ns + PAUSE_NS);
        while self.clock.now_ns() < until_ns {
            std::hint::spin_loop();
        }
    }

    /// When the next send is due.
    fn due_ns(&self) -> u64 {
        match self.next < self.plan.total {
            true => self.plan.intended_ns(self.next),
            false => u64::MAX,
        }
    }

    /// Makes the sends whose time has come; true when there was one.
    fn send_due(&mut self) -> bool {
        let first = self.next;
        while self.next < self.plan.total && self.next - first < SENDS_PER_TURN {
            let (intended_ns, now_ns) = (self.plan.intended_ns(self.next), self.clock.now_ns());
            if now_ns < intended_ns {
                break;
            }
            let index = self.next;
            self.books.sent(index, intended_ns, now_ns);
            self.next += 1;
            self.frame.clear();
            let stamp = Stamp {
                trial: self.plan.trial,
                index,
            };
            let mask = (index.wrapping_mul(0x9e37_79b9) ^ 0x5bd1_e995).to_le_bytes();
            let room = self.plan.shape.room_of(index) as usize;
            let sender = self.plan.shape.sender_of(index) as usize;
            let slot = slot(self.fleet.target.encoding_of(sender));
            self.templates[slot][room].push(stamp, mask, &mut self.frame);
            self.ledger.sent();
            if self.fleet.pool.write(sender, &self.frame).is_err() {
                self.ledger.fault().disconnected += 1;
            }
        }
        self.next > first
    }
}
