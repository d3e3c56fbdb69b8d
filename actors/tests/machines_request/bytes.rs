//! Bytes that are kept: records with and without their body, snapshots, and the format that must not change unnoticed.

use actors::ids::{Sequence, Timestamp, UserId};
use actors::journal::{Digest, Record};
use actors::machines::Machine;
use actors::machines::request::codec::{RECORD_VERSION, decode, peek};
use actors::machines::request::{
    Change, Mode, Outcome, Request, RequestEvent, RequestState, Trigger,
};
use actors::machines::terms::SlotRefusal;

use crate::desk::{Desk, HOUR, apply_for, cancel, choose, decline, user, withdraw};

/// Histories that together hold every event.
fn histories() -> Vec<Desk> {
    let mut first = Desk::draft(Mode::FirstAccept);
    first.limits.moderation = true;
    let input = Box::new(crate::desk::input(first.now, Mode::FirstAccept));
    let edit = Change::Edit {
        input,
        expected: None,
    };
    first.ask("olga", edit).expect("edited");
    first.submit();
    let reason = || "Because".to_owned();
    first
        .ask("mod", Change::Refuse { reason: reason() })
        .expect("refused");
    first.submit();
    first.ask("mod", Change::Approve).expect("approved");
    first.found(&[("mia", 0.9), ("max", 0.8)]);
    let declined = Change::Decline {
        reason: Some(reason()),
    };
    first.ask("max", declined).expect("declined");
    for name in ["mia", "moe", "meg"] {
        first.ask(name, Change::Accept).expect("accepted");
    }
    first.answer_slot(Err(SlotRefusal::Paused));
    first.ask("moe", withdraw()).expect("let go");
    first.answer_slot(Ok(()));
    first
        .ask("meg", Change::DropOut { reason: reason() })
        .expect("gave it back");
    for _ in 0..4 {
        first.found_nobody(&[], &[]);
    }
    first.ask("mia", Change::Accept).expect("accepted");
    first.answer_slot(Ok(()));
    first.wait_and_wake();
    first.wait(24 * HOUR);
    first.ask("mia", Change::Start).expect("started");
    first.wait(4 * HOUR);
    first.ask("mia", Change::Complete).expect("completed");
    first
        .ask("olga", Change::Dispute { reason: reason() })
        .expect("disputed");
    let resolve = Change::Resolve {
        outcome: Outcome::Completed,
        details: reason(),
    };
    first.ask("mod", resolve).expect("resolved");

    let mut second = Desk::active(Mode::OrganizerChooses);
    for name in ["mia", "max", "moe"] {
        second.ask(name, apply_for(50_000)).expect("applied");
    }
    second.ask("mia", withdraw()).expect("withdrawn");
    let reject = Change::RejectApplication {
        musician: crate::desk::user("max"),
        reason: reason(),
    };
    second.ask("olga", reject).expect("rejected");
    second.ask("olga", Change::Review).expect("looking");
    second.ask("olga", Change::Reopen).expect("reopened");
    second.ask("olga", choose("moe")).expect("chosen");
    second.ask("olga", cancel()).expect("cancelled");

    let mut third = Desk::active(Mode::FirstAccept);
    third.found(&[("mia", 0.9)]);
    third.ask("mia", decline()).expect("declined");
    third.wake();
    third.now = Timestamp(third.now.0 + 60 * 24 * HOUR);
    third.wake();
    vec![first, second, third]
}

#[test]
fn records_tell_what_they_are_and_survive_the_loss_of_their_body() {
    let mut seen = std::collections::BTreeSet::new();
    for desk in histories() {
        for record in &desk.records {
            let entry = decode(record).expect("readable");
            let peeked = peek(&record.header).expect("a header");
            assert_eq!(peeked.trigger, entry.event.trigger());
            assert_eq!((peeked.from, peeked.to), (entry.from, entry.to));
            assert_eq!((peeked.role, peeked.at), (entry.role, entry.at));
            seen.insert(peeked.trigger);
            let erased = Record {
                body: None,
                ..record.clone()
            };
            let bare = decode(&erased).expect("readable without its body");
            assert_eq!(
                (bare.from, bare.to, bare.at, &bare.by),
                (entry.from, entry.to, entry.at, &entry.by)
            );
            match &bare.event {
                RequestEvent::SlotRefused { .. } => {}
                event => assert!(event.reason().is_none_or(str::is_empty), "{event:?}"),
            }
            if let RequestEvent::Created { brief } = &bare.event {
                assert_eq!(brief.texts, Default::default());
                assert_eq!(brief.gig.instrument.as_str(), "guitarra");
            }
        }
    }
    let all: std::collections::BTreeSet<Trigger> = Trigger::ALL.iter().copied().collect();
    assert_eq!(seen, all, "every event is among them");
}

#[test]
fn a_journal_whose_bodies_are_erased_leads_to_the_same_states() {
    for desk in histories() {
        let mut request = Request::new(&desk.entity);
        for (index, record) in desk.records.iter().enumerate() {
            let erased = Record {
                body: None,
                ..record.clone()
            };
            let entry = decode(&erased).expect("readable");
            request.apply(Sequence(index as u64 + 1), &entry);
            assert_eq!(request.state(), Some(entry.to));
        }
        assert_eq!(request.assigned(), desk.request.assigned());
        assert_eq!(request.deadline(), desk.request.deadline());
    }
}

