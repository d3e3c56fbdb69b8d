//! Networks of a run in namespaces of the kernel: one for each hub, and one in the middle where this process' proxies listen.
//!
//! Needs the rights of root, and the programs `ip`, `tc` (iproute2) and `nsenter` (util-linux). The machine's own network is
//! not touched: pairs of devices run from a hub's namespace into the middle, and from there this process goes on by sockets
//! that it holds in several of them. All namespaces go when the network is dropped, when this process ends in whatever way,
//! and, should their keeper have been killed too, at the next start.

mod names;
mod namespace;
mod orders;

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

use self::names::{Names, began, stale};
pub use self::namespace::Namespace;
use self::orders::{Order, Place};
pub use self::orders::{hub_address, server_address};
use crate::provision::on_path;
use crate::suite::{Server, Way};

/// Removes namespaces once nobody holds its input any more.
const KEEPER: &str = r#"trap '' HUP INT TERM
read -r _
for name in "$@"; do ip netns del "$name"; done"#;

/// Numbers the networks of this process.
static RUNS: AtomicU64 = AtomicU64::new(0);

/// Why there is no network of namespaces, or why it was not hurt.
#[derive(Debug, Error)]
pub enum NetError {
    /// A program that it takes is not there.
    #[error("`{program}` was not found on PATH; install {package}")]
    Missing {
        /// The program.
        program: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// The kernel refused, or the user may not.
    #[error("`{command}` failed: {reason}")]
    Refused {
        /// The command line.
        command: String,
        /// What it said.
        reason: String,
    },
    /// A program could not be run, or a namespace not be opened.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Namespaces of one site.
pub struct Net {
    names: Names,
    middle: Namespace,
    hubs: Vec<Namespace>,
    /// What takes back the faults in force.
    undo: Mutex<Vec<Order>>,
    _keeper: Keeper,
}

impl Net {
    /// Makes namespaces for so many hubs and these servers, after those of processes that are gone have been removed.
    pub fn make(hubs: usize, servers: &[Server]) -> Result<Self, NetError> {
        for (program, package) in [
            ("ip", "iproute2"),
            ("tc", "iproute2"),
            ("nsenter", "util-linux"),
        ] {
            if on_path(program).is_none() {
                return Err(NetError::Missing { program, package });
            }
        }
        clean()?;
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let own = Names::own(run).ok_or_else(|| NetError::System {
            what: "reading /proc".to_owned(),
            source: std::io::ErrorKind::Unsupported.into(),
        })?;
        let names: Vec<String> = (0..hubs).map(|hub| own.hub(hub)).collect();
        let middle = own.middle();
        let all: Vec<&str> = [middle.as_str()]
            .into_iter()
            .chain(names.iter().map(String::as_str))
            .collect();
        // Whatever fails from here on, it removes what is there by then.
        let keeper = Keeper::start(&all)?;
        for name in &all {
            call(&["ip", "netns", "add", name])?;
        }
        let open = |name: &str| {
            Namespace::open(name).map_err(|source| NetError::System {
                what: format!("opening the namespace {name}"),
                source,
            })
        };
        let net = Self {
            middle: open(&middle)?,
            hubs: names
                .iter()
                .map(|name| open(name))
                .collect::<Result<_, _>>()?,
            names: own,
            undo: Mutex::default(),
            _keeper: keeper,
        };
        for order in orders::build(hubs, servers, &middle, &names) {
            net.carry_out(&order)?;
        }
        Ok(net)
    }

    /// Where the proxies before servers listen.
    pub fn middle(&self) -> &Namespace {
        &self.middle
    }

    /// Where a hub runs.
    pub fn hub(&self, hub: usize) -> &Namespace {
        &self.hubs[hub]
    }

    /// Loses what passes between a hub and one server, or all, until [`Net::heal`].
    pub fn cut(&self, hub: usize, way: Way, server: Option<Server>) -> Result<(), NetError> {
        self.hurt(orders::cut(hub, way, server))
    }

    /// Loses a share of all packets from and to a hub until [`Net::heal`].
    pub fn lose(&self, hub: usize, percent: u8) -> Result<(), NetError> {
        self.hurt(orders::lose(hub, percent))
    }

    /// Lets so many bytes per second pass from and to a hub until [`Net::heal`].
    pub fn throttle(&self, hub: usize, bytes_per_second: u32) -> Result<(), NetError> {
        self.hurt(orders::throttle(hub, bytes_per_second))
    }

    /// Takes back all that is in force.
    pub fn heal(&self) -> Result<(), NetError> {
        let undo = std::mem::take(&mut *self.undo.lock().unwrap_or_else(PoisonError::into_inner));
        undo.iter()
            .rev()
            .try_for_each(|order| self.carry_out(order))
    }

    fn hurt(&self, orders: Vec<Order>) -> Result<(), NetError> {
        for order in orders {
            self.carry_out(&order)?;
            if let Some(arguments) = order.undo.clone() {
                let undo = Order {
                    arguments,
                    undo: None,
                    ..order
                };
                self.undo
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(undo);
            }
        }
        Ok(())
    }

    fn carry_out(&self, order: &Order) -> Result<(), NetError> {
        let name = match order.place {
            Place::Middle => self.names.middle(),
            Place::Hub(hub) => self.names.hub(hub),
        };
        let mut command = vec![order.program, "-n", &name];
        command.extend(order.arguments.iter().map(String::as_str));
        call(&command).map(|_| ())
    }
}

/// Removes the namespaces of this scheme whose processes are gone.
fn clean() -> Result<(), NetError> {
    let list = call(&["ip", "netns", "list"])?;
    let names = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    for name in stale(names, began) {
        call(&["ip", "netns", "del", name])?;
    }
    Ok(())
}

/// Runs a command and answers what it printed.
fn call(command: &[&str]) -> Result<String, NetError> {
    let output = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .output()
        .map_err(|source| NetError::System {
            what: command.join(" "),
            source,
        })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(NetError::Refused {
        command: command.join(" "),
        reason: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// A process that removes namespaces when this one drops it or ends.
struct Keeper(Child);

impl Keeper {
    fn start(names: &[&str]) -> Result<Self, NetError> {
        let keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "keeper"])
            .args(names)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // It also removes those that there are not yet.
            .stderr(Stdio::null())
            // An interrupt from the terminal is none of its business.
            .process_group(0)
            .spawn();
        keeper.map(Self).map_err(|source| NetError::System {
            what: "starting the keeper of namespaces".to_owned(),
            source,
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(mut input) = self.0.stdin.take() {
            // The end of the input says the same.
            let _ = input.write_all(b"\n");
        }
        let _ = self.0.wait();
    }
}
