//! What users do one after the other: the scripts from which the mix of operations follows.
//!
//! The steps of a stage are due one right after the other; a stage is due some time after the one before, and none of its
//! steps is asked for before all answers of the stages before have come. So three accepts of one stage race.

use super::operation::Operation::{self, *};

/// Who takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whose request it is.
    Organizer,
    /// The musician at this place among those who were offered the request.
    Offered(u8),
    /// Whom the request was assigned to.
    Winner,
    /// Whoever looks around.
    Visitor,
}

/// One operation of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub operation: Operation,
    /// Who.
    pub who: Who,
}

/// Steps that do not wait for each other.
pub type Stage = &'static [Step];

/// Most stages of a script.
pub const STAGES: usize = 12;

/// A story as users make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A request that goes to the first of three musicians who accept at once.
    FirstAccept,
    /// The same, and the event is called off in the end.
    FirstAcceptThenOff,
    /// A request to which three musicians apply and the organizer takes one.
    OrganizerChooses,
    /// A request that is called off before anybody has it; a musician who comes too late is told so.
    CalledOff,
    /// Somebody looks whether there is news.
    Glance,
    /// A musician reads the inbox and looks for work.
    LookForWork,
    /// An organizer looks at the own requests and for musicians.
    LookForMusicians,
    /// A musician looks at what is agreed.
    LookAtPlans,
    /// A musician changes the own hours.
    ChangeHours,
}

const fn step(who: Who, operation: Operation) -> Step {
    Step { operation, who }
}

const fn organizer(operation: Operation) -> Step {
    step(Who::Organizer, operation)
}

const fn offered(at: u8, operation: Operation) -> Step {
    step(Who::Offered(at), operation)
}

const fn winner(operation: Operation) -> Step {
    step(Who::Winner, operation)
}

const fn visitor(operation: Operation) -> Step {
    step(Who::Visitor, operation)
}

const PUBLISH: [Stage; 3] = [
    &[organizer(Create)],
    &[organizer(Submit)],
    &[organizer(Candidates)],
];
const LOOK_AT_OFFER: Stage = &[
    offered(0, Inbox),
    offered(0, LookAtRequest),
    offered(1, LookAtRequest),
];
const RACE: Stage = &[offered(0, Accept), offered(1, Accept), offered(2, Accept)];
const LOOK_AT_OUTCOME: Stage = &[organizer(LookAtRequest), winner(MyTimes)];
const READ_ROOM: Stage = &[winner(History), winner(MarkRead)];

const FIRST_ACCEPT: &[Stage] = &[
    PUBLISH[0],
    PUBLISH[1],
    PUBLISH[2],
    LOOK_AT_OFFER,
    &[offered(3, Decline)],
    RACE,
    LOOK_AT_OUTCOME,
    &[organizer(Send)],
    READ_ROOM,
    &[winner(Send)],
    &[organizer(History)],
];
const FIRST_ACCEPT_THEN_OFF: &[Stage] = &[
    PUBLISH[0],
    PUBLISH[1],
    PUBLISH[2],
    LOOK_AT_OFFER,
    RACE,
    LOOK_AT_OUTCOME,
    &[organizer(Send)],
    READ_ROOM,
    &[organizer(Cancel)],
    &[winner(Inbox), winner(LookAtRequest)],
];
const ORGANIZER_CHOOSES: &[Stage] = &[
    PUBLISH[0],
    PUBLISH[1],
    PUBLISH[2],
    LOOK_AT_OFFER,
    &[offered(0, Apply), offered(1, Apply), offered(2, Apply)],
    &[organizer(Inbox), organizer(Applications)],
    &[organizer(Reject)],
    &[organizer(Choose)],
    LOOK_AT_OUTCOME,
    &[organizer(Send)],
    READ_ROOM,
    &[winner(Send)],
];
const CALLED_OFF: &[Stage] = &[
    PUBLISH[0],
    PUBLISH[1],
    PUBLISH[2],
    LOOK_AT_OFFER,
    &[organizer(Cancel)],
    &[offered(0, Accept)],
];

