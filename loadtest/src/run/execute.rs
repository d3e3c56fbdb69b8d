//! Makes a run: the bare server first when it is asked for, then the hub, then the record.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use thiserror::Error;

use super::RunArgs;
use super::log::{Live, Log, Outlet};
use super::record::{FORMAT, Machine, Measurement, Record, Second};
use super::scenario::{Scenario, ScenarioError};
use super::traffic::{Found, Share, Stage, Traffic, TrafficError};
use super::verdict::{self, Levels};
use super::watch::Watch;
use super::worker::{self, Cores, WorkerError};
use super::{file, live, page, table};
use crate::args::Common;
use crate::bench::{Bench, BenchError};
use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::plan::Shape;
use crate::process::{self, Meter};
use crate::report::{self, Outcome};
use crate::subject::{OpenError, Running, Subject, look_for_hub, take_own_core};
use crate::target::Target;

/// Connections made and closed before levels are read, so that what a server sets up once is not counted.
const REHEARSAL: Shape = Shape {
    rooms: 1,
    members: 100,
    senders: 1,
    listeners: 100,
};
/// What was freed or started needs a moment to show.
const SETTLE: Duration = Duration::from_secs(4);
/// Files that are open beside the connections.
const FILES_BESIDE: u64 = 100;
/// From the last preparation to the first operation.
pub const START_IN_NS: u64 = 50_000_000;

/// Why a scenario could not be run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The file.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// No server.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The disk.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// No traffic.
    #[error("{0}: {1}")]
    Traffic(&'static str, TrafficError),
    /// No traffic of several processes.
    #[error("{0}: {1}")]
    Worker(&'static str, WorkerError),
    /// The limit is not ours to raise.
    #[error(
        "{0} connections need more open files than the {1} allowed (raise the hard limit, ulimit -Hn)"
    )]
    Files(u32, u64),
    /// The page could not be written.
    #[error(transparent)]
    Page(#[from] file::WriteError),
    /// The record could not be written.
    #[error("{0}: {1}")]
    Write(PathBuf, io::Error),
}

/// Shows the seconds of a run.
struct Shown(live::Live);

impl Live for Shown {
    fn second(&mut self, second: &Second) {
        self.0.show(second);
    }
}

/// Everything a run needs.
struct Run {
    scenario: Scenario,
    common: Common,
    clock: Clock,
    cores: Cores,
}

/// Runs a scenario file and writes its record.
pub fn run(args: &RunArgs) -> Result<Outcome, RunError> {
    let scenario = Scenario::read(&args.scenario, &args.replaced())?;
    let mut common = args.common.clone();
    common.encoding = Some(scenario.encoding);
    common.text_bytes = Some(scenario.text_bytes);
    look_for_hub(&common)?;
    let cores = process::cores();
    let run = Run {
        cores: Cores(worker_cores(&common)),
        clock: Clock::start(),
        common,
        scenario,
    };
    if run.scenario.processes == 1 {
        take_own_core(&run.common);
    }
    run.allow_files()?;
    let record = run.record(cores)?;
    let page = args.page.clone();
    let page = page.unwrap_or_else(|| args.common.report.with_extension("html"));
    file::write_page(&page, &page::html(&record))?;
    let written = write(&args.common.report, &page, &record);
    written.map_err(|error| RunError::Write(args.common.report.clone(), error))?;
    Ok(record.verdict)
}

fn write(path: &Path, page: &Path, record: &Record) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, serde_json::to_vec_pretty(record)?)?;
    let mut out = io::stdout().lock();
    table::write(record, &mut out)?;
    writeln!(out, "record: {}", path.display())?;
    writeln!(out, "page: {}", page.display())
}

/// The cores that are left when a spawned server has its own.
fn worker_cores(common: &Common) -> Vec<usize> {
    let all = process::own_cores();
    let server = common.server_core().filter(|_| common.spawn.is_some());
    let others: Vec<usize> = all
        .iter()
        .copied()
        .filter(|core| Some(*core) != server)
        .collect();
    if others.is_empty() { all } else { others }
}

impl Run {
    fn allow_files(&self) -> Result<(), RunError> {
        let processes = self.scenario.processes;
        let share = |process| Share { process, processes };
        let files = (0..processes).map(|process| self.scenario.traffic.files(share(process)));
        let most = files.max().unwrap_or_default();
        let allowed = process::raise_file_limit();
        match u64::from(most) + FILES_BESIDE > allowed {
            true => Err(RunError::Files(most, allowed)),
            false => Ok(()),
        }
    }

