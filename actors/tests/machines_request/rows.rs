//! The rows beside the journal: what a user has a part in, what is open where, what waits for a moderator.

use actors::ids::RequestId;
use actors::journal::Table;
use actors::machines::matching::cells::cell_of;
use actors::machines::request::cards::{
    open_requests_prefix, pending_requests_prefix, requests_of_user_key, requests_of_user_prefix,
};
use actors::machines::request::{
    Actor, Change, Mode, RequestCard, RequestState, Standing, Trigger, audit_of,
};
use actors::machines::terms::Term;

use crate::desk::{Desk, apply_for, cancel, choose, decline, user};

/// The rows of a table that begin so.
fn rows(desk: &Desk, table: Table, prefix: &[u8]) -> Vec<RequestCard> {
    let all = desk.table.iter();
    let found = all.filter(|((t, key), _)| *t == table && key.starts_with(prefix));
    let values = found.filter_map(|(_, (_, value))| value.as_ref());
    let cards = values.map(|value| RequestCard::decode(value).expect("a card"));
    cards.collect()
}

fn row_of(desk: &Desk, name: &str) -> Option<RequestCard> {
    let found = rows(
        desk,
        Table::RequestsOfUser,
        &requests_of_user_prefix(&user(name)),
    );
    assert!(found.len() <= 1);
    found.into_iter().next()
}

fn standing_of(desk: &Desk, name: &str) -> Option<(RequestState, Option<Standing>)> {
    row_of(desk, name).map(|card| (card.state, card.standing))
}

fn open(desk: &mut Desk) -> (usize, usize) {
    let place = desk.view("olga").expect("hers").gig.place;
    let guitars = open_requests_prefix(
        &Term::parse("guitarra").expect("a term"),
        &cell_of(&place).expect("on Earth"),
    );
    (
        rows(desk, Table::OpenRequests, &guitars).len(),
        rows(desk, Table::OpenRequests, &pending_requests_prefix()).len(),
    )
}

#[test]
fn everybody_with_a_part_has_a_row_that_says_which() {
    let mut desk = Desk::active(Mode::OrganizerChooses);
    desk.found(&[("mia", 0.9), ("max", 0.8), ("moe", 0.7)]);
    let active = |standing| Some((RequestState::Active, standing));
    assert_eq!(standing_of(&desk, "olga"), active(None));
    assert_eq!(standing_of(&desk, "mia"), active(Some(Standing::Offered)));
    desk.ask("max", decline()).expect("declined");
    assert_eq!(standing_of(&desk, "max"), None);
    desk.ask("mia", apply_for(50_000)).expect("applied");
    desk.ask("zoe", apply_for(50_000)).expect("applied");
    assert_eq!(standing_of(&desk, "zoe"), active(Some(Standing::Applied)));

    desk.ask("olga", choose("mia")).expect("chosen");
    let review = |standing| Some((RequestState::InReview, Some(standing)));
    assert_eq!(standing_of(&desk, "mia"), review(Standing::Reserving));
    assert_eq!(standing_of(&desk, "zoe"), review(Standing::Applied));
    desk.answer_slot(Ok(()));
    let assigned = |standing| Some((RequestState::Assigned, Some(standing)));
    assert_eq!(standing_of(&desk, "mia"), assigned(Standing::Assigned));
    assert_eq!(standing_of(&desk, "zoe"), assigned(Standing::Missed));
    assert_eq!(standing_of(&desk, "moe"), None, "never answered");
    let who_has_it = |name| row_of(&desk, name).expect("a row").assigned;
    assert_eq!(who_has_it("olga"), Some(user("mia")));
    assert_eq!(who_has_it("mia"), Some(user("mia")));
    assert_eq!(who_has_it("zoe"), None, "is no business of hers");
    let card = row_of(&desk, "olga").expect("a row");
    assert_eq!(card.updated, desk.request.head());
    assert_eq!(card.id, RequestId::parse("r-1").expect("an id"));
    assert_eq!(card.title.as_deref(), Some("A wedding"));
}

#[test]
fn an_open_request_is_listed_by_instrument_and_cell_exactly_while_it_is_active() {
    let mut desk = Desk::draft(Mode::FirstAccept);
    assert_eq!(open(&mut desk), (0, 0));
    desk.limits.moderation = true;
    desk.submit();
    assert_eq!(open(&mut desk), (0, 1));
    let reason = "Which church?".into();
    desk.ask("mod", Change::Refuse { reason })
        .expect("sent back");
    assert_eq!(open(&mut desk), (0, 0));
    desk.submit();
    desk.ask("mod", Change::Approve).expect("approved");
    assert_eq!(open(&mut desk), (1, 0));
    desk.ask("mia", Change::Accept).expect("accepted");
    assert_eq!(open(&mut desk), (0, 0));
    desk.answer_slot(Err(actors::machines::terms::SlotRefusal::Paused));
    assert_eq!(open(&mut desk), (1, 0));
    desk.ask("olga", cancel()).expect("cancelled");
    assert_eq!(open(&mut desk), (0, 0));
    assert_eq!(
        standing_of(&desk, "olga"),
        Some((RequestState::Cancelled, None))
    );
}

#[test]
fn keys_of_one_user_or_cell_are_a_family() {
    let id = RequestId::parse("r-1").expect("an id");
    let key = requests_of_user_key(&user("mia"), &id);
    assert!(key.starts_with(&requests_of_user_prefix(&user("mia"))));
    assert!(!key.starts_with(&requests_of_user_prefix(&user("mi"))));
    assert_eq!(key.iter().filter(|byte| **byte == 0).count(), 1);
}

#[test]
fn every_entry_has_a_line_in_the_audit() {
    let mut desk = Desk::active(Mode::FirstAccept);
    desk.ask("mia", Change::Accept).expect("accepted");
    desk.answer_slot(Err(actors::machines::terms::SlotRefusal::NotAvailable));
    desk.ask("ada", cancel()).expect("cancelled");
    let lines: Vec<_> = (1..=desk.records.len() as u64)
        .map(|n| audit_of(actors::ids::Sequence(n), &desk.entry(n)))
        .collect();
    let told: Vec<(Trigger, Actor, Option<&str>, RequestState, RequestState)> = lines
        .iter()
        .map(|line| {
            let by = line.by.as_ref().map(|by| by.as_str());
            (line.action, line.role, by, line.from, line.to)
        })
        .collect();
    use RequestState::{Active, Cancelled, Draft, InReview};
    let expected = [
        (
            Trigger::Create,
            Actor::Organizer,
            Some("olga"),
            Draft,
            Draft,
        ),
        (Trigger::Submit, Actor::Owner, Some("olga"), Draft, Active),
        (
            Trigger::Accept,
            Actor::Musician,
            Some("mia"),
            Active,
            InReview,
        ),
        (Trigger::SlotRefused, Actor::System, None, InReview, Active),
        (
            Trigger::Cancel,
            Actor::Admin,
            Some("ada"),
            Active,
            Cancelled,
        ),
    ];
    assert_eq!(told, expected);
    assert_eq!(lines[3].musician, Some(user("mia")));
    assert_eq!(lines[3].reason.as_deref(), Some("musician_not_available"));
    assert_eq!(lines[4].reason.as_deref(), Some("It rains"));
    assert_eq!(lines[4].at, desk.now);
}
