//! The commands: which scenarios run on which servers, and what is compared with what.

use std::error::Error;

use crate::aims::{self, FixedAims};
use crate::args::{
    CapacityArgs, Common, EndArg, FixedArgs, ReconnectArgs, ShapeArg, SuiteArgs, TimeArgs, TryArgs,
};
use crate::bench::{Bench, BenchError};
use crate::capacity::Search;
use crate::clock::Clock;
use crate::evening::args::{EveningArgs, InboxArgs};
use crate::plan::Shape;
use crate::process;
use crate::report::{Measured, Outcome, Report};
use crate::requests::RequestsArgs;
use crate::subject::{Subject, look_for_hub, take_own_core};

type Done = Result<Outcome, Box<dyn Error>>;

/// Deliveries must arrive within this for 99 % of all, in a search.
const P99_LIMIT_MS: f64 = 50.0;
/// The answer of a search is within 6 % of a rate that failed.
const PRECISION: f64 = 1.06;
const FIRST_RATE: f64 = 60_000.0;
const HIGHEST_RATE: f64 = 2e7;
const IDLE_ROOMS: u32 = 100;

const FANOUT: Shape = Shape {
    rooms: 1,
    members: 500,
    senders: 10,
    listeners: 500,
};
const ROOMS: Shape = Shape {
    rooms: 200,
    members: 10,
    senders: 10,
    listeners: 10,
};
const ACK: Shape = Shape {
    rooms: 10,
    members: 1,
    senders: 1,
    listeners: 1,
};
const FANOUT_RATE: f64 = 30_000.0;
const ROOMS_RATE: f64 = 20_000.0;
const ACK_RATE: f64 = 500.0;

/// A scenario at a fixed rate.
#[derive(Clone, Copy)]
struct Fixed {
    shape: Shape,
    rate: f64,
    time: TimeArgs,
}

impl Fixed {
    fn new(args: &FixedArgs, standard: Shape, standard_rate: f64) -> Self {
        let members = args.members.unwrap_or(standard.members);
        let shape = Shape {
            rooms: args.rooms.unwrap_or(standard.rooms),
            members,
            senders: args.senders.unwrap_or(standard.senders).min(members),
            listeners: args.listeners.unwrap_or(members).min(members),
        };
        Self {
            shape,
            rate: args.rate.unwrap_or(standard_rate),
            time: args.time,
        }
    }
}

/// Runs commands and collects their report.
pub struct Suite<'a> {
    common: &'a Common,
    bench: Bench<'a>,
    report: Report,
}

impl<'a> Suite<'a> {
    /// Takes the generator's core and as many files as allowed.
    pub fn new(common: &'a Common) -> Self {
        let cores = process::cores();
        let _ = (common.server_core(), take_own_core(common));
        process::raise_file_limit();
        Self {
            common,
            bench: Bench::new(common, Clock::start()),
            report: Report::new(cores),
        }
    }

    /// `fanout`.
    pub fn fanout(mut self, args: &FixedArgs) -> Done {
        look_for_hub(self.common)?;
        self.report.fsync = Some(self.bench.fsync()?);
        self.run_fixed("fanout", &Fixed::new(args, FANOUT, FANOUT_RATE))?;
        self.publish()
    }

    /// `rooms`.
    pub fn rooms(mut self, args: &FixedArgs) -> Done {
        look_for_hub(self.common)?;
        self.report.fsync = Some(self.bench.fsync()?);
        self.run_fixed("rooms", &Fixed::new(args, ROOMS, ROOMS_RATE))?;
        self.publish()
    }

    /// `ack`.
    pub fn ack(mut self, args: &FixedArgs) -> Done {
        look_for_hub(self.common)?;
        self.report.fsync = Some(self.bench.fsync()?);
        self.run_ack(&Fixed::new(args, ACK, ACK_RATE))?;
        self.publish()
    }

    /// `idle`.
    pub fn idle(mut self, connections: u32, rooms: u32) -> Done {
        look_for_hub(self.common)?;
        self.run_idle(connections, rooms)?;
        self.publish()
    }