    /// Runs everything, and judges it.
    fn record(&self, cores: usize) -> Result<Record, RunError> {
        let scenario = &self.scenario;
        let wanted = scenario.reference.as_ref().filter(|_| self.is_here());
        let wanted = wanted.filter(|_| !self.common.no_reference);
        let fsync = match self.is_here() {
            true => Some(Bench::new(&self.common, self.clock).fsync()?),
            false => None,
        };
        let reference = match wanted {
            Some(asked) => Some(self.measure(Subject::Reference, asked.acknowledge)?),
            None => None,
        };
        let began_at = jiff::Timestamp::now().to_string();
        let subject = self.measure(Subject::Hub, true)?;
        let timeline = scenario.timeline();
        let phases = &timeline.phases;
        let thresholds = scenario.thresholds.judge(
            &subject,
            reference.as_ref(),
            !self.common.no_reference,
            phases,
        );
        Ok(Record {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: scenario.name.clone(),
            about: scenario.about.clone(),
            command: report::visible(std::env::args()),
            began_at,
            seed: scenario.seed,
            encoding: scenario.encoding.name().to_owned(),
            machine: Machine {
                cores,
                processor: report::processor(),
                kernel: report::kernel(),
                fsync,
                generators: scenario.processes,
            },
            warmup_s: timeline.warmup_s,
            verdict: verdict::of(&subject, reference.as_ref(), &thresholds),
            phases: verdict::phases(&timeline),
            thresholds,
            subject,
            reference,
        })
    }

    /// The hub is on this machine: only then the bare server and the disk here say something about it.
    fn is_here(&self) -> bool {
        let loopback = |url: &String| {
            let host = url.trim_start_matches("http://");
            host.starts_with("127.") || host.starts_with("localhost")
        };
        self.common.spawn.is_some() || self.common.target.iter().all(loopback)
    }

    /// Opens a server, makes the traffic, and looks at it all the while.
    fn measure(&self, subject: Subject, acknowledge: bool) -> Result<Measurement, RunError> {
        let scenario = &self.scenario;
        let timeline = scenario.timeline();
        eprintln!("{}: {} …", subject.name(), scenario.name);
        let running = subject.open(&self.common, acknowledge)?;
        let failed = |error| RunError::Traffic(subject.name(), error);
        let watch = self.watch(subject, &running);
        let levels = timeline.after_s > 0.0 || matches!(scenario.traffic, Traffic::Idle(_));
        if levels {
            rehearse(&running.target, self.clock).map_err(failed)?;
        }
        let level_ns = self.clock.now_ns();
        let log = Log::new(
            timeline.phases.clone(),
            timeline.warmup_s,
            Outlet::Here(self.live()),
        );
        let processes = scenario.processes;
        scenario
            .traffic
            .prepare(&running.target, processes)
            .map_err(failed)?;
        let (found, log) = match processes {
            1 => self.play_here(&running, log).map_err(failed)?,
            _ => self
                .play_in_processes(&running, log)
                .map_err(|error| RunError::Worker(subject.name(), error))?,
        };
        if subject == Subject::Hub {
            thread::sleep(Duration::from_secs_f64(timeline.after_s));
        }
        let start_ns = log.start_ns();
        let seen = watch.end(start_ns);
        let level_s = (level_ns as f64 - start_ns as f64) / 1e9;
        let levels = Levels {
            before_until_s: levels.then_some(level_s),
            is_back: levels && timeline.after_s > 0.0 && subject == Subject::Hub,
        };
        let measurement = log.measurement(subject.name(), found);
        Ok(verdict::complete(measurement, seen, &timeline, levels))
    }

    /// Begins to look at the server. A bare one tells nothing of itself.
    fn watch(&self, subject: Subject, running: &Running) -> Watch {
        let meter = running.server.meter.as_ref();
        let pids = meter.map(Meter::pids).unwrap_or_default();
        let (nodes, token) = match subject {
            Subject::Hub => {
                let credentials = &running.target.credentials;
                let token = credentials.token_as("loadtest-operator", "admin");
                (&*running.target.addresses, token.ok())
            }
            _ => (&[][..], None),
        };
        Watch::begin(nodes, token, pids, self.clock)
    }

    /// Who is told how it goes.
    fn live(&self) -> Option<Box<dyn Live>> {
        let timeline = self.scenario.timeline();
        let shown = live::Live::new(&timeline.phases, timeline.seconds);
        Some(Box::new(Shown(shown)))
    }

    fn play_here(&self, running: &Running, log: Log) -> Result<(Found, Log), TrafficError> {
        let (timeline, clock) = (self.scenario.timeline(), self.clock);
        let stage = Stage {
            target: &running.target,
            acknowledges: running.acknowledges,
            timeline: &timeline,
            seed: self.scenario.seed,
            share: Share::WHOLE,
            clock,
            gate: Box::new(move || Ok(clock.now_ns() + START_IN_NS)),
        };
        self.scenario.traffic.play(stage, log)
    }

    fn play_in_processes(
        &self,
        running: &Running,
        mut log: Log,
    ) -> Result<(Found, Log), WorkerError> {
        let (target, acknowledges) = (&running.target, running.acknowledges);
        let found = worker::play(
            &self.scenario,
            target,
            acknowledges,
            &self.cores,
            self.clock,
            &mut log,
        )?;
        Ok((found, log))
    }
}

/// Lets some connections come and go, and waits until nothing is left of them but what a server keeps for good.
fn rehearse(target: &Target, clock: Clock) -> Result<(), TrafficError> {
    drop(Fleet::gather(target, REHEARSAL, 0, clock)?);
    thread::sleep(SETTLE);
    Ok(())
}
