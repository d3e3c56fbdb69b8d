//! Small steady traffic beside senders and readers: people who come back to a room, look at its history over HTTP, and
//! organizers who submit matching requests. What they were told is judged, too.

mod asking;
mod joins;
mod pages;
mod submits;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::class::{Class, Tries};
use super::ground::{Ground, Unasked};
use super::signer::Signer;
use super::workload::WorkloadError;
use crate::attempts::Attempt;
use crate::client::Settings;
use crate::history::History;

pub(super) use asking::unasked;
use pages::Pages;
use submits::Requests;

/// Attempts of one class that are kept.
const TRIES: usize = 1_000_000;
/// Who takes part, and how long each waits from one attempt to the next: so many attempts a second whatever happens, as
/// long as answers come.
const VISITORS: (usize, Duration) = (2, Duration::from_millis(400));
const PAGE_READERS: (usize, Duration) = (4, Duration::from_millis(400));
const ORGANIZERS: (usize, Duration) = (2, Duration::from_millis(800));

/// How a user's client connects to the hub of a number at first.
type Connect = Arc<dyn Fn(&str, usize) -> Settings + Send + Sync>;

/// What all of them know.
#[derive(Clone)]
struct Common {
    hubs: Vec<SocketAddr>,
    rooms: Vec<String>,
    history: History,
    tries: Tries,
    connect: Connect,
    signer: Signer,
    /// Begins the names of all of them.
    newcomers: String,
    stop: watch::Receiver<bool>,
}

/// Those who visit.
pub(super) struct Visitors {
    stop: watch::Sender<bool>,
    common: Common,
    tasks: JoinSet<()>,
    pages: Arc<Mutex<Pages>>,
    requests: Arc<Mutex<Requests>>,
}

/// What their traffic came to.
#[derive(Debug, Default)]
pub(super) struct Visited {
    /// Broken promises.
    pub violations: Vec<String>,
    /// Requests that were submitted.
    pub submitted: usize,
    /// Pages that were read.
    pub pages: usize,
}

impl Visitors {
    /// Lets them in, but for those who would ask what these hubs are not to be asked for.
    pub(super) fn start(
        site: &impl Ground,
        rooms: Vec<String>,
        history: History,
        unasked: &[Unasked],
    ) -> Self {
        let stop = watch::Sender::new(false);
        let tries = Tries::new(history.attempts.clone(), history.joins.clone(), TRIES);
        let tries = tries.without(unasked.iter().map(|unasked| unasked.class));
        let common = Common {
            hubs: site.fronts(),
            rooms,
            history,
            tries,
            connect: site.connect().into(),
            signer: site.signer(),
            newcomers: site.newcomers(),
            stop: stop.subscribe(),
        };
        let mut visitors = Self {
            stop,
            common,
            tasks: JoinSet::new(),
            pages: Arc::default(),
            requests: Arc::default(),
        };
        let Self {
            common,
            tasks,
            pages,
            requests,
            ..
        } = &mut visitors;
        let number_of = |class, (number, _): (usize, Duration)| match common.tries.has(class) {
            true => number,
            false => 0,
        };
        for number in 0..number_of(Class::Join, VISITORS) {
            tasks.spawn(joins::visit(common.clone(), number));
        }
        for number in 0..number_of(Class::Read, PAGE_READERS) {
            tasks.spawn(pages::turn(common.clone(), number, Arc::clone(pages)));
        }
        for number in 0..number_of(Class::Submit, ORGANIZERS) {
            tasks.spawn(submits::submit(
                common.clone(),
                number,
                Arc::clone(requests),
            ));
        }
        visitors
    }

    /// Their attempts so far.
    pub(super) fn tries(&self) -> &Tries {
        &self.common.tries
    }

    /// Ends the traffic and judges it: organizers get their last answers first.
    pub(super) async fn finish(mut self, within: Duration) -> Result<Visited, WorkloadError> {
        self.stop.send_replace(true);
        let late = |what| WorkloadError::Late { what, within };
        let tasks = std::mem::take(&mut self.tasks).join_all();
        let ended = timeout(within, tasks).await;
        ended.map_err(|_| late("the last answers of visitors"))?;
        let requests = std::mem::take(&mut *lock(&self.requests));
        let (submitted, looking) = (requests.submitted(), requests.judge(&self.common, within));
        let mut violations = looking.await;
        let pages = std::mem::take(&mut *lock(&self.pages));
        violations.extend(pages.judge(&self.common.history));
        Ok(Visited {
            violations,
            submitted,
            pages: pages.count(),
        })
    }
}

impl Common {
    fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    fn tried(&self, class: Class, room: &Arc<str>, times: (Instant, Instant), good: bool) {
        let (begun, ended) = times;
        self.tries.of(class).add(Attempt {
            room: Arc::clone(room),
            wished: begun,
            begun,
            ended,
            acknowledged: good,
            refused: false,
        });
    }
}

/// Ticks that do not make up for those that were missed.
fn pace(every: Duration) -> tokio::time::Interval {
    let mut pace = interval(every);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
