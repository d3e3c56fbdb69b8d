//! Worlds of organizers and musicians: requests, calendars, inboxes, and rooms that come of requests.

mod gather;
mod heal;
mod mutants;
mod paths;
mod scene;

use std::sync::Arc;

use actors::hub::HubLimits;
use actors::ids::{Timestamp, UserId};
use actors::machines::terms::{Caller, PlatformRole};
use actors::testing::market::checks::violations;
use actors::testing::market::people::{Fair, Person};
use actors::testing::market::{History, SharedHistory};
use rand::Rng;
use rand::rngs::StdRng;

use self::scene::Scene;
use super::clock::EPOCH;
use super::fate::Turn;
use super::faults::Fault;
use super::options::Options;
use super::shrink::{Kind, Run};
use super::trace::Trace;
use super::world::{self, Crowd};

/// Worlds of a market.
const MARKET: Kind = Kind {
    run: judged,
    command: "cargo sweep-market",
};

const FAULTY_MS: u64 = 20_000;

type World = world::World<Market>;

pub struct Market {
    people: Vec<Person>,
    history: SharedHistory,
    scene: Scene,
}

/// Runs one seed; with `kept`, only these of its faults happen.
fn run(seed: u64, verbose: bool, kept: Option<&[Fault]>) -> (History, Trace) {
    world::live(seed, verbose, kept, Market::new, |mut world| {
        let scene = world.crowd.scene.clone();
        world.trace.note(|| format!("{scene:?}"));
        world.faulty();
        world.healed();
        world.gather()
    })
}

fn judged(seed: u64, verbose: bool, kept: Option<&[Fault]>) -> Run {
    let (history, trace) = run(seed, verbose, kept);
    paths::walk(&history, &trace);
    (violations(&history), trace)
}

impl Market {
    fn new(rng: &mut StdRng, options: &Options) -> Self {
        let scene = Scene::draw(rng, options);
        let fair = Arc::new(scene.fair(rng));
        let history = SharedHistory::default();
        let mut numbers = 1..;
        let mut person = |user: &UserId, role| {
            let caller = Caller {
                user: user.clone(),
                role,
            };
            let number = numbers.next().unwrap_or_default();
            let fair: Arc<Fair> = fair.clone();
            Person::new(number, caller, rng.random(), fair, history.clone())
        };
        let organizers = fair.organizers.iter();
        let mut people: Vec<Person> = organizers
            .map(|user| person(user, PlatformRole::Organizer))
            .collect();
        let musicians = fair.musicians.iter();
        people.extend(musicians.map(|user| person(user, PlatformRole::Musician)));
        let moderator = UserId::parse("moderator").expect("a user id");
        people.push(person(&moderator, PlatformRole::Moderator));
        Self {
            people,
            history,
            scene,
        }
    }
}

impl Crowd for Market {
    fn limits(&self, options: &Options) -> HubLimits {
        self.scene.limits(options)
    }

    fn cut_off(&mut self, node: usize) {
        self.history.lock().cut_off(node);
    }
}

impl World {
    fn faulty(&mut self) {
        let mut nights = self.crowd.scene.nights.clone();
        let mut until = FAULTY_MS;
        for (number, (at, what)) in (500..).zip(self.crowd.scene.deaths.clone()) {
            self.plan.insert((at, number), Turn::Happens(what));
        }
        self.raise();
        while self.now() < until {
            if nights.first().is_some_and(|(at, _)| *at <= self.now()) {
                let (_, millis) = nights.remove(0);
                nights.iter_mut().for_each(|(at, _)| *at += millis);
                until += millis;
                self.night(millis);
            }
            self.happen();
            self.raise();
            self.act();
            let millis = self.rng.random_range(1..12);
            self.step(millis);
        }
    }

    /// The true time.
    fn time(&self) -> Timestamp {
        Timestamp(EPOCH + self.now())
    }

    /// Somebody does something; now and then everybody does.
    fn act(&mut self) {
        let luck = self.rng.random_range(0..1_000);
        let now = self.time();
        let sites = Self::sites(&self.nodes);
        let people = &mut self.crowd.people;
        if luck < 8 {
            people.iter_mut().for_each(|person| person.act(&sites, now));
        } else if luck < self.crowd.scene.eagerness {
            let index = self.rng.random_range(0..people.len());
            people[index].act(&sites, now);
        }
    }
}

#[test]
fn seeds_keep_every_promise() {
    super::keep_every_promise(MARKET, &paths::SOMETIMES);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let digest = |seed| run(seed, false, None).1.digest();
    for seed in 0..8 {
        assert_eq!(digest(seed), digest(seed), "seed {seed}");
    }
    assert_ne!(digest(1), digest(2));
}
