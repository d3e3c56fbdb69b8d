//! Several processes that make one traffic: the first one starts the others, tells them what to do, and adds up what they say.

use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;

use super::log::{Log, Outlet, Tick};
use super::portable::PortableError;
use super::scenario::Scenario;
use super::traffic::{Found, Share, Stage, TrafficError};
use crate::args::EncodingArg;
use crate::clock::Clock;
use crate::ledger::compare_parts;
use crate::process;
use crate::target::Target;
use crate::token::Credentials;

/// From the word that all are ready to the first operation.
const START_IN: Duration = Duration::from_millis(500);
/// Longest silence of all workers together.
const SILENCE: Duration = Duration::from_secs(600);
/// What workers have said and nobody has read yet.
const UNREAD: usize = 1_024;

/// What a worker is told, on its standard input: nobody sees secrets there.
#[derive(Serialize, Deserialize)]
pub struct Job {
    /// The scenario.
    scenario: String,
    /// Its part.
    share: Share,
    /// The only core it may use.
    core: Option<usize>,
    addresses: Vec<SocketAddr>,
    secret: Option<String>,
    token: Option<String>,
    nonce: String,
    acknowledges: bool,
}

/// What a worker says, a line of JSON each.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// Everything is there.
    Ready,
    /// What was made since the last word.
    Tick(Box<Tick>),
    /// It is over.
    End(Box<Found>),
    /// It could not be made.
    Failed(String),
}

/// Why processes could not work together.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// No process, or no pipe to it.
    #[error("process {0} of the load: {1}")]
    Process(u32, io::Error),
    /// One could not make its part.
    #[error("process {0} of the load: {1}")]
    Failed(u32, String),
    /// One ended without a word, or said what makes no sense.
    #[error("process {0} of the load ended or said something strange")]
    Lost(u32),
    /// Nobody says anything any more.
    #[error("the processes of the load are silent")]
    Silent,
    /// Counts that cannot be added.
    #[error(transparent)]
    Counts(#[from] PortableError),
    /// What was to be done makes no sense.
    #[error("job: {0}")]
    Job(String),
}

/// A process that ends with its owner.
struct Worker {
    child: Child,
    stdin: ChildStdin,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The cores that workers take in turn.
pub struct Cores(pub Vec<usize>);

/// Makes the traffic in as many processes as the scenario says.
pub fn play(
    scenario: &Scenario,
    target: &Target,
    acknowledges: bool,
    cores: &Cores,
    clock: Clock,
    log: &mut Log,
) -> Result<Found, WorkerError> {
    let (tell, told) = mpsc::sync_channel(UNREAD);
    let mut workers = Vec::new();
    for process in 0..scenario.processes {
        let share = Share {
            process,
            processes: scenario.processes,
        };
        let turn = process as usize % cores.0.len().max(1);
        let job = Job::new(
            scenario,
            share,
            cores.0.get(turn).copied(),
            target,
            acknowledges,
        );
        workers.push(Worker::start(process, &job, tell.clone())?);
    }
    drop(tell);
    let mut ready = 0;
    while ready < scenario.processes {
        match next(&told)? {
            (_, Said::Ready) => ready += 1,
            (process, Said::Failed(why)) => return Err(WorkerError::Failed(process, why)),
            (process, _) => return Err(WorkerError::Lost(process)),
        }
    }
    let start_ns = clock.now_ns() + START_IN.as_nanos() as u64;
    let start = unix_ns() + START_IN.as_nanos();
    log.begin(start_ns);
    for (process, worker) in workers.iter_mut().enumerate() {
        writeln!(worker.stdin, "{start}")
            .map_err(|error| WorkerError::Process(process as u32, error))?;
    }
    let mut found = Vec::new();
    while found.len() < workers.len() {
        match next(&told)? {
            (process, Said::Tick(tick)) => log.merge(process as usize, &tick, clock.now_ns())?,
            (_, Said::End(end)) => found.push(*end),
            (process, Said::Failed(why)) => return Err(WorkerError::Failed(process, why)),
            (process, Said::Ready) => return Err(WorkerError::Lost(process)),
        }
    }
    Ok(together(found))
}

type Heard = (u32, Option<Said>);

fn next(told: &Receiver<Heard>) -> Result<(u32, Said), WorkerError> {
    match told.recv_timeout(SILENCE) {
        Ok((process, Some(said))) => Ok((process, said)),
        Ok((process, None)) => Err(WorkerError::Lost(process)),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(WorkerError::Silent),
    }
}

/// What several processes found, as one.
fn together(mut all: Vec<Found>) -> Found {
    let parts: Vec<_> = all
        .iter_mut()
        .map(|one| std::mem::take(&mut one.parts))
        .collect();
    let rooms = parts.iter().map(Vec::len).max().unwrap_or_default();
    let mut whole = Found::default();
    for room in 0..rooms {
        let of: Vec<_> = parts.iter().filter_map(|part| part.get(room)).collect();
        whole.faults.add(&compare_parts(&of));
    }
    for one in all {
        whole.faults.add(&one.faults);
        for (name, count) in one.contradictions {
            *whole.contradictions.entry(name).or_default() += count;
        }
        for (name, value) in one.figures {
            *whole.figures.entry(name).or_default() += value;
        }
        whole.busy = whole.busy.max(one.busy);
        whole.connections += one.connections;
    }
    whole
}

impl Worker {
    fn start(process: u32, job: &Job, tell: SyncSender<Heard>) -> Result<Self, WorkerError> {
        let failed = |error| WorkerError::Process(process, error);
        let program = std::env::current_exe().map_err(failed)?;
        let mut child = Command::new(program)
            .arg("work")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (stdin, stdout) = pipes.ok_or(WorkerError::Lost(process))?;
        let mut worker = Self { child, stdin };
        let job =
            serde_json::to_string(job).map_err(|error| WorkerError::Job(error.to_string()))?;
        writeln!(worker.stdin, "{job}").map_err(failed)?;
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let said = serde_json::from_str(&line).ok();
                let over = matches!(said, None | Some(Said::End(_) | Said::Failed(_)));
                if tell.send((process, said)).is_err() || over {
                    return;
                }
            }
            // Whoever is gone already does not wait for this.
            let _ = tell.send((process, None));
        });
        Ok(worker)
    }
}