    /// `reconnect`: the hub alone, for the references keep nothing that a client could come back to.
    pub fn reconnect(mut self, args: &ReconnectArgs) -> Done {
        look_for_hub(self.common)?;
        let found = self.bench.reconnect(args)?;
        let how = match args.end {
            EndArg::Kill => "reconnect, kill",
            EndArg::Drain => "reconnect, drain",
        };
        self.report
            .add(how, Subject::Hub.name(), Measured::Reconnect(found.into()));
        self.publish()
    }

    /// `evening`: the hub alone, for the references know no such rooms.
    pub fn evening(mut self, args: &EveningArgs) -> Done {
        look_for_hub(self.common)?;
        let found = self.bench.evening(args)?;
        self.report.add(
            "evening",
            Subject::Hub.name(),
            Measured::Evening(found.into()),
        );
        self.publish()
    }

    /// `inbox`: the hub alone, for the references have no inboxes.
    pub fn inbox(mut self, args: &InboxArgs) -> Done {
        look_for_hub(self.common)?;
        let found = self.bench.inbox(args)?;
        self.report.add(
            "inbox",
            Subject::Hub.name(),
            Measured::Evening(found.into()),
        );
        self.publish()
    }

    /// `requests`: the hub alone, for the references have no business.
    pub fn requests(mut self, args: &RequestsArgs) -> Done {
        look_for_hub(self.common)?;
        self.report.fsync = Some(self.bench.fsync()?);
        let found = self.bench.requests(args)?;
        let label = format!("requests {:.0}/s", args.rate);
        self.report
            .compare(aims::requests(&label, &found, args.is_standard()));
        self.report.add(
            &label,
            Subject::Hub.name(),
            Measured::Requests(found.into()),
        );
        self.publish()
    }

    /// `capacity`.
    pub fn capacity(mut self, args: &CapacityArgs) -> Done {
        look_for_hub(self.common)?;
        self.run_capacity(args.shape, args.start, args.maximum, args.time)?;
        self.publish()
    }

    /// `limit`: the references alone, and what the generator itself can take in.
    pub fn limit(mut self, args: &SuiteArgs) -> Done {
        self.report.fsync = Some(self.bench.fsync()?);
        for (name, shape, rate) in [
            ("fanout", FANOUT, FANOUT_RATE),
            ("rooms", ROOMS, ROOMS_RATE),
        ] {
            let figures = self
                .bench
                .fixed(Subject::Reference, shape, rate, args.time, false)?;
            self.report.add(
                &label(name, shape),
                Subject::Reference.name(),
                Measured::Fixed(figures.into()),
            );
        }
        let figures = self
            .bench
            .fixed(Subject::Reference, ACK, ACK_RATE, args.time, true)?;
        self.report.add(
            &label("ack", ACK),
            Subject::Reference.name(),
            Measured::Fixed(figures.into()),
        );
        for shape in [FANOUT, ROOMS] {
            for subject in [Subject::Reference, Subject::Coalescing] {
                let found = self.bench.capacity(
                    subject,
                    shape,
                    search(FIRST_RATE, HIGHEST_RATE),
                    args.tries,
                )?;
                self.report.add(
                    &label("capacity", shape),
                    subject.name(),
                    Measured::Capacity(found.into()),
                );
            }
        }
        let idle = self
            .bench
            .idle(Subject::Reference, args.idle_connections, IDLE_ROOMS)?;
        self.report
            .add("idle", Subject::Reference.name(), Measured::Idle(idle));
        self.publish()
    }

    /// `all`.
    pub fn all(mut self, args: &SuiteArgs) -> Done {
        look_for_hub(self.common)?;
        self.report.fsync = Some(self.bench.fsync()?);
        let time = args.time;
        self.run_fixed(
            "fanout",
            &Fixed {
                shape: FANOUT,
                rate: FANOUT_RATE,
                time,
            },
        )?;
        self.run_fixed(
            "rooms",
            &Fixed {
                shape: ROOMS,
                rate: ROOMS_RATE,
                time,
            },
        )?;
        self.run_ack(&Fixed {
            shape: ACK,
            rate: ACK_RATE,
            time,
        })?;
        self.run_capacity(ShapeArg::Fanout, FIRST_RATE, HIGHEST_RATE, args.tries)?;
        self.run_capacity(ShapeArg::Rooms, FIRST_RATE, HIGHEST_RATE, args.tries)?;
        self.run_idle(args.idle_connections, IDLE_ROOMS)?;
        self.publish()
    }

