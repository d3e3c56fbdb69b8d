//! Traffic as on an evening when musicians and organizers are online, and the inboxes beside it.
//!
//! Two kinds of traffic are offered to whoever runs scenarios:
//!
//! - [`run`] makes an [`EveningSpec`] happen: people in rooms of three kinds talk in bursts, type, come and go, read slowly, read
//!   history. An operation of the [`Curve`] is one intended message.
//! - [`inbox::run`] makes an [`inbox::InboxSpec`] happen: notices come up over HTTP and are shown live, or found in the inbox later.
//!   An operation of the curve is one intended notice.
//!
//! Both take a [`Traffic`] (the server, a seed, what is spoken, the curve, a gate that says when it begins, a [`Log`], and a [`Hook`]
//! that is called about twice a second and can end the traffic early) and answer [`Ran`], which together with the log is all that
//! is known of a run. Everything that anybody intends, and when, follows from the settings, the curve and the seed; nothing of it
//! waits for answers.
//!
//! Where to read on: `spec` what can be set, `cast` who is in which room, `plan` the timetable, `engine` the run, `act` what people
//! do, `hear` what they make of what comes, `books` what is checked, `gate` and `lines` the connections.

mod act;
pub mod args;
mod books;
mod cast;
mod chance;
mod command;
mod crowd;
mod curve;
mod engine;
mod gate;
mod hear;
pub mod inbox;
mod lines;
mod outbox;
mod people;
mod plan;
mod rooms;
mod says;
mod spec;
mod visits;
mod wrong;

use protocol::Encoding;
use std::io;
use std::ops::ControlFlow;
use thiserror::Error;

use crate::bench::{BenchError, allow_files};
use crate::clock::Clock;
use crate::faults::Faults;
use crate::hub::{HubError, SendTemplate};
use crate::run::log::Log;
use crate::run::traffic::Found;
use crate::target::{ConnectError, Target};
use crate::token::Credentials;
use cast::Cast;
use chance::{Purpose, stream};
pub use command::EveningFigures;
use crowd::{Begin, Crowd};
pub use curve::{Curve, Steady};
use engine::Engine;
use gate::Gate;
use lines::{Lines, Person};
use plan::Plan;
use rand::Rng;
pub use spec::{EveningSpec, SpecError};
use wrong::Wrong;

/// Why an evening, or inboxes, could not be had.
#[derive(Debug, Error)]
pub enum EveningError {
    /// A setting makes no sense.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Everybody is somebody else.
    #[error("users need tokens of their own: give --secret, not --token")]
    NoSecret,
    /// More connections than this process may have, or no server.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// The hub could not be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The books of inboxes are kept in memory.
    #[error("{0} notices are planned, and {1} is the most: ask for less, or shorter")]
    TooMany(u32, u32),
}

/// What connections speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// All the same.
    Only(Encoding),
    /// Users with even numbers JSON, the others MessagePack.
    Mixed,
}

impl Speech {
    /// What a user speaks.
    pub fn of(self, user: u32) -> Encoding {
        match self {
            Self::Only(encoding) => encoding,
            Self::Mixed if user.is_multiple_of(2) => Encoding::Json,
            Self::Mixed => Encoding::MessagePack,
        }
    }
}

/// How a run is going.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Seconds since the traffic began.
    pub at_s: f64,
    /// Connections that are there.
    pub connections: u32,
    /// Operations of which an answer or an arrival is missing yet.
    pub unanswered: usize,
    /// Places of journals that the books keep, or entries of inboxes.
    pub kept: usize,
}

/// Wants to know how a run is going, about twice a second; can end its traffic early.
pub type Hook<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + 'a;

/// What any of the two kinds of traffic needs.
pub struct Traffic<'a> {
    /// The server.
    pub target: &'a Target,
    /// The clock of this process.
    pub clock: Clock,
    /// What times, rooms and people follow from.
    pub seed: u64,
    /// What connections speak.
    pub speech: Speech,
    /// When operations are due.
    pub curve: &'a dyn Curve,
    /// Called when everybody is there: waits for others, and answers when the traffic begins.
    pub gate: Box<dyn FnOnce() -> io::Result<u64> + Send + 'a>,
    /// Takes in what happens; connections made before the traffic begins count in second 0.
    pub log: &'a mut Log,
    /// Is told how it goes.
    pub hook: &'a mut Hook<'a>,
}

/// What a run came to, besides its log.
pub struct Ran {
    /// What was wrong with deliveries and acknowledgements.
    pub faults: Faults,
    /// What else contradicted a promise.
    wrong: Wrong,
    /// Most connections at the same time.
    pub connections: u32,
    /// Share of the measured part in which there was something to do.
    pub generator_busy: f64,
}

