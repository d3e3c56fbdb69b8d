//! The scenarios: each starts a server, gathers connections, makes trials and returns figures.

use serde::Serialize;
use std::time::Duration;
use thiserror::Error;

use crate::args::{Common, TimeArgs, TryArgs};
use crate::capacity::{self, Capacity, Search};
use crate::clock::Clock;
use crate::faults::Faults;
use crate::figures::{Figures, Judgement, Quantiles};
use crate::fleet::Fleet;
use crate::fsync;
use crate::plan::{Plan, Shape};
use crate::process::{self, Meter};
use crate::subject::{OpenError, Running, Subject};
use crate::target::ConnectError;
use crate::trial::Trial;

/// Connections made and closed before memory is first read, so that what a server sets up once is not counted.
const REHEARSAL: Shape = Shape {
    rooms: 1,
    members: 100,
    senders: 1,
    listeners: 100,
};
/// Files that are open beside the connections.
const FILES_BESIDE: u64 = 100;
/// What was freed or started needs a moment to show in the resident size.
const SETTLE: Duration = Duration::from_secs(2);

/// Why a scenario could not be measured.
#[derive(Debug, Error)]
pub enum BenchError {
    /// No server.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No connections.
    #[error("{0}: {1}")]
    Connect(&'static str, ConnectError),
    /// The limit is not ours to raise.
    #[error(
        "{0} connections need more open files than the {1} allowed (raise the hard limit, ulimit -Hn)"
    )]
    Files(u32, u64),
    /// Sockets or files failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What idle connections cost.
#[derive(Clone, Debug, Serialize)]
pub struct IdleFigures {
    /// Connections that joined.
    pub connections: u32,
    /// Tokens checked, handshakes done and rooms joined per second.
    pub connects_per_second: f64,
    /// Resident memory of the server per connection.
    pub kb_per_connection: Option<f64>,
    /// Its resident memory with all of them.
    pub resident_kb: Option<u64>,
    /// One message to every room afterwards: what was wrong.
    pub faults: Faults,
}

/// Runs scenarios and numbers their trials.
pub struct Bench<'a> {
    /// The options of this run.
    pub common: &'a Common,
    /// What times are measured with.
    pub clock: Clock,
    trials: u16,
    groups: u32,
}

impl<'a> Bench<'a> {
    /// A bench with the options of this run.
    pub fn new(common: &'a Common, clock: Clock) -> Self {
        Self {
            common,
            clock,
            trials: 0,
            groups: 0,
        }
    }

    /// One trial at a fixed rate (deliveries per second) on a fresh server.
    pub fn fixed(
        &mut self,
        subject: Subject,
        shape: Shape,
        rate: f64,
        time: TimeArgs,
        acknowledge: bool,
    ) -> Result<Figures, BenchError> {
        eprintln!(
            "{}: {}×{} at {rate:.0}/s …",
            subject.name(),
            shape.rooms,
            shape.members
        );
        let running = subject.open(self.common, acknowledge)?;
        let mut fleet = self.gather(subject, &running, shape)?;
        self.trial(
            subject,
            &running,
            &mut fleet,
            rate,
            (time.warmup, time.seconds),
            None,
        )
    }

    /// The highest rate that passes. A failed try starts over on a fresh server: what it left behind is not judged.
    pub fn capacity(
        &mut self,
        subject: Subject,
        shape: Shape,
        search: Search,
        tries: TryArgs,
    ) -> Result<Capacity, BenchError> {
        let mut kept: Option<(Running, Fleet)> = None;
        capacity::search(search, |rate| {
            let (running, mut fleet) = match kept.take() {
                Some(kept) => kept,
                None => {
                    let running = subject.open(self.common, false)?;
                    let fleet = self.gather(subject, &running, shape)?;
                    (running, fleet)
                }
            };
            let seconds = (tries.try_warmup, tries.try_seconds);
            let figures = self.trial(
                subject,
                &running,
                &mut fleet,
                rate,
                seconds,
                Some(search.p99_limit_ms),
            )?;
            let judgement = figures.judge(Some(search.p99_limit_ms));
            eprintln!(
                "{}: {}×{} at {rate:.0}/s: p99 {:.1} ms, generator {:.0} %, {judgement:?}",
                subject.name(),
                shape.rooms,
                shape.members,
                figures.latency.p99_ms,
                figures.generator_busy * 100.0
            );
            if judgement == Judgement::Incorrect {
                eprintln!("    {}", figures.faults);
            }
            if judgement == Judgement::Passed {
                kept = Some((running, fleet));
            }
            Ok(figures)
        })
    }