    fn run_fixed(&mut self, name: &str, fixed: &Fixed) -> Result<(), BenchError> {
        let Fixed { shape, rate, time } = *fixed;
        let label = label(name, shape);
        let aims = match () {
            () if shape == FANOUT && rate == FANOUT_RATE => Some(FixedAims { cpu_ratio: 1.15 }),
            () if shape == ROOMS && rate == ROOMS_RATE => Some(FixedAims { cpu_ratio: 1.4 }),
            () => None,
        };
        let both = self.both(
            &label,
            |bench, subject| bench.fixed(subject, shape, rate, time, false),
            |figures| Measured::Fixed(figures.into()),
        )?;
        let rows = aims::fixed(
            &label,
            &both.hub,
            both.reference.as_ref(),
            self.report.fsync.as_ref(),
            aims,
        );
        self.report.compare(rows);
        Ok(())
    }

    fn run_ack(&mut self, fixed: &Fixed) -> Result<(), BenchError> {
        let Fixed { shape, rate, time } = *fixed;
        let label = label("ack", shape);
        let both = self.both(
            &label,
            |bench, subject| bench.fixed(subject, shape, rate, time, true),
            |figures| Measured::Fixed(figures.into()),
        )?;
        let standard = shape == ACK && rate == ACK_RATE;
        self.report.compare(aims::acknowledgement(
            &label,
            &both.hub,
            both.reference.as_ref(),
            standard,
        ));
        Ok(())
    }

    fn run_capacity(
        &mut self,
        shape: ShapeArg,
        start: f64,
        highest: f64,
        tries: TryArgs,
    ) -> Result<(), BenchError> {
        let (shape, ratio) = match shape {
            ShapeArg::Fanout => (FANOUT, 20.0),
            ShapeArg::Rooms => (ROOMS, 1.6),
        };
        let label = label("capacity", shape);
        let search = search(start, highest);
        let both = self.both(
            &label,
            |bench, subject| bench.capacity(subject, shape, search, tries),
            |found| Measured::Capacity(found.into()),
        )?;
        self.report.compare(aims::capacity(
            &label,
            &both.hub,
            both.reference.as_ref(),
            Some(ratio),
        ));
        Ok(())
    }

    fn run_idle(&mut self, connections: u32, rooms: u32) -> Result<(), BenchError> {
        let both = self.both(
            "idle",
            |bench, subject| bench.idle(subject, connections, rooms),
            Measured::Idle,
        )?;
        self.report
            .compare(aims::idle(&both.hub, both.reference.as_ref()));
        Ok(())
    }

    /// Runs one scenario on the reference, unless it is not wanted, and on the hub.
    fn both<T: Clone>(
        &mut self,
        label: &str,
        mut scenario: impl FnMut(&mut Bench<'a>, Subject) -> Result<T, BenchError>,
        measured: impl Fn(T) -> Measured,
    ) -> Result<Both<T>, BenchError> {
        let reference = match self.common.no_reference {
            true => None,
            false => Some(scenario(&mut self.bench, Subject::Reference)?),
        };
        if let Some(reference) = &reference {
            self.report.add(
                label,
                Subject::Reference.name(),
                measured(reference.clone()),
            );
        }
        let hub = scenario(&mut self.bench, Subject::Hub)?;
        self.report
            .add(label, Subject::Hub.name(), measured(hub.clone()));
        Ok(Both { hub, reference })
    }

    fn publish(mut self) -> Done {
        Ok(self.report.publish(&self.common.report)?)
    }
}

struct Both<T> {
    hub: T,
    reference: Option<T>,
}

fn search(start: f64, maximum: f64) -> Search {
    Search {
        start,
        maximum,
        precision: PRECISION,
        p99_limit_ms: P99_LIMIT_MS,
    }
}

fn label(name: &str, shape: Shape) -> String {
    format!("{name} {}×{}", shape.rooms, shape.members)
}
