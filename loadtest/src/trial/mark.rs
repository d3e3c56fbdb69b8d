//! What was used up to one moment of a trial.

use crate::process::{Meter, machine_busy_seconds};

/// Consumption so far; two of them make a measurement.
#[derive(Clone, Copy)]
pub struct Mark {
    at_ns: u64,
    received: u64,
    idle_ns: u64,
    server_s: Option<f64>,
    own_s: Option<f64>,
    machine_s: Option<f64>,
}

/// What was used between two marks.
pub struct Used {
    /// Length of the time.
    pub seconds: f64,
    /// Deliveries in it.
    pub deliveries: u64,
    /// Share of it in which the generator had something to do.
    pub generator_busy: f64,
    /// CPU seconds of the server.
    pub server_s: Option<f64>,
    /// CPU seconds of everything on the machine but the server and this process.
    pub others_s: Option<f64>,
}

impl Mark {
    /// Reads the meters of `server` and of this process.
    pub fn now(at_ns: u64, received: u64, idle_ns: u64, server: Option<&Meter>) -> Self {
        Self {
            at_ns,
            received,
            idle_ns,
            server_s: server.and_then(Meter::cpu_seconds),
            own_s: Meter::of(std::process::id()).cpu_seconds(),
            machine_s: machine_busy_seconds(),
        }
    }

    /// What was used from this mark to `end`.
    pub fn until(self, end: Self) -> Used {
        let spent = |from: Option<f64>, to: Option<f64>| Some(to? - from?);
        let seconds = (end.at_ns - self.at_ns) as f64 / 1e9;
        let server_s = spent(self.server_s, end.server_s);
        let own_s = spent(self.own_s, end.own_s);
        let others = |all: f64| Some((all - server_s? - own_s?).max(0.0));
        Used {
            seconds,
            deliveries: end.received - self.received,
            generator_busy: 1.0 - (end.idle_ns - self.idle_ns) as f64 / 1e9 / seconds,
            server_s,
            others_s: spent(self.machine_s, end.machine_s).and_then(others),
        }
    }
}
