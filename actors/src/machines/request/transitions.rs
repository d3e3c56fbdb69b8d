//! The one table of steps: from where to where, by what, in which capacity, under which conditions, with which consequences.
//! Decisions go by it, what is done elsewhere follows from it, and the documents are made of it.

use super::{Actor, RequestEntry, RequestState, Trigger};

/// A line of the table. No two lines agree in `from`, `to` and `trigger`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The state before; `None` when there is nothing yet.
    pub from: Option<RequestState>,
    /// The state after; the same one if only the parts of musicians change.
    pub to: RequestState,
    /// By what.
    pub trigger: Trigger,
    /// In which capacity, the first that the caller has.
    pub roles: &'static [Actor],
    /// Under which conditions, all of them, looked at in this order.
    pub guards: &'static [Guard],
    /// With which consequences elsewhere, in this order.
    pub effects: &'static [Effect],
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal, $means:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $(#[doc = $means] $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// Its name in the table.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// What it means.
            pub fn means(self) -> &'static str {
                match self { $($name::$variant => $means,)* }
            }
        }
    };
}

named! {
    /// A condition of a step.
    Guard {
        ValidInput = "valid input", "All fields are within their bounds.";
        Unchanged = "unchanged", "The request is at the sequence that the caller names, if one is named.";
        FitToSubmit = "fit to submit", "The draft, right when it was written, still is, and has a description.";
        Moderated = "moderation on", "Moderation is on.";
        Unmoderated = "moderation off", "Moderation is off.";
        FarEnough = "far enough", "The deadline is not over, and the event is far enough ahead for a moderator to let it pass.";
        ReasonGiven = "reason given", "There is a reason, or there are details, within the bounds.";
        ReasonFits = "reason fits", "A reason is within the bounds, if one is given.";
        FirstAccept = "first accept", "The request goes to the first valid accept.";
        OrganizerChooses = "organizer chooses", "The request goes to whom the organizer chooses.";
        NotOwn = "not own", "It is not the caller's own request.";
        BeforeDeadline = "before the deadline", "The deadline is not over.";
        DidNotGiveBack = "did not give it back", "The caller did not have it before and gave it back.";
        MayAccept = "may accept", "The caller has an offer that holds, or accepting without one is allowed and there is room.";
        RoomToWait = "room to wait", "Not as many musicians wait already as may.";
        WasOffered = "was offered it", "The caller was offered the request and has not answered.";
        ApplicationsOpen = "applications open", "The organizer has not closed the applications to look at them.";
        NotApplied = "not applied", "The caller did not apply before.";
        RoomToApply = "room to apply", "Not as many musicians have a part already as may.";
        ValidApplication = "valid application", "Rate and words are within their bounds.";
        HasPart = "has a part", "The caller applied, or waits.";
        IsReserving = "is being reserved", "It is the caller whose time is being held.";
        ApplicationWaits = "application waits", "The named musician has applied and nothing was decided.";
        AnyApplication = "any application", "At least one musician has applied and nothing was decided.";
        NothingReserved = "nothing reserved", "No musician's time is being held.";
        AnswersReservation = "answers the reservation", "It answers the reservation that is waited for, and no earlier one.";
        AnswersSearch = "answers the search", "It answers the search that is waited for, and no earlier one.";
        SearchDue = "search due", "The time of the next search has come and nobody's application waits, or it answers the search that is waited for.";
        BeforeEvent = "before the event", "The event has not begun.";
        AboutToBegin = "about to begin", "The event begins soon, or has begun, and is not over.";
        Over = "over", "The time of the event is over; for its organizer it is enough that it was started some time ago.";
        DisputeOpen = "dispute open", "The time for a dispute is not over.";
        DeadlinePassed = "deadline passed", "The deadline is over.";
        EventBegun = "event begun", "The event has begun.";
        ReminderDue = "reminder due", "The time of the reminder has come.";
    }
}

