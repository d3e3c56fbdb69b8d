//! Server processes: start them on a core of their own, read what they use, end them.

use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use thiserror::Error;

/// What a server prints when it is ready, before its address.
pub const LISTENING: &str = "listening on http://";
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// A server that somebody else runs must end within this time after a signal.
const END_TIMEOUT: Duration = Duration::from_secs(90);
/// Whoever runs it must have started it again by then.
const RESTART_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// `/proc/PID/stat` counts in ticks of this length on every Linux.
const SECONDS_PER_TICK: f64 = 0.01;
const FILES_WANTED: u64 = 1 << 18;

/// Why no server could be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The program could not be run.
    #[error("cannot start {0}: {1}")]
    Spawn(PathBuf, io::Error),
    /// It ended or stayed silent.
    #[error("{0} did not say where it listens; its log: {1}")]
    Silent(PathBuf, PathBuf),
}

/// A running server.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its processes, when known.
    pub meter: Option<Meter>,
    child: Option<Owned>,
}

/// A child that ends with its owner.
struct Owned(Child);

/// How a server is started.
#[derive(Clone)]
pub struct Start {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Added to its environment.
    pub environment: Vec<(String, String)>,
    /// The only core it may use.
    pub core: Option<usize>,
    /// Where its standard error goes.
    pub log: PathBuf,
}

impl Server {
    /// Starts a program that prints `listening on http://ADDRESS` and waits for that line.
    pub fn start(start: &Start) -> Result<Self, StartError> {
        let spawn_error = |error| StartError::Spawn(start.program.clone(), error);
        let log = fs::File::create(&start.log).map_err(spawn_error)?;
        let before = start.core.map(|core| {
            let own = rustix::thread::sched_getaffinity(None);
            pin(core);
            own
        });
        // The child inherits the affinity, so that all its threads are born on the core.
        let child = Command::new(&start.program)
            .args(&start.arguments)
            .envs(start.environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn();
        if let Some(Ok(own)) = before {
            let _ = sched_setaffinity(None, &own);
        }
        let mut child = Owned(child.map_err(spawn_error)?);
        let meter = Some(Meter::of(child.0.id()));
        match child.0.stdout.take().and_then(listening_address) {
            Some(address) => Ok(Self {
                address,
                meter,
                child: Some(child),
            }),
            None => Err(StartError::Silent(start.program.clone(), start.log.clone())),
        }
    }

    /// A server that somebody else runs; `pids` are its processes, when they may be measured.
    pub fn existing(address: SocketAddr, pids: &[u32]) -> Self {
        Self {
            address,
            meter: (!pids.is_empty()).then(|| Meter { pids: pids.into() }),
            child: None,
        }
    }
}

impl Server {
    /// Ends a server and waits until it has ended; how long that took. Of one that somebody else runs, all known processes
    /// get the signal at once.
    #[allow(clippy::disallowed_methods, reason = "how long it took is measured")]
    pub fn end(mut self, in_order: bool) -> io::Result<Duration> {
        let begun = std::time::Instant::now();
        let signal = match in_order {
            true => rustix::process::Signal::TERM,
            false => rustix::process::Signal::KILL,
        };
        if let Some(child) = &mut self.child {
            rustix::process::kill_process(Pid::from_child(&child.0), signal)?;
            child.0.wait()?;
        } else if let Some(meter) = &self.meter {
            for id in meter.pids.iter().filter_map(|&pid| process(pid)) {
                rustix::process::kill_process(id, signal)?;
            }
            while meter.pids.iter().any(|&pid| is_alive(pid)) {
                if begun.elapsed() > END_TIMEOUT {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                thread::sleep(LOOK_AGAIN);
            }
        }
        Ok(begun.elapsed())
    }
}

fn process(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

/// Whether a process runs; one that has ended and that its parent has not looked at yet does not.
fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Waits until somebody listens at all of these again; how long that took.
#[allow(clippy::disallowed_methods, reason = "how long it took is measured")]
pub fn await_listeners(addresses: &[SocketAddr]) -> io::Result<Duration> {
    let begun = std::time::Instant::now();
    for address in addresses {
        while let Err(error) = TcpStream::connect(address) {
            if begun.elapsed() > RESTART_TIMEOUT {
                return Err(error);
            }
            thread::sleep(LOOK_AGAIN);
        }
    }
    Ok(begun.elapsed())
}

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads lines until the address comes, then keeps draining so that the server never blocks on its output.
fn listening_address(stdout: impl io::Read + Send + 'static) -> Option<SocketAddr> {
    let (found, address) = mpsc::sync_channel(1);
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once(LISTENING)
                && let Ok(address) = rest.trim().trim_end_matches('/').parse()
            {
                let _ = found.try_send(address);
            }
        }
    });
    address.recv_timeout(START_TIMEOUT).ok()
}

