//! Inboxes: notices come up at a planned rate and are in their inbox once, shown live once to whoever listens, and found there by
//! whoever was away.

mod books;
mod http;
mod plan;
mod post;
mod readers;
mod spec;

use protocol::Encoding;
use std::time::Duration;

use super::engine::Engine;
use super::gate::Gate;
use super::lines::{Lines, Person};
use super::people::People;
use super::rooms::user_name;
use super::{EveningError, Ran, Traffic, check_credentials};
use crate::bench::allow_files;
use crate::target::ConnectError;
use books::Books;
use http::Http;
use plan::Plan;
use post::Post;
use readers::{Phase, Readers};
pub use spec::InboxSpec;

/// Under this name a notice says which operation it is.
const NAME: &str = "n";
/// Every stamp of a run is of this trial.
const TRIAL: u16 = 2;
/// Most notices of one run: the books keep all of them.
const MOST_NOTICES: u32 = 10_000_000;

/// Everybody listens to their inbox, notices come up; then all inboxes are read.
pub fn run(spec: &InboxSpec, traffic: Traffic<'_>) -> Result<Ran, EveningError> {
    spec.check()?;
    let target = traffic.target;
    check_credentials(target)?;
    let total = traffic.curve.total();
    if total > MOST_NOTICES {
        return Err(EveningError::TooMany(total, MOST_NOTICES));
    }
    allow_files(spec.users + spec.http_connections)?;
    let named = |user| {
        Ok((
            user_name(target, user),
            target.credentials.token(&user_name(target, user))?,
        ))
    };
    let users = (0..spec.users)
        .map(named)
        .collect::<Result<Vec<_>, ConnectError>>()?;
    let admin = target
        .credentials
        .token_as(&format!("lt{}-admin", target.nonce), "admin");
    let admin = admin.map_err(ConnectError::from)?;
    let mut lines = Lines::new(target, traffic.clock).map_err(ConnectError::from)?;
    for (user, (name, _)) in (0u32..).zip(&users) {
        lines.add(Person {
            user: name.clone(),
            hub: "/hubs/notifications",
            encoding: traffic.speech.of(user),
            receive_buffer: None,
        });
    }
    let limit = Duration::from_secs_f64(spec.http_timeout_s);
    let http = Http::new(target, spec.http_connections, limit, traffic.clock)
        .map_err(ConnectError::from)?;
    let readers = Readers {
        spec,
        curve: traffic.curve,
        people: People::new(users.len(), traffic.log),
        books: Books::new(spec.users),
        speaks: (0..spec.users)
            .map(|user| traffic.speech.of(user))
            .collect::<Vec<Encoding>>(),
        marking: vec![None; users.len()],
        post: Post::new(http, admin, users, &target.nonce, spec.page),
        later: Vec::new(),
        phase: Phase::Traffic,
    };
    let gate = Gate::new(lines, traffic.clock, traffic.seed, spec.spread_ms);
    let plan = Plan::new(spec, traffic.curve, traffic.seed);
    let mut engine = Engine::new(gate, readers, plan, traffic.curve);
    engine.gather()?;
    engine.begin(traffic.gate)?;
    let generator_busy = engine.traffic(traffic.hook)?;
    engine.finish(traffic.hook)?;
    let (mut readers, connections) = (engine.world, engine.most_connections);
    for user in (0..spec.users as usize).filter(|user| !readers.people.is_there(*user)) {
        readers
            .books
            .wrong
            .count("never came back", || format!("user {user}"));
    }
    if readers.phase != Phase::Reading {
        readers
            .books
            .wrong
            .count("never settled", || "inboxes were not read".to_owned());
    }
    let (faults, wrong) = readers.books.close();
    Ok(Ran {
        faults,
        wrong,
        connections,
        generator_busy,
    })
}
