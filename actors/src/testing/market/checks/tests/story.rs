//! A true story of two requests, and the words that it is told in.

use super::town::{NOW, Town};
use crate::ids::{RequestId, Sequence, Timestamp, UserId};
use crate::machines::inbox::InboxCommand;
use crate::machines::request::{Change, Mode, RequestCommand, RequestInput};
use crate::machines::terms::{Budget, Caller, Cents, Place, PlatformRole, Window};
use crate::machines::user::{ProfileInput, UserCommand};
use crate::testing::market::history::Wish;
use crate::testing::oracle::Outcome;
use crate::testing::words;

const HOUR: u64 = 3_600_000;

pub fn request(name: &str) -> RequestId {
    RequestId::parse(name).expect("a request id")
}

pub fn user(name: &str) -> UserId {
    words::user(name)
}

pub fn organizer() -> Caller {
    Caller {
        user: user("olga"),
        role: PlatformRole::Organizer,
    }
}

pub fn musician(name: &str) -> Caller {
    Caller {
        user: user(name),
        role: PlatformRole::Musician,
    }
}

/// When both requests are played.
pub fn window() -> Window {
    let from = NOW.plus_millis(48 * HOUR);
    let to = from.plus_millis(2 * HOUR);
    Window { from, to }
}

fn place() -> Place {
    Place {
        lat: 40.4,
        lng: -3.7,
        address: "Plaza Mayor".into(),
    }
}

fn input() -> RequestInput {
    RequestInput {
        title: None,
        event_type: "party".into(),
        instrument: "guitar".into(),
        more_instruments: Vec::new(),
        genre: None,
        window: window(),
        place: place(),
        budget: Budget {
            min: Cents(10_000),
            max: Cents(20_000),
            negotiable: false,
        },
        description: "Songs.".into(),
        attendees: None,
        dress_code: None,
        equipment: None,
        mode: Mode::FirstAccept,
        radius_km: None,
        deadline: None,
    }
}

/// Says that somebody wished a step and was told what became of it.
pub fn attempt(town: &mut Town, who: &UserId, wish: Wish, outcome: Outcome) {
    let attempt = town.history.begin(who, 0, wish);
    town.history.answer(attempt, outcome);
}

/// The key of somebody's wish of a number; no two people of a town have the same second letter.
pub fn key(who: &UserId, number: u64) -> u64 {
    u64::from(who.as_str().as_bytes()[1]) << 48 | number << 24
}

/// A step that somebody wishes under the key of a number, and is told of.
pub fn step(town: &mut Town, name: &str, by: &Caller, number: u64, change: Change) {
    let (id, key) = (request(name), key(&by.user, number));
    let wish = Wish::Step {
        request: id.clone(),
        step: change.trigger(),
        key,
    };
    let before = town.history.begin(&by.user, 0, wish);
    let command = RequestCommand::Change {
        by: by.clone(),
        key: Some(key),
        change,
    };
    let outcome = match town.request(&id, &command) {
        Ok(crate::machines::request::RequestReply::Done(done)) => Outcome::Ok(done.sequence),
        Ok(other) => panic!("answered out of turn: {other:?}"),
        Err(why) => Outcome::Refused(format!("rule: {}", why.code())),
    };
    town.history.answer(before, outcome);
}

pub fn open(town: &mut Town, name: &str, number: u64) {
    let input = Box::new(input());
    step(town, name, &organizer(), number, Change::Create { input });
    let submit = Change::Submit { expected: None };
    step(town, name, &organizer(), number + 1, submit);
}

fn introduce(town: &mut Town, name: &str, number: u64) {
    let key = key(&user(name), number);
    let profile = ProfileInput {
        name: name.into(),
        musician: true,
        available: true,
        instruments: vec![("guitar".into(), 5)],
        place: Some(place()),
        radius_km: 50.0,
        ..ProfileInput::default()
    };
    let command = UserCommand::SetProfile {
        by: musician(name),
        key: Some(key),
        expected: None,
        profile,
    };
    town.user(&user(name), &command);
    let done = Outcome::Ok(Sequence(1));
    attempt(town, &user(name), Wish::Profile { key }, done);
}

/// Two musicians and a request that nobody has answered; then errands are carried out as this says.
pub fn beginning() -> Town {
    let mut town = Town::new(vec![user("max"), user("mia")]);
    introduce(&mut town, "max", 1);
    introduce(&mut town, "mia", 1);
    open(&mut town, "gig", 1);
    town
}

/// Max takes the gig, drops out, and Mia has it in the end; another request waits.
pub fn story() -> Town {
    let mut town = beginning();
    step(&mut town, "gig", &musician("max"), 2, Change::Accept);
    let reason = "ill".to_owned();
    let drop_out = Change::DropOut { reason };
    step(&mut town, "gig", &musician("max"), 3, drop_out);
    step(&mut town, "gig", &musician("mia"), 2, Change::Accept);
    open(&mut town, "other", 11);
    let target = Sequence(1);
    town.inbox(&user("mia"), &InboxCommand::MarkRead { target });
    let mark = Wish::Mark {
        target,
        away: false,
    };
    attempt(&mut town, &user("mia"), mark, Outcome::Ok(Sequence(1)));
    town
}

pub fn later(at: Timestamp) -> Timestamp {
    at.plus_millis(1)
}
