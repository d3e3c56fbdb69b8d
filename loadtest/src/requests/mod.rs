//! The scenario of the business: organizers and musicians over the HTTP API, open loop, as users ask.

mod answers;
mod args;
mod calls;
mod cast;
mod client;
mod contradictions;
mod drive;
mod figures;
mod ledger;
mod operation;
mod people;
mod plan;
mod read_back;
mod scenario;
mod script;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;
use tokio::task::{JoinError, LocalSet};

use crate::bench::Bench;
use crate::clock::Clock;
use crate::figures::Quantiles;
use crate::process::Meter;
use crate::subject::{OpenError, Subject};
use crate::trial::mark::Used;
pub use args::RequestsArgs;
use cast::Cast;
pub use cast::FEWEST_MUSICIANS;
use client::Client;
use drive::Run;
pub use figures::{AIM_P95_MS, FLOOR_ERRORS_PERCENT, FLOOR_P95_MS, RequestsFigures, Stories};
use ledger::Books;
use people::People;
use plan::{Order, Plan};
use read_back::ReadBack;
pub use scenario::play;

/// Most operations of one run: all of them are planned before it begins.
const MOST_OPERATIONS: f64 = 2e7;
const DAY_S: i64 = 86_400;

/// Why a run could not be made.
#[derive(Debug, Error)]
pub enum RequestsError {
    /// No server.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Everybody has a role of their own.
    #[error("users need tokens of their own: give --secret, not --token")]
    NoSecret,
    /// A token could not be signed.
    #[error("token: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// The people could not be settled.
    #[error("before the run: {0}")]
    People(String),
    /// More than the calendars of the people hold.
    #[error(
        "{0} requests would be made, and {1} is the most with so many musicians: ask for less, or shorter"
    )]
    TooLong(u32, u32),
    /// More than is planned in memory.
    #[error("more than {MOST_OPERATIONS:.0} operations: ask for less, or shorter")]
    TooMany,
    /// The runtime could not be had.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Bench<'_> {
    /// Settles the people, makes the plan happen, reads everything back.
    pub fn requests(&mut self, args: &RequestsArgs) -> Result<RequestsFigures, RequestsError> {
        let cast = Cast {
            nonce: self.common.nonce(),
            musicians: args.musicians,
            organizers: args.organizers,
            seed: args.seed,
            midnight_s: now_s() / DAY_S * DAY_S,
        };
        let plan = plan(args, &cast)?;
        let running = Subject::Hub.open(self.common, false)?;
        let limit = Duration::from_millis(u64::from(args.timeout_ms));
        let tokens = people::tokens(&cast, &running.target.credentials)?;
        let addresses = running.target.addresses.clone();
        let client = Rc::new(Client::new(addresses, tokens, args.connections, limit));
        let run = Rc::new(Run::new(cast, plan, client, self.clock, limit, None));
        let server = running.server.meter.as_ref();
        // Nobody is waited for.
        let at_once = |clock: Clock| Ok(clock.now_ns());
        let measured = measure(&run, server, args.open, || at_once(self.clock));
        LocalSet::new().block_on(&runtime()?, measured)
    }
}

fn plan(args: &RequestsArgs, cast: &Cast) -> Result<Plan, RequestsError> {
    if args.rate * (args.warmup + args.seconds) > MOST_OPERATIONS {
        return Err(RequestsError::TooMany);
    }
    let people = (args.musicians, args.organizers);
    let order = Order::steady(args.rate, (args.warmup, args.seconds), people, args.seed);
    planned(&order, args.open, cast)
}

/// A plan that the calendars of the people hold, with `open` requests beside it.
fn planned(order: &Order, open: u32, cast: &Cast) -> Result<Plan, RequestsError> {
    let plan = Plan::new(order);
    let (made, most) = (plan.requests() + open, cast.most_requests());
    match made > most {
        true => Err(RequestsError::TooLong(made, most)),
        false => Ok(plan),
    }
}

/// Verb and address of every operation with its share of a long run, in percent.
#[cfg(test)]
pub fn mix() -> Vec<(String, f64)> {
    let plan = Plan::new(&Order::steady(1_000.0, (5.0, 300.0), (2_000, 200), 1));
    let measured = &plan.slots[plan.measured_from..];
    let share = |operation: &operation::Operation| {
        let of = |slot: &&plan::Slot| plan.step(**slot).operation == *operation;
        let count = measured.iter().filter(of).count();
        (
            operation.name(),
            count as f64 / measured.len() as f64 * 100.0,
        )
    };
    operation::Operation::ALL.iter().map(share).collect()
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build()
}

