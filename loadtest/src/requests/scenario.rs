//! The requests as the traffic of a scenario file: any shape of load, told second by second.

use std::rc::Rc;
use std::time::Duration;
use tokio::task::LocalSet;

use super::cast::Cast;
use super::client::Client;
use super::drive::Run;
use super::plan::Order;
use super::{DAY_S, RequestsError, RequestsFigures, measure, now_s, people, planned, runtime};
use crate::run::log::Log;
use crate::run::traffic::requests::RequestsSpec;
use crate::run::traffic::{Found, Stage};

/// Makes this process's part of the traffic: it has people and cities of its own.
pub fn play(
    spec: &RequestsSpec,
    stage: Stage<'_>,
    mut log: Log,
) -> Result<(Found, Log), RequestsError> {
    let Stage {
        target,
        timeline,
        seed,
        share,
        clock,
        gate,
        ..
    } = stage;
    let cast = Cast {
        nonce: format!("{}{:x}", target.nonce, share.process),
        musicians: share.of(spec.musicians),
        organizers: share.of(spec.organizers),
        seed: seed.wrapping_add(u64::from(share.process)),
        midnight_s: now_s() / DAY_S * DAY_S,
    };
    let part = 1.0 / f64::from(share.processes);
    let times = timeline
        .timetable()
        .share(part, f64::from(share.process) * part);
    let order = Order {
        measured_from: times.count_before((timeline.warmup_s * 1e9) as u64) as usize,
        total: times.count_before(timeline.end_ns()) as usize,
        until_ns: timeline.end_ns(),
        times,
        musicians: cast.musicians,
        organizers: cast.organizers,
        seed: cast.seed,
    };
    let open = share.of(spec.open);
    let plan = planned(&order, open, &cast)?;
    let limit = Duration::from_millis(u64::from(spec.timeout_ms));
    let connections = share.of(spec.connections);
    let tokens = people::tokens(&cast, &target.credentials)?;
    let client = Rc::new(Client::new(
        target.addresses.clone(),
        tokens,
        connections,
        limit,
    ));
    let run = Rc::new(Run::new(cast, plan, client, clock, limit, None));
    let opened = || {
        let start_ns = gate()?;
        log.begin(start_ns);
        // What comes before that is not told.
        run.state.borrow_mut().log = Some(log);
        Ok(start_ns)
    };
    let figures = LocalSet::new().block_on(&runtime()?, measure(&run, None, open, opened))?;
    let log = run.state.borrow_mut().log.take();
    let log = log.ok_or_else(|| RequestsError::People("the run never began".to_owned()))?;
    Ok((found(&figures, connections), log))
}

fn found(figures: &RequestsFigures, connections: u32) -> Found {
    let stories = figures.stories;
    let named = [
        ("requests.created", stories.created),
        ("requests.assigned", stories.assigned),
        ("requests.cancelled", stories.cancelled),
        ("requests.lost_races", stories.lost_races),
        ("requests.messages", stories.messages),
        ("requests.unsure", stories.unsure),
        ("requests.held_back", figures.held_back),
        ("requests.waited", figures.waited),
        ("requests.replaced", figures.replaced),
    ];
    let named = named.map(|(name, count)| (name.to_owned(), count as f64));
    Found {
        contradictions: figures.contradictions.by_name(),
        busy: figures.generator_busy,
        connections,
        figures: named.into(),
        ..Found::default()
    }
}