    /// Opens many connections, leaves them alone, then sees that each is still there.
    pub fn idle(
        &mut self,
        subject: Subject,
        connections: u32,
        rooms: u32,
    ) -> Result<IdleFigures, BenchError> {
        allow_files(connections)?;
        eprintln!("{}: {connections} idle connections …", subject.name());
        let running = subject.open(self.common, false)?;
        drop(self.gather(subject, &running, REHEARSAL)?);
        std::thread::sleep(SETTLE);
        let resident = || running.server.meter.as_ref().and_then(Meter::resident_kb);
        let before = resident();
        let rooms = rooms.min(connections);
        let shape = Shape {
            rooms,
            members: connections / rooms,
            senders: 1,
            listeners: connections / rooms,
        };
        self.groups += 1;
        let (mut fleet, opening) = Fleet::gather(&running.target, shape, self.groups, self.clock)
            .map_err(|error| BenchError::Connect(subject.name(), error))?;
        self.rest(&mut fleet)?;
        let after = resident();
        // Everybody gets one message within two seconds.
        let rate = f64::from(shape.connections()) / 2.0;
        let figures = self.trial(subject, &running, &mut fleet, rate, (0.0, 2.0), None)?;
        let grown = before
            .zip(after)
            .map(|(before, after)| after.saturating_sub(before));
        Ok(IdleFigures {
            connections: shape.connections(),
            connects_per_second: opening.connects_per_second,
            kb_per_connection: grown.map(|kb| kb as f64 / f64::from(shape.connections())),
            resident_kb: after,
            faults: figures.faults,
        })
    }

    /// How long this machine takes to make 4 KB durable.
    pub fn fsync(&self) -> Result<Quantiles, BenchError> {
        let directory = self.common.scratch()?;
        Ok(fsync::measure(directory.path(), self.clock)?)
    }

    /// Opens and joins the connections of a shape, in rooms of their own.
    pub fn gather(
        &mut self,
        subject: Subject,
        running: &Running,
        shape: Shape,
    ) -> Result<Fleet, BenchError> {
        self.groups += 1;
        Fleet::gather(&running.target, shape, self.groups, self.clock)
            .map(|(fleet, _)| fleet)
            .map_err(|error| BenchError::Connect(subject.name(), error))
    }

    /// One trial with connections that are there.
    pub fn trial(
        &mut self,
        subject: Subject,
        running: &Running,
        fleet: &mut Fleet,
        rate: f64,
        (warmup_s, measured_s): (f64, f64),
        give_up_p99_ms: Option<f64>,
    ) -> Result<Figures, BenchError> {
        self.trials += 1;
        let plan = Plan::new(self.trials, fleet.shape, rate, warmup_s, measured_s);
        Trial::new(
            fleet,
            plan,
            running.acknowledges,
            running.server.meter.clone(),
            self.clock,
        )
        .and_then(|trial| trial.run(give_up_p99_ms))
        .map_err(|error| BenchError::Connect(subject.name(), error))
    }

    /// Lets time pass without traffic, as idle clients do.
    fn rest(&self, fleet: &mut Fleet) -> Result<(), BenchError> {
        let until_ns = self.clock.now_ns() + SETTLE.as_nanos() as u64;
        while self.clock.now_ns() < until_ns {
            fleet.rest(self.clock)?;
        }
        Ok(())
    }
}

/// Sees that so many connections may be open.
pub fn allow_files(connections: u32) -> Result<(), BenchError> {
    let allowed = process::raise_file_limit();
    if u64::from(connections) + FILES_BESIDE > allowed {
        return Err(BenchError::Files(connections, allowed));
    }
    Ok(())
}