impl Job {
    fn new(
        scenario: &Scenario,
        share: Share,
        core: Option<usize>,
        target: &Target,
        acknowledges: bool,
    ) -> Self {
        let (secret, token) = match &target.credentials {
            Credentials::Secret(secret) => (Some(secret.clone()), None),
            Credentials::Token(token) => (None, Some(token.clone())),
        };
        Self {
            scenario: scenario.text.clone(),
            share,
            core,
            addresses: target.addresses.clone(),
            secret,
            token,
            nonce: target.nonce.clone(),
            acknowledges,
        }
    }

    fn target(&self, scenario: &Scenario) -> Result<Target, WorkerError> {
        let credentials = match (&self.secret, &self.token) {
            (Some(secret), _) => Credentials::Secret(secret.clone()),
            (None, Some(token)) => Credentials::Token(token.clone()),
            (None, None) => return Err(WorkerError::Job("no credentials".to_owned())),
        };
        if self.addresses.is_empty() || self.share.processes == 0 {
            return Err(WorkerError::Job("no address, or no process".to_owned()));
        }
        let sockets = (0..self.share.processes).map(|process| {
            let share = Share {
                process,
                ..self.share
            };
            scenario.traffic.files(share)
        });
        Ok(Target {
            addresses: self.addresses.clone(),
            credentials,
            encoding: scenario.encoding.into(),
            mixed: scenario.encoding == EncodingArg::Mixed,
            first: self.share.first(sockets.max().unwrap_or_default()),
            nonce: self.nonce.clone(),
            text_bytes: usize::from(scenario.text_bytes),
        })
    }
}

/// A worker's whole life: reads its job, makes its part, and says what came of it. Only a broken pipe is an error here; what else
/// goes wrong, the process that started this one is told.
pub fn work() -> io::Result<()> {
    process::end_with_parent();
    process::raise_file_limit();
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let end = match make(&line) {
        Ok(found) => Said::End(Box::new(found)),
        Err(error) => Said::Failed(error.to_string()),
    };
    say(&end)
}

fn make(line: &str) -> Result<Found, Box<dyn std::error::Error>> {
    let job: Job = serde_json::from_str(line)?;
    if let Some(core) = job.core {
        process::pin(core);
    }
    let scenario = Scenario::parse(Path::new("the scenario"), &job.scenario, &[])?;
    let target = job.target(&scenario)?;
    let (timeline, clock) = (scenario.timeline(), Clock::start());
    // Who reads it ends this process when it does not want to any more.
    let pipe = |tick| drop(say(&Said::Tick(Box::new(tick))));
    let outlet = Outlet::Pipe(Box::new(pipe));
    let log = Log::new(timeline.phases.clone(), timeline.warmup_s, outlet);
    let stage = Stage {
        target: &target,
        acknowledges: job.acknowledges,
        timeline: &timeline,
        seed: scenario.seed,
        share: job.share,
        clock,
        gate: Box::new(move || wait_for_start(clock)),
    };
    let played: Result<(Found, Log), TrafficError> = scenario.traffic.play(stage, log);
    let (found, mut log) = played?;
    log.finish();
    Ok(found)
}

/// Says that everything is ready and waits for the common start; when that is by this process's clock.
fn wait_for_start(clock: Clock) -> io::Result<u64> {
    say(&Said::Ready)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let start: u128 = line.trim().parse().map_err(io::Error::other)?;
    let in_ns = start.saturating_sub(unix_ns());
    Ok(clock.now_ns() + u64::try_from(in_ns).unwrap_or(u64::MAX / 2))
}

fn say(said: &Said) -> io::Result<()> {
    let text = serde_json::to_string(said)?;
    writeln!(io::stdout().lock(), "{text}")
}

/// The clock that all processes of a machine share.
#[allow(
    clippy::disallowed_methods,
    reason = "processes of one machine agree on a moment"
)]
fn unix_ns() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Faults;
    use crate::ledger::RoomRun;

    #[test]
    fn what_processes_found_is_added_and_their_rooms_are_compared() {
        let found = |accepted, received, digest| Found {
            contradictions: [("lost".to_owned(), 1)].into(),
            busy: accepted as f64 / 100.0,
            connections: 5,
            figures: [("bytes".to_owned(), 10.0)].into(),
            parts: vec![RoomRun {
                accepted,
                received: vec![(received, digest, 5)],
            }],
            ..Found::default()
        };
        let right = together(vec![found(60, 100, 7), found(40, 100, 7)]);
        assert_eq!(right.faults, Faults::default());
        assert_eq!((right.connections, right.busy), (10, 0.6));
        assert_eq!(
            (right.contradictions["lost"], right.figures["bytes"]),
            (2, 20.0)
        );
        let apart = together(vec![found(60, 100, 7), found(40, 100, 8)]);
        assert_eq!(apart.faults.diverged, 5);
        let lost = together(vec![found(60, 99, 6), found(40, 100, 7)]);
        assert_eq!(lost.faults.missing, 5);
    }
}