impl Ran {
    /// As the log needs it.
    pub fn found(&self) -> Found {
        Found {
            faults: self.faults.clone(),
            contradictions: self.wrong.by_name(),
            busy: self.generator_busy,
            connections: self.connections,
            ..Found::default()
        }
    }

    /// The first things that were wrong, in words.
    pub fn examples(&self) -> &[String] {
        &self.wrong.examples
    }
}

/// Users need names of their own.
fn check_credentials(target: &Target) -> Result<(), EveningError> {
    match target.credentials {
        Credentials::Secret(_) => Ok(()),
        Credentials::Token(_) => Err(EveningError::NoSecret),
    }
}

/// Everybody comes, talks, goes and comes back; then what they saw is compared.
pub fn run(spec: &EveningSpec, traffic: Traffic<'_>) -> Result<Ran, EveningError> {
    spec.check()?;
    let target = traffic.target;
    check_credentials(target)?;
    let cast = Cast::new(spec, traffic.seed);
    let second = second_lines(spec, traffic.seed);
    allow_files(owners(&second).len() as u32)?;
    let rooms = rooms::make(&cast, target)?;
    let users: Vec<String> = (0..spec.users)
        .map(|user| rooms::user_name(target, user))
        .collect();
    let mut lines = Lines::new(target, traffic.clock).map_err(ConnectError::from)?;
    let owners = owners(&second);
    for (line, &user) in owners.iter().enumerate() {
        lines.add(person(spec, &traffic, line, user, &users[user as usize]));
    }
    let crowd = Crowd::new(Begin {
        spec,
        cast: &cast,
        log: traffic.log,
        curve: traffic.curve,
        rooms: &rooms,
        users: &users,
        second: &second,
        speaks: owners.iter().map(|&user| traffic.speech.of(user)).collect(),
        templates: templates(target, &rooms)?,
    });
    let gate = Gate::new(lines, traffic.clock, traffic.seed, spec.spread_ms);
    let plan = Plan::new(spec, &cast, traffic.curve, traffic.seed);
    let plan = plan.map(|planned| (planned.at_ns, planned.deed));
    let mut engine = Engine::new(gate, crowd, plan, traffic.curve);
    engine.gather()?;
    engine.begin(traffic.gate)?;
    let generator_busy = engine.traffic(traffic.hook)?;
    engine.finish(traffic.hook)?;
    let (mut crowd, connections) = (engine.world, engine.most_connections);
    for user in (0..spec.users).filter(|user| !crowd.people.is_there(*user as usize)) {
        crowd
            .books
            .wrong
            .count("never came back", || format!("user {user}"));
    }
    (0..users.len()).for_each(|user| crowd.history_failed(user));
    let (faults, wrong) = crowd.books.close();
    Ok(Ran {
        faults,
        wrong,
        connections,
        generator_busy,
    })
}

/// By user the line to the hub for notifications, if there is one: those follow the lines of all users.
fn second_lines(spec: &EveningSpec, seed: u64) -> Vec<Option<usize>> {
    let mut chance = stream(seed, Purpose::Cast, 1);
    let mut next = spec.users as usize..;
    let one = |_| {
        chance
            .random_bool(spec.notifications_share)
            .then(|| next.next())
            .flatten()
    };
    (0..spec.users).map(one).collect()
}

/// Whose each line is.
fn owners(second: &[Option<usize>]) -> Vec<u32> {
    let with = (0u32..).zip(second).filter(|(_, line)| line.is_some());
    (0..second.len() as u32)
        .chain(with.map(|(user, _)| user))
        .collect()
}

fn person(spec: &EveningSpec, traffic: &Traffic<'_>, line: usize, user: u32, name: &str) -> Person {
    let is_chat = line == user as usize;
    Person {
        user: name.to_owned(),
        hub: if is_chat {
            "/hubs/chat"
        } else {
            "/hubs/notifications"
        },
        encoding: traffic.speech.of(user),
        receive_buffer: (is_chat && plan::is_slow(spec, traffic.seed, user))
            .then_some(spec.slow_buffer_bytes),
    }
}

/// What is sent to each room, in both encodings.
fn templates(target: &Target, rooms: &[String]) -> Result<Vec<[SendTemplate; 2]>, ConnectError> {
    let template = |encoding, room: &String| {
        SendTemplate::new(encoding, room, &target.nonce, target.text_bytes)
    };
    let of_room = |room| {
        Ok([
            template(Encoding::Json, room)?,
            template(Encoding::MessagePack, room)?,
        ])
    };
    let all: Result<Vec<_>, HubError> = rooms.iter().map(of_room).collect();
    Ok(all?)
}
