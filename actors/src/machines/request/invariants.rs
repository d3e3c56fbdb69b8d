//! What is always true of a request, by name: used in debug builds, property tests and the simulation.

use super::state::{Facts, Request};
use super::{RequestLimits, RequestState, Standing};
use crate::ids::UserId;
use crate::machines::errand::{Errand, Outbox};

/// Q1: at most one musician has the request or is about to.
pub fn q1_one_musician(request: &Request) -> bool {
    with(request, |facts| {
        let count = |standing| facts.who(standing).count();
        count(Standing::Assigned) + count(Standing::Reserving) <= 1
            && !(facts.assigned.is_some() && facts.pending.is_some())
    })
}

/// Q2: a musician has it exactly in the states that say so.
pub fn q2_assigned_by_state(request: &Request) -> bool {
    with(request, |facts| {
        facts.assigned.is_some() == facts.state.has_musician()
    })
}

/// Q3: a time is held, and others wait, only while answers are looked at; the first accept looks at nothing else.
pub fn q3_reserved_in_review(request: &Request) -> bool {
    with(request, |facts| {
        let review = facts.state == RequestState::InReview;
        let reserved = facts.pending.is_some();
        (!reserved || review)
            && (reserved || facts.standbys.is_empty())
            && (!review || !facts.first_accept() || reserved)
    })
}

/// Q4: every musician's part says what the request says.
pub fn q4_parts_agree(request: &Request) -> bool {
    with(request, |facts| {
        let one = |of: Option<&UserId>, standing| facts.who(standing).eq(of);
        let waiting = facts
            .standbys
            .iter()
            .all(|user| facts.standing(user) == Some(Standing::Waiting));
        let applied = facts
            .parts
            .values()
            .all(|part| part.standing != Standing::Applied || part.application.is_some());
        one(facts.assigned.as_ref(), Standing::Assigned)
            && one(
                facts.pending.as_ref().map(|p| &p.musician),
                Standing::Reserving,
            )
            && waiting
            && applied
            && facts.who(Standing::Waiting).count() == facts.standbys.len()
            && !facts.parts.contains_key(&facts.organizer)
    })
}

/// Q5: nobody is still in it once it is no longer open.
pub fn q5_closed_is_closed(request: &Request) -> bool {
    with(request, |facts| {
        let alive = [
            Standing::Offered,
            Standing::Applied,
            Standing::Waiting,
            Standing::Reserving,
        ];
        facts.state.is_open() || !alive.into_iter().any(|s| facts.who(s).next().is_some())
    })
}

/// Q6: musicians are looked for exactly while it is open, and until a deadline; an answer is waited for only then.
pub fn q6_looks_while_open(request: &Request) -> bool {
    with(request, |facts| {
        let searching = facts.hunt.as_ref().is_some_and(|h| h.searching.is_some());
        facts.hunt.is_some() == facts.state.is_open()
            && (!searching || facts.state == RequestState::Active)
            && (!facts.state.is_open() || facts.deadline.is_some())
            && (facts.remind_at.is_none() || facts.state == RequestState::Assigned)
    })
}

/// Q7: every errand was brought about by an event that is there, and the reservation that is waited for by one of them.
pub fn q7_errands_have_events(request: &Request) -> bool {
    let head = request.head;
    let pending = request.facts.as_ref().and_then(|f| f.pending.as_ref());
    let numbers = request.outbox.waiting().map(|(number, _)| number);
    numbers
        .chain(pending.map(|pending| pending.number))
        .all(|number| number > 0 && Outbox::event_of(number) <= head)
}

/// Q8: what waits to be reserved is what the request waits for, or it is taken back behind it.
pub fn q8_no_stray_reservation(request: &Request) -> bool {
    let waiting: Vec<(u64, &Errand)> = request.outbox.waiting().collect();
    let taken_back = |after: u64, whom: &UserId| {
        waiting.iter().any(|(number, errand)| match errand {
            Errand::Release { musician }
            | Errand::GiveBack { musician }
            | Errand::Confirm { musician } => *number > after && musician == whom,
            _ => false,
        })
    };
    let pending = request.facts.as_ref().and_then(|f| f.pending.as_ref());
    waiting.iter().all(|(number, errand)| match errand {
        Errand::Reserve { musician, .. } => {
            pending.is_some_and(|p| p.number == *number && p.musician == *musician)
                || taken_back(*number, musician)
        }
        _ => true,
    })
}

/// Q9: it is there exactly if it has a journal.
pub fn q9_created_first(request: &Request) -> bool {
    request.facts.is_some() == (request.head.0 > 0)
        && request
            .keys
            .iter()
            .all(|(_, sequence)| *sequence <= request.head)
}

/// Q10: what is kept is within its bounds. (Errands are bounded by what is taken in while too many wait.)
pub fn q10_bounds_hold(request: &Request, limits: &RequestLimits) -> bool {
    with(request, |facts| {
        let offers = facts.offers();
        facts.standbys.len() <= limits.standbys
            && offers <= limits.most_offers()
            && facts.parts.len() - offers <= limits.most_applications()
    })
}

fn with(request: &Request, holds: impl FnOnce(&Facts) -> bool) -> bool {
    request.facts.as_deref().is_none_or(holds)
}

