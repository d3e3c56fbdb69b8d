//! A run of people with connections: everybody comes, a plan happens when it says, in the end everybody comes back. What they do is
//! somebody else's matter.

use std::io;
use std::iter::Peekable;
use std::ops::ControlFlow;
use std::time::Duration;

use super::gate::{Due, Gate};
use super::lines::Listener;
use super::people::{People, Stage};
use super::{Curve, Hook, Progress};
use crate::fleet::{REST, meanwhile};
use crate::hub::HubError;
use crate::run::record::class;
use crate::target::ConnectError;

/// The plan is known so far ahead.
pub const AHEAD_NS: u64 = 10_000_000_000;
/// Connections that may be on their way before the traffic begins.
const OPENING_AT_ONCE: u32 = 64;
/// How long one try may take.
const TRY_NS: u64 = 20_000_000_000;
/// Deeds that are done before sockets are read again, when the generator is behind its plan.
const PER_TURN: u32 = 64;
/// An idle generator looks for arrivals this often.
const PAUSE_NS: u64 = 20_000;
/// How often the run is looked at.
const LOOK_NS: u64 = 500_000_000;
/// The end waits this long for something to arrive, again and again, and so long at most.
const QUIET_NS: u64 = 10_000_000_000;
const LONGEST_END_NS: u64 = 180_000_000_000;

/// What people do, and what comes of it.
pub trait World<'a>: Listener {
    /// What somebody intends.
    type Deed: Copy + Ord;

    /// The connections.
    fn people(&mut self) -> &mut People<'a>;
    /// The same, to look at.
    fn look_at_people(&self) -> &People<'a>;
    /// What a line asks for first: to be where it was.
    fn hello(&self, line: usize, gate: &Gate<Self::Deed>) -> Result<Vec<u8>, HubError>;
    /// Whether a deed is an operation of the plan.
    fn is_operation(&self, deed: &Self::Deed) -> bool;
    /// A deed that comes before another one, and when.
    fn before(&self, deed: &Self::Deed) -> Option<(u64, Self::Deed)>;
    /// Does what was due at this time.
    fn act(&mut self, gate: &mut Gate<Self::Deed>, at_ns: u64, deed: Self::Deed);
    /// A line is where it wanted to be.
    fn arrived(&mut self, gate: &mut Gate<Self::Deed>, line: usize);
    /// A line is gone: it was there, and nobody wanted that, if `is_loss`.
    fn gone(&mut self, line: usize, is_loss: bool, why: &str);
    /// Whether the way back of this line is measured.
    fn is_measured(&self, line: usize) -> bool;
    /// Does what follows from what was heard, and looks after other sockets; true if there was something.
    fn turn(&mut self, gate: &mut Gate<Self::Deed>) -> Result<bool, ConnectError>;
    /// Forgets what is not needed any more; operations of which something is missing, and entries that are kept.
    fn tidy(&mut self) -> (usize, usize);
    /// The plan is over: everybody comes back and reads on.
    fn wind_up(&mut self, gate: &mut Gate<Self::Deed>);
    /// Whether nothing is missing any more.
    fn is_complete(&self) -> bool;
}

/// A deed and when it is intended.
pub type Intended<D> = (u64, D);

/// A run.
pub struct Engine<'a, W: World<'a>, P: Iterator<Item = Intended<W::Deed>>> {
    /// Lines and times.
    pub gate: Gate<W::Deed>,
    /// What people do.
    pub world: W,
    /// Most connections at the same time.
    pub most_connections: u32,
    plan: Peekable<P>,
    curve: &'a dyn Curve,
    idle_ns: u64,
    looked_ns: u64,
}

