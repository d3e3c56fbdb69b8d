//! The conditions of the table of transitions.

use super::command::Change;
use super::permit::Attempt;
use super::state::Facts;
use super::transitions::Guard;
use super::{Mode, Request, RequestLimits, RequestRejection, RequestState, Standing, validate};
use crate::ids::{Timestamp, UserId};
use crate::machines::terms::{FieldError, PlatformRole};
use crate::mutation::{self, Mutation};

type Checked = Result<(), RequestRejection>;

fn need(holds: bool, or: RequestRejection) -> Checked {
    if holds { Ok(()) } else { Err(or) }
}

fn valid<T>(checked: Result<T, Vec<FieldError>>) -> Checked {
    checked.map(drop).map_err(RequestRejection::Invalid)
}

impl Request {
    /// Whether a condition holds; why not, if it does not.
    pub(super) fn check(&self, guard: Guard, attempt: &Attempt<'_>) -> Checked {
        let (now, limits) = (attempt.now(), attempt.context.limits);
        // What is written needs no request yet.
        match (guard, attempt.change) {
            (Guard::ValidInput, Some(change)) => return valid_input(change, now, limits),
            (Guard::ReasonGiven, Some(change)) => return reason(change, 1, limits),
            (Guard::ReasonFits, Some(change)) => return reason(change, 0, limits),
            (Guard::ValidApplication, Some(Change::Apply { rate, words })) => {
                return valid(validate::application(*rate, words, limits));
            }
            (Guard::Unchanged, Some(change)) => return self.unchanged(change),
            _ => {}
        }
        let facts = self.facts.as_deref().ok_or(RequestRejection::NotFound)?;
        facts.check(guard, attempt, limits)
    }

    fn unchanged(&self, change: &Change) -> Checked {
        let (Change::Edit { expected, .. } | Change::Submit { expected }) = change else {
            return Ok(());
        };
        let (expected, actual) = (expected.unwrap_or(self.head), self.head);
        need(
            expected == actual,
            RequestRejection::Changed { expected, actual },
        )
    }
}

fn valid_input(change: &Change, now: Timestamp, limits: &RequestLimits) -> Checked {
    match change {
        Change::Create { input } | Change::Edit { input, .. } => {
            valid(validate::brief(input, now, limits))
        }
        _ => Ok(()),
    }
}

fn reason(change: &Change, min: usize, limits: &RequestLimits) -> Checked {
    let Some((field, text)) = change.reason() else {
        return Ok(());
    };
    valid(validate::reason(field, text, min, limits))
}

impl Facts {
    fn check(&self, guard: Guard, attempt: &Attempt<'_>, limits: &RequestLimits) -> Checked {
        use RequestRejection as No;
        let now = attempt.now();
        let window = self.brief.gig.window;
        let me = attempt.by.map(|caller| &caller.user);
        let standing = me.and_then(|me| self.standing(me));
        let is = |wanted| standing == Some(wanted);
        match guard {
            Guard::FitToSubmit => valid(validate::submission(&self.brief, now, limits)),
            Guard::FarEnough => self.far_enough(now, limits),
            Guard::FirstAccept => need(self.first_accept(), No::WrongMode(self.brief.mode)),
            Guard::OrganizerChooses => need(
                self.brief.mode == Mode::OrganizerChooses,
                No::WrongMode(self.brief.mode),
            ),
            Guard::NotOwn => need(!me.is_some_and(|me| self.is_owner(me)), No::OwnRequest),
            Guard::BeforeDeadline => need(!self.deadline_passed(now), No::DeadlineOver),
            Guard::DidNotGiveBack => need(!is(Standing::DroppedOut), No::GaveBack),
            Guard::MayAccept => self.may_accept(me, now, limits),
            Guard::RoomToWait => need(self.standbys.len() < limits.standbys, No::WaitingListFull),
            Guard::WasOffered => need(is(Standing::Offered), No::NoOffer),
            Guard::ApplicationsOpen => {
                let open = self.state == RequestState::Active || self.pending.is_some();
                need(open, No::ApplicationsClosed)
            }
            Guard::NotApplied => need(may_apply(standing), No::AlreadyApplied),
            Guard::RoomToApply => self.room_for(me, limits),
            Guard::HasPart => need(
                is(Standing::Applied) || is(Standing::Waiting),
                No::NothingToWithdraw,
            ),
            Guard::IsReserving => need(
                me.is_some_and(|me| self.is_reserving(me)),
                No::NothingToWithdraw,
            ),
            Guard::ApplicationWaits => {
                let named = attempt.change.and_then(|change| change.musician());
                let waits = named.and_then(|named| self.standing(named)) == Some(Standing::Applied);
                need(waits, No::ApplicationNotFound)
            }
            Guard::AnyApplication => need(self.any_application(), No::NoApplications),
            Guard::NothingReserved => need(self.pending.is_none(), No::ReservationPending),
            Guard::BeforeEvent => need(now < window.from, No::EventBegun),
            Guard::AboutToBegin => self.about_to_begin(now, limits),
            Guard::Over => self.over(attempt, limits),
            Guard::DisputeOpen => {
                let until = self
                    .completed_at
                    .map(|at| at.plus_millis(limits.dispute_ms));
                need(until.is_some_and(|until| now < until), No::DisputeOver)
            }
            Guard::AnswersReservation => {
                let awaited = self.pending.as_ref().map(|pending| pending.number);
                need(
                    awaited.is_some()
                        && (awaited == attempt.number
                            || mutation::is_on(Mutation::StaleSlotAnswers)),
                    No::ReservationPending,
                )
            }
            Guard::AnswersSearch => need(self.is_searching(attempt.number), No::ReservationPending),
            Guard::SearchDue => {
                let due = match attempt.number {
                    // The answer to a search that found nobody brings about the next one; a late or repeated one must
                    // not, for it says nothing of the search that runs now, or of the wave that is waited for.
                    Some(_) => self.is_searching(attempt.number),
                    None => self.search_due().is_some_and(|due| due <= now),
                };
                need(due, not_yet(self.search_due()))
            }
            Guard::DeadlinePassed => need(self.deadline_passed(now), not_yet(self.deadline)),
            Guard::EventBegun => need(window.from <= now, not_yet(Some(window.from))),
            Guard::ReminderDue => need(
                self.remind_at.is_some_and(|at| at <= now),
                not_yet(self.remind_at),
            ),
            Guard::Moderated => need(limits.moderation, wrong(self.state, attempt)),
            Guard::Unmoderated => need(!limits.moderation, wrong(self.state, attempt)),
            // Looked at before, with what was written.
            Guard::ValidInput
            | Guard::Unchanged
            | Guard::ReasonGiven
            | Guard::ReasonFits
            | Guard::ValidApplication => Ok(()),
        }
    }