/// Reads the consumption of processes from `/proc`.
#[derive(Clone, Debug)]
pub struct Meter {
    pids: Arc<[u32]>,
}

impl Meter {
    /// A meter of process `pid`.
    pub fn of(pid: u32) -> Self {
        Self { pids: [pid].into() }
    }

    /// User and system time so far, in seconds, threads that ended included.
    pub fn cpu_seconds(&self) -> Option<f64> {
        self.pids.iter().map(|&pid| cpu_seconds(pid)).sum()
    }

    /// Which they are.
    pub fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// Resident memory in kilobytes.
    pub fn resident_kb(&self) -> Option<u64> {
        self.pids.iter().map(|&pid| resident_kb(pid)).sum()
    }

    /// Open files and sockets.
    pub fn open_files(&self) -> Option<usize> {
        let of = |pid: &u32| Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count());
        self.pids.iter().map(of).sum()
    }
}

fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces; fields 14 and 15 are the 12th and 13th after it.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system) = (fields.next()?, fields.next()?);
    Some((user.parse::<f64>().ok()? + system.parse::<f64>().ok()?) * SECONDS_PER_TICK)
}

fn resident_kb(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Seconds that every process, the kernel and other machines on the host together took from all cores.
pub fn machine_busy_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<f64> = stat
        .lines()
        .next()?
        .split_ascii_whitespace()
        .skip(1)
        .map_while(|field| field.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guest time is inside user.
    let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = fields[..] else {
        return None;
    };
    Some((user + nice + system + irq + softirq + steal) * SECONDS_PER_TICK)
}

/// Keeps the calling thread, and what it starts later, on one core; false when that is not possible.
pub fn pin(core: usize) -> bool {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).is_ok()
}

/// The cores this process may use.
pub fn own_cores() -> Vec<usize> {
    let own = rustix::thread::sched_getaffinity(None);
    let cores = |set: CpuSet| {
        (0..CpuSet::MAX_CPU)
            .filter(|core| set.is_set(*core))
            .collect()
    };
    own.map(cores).unwrap_or_default()
}

/// Lets the calling thread, and what it starts later, run on every core that the system allows; false when that is not possible.
pub fn anywhere() -> bool {
    let mut set = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| set.set(core));
    sched_setaffinity(None, &set).is_ok()
}

/// Number of cores this process may use.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Raises the limit of open files as far as allowed; returns what is in force.
pub fn raise_file_limit() -> u64 {
    let now = getrlimit(Resource::Nofile);
    for maximum in [Some(FILES_WANTED), now.maximum] {
        let wanted = Rlimit {
            current: maximum,
            maximum,
        };
        if maximum >= now.current && setrlimit(Resource::Nofile, wanted).is_ok() {
            break;
        }
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Lets this process end when the one that started it ends.
pub fn end_with_parent() {
    let signal = rustix::process::Signal::KILL;
    let _ = rustix::process::set_parent_process_death_signal(Some(signal));
    // The parent may have ended before the wish was heard; then init is the parent.
    if rustix::process::getppid() == Some(Pid::INIT) {
        std::process::exit(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_can_be_measured() {
        let meter = Meter::of(std::process::id());
        assert!(meter.cpu_seconds().is_some());
        assert!(meter.resident_kb().is_some_and(|kb| kb > 500));
        assert!(machine_busy_seconds().is_some_and(|seconds| seconds > 0.0));
        assert_eq!(Meter::of(u32::MAX).cpu_seconds(), None);
    }

    #[test]
    fn processes_are_measured_together_or_not_at_all() {
        let own = std::process::id();
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let of = |pids: &[u32]| Server::existing(address, pids).meter;
        let (one, two) = (of(&[own]).unwrap(), of(&[own, own]).unwrap());
        let (one, two) = (one.resident_kb().unwrap(), two.resident_kb().unwrap());
        assert!(two > one * 3 / 2, "{one} {two}");
        assert_eq!(of(&[own, u32::MAX]).unwrap().resident_kb(), None);
        assert!(of(&[]).is_none());
    }

    #[test]
    fn a_program_that_never_listens_is_an_error_that_names_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let start = Start {
            program: PathBuf::from("/bin/true"),
            arguments: Vec::new(),
            environment: Vec::new(),
            core: None,
            log: log.clone(),
        };
        let error = Server::start(&start).err().unwrap();
        assert!(
            matches!(&error, StartError::Silent(_, named) if *named == log),
            "{error}"
        );
    }
}