impl<'a, W: World<'a>, P: Iterator<Item = Intended<W::Deed>>> Engine<'a, W, P> {
    /// Nobody has come yet.
    pub fn new(gate: Gate<W::Deed>, world: W, plan: P, curve: &'a dyn Curve) -> Self {
        Self {
            gate,
            world,
            plan: plan.peekable(),
            most_connections: 0,
            curve,
            idle_ns: 0,
            looked_ns: 0,
        }
    }

    /// Opens all lines, a few at a time.
    pub fn gather(&mut self) -> Result<(), ConnectError> {
        let all = self.world.people().clients.len();
        let (mut opened, mut progress) = (0, (0, self.gate.clock.now_ns()));
        while (self.there() as usize) < all {
            let there = self.there();
            if there > progress.0 {
                progress = (there, self.gate.clock.now_ns());
            }
            while opened < all && (opened as u32) < there + OPENING_AT_ONCE {
                self.open(opened)?;
                opened += 1;
            }
            self.gate.lines.keep_alive(self.gate.clock.now_ns());
            self.gate
                .lines
                .turn(Duration::from_millis(20), &mut self.world)?;
            if let Some((_, why)) = self.gate.lines.take_lost().into_iter().next() {
                return Err(HubError::Failed(why).into());
            }
            self.welcome();
            if self.gate.clock.now_ns() > progress.1 + TRY_NS {
                return Err(ConnectError::Stuck(there as usize, all));
            }
        }
        Ok(())
    }

    fn there(&self) -> u32 {
        self.world.look_at_people().there()
    }

    /// Keeps all lines alive until the traffic begins, which `gate` says when everybody is ready.
    pub fn begin(
        &mut self,
        gate: impl FnOnce() -> io::Result<u64> + Send,
    ) -> Result<(), ConnectError> {
        let start_ns = meanwhile(gate, || self.wait(REST))?;
        while let left @ 1.. = start_ns.saturating_sub(self.gate.clock.now_ns()) {
            self.wait(REST.min(Duration::from_nanos(left)))?;
        }
        self.gate.start_ns = start_ns;
        let people = self.world.people();
        people.start_ns = start_ns;
        people.log.begin(start_ns);
        Ok(())
    }

    fn wait(&mut self, timeout: Duration) -> Result<(), ConnectError> {
        self.gate.lines.keep_alive(self.gate.clock.now_ns());
        self.gate.lines.turn(timeout, &mut self.world)?;
        Ok(())
    }

    /// Makes the plan happen; the share of the measured part in which there was something to do.
    pub fn traffic(&mut self, hook: &mut Hook<'_>) -> Result<f64, ConnectError> {
        let end_ns = self.curve.intended_ns(self.curve.total());
        let measured_ns = u64::from(self.curve.measured_from_s()) * 1_000_000_000;
        let mut idle_before = None;
        loop {
            let at_ns = self.gate.at();
            if idle_before.is_none() && at_ns >= measured_ns {
                idle_before = Some((self.idle_ns, at_ns));
            }
            self.pull(at_ns);
            let is_over =
                at_ns >= end_ns && self.plan.peek().is_none() && !self.gate.has_deeds(end_ns);
            if is_over || self.look(hook).is_break() {
                break;
            }
            self.turn(Duration::ZERO)?;
        }
        let at_ns = self.gate.at();
        let (idle_ns, from_ns) = idle_before.unwrap_or((self.idle_ns, at_ns));
        let measured_ns = at_ns.saturating_sub(from_ns).max(1);
        Ok(1.0 - (self.idle_ns - idle_ns) as f64 / measured_ns as f64)
    }

    /// Everybody comes back and reads on, and what is still to come is waited for.
    pub fn finish(&mut self, hook: &mut Hook<'_>) -> Result<(), ConnectError> {
        self.world.wind_up(&mut self.gate);
        let begun_ns = self.gate.clock.now_ns();
        let mut progress = (self.world.people().heard, begun_ns);
        while !self.world.is_complete() {
            let now_ns = self.gate.clock.now_ns();
            let heard = self.world.people().heard;
            if heard > progress.0 {
                progress = (heard, now_ns);
            }
            if now_ns > progress.1 + QUIET_NS || now_ns > begun_ns + LONGEST_END_NS {
                break;
            }
            // Only the traffic can be ended early: what was sent is owed to all.
            let _ = self.look(hook);
            self.turn(Duration::from_millis(1))?;
        }
        // What must not come would come now: copies, and what was refused.
        let quiet_ns = self.gate.clock.now_ns() + 100_000_000;
        while self.gate.clock.now_ns() < quiet_ns {
            self.turn(Duration::from_millis(1))?;
        }
        Ok(())
    }

    /// Takes over what the plan says of the next seconds.
    fn pull(&mut self, at_ns: u64) {
        while let Some((at_ns, deed)) = self.plan.next_if(|(due_ns, _)| *due_ns <= at_ns + AHEAD_NS)
        {
            if let Some((before_ns, before)) = self.world.before(&deed) {
                self.gate.push(before_ns, before);
            }
            self.gate.push(at_ns, deed);
        }
    }

    /// Does what is due, takes in what has come, and does what follows.
    fn turn(&mut self, timeout: Duration) -> Result<(), ConnectError> {
        let started_ns = self.gate.clock.now_ns();
        let did = self.do_due();
        self.gate.lines.keep_alive(started_ns);
        let came = self.gate.lines.turn(timeout, &mut self.world)?;
        self.welcome();
        let followed = self.world.turn(&mut self.gate)?;
        self.lost();
        if !did && !came && !followed {
            self.rest(started_ns);
            self.idle_ns += self.gate.clock.now_ns() - started_ns;
        }
        Ok(())
    }

    fn do_due(&mut self) -> bool {
        for did in 0..PER_TURN {
            let Some((due_ns, due)) = self.gate.pop() else {
                return did > 0;
            };
            match due {
                Due::Try(line) => self.try_again(line),
                Due::Deed(deed) => {
                    if self.world.is_operation(&deed) {
                        let intended_ns = self.gate.start_ns + due_ns;
                        let now_ns = self.gate.clock.now_ns();
                        self.world.people().log.late(intended_ns, now_ns);
                    }
                    self.world.act(&mut self.gate, due_ns, deed);
                }
            }
        }
        true
    }

    /// Leaves the kernel alone for a moment, or until something is due.
    fn rest(&self, from_ns: u64) {
        let until_ns = self.gate.next_ns().min(from_ns + PAUSE_NS);
        while self.gate.clock.now_ns() < until_ns {
            std::hint::spin_loop();
        }
    }

    fn try_again(&mut self, line: usize) {
        // Somebody may have left since the try was planned, or come by another one.
        let client = &self.world.people().clients[line];
        if client.stage != Stage::Coming || client.is_trying {
            return;
        }
        if let Err(error) = self.open(line) {
            self.gate.lines.lose(line, error.to_string());
        }
    }

    /// Opens a line, to go on where it was.
    fn open(&mut self, line: usize) -> Result<(), ConnectError> {
        let hello = self.world.hello(line, &self.gate)?;
        let now_ns = self.gate.clock.now_ns();
        let people = self.world.people();
        people.go(line, Stage::Coming);
        let client = &mut people.clients[line];
        client.begun_ns = now_ns;
        client.is_trying = true;
        client.tries += 1;
        self.gate.lines.open(line, &[hello])
    }

    /// Lines whose join was answered are there.
    fn welcome(&mut self) {
        for line in std::mem::take(&mut self.world.people().joined) {
            let (now_ns, at_ns) = (self.gate.clock.now_ns(), self.gate.at());
            let is_measured = self.world.is_measured(line);
            let people = self.world.people();
            if people.clients[line].stage != Stage::Coming {
                continue;
            }
            people.go(line, Stage::There);
            let client = &mut people.clients[line];
            client.is_trying = false;
            let us = now_ns.saturating_sub(client.begun_ns) / 1_000;
            let begun_ns = client.begun_ns.saturating_sub(people.start_ns);
            let was_there = std::mem::replace(&mut client.was_there, true);
            let back_ns = client.back_ns;
            if is_measured {
                people.log.took(class::CONNECT, begun_ns, us);
            }
            if is_measured && was_there {
                let us = at_ns.saturating_sub(back_ns) / 1_000;
                people.log.took(class::RECONNECT, back_ns, us);
            }
            self.world.arrived(&mut self.gate, line);
        }
    }

    /// Lines that were lost though nobody wanted it.
    fn lost(&mut self) {
        for (line, why) in self.gate.lines.take_lost() {
            let at_ns = self.gate.at();
            let people = self.world.people();
            let stage = people.clients[line].stage;
            if stage == Stage::Away {
                continue;
            }
            people.go(line, Stage::Coming);
            let client = &mut people.clients[line];
            let is_loss = stage == Stage::There && !client.paused;
            (client.is_trying, client.paused) = (false, false);
            match stage {
                Stage::There => (client.back_ns, client.tries) = (at_ns, 0),
                Stage::Away | Stage::Coming => people.log.failed(class::CONNECT, at_ns),
            }
            let tries = people.clients[line].tries;
            self.world.gone(line, is_loss, &why);
            self.gate.push_soon(line, tries, Due::Try(line));
        }
    }

    /// Looks at the run about twice a second: books, tries, and whoever wants to know.
    fn look(&mut self, hook: &mut Hook<'_>) -> ControlFlow<()> {
        let now_ns = self.gate.clock.now_ns();
        if now_ns < self.looked_ns + LOOK_NS {
            return ControlFlow::Continue(());
        }
        self.looked_ns = now_ns;
        let (at_ns, connections) = (self.gate.at(), self.there());
        self.most_connections = self.most_connections.max(connections);
        let (unanswered, kept) = self.world.tidy();
        let people = self.world.people();
        people.log.tick(now_ns, connections);
        for (line, client) in people.clients.iter().enumerate() {
            if client.is_trying && now_ns > client.begun_ns + TRY_NS {
                self.gate.lines.lose(line, "no answer for 20 s".to_owned());
            }
        }
        let progress = Progress {
            at_s: at_ns as f64 / 1e9,
            connections,
            unanswered,
            kept,
        };
        hook(&progress)
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
