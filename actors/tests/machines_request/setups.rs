//! Requests in every state that meet all conditions of a step but those of state and capacity.

use actors::machines::request::{Change, Mode, Outcome, RequestState, Trigger};

use crate::desk::{Desk, apply_for, cancel, choose, decline, input, reason, user, withdraw};

/// A request, and the musician who would do it.
pub struct Setup {
    pub desk: Desk,
    pub musician: &'static str,
    pub outcome: Ends,
}

/// How a dispute would end.
#[derive(Clone, Copy, Default)]
pub struct Ends(pub Option<Outcome>);

/// The wish that leads to a step.
pub fn wish(trigger: Trigger, ends: Ends) -> Change {
    let now = Desk::new().now;
    let input = || Box::new(input(now, Mode::FirstAccept));
    let reason = reason("Because");
    match trigger {
        Trigger::Create => Change::Create { input: input() },
        Trigger::Edit => Change::Edit {
            input: input(),
            expected: None,
        },
        Trigger::Submit => Change::Submit { expected: None },
        Trigger::Approve => Change::Approve,
        Trigger::Refuse => Change::Refuse { reason },
        Trigger::Decline => decline(),
        Trigger::Apply => apply_for(50_000),
        Trigger::Withdraw | Trigger::LetGo => withdraw(),
        Trigger::RejectApplication => Change::RejectApplication {
            musician: user("moe"),
            reason,
        },
        Trigger::Accept => Change::Accept,
        Trigger::Choose => choose("moe"),
        Trigger::Review => Change::Review,
        Trigger::Reopen => Change::Reopen,
        Trigger::DropOut => Change::DropOut { reason },
        Trigger::Cancel => cancel(),
        Trigger::Start => Change::Start,
        Trigger::Complete => Change::Complete,
        Trigger::Dispute => Change::Dispute { reason },
        Trigger::Resolve => Change::Resolve {
            outcome: ends.0.unwrap_or(Outcome::Completed),
            details: reason,
        },
        other => panic!("nobody wishes to {}", other.as_str()),
    }
}

/// Requests in a state on which a step can be tried.
pub fn setups(state: RequestState, trigger: Trigger) -> Vec<Setup> {
    let musician = match trigger {
        Trigger::Decline => "max",
        Trigger::Withdraw => "moe",
        Trigger::LetGo => "mia",
        _ => "zoe",
    };
    let one = |desk: Desk| Setup {
        desk,
        musician,
        outcome: Ends::default(),
    };
    let mut desks = match state {
        // Elsewhere nobody's time is being held.
        _ if trigger == Trigger::LetGo && state != RequestState::InReview => Vec::new(),
        RequestState::Draft => vec![Desk::draft(Mode::FirstAccept), moderated(false)],
        RequestState::Pending => vec![moderated(true)],
        RequestState::Active => vec![active(trigger)],
        RequestState::InReview => in_review(trigger),
        _ => vec![assigned()],
    };
    for desk in &mut desks {
        end_up(desk, state);
        set_time(desk, state, trigger);
    }
    let mut setups: Vec<Setup> = desks.into_iter().map(one).collect();
    if trigger == Trigger::Resolve {
        let cancelled = setups.iter().map(|setup| Setup {
            desk: setup.desk.clone(),
            musician,
            outcome: Ends(Some(Outcome::Cancelled)),
        });
        let cancelled: Vec<Setup> = cancelled.collect();
        setups.extend(cancelled);
    }
    setups
}

fn moderated(submitted: bool) -> Desk {
    let mut desk = Desk::draft(Mode::FirstAccept);
    desk.limits.moderation = true;
    if submitted {
        desk.submit();
    }
    desk
}

/// Which way to assign knows the step.
fn mode(trigger: Trigger) -> Mode {
    match trigger {
        Trigger::Apply
        | Trigger::Withdraw
        | Trigger::RejectApplication
        | Trigger::Choose
        | Trigger::Review
        | Trigger::Reopen => Mode::OrganizerChooses,
        _ => Mode::FirstAccept,
    }
}

