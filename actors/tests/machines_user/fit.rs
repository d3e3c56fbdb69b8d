//! Whose time is held for whom: what a request expects of a musician, how much a musician may take on, and what it costs to
//! give it back.

use actors::machines::Machine;
use actors::machines::terms::{Demand, SlotRefusal, Term};
use actors::machines::user::{UserCommand, UserEvent, UserReply};

use crate::desk::{Desk, ann, madrid, request};

fn demand(instrument: &str, km_east: f64, reach_km: u32) -> Option<Box<Demand>> {
    let mut place = madrid();
    place.lng += km_east / (111.195 * place.lat.to_radians().cos());
    let instrument = Term::parse(instrument).expect("a term");
    Some(Box::new(Demand {
        instrument,
        place,
        reach_km,
    }))
}

fn asked(desk: &mut Desk, name: &str, demand: Option<Box<Demand>>) -> Result<(), SlotRefusal> {
    let command = UserCommand::Reserve {
        request: request(name),
        number: 1,
        window: desk.hours(30, 34),
        hold_ms: 1,
        demand,
    };
    match desk.ask(command).expect("decided") {
        UserReply::Slot(answer) => answer,
        other => panic!("expected Slot, got {other:?}"),
    }
}

#[test]
fn a_musician_who_does_not_play_it_or_is_nowhere_near_is_not_held() {
    let mut desk = Desk::musician();
    let refused = [
        (demand("bagpipes", 0.0, 200), SlotRefusal::DoesNotPlay),
        (demand("bagpipes", 900.0, 200), SlotRefusal::DoesNotPlay),
        (demand("piano", 201.0, 200), SlotRefusal::TooFar),
        (demand("canto", 51.0, 0), SlotRefusal::TooFar),
    ];
    for (demand, refusal) in refused {
        assert_eq!(asked(&mut desk, "q", demand), Err(refusal));
    }
    assert!(desk.taken().is_empty());
    assert_eq!(SlotRefusal::DoesNotPlay.code(), "does_not_play");
    assert_eq!(SlotRefusal::TooFar.code(), "too_far");
    for (name, km, reach) in [("a", 199.0, 200), ("b", 49.0, 0)] {
        let mut desk = desk.clone();
        assert_eq!(asked(&mut desk, name, demand("canto", km, reach)), Ok(()));
    }
    assert_eq!(asked(&mut desk, "q", None), Ok(()), "somebody has looked");
    let mut nobody = Desk::new();
    let answer = asked(&mut nobody, "q", demand("piano", 0.0, 200));
    assert_eq!(answer, Err(SlotRefusal::NotAMusician));
}

#[test]
fn a_time_that_is_given_back_is_free_and_counts_once() {
    let mut desk = Desk::musician();
    let window = desk.hours(30, 34);
    let give_back = |number| UserCommand::GiveBack {
        request: request("q"),
        number,
    };
    desk.reserve("q", 5, window).expect("free");
    desk.confirm("q", 6);
    assert_eq!(desk.events_of(give_back(5)), [], "overtaken");
    let given_back = desk.events_of(give_back(7));
    assert!(matches!(
        given_back[..],
        [UserEvent::SlotGivenBack { number: 7, .. }]
    ));
    assert_eq!(desk.events_of(give_back(7)), [], "a repeat");
    assert!(desk.taken().is_empty());
    let figures = desk.view(&ann()).expect("her own").figures;
    assert_eq!(figures.cancellations, 1);
    let card = desk.user.card(desk.now).expect("listed");
    assert_eq!(card.head.figures, figures);
    let row = desk.rows.values().next().expect("a row").1.clone();
    assert_eq!(row, Some(card.encode()), "searches know of it");
    assert_eq!(desk.reserve("other", 1, window), Ok(()));
    desk.release("other", 2);
    let figures = desk.view(&ann()).expect("her own").figures;
    assert_eq!(figures.cancellations, 1, "who is let go gave nothing back");
    assert_eq!(desk.replayed(None).snapshot(), desk.user.snapshot());
}

#[test]
fn a_musician_has_so_many_requests_that_are_not_over() {
    let mut desk = Desk::musician();
    desk.limits.concurrent = 2;
    desk.limits.travel_ms = 0;
    desk.reserve("a", 1, desk.hours(30, 31)).expect("free");
    desk.confirm("a", 2);
    desk.reserve("b", 1, desk.hours(32, 33)).expect("free");
    let (window, many) = (desk.hours(40, 41), SlotRefusal::TooManyHeld);
    assert_eq!(desk.reserve("c", 1, window), Err(many.clone()));
    assert_eq!(many.code(), "too_many_requests_held");
    assert_eq!(desk.reserve("b", 3, window), Ok(()), "in place of its own");
    assert_eq!(desk.reserve("c", 2, desk.hours(50, 51)), Err(many));
    desk.now = desk.hours(30, 31).to;
    assert_eq!(
        desk.reserve("c", 3, desk.hours(50, 51)),
        Ok(()),
        "a is over"
    );
    desk.limits.concurrent = 0;
    assert_eq!(desk.reserve("d", 1, desk.hours(60, 61)), Ok(()));
}
