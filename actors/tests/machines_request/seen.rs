//! Who sees what of a request.

use actors::ids::Sequence;
use actors::machines::request::{
    Actor, AuditEntry, Change, Mode, RequestRejection, RequestState, Standing, Trigger, audit_of,
};
use actors::machines::terms::SlotRefusal;

use crate::desk::{Desk, apply_for, caller, cancel, choose, reason, user};

const EVERYBODY: [&str; 8] = ["olga", "otto", "mia", "max", "zoe", "mod", "ada", "uwe"];

/// Who may know of it.
fn seen_by(desk: &mut Desk) -> Vec<&'static str> {
    let mut seen = EVERYBODY.to_vec();
    seen.retain(|name| match desk.view(name) {
        Ok(_) => true,
        Err(RequestRejection::NotFound) => false,
        Err(other) => panic!("{other}"),
    });
    seen
}

/// Who sees all of it.
fn open_to(desk: &mut Desk) -> Vec<&'static str> {
    let mut open = EVERYBODY.to_vec();
    open.retain(|name| desk.view(name).is_ok_and(|view| view.inside.is_some()));
    open
}

#[test]
fn a_request_is_seen_by_more_and_more_and_then_by_fewer() {
    let mut desk = Desk::draft(Mode::OrganizerChooses);
    assert_eq!(seen_by(&mut desk), ["olga", "ada"]);
    desk.limits.moderation = true;
    desk.submit();
    assert_eq!(seen_by(&mut desk), ["olga", "mod", "ada"]);
    desk.ask("mod", Change::Approve).expect("approved");
    assert_eq!(seen_by(&mut desk), EVERYBODY);
    assert_eq!(open_to(&mut desk), ["olga", "mod", "ada"]);
    desk.found(&[("mia", 0.9), ("max", 0.8)]);
    desk.ask("mia", apply_for(50_000)).expect("applied");
    desk.ask("olga", choose("mia")).expect("chosen");
    assert_eq!(seen_by(&mut desk), EVERYBODY, "still open");
    desk.answer_slot(Ok(()));
    assert_eq!(
        seen_by(&mut desk),
        ["olga", "mia", "max", "zoe", "mod", "ada"]
    );
    assert_eq!(open_to(&mut desk), ["olga", "mia", "mod", "ada"]);
    desk.ask("olga", cancel()).expect("cancelled");
    assert_eq!(open_to(&mut desk), ["olga", "mod", "ada"]);
    assert_eq!(desk.state(), RequestState::Cancelled);
}

#[test]
fn a_musician_sees_the_own_part_and_no_others() {
    let mut desk = Desk::active(Mode::OrganizerChooses);
    desk.found(&[("mia", 0.9), ("max", 0.8)]);
    desk.ask("mia", apply_for(50_000)).expect("applied");
    let mine = desk.view("mia").expect("open").mine.expect("a part");
    assert_eq!(mine.standing, Standing::Applied);
    assert_eq!(mine.application.expect("hers").rate.0, 50_000);
    assert_eq!(mine.offer.expect("hers").score, 0.9);
    assert!(desk.view("zoe").expect("open").mine.is_none());
    let inside = desk.view("olga").expect("hers").inside.expect("all");
    let scores: Vec<f64> = inside
        .parts
        .iter()
        .filter_map(|part| part.offer.as_ref().map(|offer| offer.breakdown.location))
        .collect();
    assert_eq!(scores, [0.8, 0.9], "by id: max, mia");
    assert_eq!((inside.room, inside.assigned), (None, None));
}

#[test]
fn both_sides_learn_of_the_room_once_there_is_one() {
    let mut desk = Desk::active(Mode::FirstAccept);
    desk.ask("mia", Change::Accept).expect("accepted");
    desk.answer_slot(Ok(()));
    for name in ["olga", "mia"] {
        let inside = desk.view(name).expect("theirs").inside.expect("all");
        assert_eq!(inside.room.expect("one").as_str(), "request-r-1");
    }
}