/// Max was offered it; where musicians apply, moe has.
fn active(trigger: Trigger) -> Desk {
    let mut desk = Desk::active(mode(trigger));
    if trigger == Trigger::RunOut {
        desk.limits.radius_max_km = 50.0;
    }
    if matches!(trigger, Trigger::Offer | Trigger::RunOut) {
        return desk;
    }
    desk.found(&[("max", 0.8)]);
    if mode(trigger) == Mode::OrganizerChooses {
        desk.ask("moe", apply_for(50_000)).expect("applied");
    }
    desk
}

/// Mia's time is being held, with and without somebody waiting; or the organizer looks at the applications.
fn in_review(trigger: Trigger) -> Vec<Desk> {
    let mut desk = active(trigger);
    match trigger {
        Trigger::Reopen | Trigger::Review | Trigger::RejectApplication | Trigger::Choose => {
            desk.ask("olga", Change::Review).expect("looking");
            vec![desk]
        }
        Trigger::Expire => {
            let mut desk = active(Trigger::Review);
            desk.ask("olga", Change::Review).expect("looking");
            vec![desk]
        }
        Trigger::Apply | Trigger::Withdraw => {
            desk.ask("mia", apply_for(50_000)).expect("applied");
            desk.ask("olga", choose("mia")).expect("chosen");
            vec![desk]
        }
        _ => {
            desk.ask("mia", Change::Accept).expect("accepted");
            let mut waited_for = desk.clone();
            waited_for.ask("moe", Change::Accept).expect("waits");
            let mut desks = vec![desk, waited_for];
            if matches!(trigger, Trigger::LetGo | Trigger::SlotRefused) {
                desks.push(late_choice());
            }
            desks
        }
    }
}

/// Mia was chosen, and the deadline is over; moe's application waits.
fn late_choice() -> Desk {
    let mut desk = active(Trigger::Choose);
    desk.ask("mia", apply_for(50_000)).expect("applied");
    desk.ask("olga", choose("mia")).expect("chosen");
    desk.now = desk.view("olga").expect("hers").deadline.expect("one");
    desk
}

fn assigned() -> Desk {
    let mut desk = active(Trigger::Accept);
    desk.ask("mia", Change::Accept).expect("accepted");
    desk.answer_slot(Ok(()));
    desk
}

/// From assigned to a later state.
fn end_up(desk: &mut Desk, state: RequestState) {
    let window = desk.view("ada").expect("admins see all").gig.window;
    match state {
        RequestState::InProgress => {
            desk.now = window.from;
            desk.ask("olga", Change::Start).expect("started");
        }
        RequestState::Completed => {
            desk.now = window.to;
            desk.ask("olga", Change::Complete).expect("completed");
        }
        RequestState::Cancelled => {
            desk.ask("olga", cancel()).expect("cancelled");
        }
        RequestState::Expired => {
            *desk = active(Trigger::Accept);
            desk.now = desk.view("olga").expect("hers").deadline.expect("one");
            desk.wake();
        }
        RequestState::Disputed => {
            let reason = reason("Out of tune");
            desk.ask("olga", Change::Dispute { reason })
                .expect("disputed");
        }
        _ => {}
    }
    assert_eq!(desk.state(), state);
}

/// When the step may be made.
fn set_time(desk: &mut Desk, state: RequestState, trigger: Trigger) {
    let view = desk.view("ada").expect("admins see all");
    let window = view.gig.window;
    match trigger {
        Trigger::Start => desk.now = desk.now.max(window.from),
        Trigger::Complete => desk.now = desk.now.max(window.to),
        Trigger::Expire if state == RequestState::InReview => desk.now = window.from,
        Trigger::Expire if matches!(state, RequestState::Pending | RequestState::Active) => {
            desk.now = view.deadline.expect("one");
        }
        Trigger::Remind if state == RequestState::Assigned => {
            desk.now = actors::machines::Machine::deadline(&desk.request).expect("one");
        }
        Trigger::Search if state == RequestState::Active => {
            desk.now = actors::machines::Machine::deadline(&desk.request).expect("one");
        }
        _ => {}
    }
}