#[test]
fn damaged_records_are_refused() {
    let desk = Desk::active(Mode::FirstAccept);
    let record = &desk.records[0];
    for end in 0..record.header.len() {
        let cut = Record {
            header: record.header.slice(..end),
            ..record.clone()
        };
        assert!(decode(&cut).is_err(), "{end} of {}", record.header.len());
    }
    let changed = |at: usize, to: u8| {
        let mut header = record.header.to_vec();
        header[at] = to;
        decode(&Record {
            header: header.into(),
            ..record.clone()
        })
    };
    assert!(changed(0, RECORD_VERSION + 1).is_err());
    assert!(
        changed(1, Trigger::Cancel.code()).is_err(),
        "it contradicts its event"
    );
    assert!(changed(2, 99).is_err());
    let swapped = Record {
        body: desk.records[0].body.clone(),
        ..desk.records[1].clone()
    };
    assert!(decode(&swapped).is_err(), "a body where none belongs");
}

#[test]
fn damaged_snapshots_are_refused() {
    let desk = histories().remove(0);
    let snapshot = desk.request.snapshot();
    let restored = Request::restore(&desk.entity, &snapshot).expect("readable");
    assert!(restored == desk.request);
    for end in 0..snapshot.len() {
        let cut = Request::restore(&desk.entity, &snapshot.slice(..end));
        assert!(cut.is_err(), "{end} of {}", snapshot.len());
    }
    let mut version = snapshot.to_vec();
    version[0] = 9;
    assert!(Request::restore(&desk.entity, &version.into()).is_err());
}

#[test]
fn a_snapshot_does_not_grow_with_the_journal() {
    let mut desk = Desk::active(Mode::FirstAccept);
    let mut size_after = |rounds: usize| {
        for round in 0..rounds {
            let name = ["mia", "max", "moe"][round % 3];
            desk.ask(name, Change::Accept).expect("accepted");
            desk.answer_slot(Err(SlotRefusal::Paused));
            let outbox = desk.request.outbox_mut().expect("requests have one");
            outbox.done_up_to(u64::MAX);
        }
        desk.request.snapshot().len()
    };
    let early = size_after(3);
    let late = size_after(300);
    assert!(late <= early + 32, "{early} bytes became {late}");
}

/// Whoever changes this reads journals no more that were written before: raise the version instead, and read both.
#[test]
fn the_format_of_records_is_the_one_that_was_written_before() {
    let mut all = Vec::new();
    for desk in histories() {
        for record in &desk.records {
            all.extend_from_slice(&record.header);
            all.extend_from_slice(record.body.as_deref().unwrap_or_default());
        }
    }
    assert_eq!(Digest::of(&all).to_string(), GOLDEN);
}

const GOLDEN: &str = "4bf558324505cec198d09b08524ced1b";

/// A record as it was written when an accept said nothing of how far away musicians may live.
fn older(record: &Record, event: &impl serde::Serialize) -> Record {
    let entry = decode(record).expect("readable");
    let mut header = record.header[..13].to_vec();
    let fields = rmp_serde::to_vec(&(&entry.by, entry.key, event)).expect("written");
    header.extend_from_slice(&fields);
    Record::new(header.into(), None)
}

#[test]
fn what_older_records_do_not_say_is_nothing() {
    #[derive(serde::Serialize)]
    enum Older {
        Accepted {
            hold_ms: u64,
        },
        SlotRefused {
            musician: UserId,
            refusal: SlotRefusal,
            next: Option<(UserId, u64)>,
        },
    }
    let mut desk = Desk::active(Mode::FirstAccept);
    desk.ask("mia", Change::Accept).expect("accepted");
    let accepted = desk.records.last().expect("one").clone();
    desk.ask("moe", Change::Accept).expect("waits");
    desk.answer_slot(Err(SlotRefusal::Paused));
    let refused = desk.records.last().expect("one").clone();
    let event = |record: &Record| decode(record).expect("readable").event;

    let old = older(&accepted, &Older::Accepted { hold_ms: 7 });
    let expected = RequestEvent::Accepted {
        hold_ms: 7,
        reach_km: None,
    };
    assert_eq!(event(&old), expected);
    let old = Older::SlotRefused {
        musician: user("mia"),
        refusal: SlotRefusal::Paused,
        next: Some((user("moe"), 7)),
    };
    let RequestEvent::SlotRefused { next, .. } = event(&older(&refused, &old)) else {
        panic!("another event");
    };
    let next = next.expect("moe");
    assert_eq!((next.hold_ms, next.reach_km), (7, None));
}

#[test]
fn states_are_told_without_decoding() {
    let desk = Desk::active(Mode::FirstAccept);
    let peeked = peek(&desk.records[1].header).expect("a header");
    assert_eq!(
        (peeked.from, peeked.to),
        (RequestState::Draft, RequestState::Active)
    );
    assert_eq!(peek(b""), None);
}