/// Settles the people, waits until the run may begin, makes the plan happen, and reads everything back.
async fn measure(
    run: &Rc<Run>,
    server: Option<&Meter>,
    open: u32,
    gate: impl FnOnce() -> std::io::Result<u64>,
) -> Result<RequestsFigures, RequestsError> {
    let (musicians, organizers) = (run.cast.musicians, run.cast.organizers);
    eprintln!("hub: {musicians} musicians and {organizers} organizers come …");
    // Behind those of the plan, so that no time of a musician is asked for twice.
    let open = run.plan.requests()..run.plan.requests() + open;
    let open = People::settle(&run.cast, run.client.clone(), open).await?;
    run.plan.start_ns.set(gate()?);
    eprintln!("hub: {:.0} operations/s …", run.plan.rate());
    let (begin, end) = run.run(server).await;
    let mut figures = figures_of(run, &begin.until(end));
    figures.server_resident_kb = server.and_then(Meter::resident_kb);
    eprintln!("hub: everything is read back …");
    let found = Rc::new(read_back(run, &open))
        .compare(run.client.clone())
        .await;
    figures.contradictions.add(found);
    Ok(figures)
}

fn figures_of(run: &Run, used: &Used) -> RequestsFigures {
    let state = run.state.borrow();
    let count = |holds: fn(&Books) -> u64| {
        let books = state.scenes.iter().map(|scene| &scene.books);
        books.map(holds).sum::<u64>()
    };
    let mut figures = RequestsFigures {
        offered_per_second: run.plan.rate(),
        answered_per_second: used.deliveries as f64 / used.seconds,
        planned: run.plan.slots.len() as u64,
        users: run.cast.users(),
        lag: Quantiles::of(&state.lag),
        generator_busy: used.generator_busy,
        held_back: state.held_back,
        waited: state.waited,
        replaced: state.replaced,
        server_busy: used.server_s.map(|server| server / used.seconds),
        server_cpu_s_per_million: used
            .server_s
            .map(|server| server / used.deliveries.max(1) as f64 * 1e6),
        others_busy: used.others_s.map(|others| others / used.seconds),
        stories: Stories {
            created: count(|books| u64::from(books.id.is_some())),
            assigned: count(|books| u64::from(books.winner.is_some())),
            cancelled: count(|books| u64::from(books.cancelled)),
            lost_races: count(|books| books.losers.len() as u64),
            messages: count(|books| books.said.len() as u64),
            repeats: state.repeats.compared,
            replayed: state.repeats.replayed,
            unsure: count(|books| u64::from(books.unsure)),
        },
        contradictions: state.wrong.clone(),
        ..RequestsFigures::default()
    };
    state.tally.tell(&mut figures);
    figures
}

fn read_back(run: &Run, open: &[(u32, Books)]) -> ReadBack {
    let state = run.state.borrow();
    let all = run.plan.stories.iter().zip(&state.scenes);
    let of_request = all.filter(|(story, _)| story.kind.is_of_request());
    let requests = of_request.map(|(story, scene)| {
        let organizer = run.cast.organizer(story.person);
        (organizer, &scene.books)
    });
    let open = open.iter().map(|(organizer, books)| (*organizer, books));
    ReadBack::new(run.cast.clone(), requests.chain(open))
}

/// Does something for each of `all` numbers, for several at the same time.
async fn crowd<F: Future<Output = ()> + 'static>(
    at_once: usize,
    all: usize,
    task: impl Fn(usize) -> F + 'static,
) {
    let (next, task) = (Rc::new(Cell::new(0)), Rc::new(task));
    let workers = (0..at_once.min(all)).map(|_| {
        let (next, task) = (next.clone(), task.clone());
        tokio::task::spawn_local(async move {
            loop {
                let at = next.replace(next.get() + 1);
                if at >= all {
                    return;
                }
                task(at).await;
            }
        })
    });
    let workers: Vec<_> = workers.collect();
    for worker in workers {
        // Nobody cancels one.
        if let Err(Ok(panic)) = worker.await.map_err(JoinError::try_into_panic) {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Seconds since 1970: events lie ahead of the hub's clock.
#[allow(
    clippy::disallowed_methods,
    reason = "events of requests have real dates"
)]
fn now_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs() as i64
}
