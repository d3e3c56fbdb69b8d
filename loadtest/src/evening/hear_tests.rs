//! What people make of answers that leave something out, or never come.

use super::super::cast::Cast;
use super::super::crowd::Begin;
use super::super::curve::Steady;
use super::super::engine::World;
use super::super::spec::EveningSpec;
use super::*;
use crate::run::log::{Log, Outlet};
use crate::run::traffic::Found;

/// Two people in one room, before anybody joined; what came of it is told by contradictions and failed reads of history.
fn told(happens: impl FnOnce(&mut Crowd<'_>)) -> (u64, u64) {
    let spec = EveningSpec {
        users: 2,
        public_rooms: 1,
        groups_per_user: 0,
        directs_per_user: 0,
        ..EveningSpec::default()
    };
    let cast = Cast::new(&spec, 1);
    let mut log = Log::new(Vec::new(), 0.0, Outlet::Here(None));
    let curve = Steady {
        rate: 1.0,
        warmup_s: 0.0,
        measured_s: 9.0,
    };
    let rooms: Vec<String> = (0..cast.rooms())
        .map(|room| format!("room-{room}"))
        .collect();
    let users = ["a", "b"].map(str::to_owned);
    let mut crowd = Crowd::new(Begin {
        spec: &spec,
        cast: &cast,
        log: &mut log,
        curve: &curve,
        rooms: &rooms,
        users: &users,
        second: &[None, None],
        speaks: vec![Encoding::Json; 2],
        templates: Vec::new(),
    });
    happens(&mut crowd);
    let wrong = crowd.books.wrong.of("room not joined");
    let totals = log.measurement("hub", Found::default()).classes;
    (
        wrong,
        totals.get(class::HISTORY).map_or(0, |total| total.errors),
    )
}

fn join(crowd: &mut Crowd<'_>, rooms: &str) {
    let answer = format!("{{\"type\":3,\"invocationId\":\"{JOIN}\",\"result\":[{rooms}]}}\u{1e}");
    crowd.other(0, answer.as_bytes(), 0).unwrap();
}

#[test]
fn a_join_that_leaves_out_a_room_is_a_fault() {
    let whole = "{\"roomId\":\"room-0\",\"head\":4}";
    assert_eq!(told(|crowd| join(crowd, whole)), (0, 0));
    assert_eq!(told(|crowd| join(crowd, "")), (1, 0));
}

#[test]
fn history_that_never_comes_has_failed_unless_whoever_asked_went_away() {
    let lose = |is_loss| {
        told(move |crowd| {
            crowd.histories[1] = Some((1_000_000_000, 1));
            crowd.gone(1, is_loss, "closed");
        })
    };
    assert_eq!(lose(true), (0, 1));
    assert_eq!(lose(false), (0, 0));
    // At the end, whoever still waits has waited in vain, and once.
    let ended = told(|crowd| {
        crowd.histories[0] = Some((2_000_000_000, 0));
        (0..2)
            .chain(0..2)
            .for_each(|user| crowd.history_failed(user));
    });
    assert_eq!(ended, (0, 1));
}
