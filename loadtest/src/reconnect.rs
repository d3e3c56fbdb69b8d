//! The scenario of a restart: a hub with many clients ends and begins anew, and each of them comes back.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use crate::args::{EndArg, ReconnectArgs};
use crate::bench::{Bench, BenchError, allow_files};
use crate::comeback::{Comeback, Returned};
use crate::faults::Faults;
use crate::figures::Quantiles;
use crate::plan::Shape;
use crate::process::{Server, Start, await_listeners};
use crate::subject::{OpenError, Subject};

/// Longest way back that is told apart, in microseconds.
const LONGEST_US: u64 = 600_000_000;

/// How all clients of a hub came back.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReconnectFigures {
    /// Connections, all of which came back.
    pub connections: u32,
    /// From the signal until the hub had ended.
    pub ending_ms: f64,
    /// From then until it listened again.
    pub starting_ms: f64,
    /// From the signal until a client had joined its room again, from where it was.
    pub from_signal: Quantiles,
    /// The same from the moment at which that client noticed its loss.
    pub from_loss: Quantiles,
    /// Tries of all clients together.
    pub tries: u64,
    /// One message to every room afterwards: what was wrong.
    pub faults: Faults,
}

impl Bench<'_> {
    /// Opens many connections, ends the hub, starts it again, and waits until all of them are back.
    pub fn reconnect(&mut self, args: &ReconnectArgs) -> Result<ReconnectFigures, BenchError> {
        allow_files(args.connections)?;
        eprintln!("hub: {} connections lose their hub …", args.connections);
        let mut running = Subject::Hub.open(self.common, false)?;
        let again = running.again.take();
        if again.is_none() && running.server.meter.is_none() {
            return Err(OpenError::NotOurs.into());
        }
        let rooms = args.rooms.min(args.connections);
        let shape = Shape {
            rooms,
            members: args.connections / rooms,
            senders: 1,
            listeners: args.connections / rooms,
        };
        let mut fleet = self.gather(Subject::Hub, &running, shape)?;
        // Everybody is somewhere in the room's history.
        let rate = f64::from(shape.connections()) / 2.0;
        let before = self.trial(Subject::Hub, &running, &mut fleet, rate, (0.0, 2.0), None)?;
        let failed = |error| BenchError::Connect("hub", error);
        let spread = Duration::from_millis(u64::from(args.spread_ms));
        let comeback = Comeback::new(&mut fleet, spread, self.clock).map_err(failed)?;
        let signal_ns = self.clock.now_ns();
        let in_order = matches!(args.end, EndArg::Drain);
        // Nobody's until the hub is there again.
        let placeholder = Server::existing(running.server.address, &[]);
        let addresses = running.target.addresses.clone();
        let old = std::mem::replace(&mut running.server, placeholder);
        let (returned, renewed) = thread::scope(|scope| {
            let addresses = &addresses;
            let renewing = scope.spawn(|| match &again {
                Some(again) => renew(old, again, in_order),
                None => renewed_by_others(old, addresses, in_order),
            });
            let returned = comeback.run();
            (returned, renewing.join())
        });
        let (server, ending_ms, starting_ms) = match renewed {
            Ok(renewed) => renewed?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        running.server = server;
        let returned = returned.map_err(failed)?;
        let after = self.trial(Subject::Hub, &running, &mut fleet, rate, (0.0, 2.0), None)?;
        Ok(ReconnectFigures {
            connections: shape.connections(),
            ending_ms,
            starting_ms,
            from_signal: quantiles(&returned, |one| one.back_ns - signal_ns),
            from_loss: quantiles(&returned, |one| one.back_ns - one.lost_ns),
            tries: returned.iter().map(|one| u64::from(one.tries)).sum(),
            // What was wrong before would only be repeated.
            faults: if before.faults.none() {
                after.faults
            } else {
                before.faults
            },
        })
    }
}

/// Ends a hub and starts it again; how long each took, in milliseconds.
#[allow(clippy::disallowed_methods, reason = "how long it took is measured")]
fn renew(old: Server, again: &Start, in_order: bool) -> Result<(Server, f64, f64), BenchError> {
    let ending = old.end(in_order)?;
    let begun = std::time::Instant::now();
    let server = Server::start(again).map_err(OpenError::from)?;
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    Ok((server, ms(ending), ms(begun.elapsed())))
}

/// Ends hubs that somebody else runs, who starts them again; how long each took, in milliseconds.
fn renewed_by_others(
    old: Server,
    addresses: &[SocketAddr],
    in_order: bool,
) -> Result<(Server, f64, f64), BenchError> {
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let ending = old.end(in_order)?;
    let starting = await_listeners(addresses)?;
    // Their processes are others now, and nobody says which.
    let server = Server::existing(addresses[0], &[]);
    Ok((server, ms(ending), ms(starting)))
}

fn quantiles(returned: &[Returned], ns: impl Fn(&Returned) -> u64) -> Quantiles {
    // Three digits hold for any span up to the longest; both bounds are valid, so this cannot fail.
    let Ok(mut spans) = Histogram::new_with_bounds(1, LONGEST_US, 3) else {
        return Quantiles::default();
    };
    for one in returned {
        spans.saturating_record(ns(one) / 1_000);
    }
    Quantiles::of(&spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_milliseconds_and_the_longest_is_the_last() {
        let returned: Vec<Returned> = (1..=100)
            .map(|n| Returned {
                lost_ns: 5_000_000,
                back_ns: 5_000_000 + n * 10_000_000,
                tries: 1,
            })
            .collect();
        let found = quantiles(&returned, |one| one.back_ns - one.lost_ns);
        assert_eq!(found.count, 100);
        assert!((found.p50_ms - 500.0).abs() < 1.0, "{found:?}");
        assert!((found.max_ms - 1_000.0).abs() < 1.0, "{found:?}");
    }
}