    /// Whether that search's answer is waited for.
    fn is_searching(&self, number: Option<u64>) -> bool {
        let awaited = self.hunt.as_ref().and_then(|hunt| hunt.searching);
        awaited.is_some() && awaited == number
    }

    pub(super) fn deadline_passed(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    fn far_enough(&self, now: Timestamp, limits: &RequestLimits) -> Checked {
        need(!self.deadline_passed(now), RequestRejection::DeadlineOver)?;
        let least = now.plus_millis(limits.approve_lead_ms);
        need(
            self.brief.gig.window.from >= least,
            RequestRejection::TooNear,
        )
    }

    fn may_accept(&self, me: Option<&UserId>, now: Timestamp, limits: &RequestLimits) -> Checked {
        let part = me.and_then(|me| self.parts.get(me));
        let holds = part.is_some_and(|part| {
            let until = part.offer.as_ref().map(|offer| offer.until);
            part.standing == Standing::Offered && until.is_some_and(|until| now < until)
        });
        need(
            holds || limits.accept_without_offer,
            RequestRejection::NoOffer,
        )?;
        self.room_for(me, limits)
    }

    /// Those who come by themselves are so many at most; those who were offered it have their place already.
    fn room_for(&self, me: Option<&UserId>, limits: &RequestLimits) -> Checked {
        let known = me.is_some_and(|me| self.parts.contains_key(me));
        let came = self.parts.len() - self.offers();
        let room = known || came < limits.most_applications();
        need(room, RequestRejection::ApplicationsFull)
    }

    fn about_to_begin(&self, now: Timestamp, limits: &RequestLimits) -> Checked {
        let window = self.brief.gig.window;
        let from = Timestamp(window.from.0.saturating_sub(limits.start_early_ms));
        need(now >= from, RequestRejection::TooEarly { from })?;
        need(now < window.to, RequestRejection::EventOver)
    }

    fn over(&self, attempt: &Attempt<'_>, limits: &RequestLimits) -> Checked {
        let end = self.brief.gig.window.to;
        let organizes = attempt.by.is_some_and(|caller| {
            self.is_owner(&caller.user) || caller.role == PlatformRole::Admin
        });
        let started = self.started_at.filter(|_| organizes);
        let by_word = started.map(|at| at.plus_millis(limits.complete_after_ms));
        let from = by_word.map_or(end, |by_word| by_word.min(end));
        need(attempt.now() >= from, RequestRejection::TooEarly { from })
    }
}

/// An application is made once; who was asked again after another one gave it back may make another.
fn may_apply(standing: Option<Standing>) -> bool {
    match standing {
        None => true,
        Some(standing) => matches!(
            standing,
            Standing::Offered
                | Standing::Declined
                | Standing::Conflicted
                | Standing::Missed
                | Standing::Lapsed
        ),
    }
}

/// The hub tried too early; nobody outside is told.
fn not_yet(due: Option<Timestamp>) -> RequestRejection {
    let from = due.unwrap_or(Timestamp(u64::MAX));
    RequestRejection::TooEarly { from }
}

fn wrong(state: RequestState, attempt: &Attempt<'_>) -> RequestRejection {
    let trigger = attempt
        .change
        .map_or(super::Trigger::Submit, Change::trigger);
    RequestRejection::WrongState { trigger, state }
}