named! {
    /// A consequence elsewhere.
    Effect {
        Confirm = "confirm", "The musician's time is booked.";
        Release = "release", "The time that was held or booked for the request is free again.";
        GiveBack = "give back", "The time that was booked is free again, and counts among the musician's cancellations.";
        Reserve = "reserve", "The musician's time is to be held.";
        ReserveNext = "reserve next", "The time of the next one who waits is to be held; the organizer is told if nobody waits.";
        Search = "search", "Musicians are to be found who were not asked yet.";
        OpenRoom = "open room", "The request's room is there, with organizer and musician as members.";
        LeaveRoom = "leave room", "The musician is no member of the request's room any more.";
        KeepRoom = "keep room", "The request's room stays as it is.";
        TellCandidates = "tell candidates", "Each musician of the wave is told of the offer.";
        TellOrganizer = "tell organizer", "The organizer is told, unless it was the organizer who did it.";
        TellMusician = "tell musician", "The musician it is about is told, unless it was the musician who did it.";
        TellOthers = "tell others", "Everybody else with a part that was alive is told that it is over.";
        TellNobodyFound = "tell nobody found", "The organizer is told that nobody is left to be asked, why, and who came nearest; the same is not said twice.";
    }
}

use Actor::{Admin, Assigned, Moderator, Musician, Organizer, Owner, System};
use RequestState as S;

const fn row(
    from: Option<S>,
    to: S,
    trigger: Trigger,
    roles: &'static [Actor],
    guards: &'static [Guard],
    effects: &'static [Effect],
) -> Transition {
    Transition {
        from,
        to,
        trigger,
        roles,
        guards,
        effects,
    }
}

/// Conditions of an accept, whether or not it is the first.
const ACCEPT: &[Guard] = &[
    Guard::FirstAccept,
    Guard::NotOwn,
    Guard::BeforeDeadline,
    Guard::DidNotGiveBack,
    Guard::MayAccept,
];
const STAND_BY: &[Guard] = &[
    Guard::FirstAccept,
    Guard::NotOwn,
    Guard::BeforeDeadline,
    Guard::DidNotGiveBack,
    Guard::MayAccept,
    Guard::RoomToWait,
];
const APPLY: &[Guard] = &[
    Guard::OrganizerChooses,
    Guard::NotOwn,
    Guard::BeforeDeadline,
    Guard::ApplicationsOpen,
    Guard::DidNotGiveBack,
    Guard::NotApplied,
    Guard::RoomToApply,
    Guard::ValidApplication,
];
const CHOOSE: &[Guard] = &[
    Guard::OrganizerChooses,
    Guard::NothingReserved,
    Guard::ApplicationWaits,
];
const REJECT: &[Guard] = &[
    Guard::OrganizerChooses,
    Guard::ReasonGiven,
    Guard::ApplicationWaits,
];
const DECLINE: &[Guard] = &[Guard::WasOffered, Guard::ReasonFits];
const WITHDRAW: &[Guard] = &[Guard::HasPart, Guard::ReasonFits];
const LET_GO: &[Guard] = &[Guard::IsReserving, Guard::ReasonFits];
const CALL_OFF: &[Guard] = &[Guard::BeforeEvent, Guard::ReasonGiven];

const OWNER: &[Actor] = &[Owner, Admin];
const MODERATOR: &[Actor] = &[Moderator, Admin];
const MUSICIAN: &[Actor] = &[Musician];
const HUB: &[Actor] = &[System];
const EITHER: &[Actor] = &[Owner, Assigned, Admin];
const SIDES: &[Actor] = &[Owner, Assigned];