type Predicate = (&'static str, fn(&Request) -> bool);

const ALWAYS: [Predicate; 9] = [
    ("Q1 one musician", q1_one_musician),
    ("Q2 assigned by state", q2_assigned_by_state),
    ("Q3 reserved in review", q3_reserved_in_review),
    ("Q4 parts agree", q4_parts_agree),
    ("Q5 closed is closed", q5_closed_is_closed),
    ("Q6 looks while open", q6_looks_while_open),
    ("Q7 errands have events", q7_errands_have_events),
    ("Q8 no stray reservation", q8_no_stray_reservation),
    ("Q9 created first", q9_created_first),
];

/// The first of Q1 to Q9 that does not hold; `None` is the good answer.
pub fn violated(request: &Request) -> Option<&'static str> {
    let broken = ALWAYS.iter().find(|(_, holds)| !holds(request));
    broken.map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EntityId, RequestId, Sequence, Timestamp};
    use crate::machines::Machine;
    use crate::machines::request::state::{Hunt, Part, Pending};
    use crate::machines::request::{Actor, Brief, Mode, RequestEntry, RequestEvent, Texts};
    use crate::machines::terms::{Budget, Cents, Gig, Place, Term, Window};

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn part(standing: Standing) -> Part {
        Part {
            standing,
            since: Timestamp(1),
            offer: None,
            application: None,
            reason: None,
        }
    }

    /// A request that mia has and in which nothing is wrong.
    fn request() -> Request {
        let mut request = created();
        request.head = Sequence(3);
        let mut facts = request.facts.take().unwrap();
        facts.state = RequestState::Assigned;
        facts.assigned = Some(user("mia"));
        facts.parts.insert(user("mia"), part(Standing::Assigned));
        request.facts = Some(facts);
        request
    }

    fn created() -> Request {
        let text = || "guitar".to_owned();
        let (from, to) = (Timestamp(1), Timestamp(2));
        let (min, max) = (Cents(1), Cents(2));
        let brief = Brief {
            gig: Gig {
                event_type: Term::parse("party").unwrap(),
                instrument: Term::parse(&text()).unwrap(),
                more_instruments: Vec::new(),
                genre: None,
                window: Window { from, to },
                place: Place {
                    lat: 0.0,
                    lng: 0.0,
                    address: text(),
                },
                budget: Budget {
                    min,
                    max,
                    negotiable: false,
                },
            },
            mode: Mode::FirstAccept,
            attendees: None,
            radius_km: None,
            deadline: None,
            texts: Texts::default(),
        };
        let entry = RequestEntry {
            event: RequestEvent::Created {
                brief: Box::new(brief),
            },
            from: RequestState::Draft,
            to: RequestState::Draft,
            at: Timestamp(1),
            by: Some(user("olga")),
            role: Actor::Organizer,
            key: None,
        };
        let id = RequestId::parse("r").unwrap();
        let mut request = Request::empty(&EntityId::request(&id));
        request.apply(Sequence(1), &entry);
        request
    }

    fn damaged(damage: impl FnOnce(&mut Request, &mut Facts)) -> Option<&'static str> {
        let mut request = request();
        let mut facts = request.facts.take().unwrap();
        damage(&mut request, &mut facts);
        request.facts = Some(facts);
        violated(&request).map(|name| &name[..2])
    }

    #[test]
    fn a_sound_request_violates_nothing() {
        assert_eq!(damaged(|_, _| {}), None);
        let limits = RequestLimits::default();
        assert!(q10_bounds_hold(&request(), &limits));
        let none = RequestLimits {
            applications: 0,
            ..limits
        };
        assert!(!q10_bounds_hold(&request(), &none));
    }

    #[test]
    fn each_predicate_sees_the_damage_it_is_for() {
        let pending = || {
            Some(Pending {
                musician: user("max"),
                number: 1_024,
            })
        };
        assert_eq!(
            damaged(|_, facts| {
                facts.parts.insert(user("max"), part(Standing::Assigned));
            }),
            Some("Q1")
        );
        assert_eq!(damaged(|_, facts| facts.assigned = None), Some("Q2"));
        assert_eq!(
            damaged(|_, facts| {
                facts.assigned = None;
                facts.pending = pending();
                facts.state = RequestState::Active;
            }),
            Some("Q3")
        );
        assert_eq!(
            damaged(|_, facts| {
                facts.parts.insert(user("olga"), part(Standing::Lapsed));
            }),
            Some("Q4")
        );
        assert_eq!(
            damaged(|_, facts| {
                facts.parts.insert(user("max"), part(Standing::Offered));
            }),
            Some("Q5")
        );
        assert_eq!(
            damaged(|_, facts| {
                facts.hunt = Some(Hunt {
                    radius_km: 1.0,
                    wave: 0,
                    searching: None,
                    next_at: Timestamp(1),
                    misses: 0,
                    told: None,
                });
            }),
            Some("Q6")
        );
        let confirm = || Errand::Confirm {
            musician: user("mia"),
        };
        assert_eq!(
            damaged(|request, _| {
                request.outbox.push(Sequence(4), 0, confirm());
            }),
            Some("Q7")
        );
        let reserve = |request: &mut Request| {
            let (from, to) = (Timestamp(1), Timestamp(2));
            let window = Window { from, to };
            let musician = user("max");
            let hold_ms = 1;
            let errand = Errand::Reserve {
                musician,
                window,
                hold_ms,
                demand: None,
            };
            request.outbox.push(Sequence(2), 0, errand);
        };
        assert_eq!(damaged(|request, _| reserve(request)), Some("Q8"));
        assert_eq!(
            damaged(|request, _| {
                reserve(request);
                let musician = user("max");
                let release = Errand::Release { musician };
                request.outbox.push(Sequence(3), 0, release);
            }),
            None,
            "it is taken back"
        );
        assert_eq!(
            damaged(|request, _| request.head = Sequence::ZERO),
            Some("Q9")
        );
    }
}