const GLANCE: &[Stage] = &[&[visitor(Unread)]];
const LOOK_FOR_WORK: &[Stage] = &[
    &[visitor(Unread)],
    &[visitor(Inbox), visitor(OpenRequests)],
    &[visitor(LookAtRequest), visitor(ReadAll)],
];
const LOOK_FOR_MUSICIANS: &[Stage] = &[
    &[visitor(MyRequests)],
    &[visitor(SearchMusicians)],
    &[visitor(LookAtMusician)],
];
const LOOK_AT_PLANS: &[Stage] = &[&[visitor(MyTimes), visitor(MyRooms)]];
const CHANGE_HOURS: &[Stage] = &[&[visitor(MyHours)], &[visitor(SetHours)]];

impl Kind {
    /// Stories of requests, each with its weight.
    pub const OF_REQUESTS: [(Kind, u32); 4] = [
        (Kind::FirstAccept, 45),
        (Kind::FirstAcceptThenOff, 5),
        (Kind::OrganizerChooses, 45),
        (Kind::CalledOff, 5),
    ];
    /// Visits, each with its weight; they take what stories of requests leave of the rate.
    pub const VISITS: [(Kind, u32); 5] = [
        (Kind::Glance, 30),
        (Kind::LookForWork, 30),
        (Kind::LookForMusicians, 20),
        (Kind::LookAtPlans, 15),
        (Kind::ChangeHours, 5),
    ];

    /// What happens in it.
    pub fn stages(self) -> &'static [Stage] {
        match self {
            Kind::FirstAccept => FIRST_ACCEPT,
            Kind::FirstAcceptThenOff => FIRST_ACCEPT_THEN_OFF,
            Kind::OrganizerChooses => ORGANIZER_CHOOSES,
            Kind::CalledOff => CALLED_OFF,
            Kind::Glance => GLANCE,
            Kind::LookForWork => LOOK_FOR_WORK,
            Kind::LookForMusicians => LOOK_FOR_MUSICIANS,
            Kind::LookAtPlans => LOOK_AT_PLANS,
            Kind::ChangeHours => CHANGE_HOURS,
        }
    }

    /// A request is made in it.
    pub fn is_of_request(self) -> bool {
        Self::OF_REQUESTS.iter().any(|(kind, _)| *kind == self)
    }

    /// The visitor is an organizer.
    pub fn visits_as_organizer(self) -> bool {
        self == Kind::LookForMusicians
    }

    /// The wire word for how its request comes to a musician.
    pub fn mode(self) -> &'static str {
        match self {
            Kind::OrganizerChooses => "organizerChooses",
            _ => "firstAccept",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> impl Iterator<Item = Kind> {
        let requests = Kind::OF_REQUESTS.into_iter();
        requests.chain(Kind::VISITS).map(|(kind, _)| kind)
    }

    #[test]
    fn every_operation_is_in_some_story_and_no_story_is_too_long() {
        for operation in Operation::ALL {
            let used = kinds().any(|kind| {
                let steps = kind.stages().iter().copied().flatten();
                steps.into_iter().any(|step| step.operation == *operation)
            });
            assert!(used, "{operation:?}");
        }
        for kind in kinds() {
            let stages = kind.stages();
            assert!(!stages.is_empty() && stages.len() <= STAGES, "{kind:?}");
            assert!(stages.iter().all(|stage| !stage.is_empty()), "{kind:?}");
        }
    }

    #[test]
    fn only_a_visit_has_a_visitor_and_only_a_request_has_other_people() {
        for kind in kinds() {
            for step in kind.stages().iter().copied().flatten() {
                let visits = step.who == Who::Visitor;
                assert_eq!(visits, !kind.is_of_request(), "{kind:?} {step:?}");
            }
        }
    }
}