/// All steps there are.
#[rustfmt::skip]
pub const TRANSITIONS: &[Transition] = &[
    row(None, S::Draft, Trigger::Create, &[Organizer, Admin], &[Guard::ValidInput], &[]),
    row(Some(S::Draft), S::Draft, Trigger::Edit, OWNER, &[Guard::Unchanged, Guard::ValidInput], &[]),
    row(Some(S::Draft), S::Pending, Trigger::Submit, OWNER, &[Guard::Unchanged, Guard::Moderated, Guard::FitToSubmit], &[]),
    row(Some(S::Draft), S::Active, Trigger::Submit, OWNER, &[Guard::Unchanged, Guard::Unmoderated, Guard::FitToSubmit], &[Effect::Search]),
    row(Some(S::Pending), S::Active, Trigger::Approve, MODERATOR, &[Guard::FarEnough], &[Effect::Search, Effect::TellOrganizer]),
    row(Some(S::Pending), S::Draft, Trigger::Refuse, MODERATOR, &[Guard::ReasonGiven], &[Effect::TellOrganizer]),

    row(Some(S::Active), S::Active, Trigger::Search, HUB, &[Guard::SearchDue], &[Effect::Search]),
    row(Some(S::Active), S::Active, Trigger::Offer, HUB, &[Guard::AnswersSearch], &[Effect::TellCandidates]),
    row(Some(S::Active), S::Active, Trigger::RunOut, HUB, &[Guard::AnswersSearch], &[Effect::TellNobodyFound]),
    row(Some(S::Active), S::Active, Trigger::Decline, MUSICIAN, DECLINE, &[]),
    row(Some(S::InReview), S::InReview, Trigger::Decline, MUSICIAN, DECLINE, &[]),

    row(Some(S::Active), S::InReview, Trigger::Accept, MUSICIAN, ACCEPT, &[Effect::Reserve]),
    row(Some(S::InReview), S::InReview, Trigger::Accept, MUSICIAN, STAND_BY, &[]),

    row(Some(S::Active), S::Active, Trigger::Apply, MUSICIAN, APPLY, &[Effect::TellOrganizer]),
    row(Some(S::InReview), S::InReview, Trigger::Apply, MUSICIAN, APPLY, &[Effect::TellOrganizer]),
    row(Some(S::Active), S::Active, Trigger::RejectApplication, OWNER, REJECT, &[Effect::TellMusician]),
    row(Some(S::InReview), S::InReview, Trigger::RejectApplication, OWNER, REJECT, &[Effect::TellMusician]),
    row(Some(S::Active), S::InReview, Trigger::Review, OWNER, &[Guard::OrganizerChooses, Guard::AnyApplication], &[]),
    row(Some(S::InReview), S::Active, Trigger::Reopen, OWNER, &[Guard::OrganizerChooses, Guard::NothingReserved, Guard::BeforeDeadline], &[Effect::Search]),
    row(Some(S::Active), S::InReview, Trigger::Choose, OWNER, CHOOSE, &[Effect::Reserve]),
    row(Some(S::InReview), S::InReview, Trigger::Choose, OWNER, CHOOSE, &[Effect::Reserve]),

    row(Some(S::Active), S::Active, Trigger::Withdraw, MUSICIAN, WITHDRAW, &[Effect::TellOrganizer]),
    row(Some(S::InReview), S::InReview, Trigger::Withdraw, MUSICIAN, WITHDRAW, &[Effect::TellOrganizer]),
    row(Some(S::InReview), S::InReview, Trigger::LetGo, MUSICIAN, LET_GO, &[Effect::Release, Effect::ReserveNext]),
    row(Some(S::InReview), S::Active, Trigger::LetGo, MUSICIAN, LET_GO, &[Effect::Release, Effect::TellOrganizer]),

    row(Some(S::InReview), S::Assigned, Trigger::SlotGranted, HUB, &[Guard::AnswersReservation], &[Effect::Confirm, Effect::OpenRoom, Effect::TellMusician, Effect::TellOrganizer, Effect::TellOthers]),
    row(Some(S::InReview), S::InReview, Trigger::SlotRefused, HUB, &[Guard::AnswersReservation], &[Effect::Release, Effect::ReserveNext, Effect::TellMusician]),
    row(Some(S::InReview), S::Active, Trigger::SlotRefused, HUB, &[Guard::AnswersReservation], &[Effect::Release, Effect::TellMusician, Effect::TellOrganizer]),

    row(Some(S::Assigned), S::Assigned, Trigger::Remind, HUB, &[Guard::ReminderDue], &[Effect::TellMusician, Effect::TellOrganizer]),
    row(Some(S::Assigned), S::Active, Trigger::DropOut, &[Assigned], CALL_OFF, &[Effect::GiveBack, Effect::LeaveRoom, Effect::Search, Effect::TellOrganizer]),
    row(Some(S::Assigned), S::InProgress, Trigger::Start, EITHER, &[Guard::AboutToBegin], &[Effect::TellMusician, Effect::TellOrganizer]),
    row(Some(S::Assigned), S::Completed, Trigger::Complete, EITHER, &[Guard::Over], &[Effect::TellMusician, Effect::TellOrganizer]),
    row(Some(S::InProgress), S::Completed, Trigger::Complete, EITHER, &[Guard::Over], &[Effect::TellMusician, Effect::TellOrganizer]),

    row(Some(S::Draft), S::Cancelled, Trigger::Cancel, OWNER, &[Guard::ReasonGiven], &[Effect::TellOrganizer]),
    row(Some(S::Pending), S::Cancelled, Trigger::Cancel, OWNER, &[Guard::ReasonGiven], &[Effect::TellOrganizer]),
    row(Some(S::Active), S::Cancelled, Trigger::Cancel, OWNER, CALL_OFF, &[Effect::TellOrganizer, Effect::TellOthers]),
    row(Some(S::InReview), S::Cancelled, Trigger::Cancel, OWNER, CALL_OFF, &[Effect::Release, Effect::TellOrganizer, Effect::TellOthers]),
    row(Some(S::Assigned), S::Cancelled, Trigger::Cancel, OWNER, CALL_OFF, &[Effect::Release, Effect::KeepRoom, Effect::TellMusician, Effect::TellOrganizer]),

    row(Some(S::Pending), S::Expired, Trigger::Expire, HUB, &[Guard::DeadlinePassed], &[Effect::TellOrganizer]),
    row(Some(S::Active), S::Expired, Trigger::Expire, HUB, &[Guard::DeadlinePassed], &[Effect::TellOrganizer, Effect::TellOthers]),
    row(Some(S::InReview), S::Expired, Trigger::Expire, HUB, &[Guard::NothingReserved, Guard::EventBegun], &[Effect::TellOrganizer, Effect::TellOthers]),

    row(Some(S::Assigned), S::Disputed, Trigger::Dispute, SIDES, &[Guard::ReasonGiven], &[Effect::TellMusician, Effect::TellOrganizer]),
    row(Some(S::InProgress), S::Disputed, Trigger::Dispute, SIDES, &[Guard::ReasonGiven], &[Effect::TellMusician, Effect::TellOrganizer]),
    row(Some(S::Completed), S::Disputed, Trigger::Dispute, SIDES, &[Guard::ReasonGiven, Guard::DisputeOpen], &[Effect::TellMusician, Effect::TellOrganizer]),
    row(Some(S::Disputed), S::Completed, Trigger::Resolve, MODERATOR, &[Guard::ReasonGiven], &[Effect::TellMusician, Effect::TellOrganizer]),
    row(Some(S::Disputed), S::Cancelled, Trigger::Resolve, MODERATOR, &[Guard::ReasonGiven], &[Effect::Release, Effect::KeepRoom, Effect::TellMusician, Effect::TellOrganizer]),
];

/// The line of a step.
pub fn find(from: Option<S>, to: S, trigger: Trigger) -> Option<&'static Transition> {
    let mut rows = TRANSITIONS.iter();
    rows.find(|row| row.from == from && row.to == to && row.trigger == trigger)
}

/// All steps that something can bring about.
pub fn by(trigger: Trigger) -> impl Iterator<Item = &'static Transition> {
    TRANSITIONS.iter().filter(move |row| row.trigger == trigger)
}

/// The line by which an entry came about; `None` of one that another version wrote by a table of its own.
pub(super) fn of(entry: &RequestEntry) -> Option<&'static Transition> {
    let trigger = entry.event.trigger();
    let from = (trigger != Trigger::Create).then_some(entry.from);
    find(from, entry.to, trigger)
}
