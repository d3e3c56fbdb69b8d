//! One open-loop trial: sends leave when the plan says, whatever the hub does, and latency counts from that moment.

pub mod mark;
mod receive;

use hdrhistogram::Histogram;
use std::time::Duration;

use crate::clock::Clock;
use crate::figures::{Figures, Quantiles};
use crate::fleet::Fleet;
use crate::hub::{HubError, SendTemplate};
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::pool::Ready;
use crate::process::Meter;
use crate::stamp::Stamp;
use crate::target::ConnectError;
use crate::wire::Scanner;

use mark::Mark;

/// Sends made before the sockets are read again, when the generator is behind its plan.
const SENDS_PER_TURN: u32 = 64;
/// An idle generator looks for arrivals this often.
const PAUSE_NS: u64 = 20_000;
/// The end of a trial waits this long for something to arrive, again and again.
const QUIET_NS: u64 = 3_000_000_000;
const MICROSECONDS_PER_MINUTE: u64 = 60_000_000;

/// A trial under way.
pub struct Trial<'a> {
    fleet: &'a mut Fleet,
    plan: Plan,
    clock: Clock,
    give_up_p99_ms: Option<f64>,
    server: Option<Meter>,
    scanner: Scanner,
    templates: Vec<SendTemplate>,
    ledger: Ledger,
    latency: Histogram<u64>,
    acknowledgement: Histogram<u64>,
    lag: Histogram<u64>,
    next: u32,
    idle_ns: u64,
    bytes: u64,
    slow_records: u64,
    others: Vec<(usize, Vec<u8>)>,
    frame: Vec<u8>,
    ready: Vec<Ready>,
}

impl<'a> Trial<'a> {
    /// Prepares a trial of `plan`; it starts a moment after [`run`](Self::run) is called. With `give_up_p99_ms`, it does not
    /// wait for what is still to come when that latency can no longer be met.
    pub fn new(
        fleet: &'a mut Fleet,
        plan: Plan,
        expects_acknowledgements: bool,
        give_up_p99_ms: Option<f64>,
        server: Option<Meter>,
        clock: Clock,
    ) -> Result<Self, ConnectError> {
        let target = &fleet.target;
        let templates = (0..fleet.shape.rooms)
            .map(|room| {
                let name = target.room_name(fleet.group, room);
                SendTemplate::new(target.encoding, &name, &target.nonce, target.text_bytes)
            })
            .collect::<Result<_, HubError>>()?;
        let histogram = || {
            Histogram::new_with_max(MICROSECONDS_PER_MINUTE, 3)
                .expect("these bounds are valid for any histogram")
        };
        Ok(Self {
            scanner: Scanner::new(target.encoding),
            ledger: Ledger::new(plan, expects_acknowledgements, fleet.positions.clone()),
            plan,
            clock,
            give_up_p99_ms,
            server,
            templates,
            latency: histogram(),
            acknowledgement: histogram(),
            lag: histogram(),
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

    /// Sends everything, waits for what is still to come, and returns the figures.
    pub fn run(mut self) -> Result<Figures, ConnectError> {
        self.plan.start_ns = self.clock.now_ns() + 10_000_000;
        let (measured_from_ns, measured_until_ns) = self.plan.measured_ns();
        let begin = self.run_until(measured_from_ns)?;
        let end = self.run_until(measured_until_ns)?;
        let abandoned = self.is_hopeless();
        if !abandoned {
            self.drain()?;
        }
        Ok(self.figures(begin, end, abandoned))
    }

    /// So much is late or still on its way that the 99th percentile is above the limit whatever comes.
    fn is_hopeless(&self) -> bool {
        let Some(limit_ms) = self.give_up_p99_ms else {
            return false;
        };
        let limit_us = (limit_ms * 1000.0) as u64;
        let due = self.plan.total - self.plan.measured_from;
        let expected = u64::from(due) * u64::from(self.plan.shape.listeners);
        let in_time = self.latency.count_between(0, limit_us);
        // What was due less than the limit ago may still come in time.
        let undecided =
            (limit_ms * 1e6 / self.plan.interval_ns) as u64 * u64::from(self.plan.shape.listeners);
        in_time + undecided < expected / 100 * 98
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

    fn drain(&mut self) -> Result<(), ConnectError> {
        let (mut progress, mut since_ns) = (self.ledger.progress(), self.clock.now_ns());
        while !self.ledger.is_complete() && self.clock.now_ns() < since_ns + QUIET_NS {
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
        self.fleet.keep_alive(started_ns);
        self.fleet.pool.wait(Some(timeout), &mut self.ready)?;
        if self.ready.is_empty() && !sent {
            self.pause(started_ns);
            self.idle_ns += self.clock.now_ns() - started_ns;
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
        let due_ns = if self.next < self.plan.total {
            self.plan.intended_ns(self.next)
        } else {
            u64::MAX
        };
        let until_ns = due_ns.min(from_ns + PAUSE_NS);
        while self.clock.now_ns() < until_ns {
            std::hint::spin_loop();
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
            self.lag.saturating_record((now_ns - intended_ns) / 1000);
            let index = self.next;
            self.next += 1;
            self.frame.clear();
            let stamp = Stamp {
                trial: self.plan.trial,
                index,
            };
            let mask = (index.wrapping_mul(0x9e37_79b9) ^ 0x5bd1_e995).to_le_bytes();
            let room = self.plan.shape.room_of(index) as usize;
            self.templates[room].push(stamp, mask, &mut self.frame);
            let sender = self.plan.shape.sender_of(index) as usize;
            self.ledger.sent();
            if self.fleet.pool.write(sender, &self.frame).is_err() {
                self.ledger.fault().disconnected += 1;
            }
        }
        self.next > first
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
            offered_per_second: 1e9 / self.plan.interval_ns * f64::from(self.plan.shape.listeners),
            delivered_per_second: used.deliveries as f64 / used.seconds,
            sends: self.plan.total,
            deliveries: received,
            bytes_per_delivery: self.bytes as f64 / received.max(1) as f64,
            latency: Quantiles::of(&self.latency),
            acknowledgement: Quantiles::of(&self.acknowledgement),
            lag: Quantiles::of(&self.lag),
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