#[test]
fn the_musician_who_has_it_sees_nothing_of_what_others_offered_and_why_they_lost() {
    let mut desk = Desk::active(Mode::OrganizerChooses);
    desk.found(&[("mia", 0.9), ("max", 0.8), ("zoe", 0.7)]);
    desk.ask("mia", apply_for(50_000)).expect("applied");
    desk.ask("max", apply_for(40_000)).expect("applied");
    let reason = Some(reason("ill"));
    desk.ask("zoe", Change::Decline { reason })
        .expect("declined");
    desk.ask("olga", choose("max")).expect("chosen");
    desk.answer_slot(Err(SlotRefusal::NotAvailable));
    desk.ask("olga", choose("mia")).expect("chosen");
    desk.answer_slot(Ok(()));
    for name in ["olga", "mod", "ada"] {
        let view = desk.view(name).expect("seen");
        assert!(view.is_whole_for(&caller(name)));
        let inside = view.inside.expect("all");
        assert_eq!((inside.parts.len(), inside.search.is_some()), (3, false));
    }
    let view = desk.view("mia").expect("hers");
    assert!(!view.is_whole_for(&caller("mia")));
    let inside = view.inside.expect("what concerns her");
    assert_eq!(inside.assigned, Some(user("mia")));
    assert!(inside.room.is_some());
    assert_eq!(inside.parts, [view.mine.expect("her part")]);
    assert_eq!((inside.reserving, inside.waiting), (None, Vec::new()));
    let told = format!("{:?}", desk.view("mia"));
    assert!(
        !told.contains("zoe") && !told.contains("Cents(40000)"),
        "{told}"
    );
}

#[test]
fn of_the_audit_the_musician_who_has_it_reads_the_requests_steps_and_the_own_lines() {
    let mut desk = Desk::active(Mode::OrganizerChooses);
    desk.found(&[("mia", 0.9), ("max", 0.8)]);
    desk.ask("max", apply_for(40_000)).expect("applied");
    desk.ask("mia", apply_for(50_000)).expect("applied");
    desk.ask("olga", choose("max")).expect("chosen");
    desk.answer_slot(Err(SlotRefusal::NotAvailable));
    desk.ask("olga", choose("mia")).expect("chosen");
    desk.answer_slot(Ok(()));
    let dispute = Change::Dispute {
        reason: reason("Late"),
    };
    desk.ask("olga", dispute).expect("disputed");
    let lines = (1..=desk.records.len() as u64).map(|n| audit_of(Sequence(n), &desk.entry(n)));
    let all: Vec<AuditEntry> = lines.collect();
    let read = all.iter().cloned();
    let read: Vec<AuditEntry> = read.filter_map(|l| l.for_musician(&user("mia"))).collect();
    let actions: Vec<Trigger> = read.iter().map(|line| line.action).collect();
    use Trigger::{Apply, Choose, Create, Dispute, Offer, SlotGranted, SlotRefused, Submit};
    let expected = [
        Create,
        Submit,
        Offer,
        Apply,
        Choose,
        SlotRefused,
        Choose,
        SlotGranted,
        Dispute,
    ];
    assert_eq!(actions, expected, "max's application is left out");
    assert!(!format!("{read:?}").contains("max"));
    // That a time was held and given back is told, for whom and why not is not.
    let refused = &read[5];
    assert_eq!(
        (refused.role, &refused.musician, &refused.reason),
        (Actor::System, &None, &None)
    );
    assert_eq!(read[8].reason.as_deref(), Some("Late"));
    assert_eq!(read[6], all[7], "the own line is whole");
}

#[test]
fn whoever_has_no_part_in_it_does_not_learn_where_exactly_it_is() {
    let mut desk = Desk::active(Mode::OrganizerChooses);
    desk.found(&[("mia", 0.9)]);
    desk.ask("max", apply_for(40_000)).expect("applied");
    let whole = desk.view("olga").expect("hers").gig.place;
    assert!(!whole.address.is_empty() && whole != whole.coarse());
    for name in ["mia", "max", "mod", "ada"] {
        assert_eq!(desk.view(name).expect("seen").gig.place, whole, "{name}");
    }
    for name in ["otto", "zoe", "uwe"] {
        let place = desk.view(name).expect("open").gig.place;
        assert_eq!(place, whole.coarse(), "{name}");
        assert!(place.address.is_empty());
    }
}

#[test]
fn what_may_not_be_seen_may_not_be_touched_either() {
    let mut desk = Desk::draft(Mode::FirstAccept);
    for name in ["otto", "mia", "mod", "uwe"] {
        assert_eq!(desk.refused(name, cancel()), RequestRejection::NotFound);
    }
    let mut nothing = Desk::new();
    assert_eq!(
        nothing.refused("olga", cancel()),
        RequestRejection::NotFound
    );
    assert_eq!(nothing.view("ada"), Err(RequestRejection::NotFound));
}
