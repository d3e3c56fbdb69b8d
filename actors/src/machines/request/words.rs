//! The words of requests: states, ways to assign, capacities, what can be wished, and how each musician stands. Every one
//! has a wire word and a number under which it is stored.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $code:literal, $word:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$of])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The wire word.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The number that stands for it in stored bytes.
            pub fn code(self) -> u8 {
                match self { $($name::$variant => $code,)* }
            }

            /// The one with a number.
            pub fn of_code(code: u8) -> Option<Self> {
                match code { $($code => Some($name::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// Where a request stands.
    RequestState {
        /// Only its organizer sees and edits it.
        Draft = 1, "draft";
        /// It waits for a moderator.
        Pending = 2, "pending";
        /// Musicians are looked for, and may answer.
        Active = 3, "active";
        /// Answers are looked at: a musician's time is being held, or the organizer is choosing.
        InReview = 4, "inReview";
        /// A musician has it.
        Assigned = 5, "assigned";
        /// The event has begun.
        InProgress = 6, "inProgress";
        /// It was played.
        Completed = 7, "completed";
        /// It was called off, with a reason.
        Cancelled = 8, "cancelled";
        /// Its deadline passed with nobody assigned.
        Expired = 9, "expired";
        /// One side disagrees; a moderator decides.
        Disputed = 10, "disputed";
    }
}

impl RequestState {
    /// Whether a musician has the request.
    pub fn has_musician(self) -> bool {
        matches!(
            self,
            RequestState::Assigned
                | RequestState::InProgress
                | RequestState::Completed
                | RequestState::Disputed
        )
    }

    /// Whether it is still to be assigned and everybody may know of it.
    pub fn is_open(self) -> bool {
        matches!(self, RequestState::Active | RequestState::InReview)
    }
}

words! {
    /// How a request comes to its musician.
    Mode {
        /// The first valid accept wins.
        FirstAccept = 1, "firstAccept";
        /// Musicians apply and the organizer takes one.
        OrganizerChooses = 2, "organizerChooses";
    }
}

words! {
    /// In which capacity someone acts on a request. A caller has one by the role in the token, and may have another one by
    /// the part in this very request.
    Actor {
        /// Its organizer: whoever created it.
        Owner = 1, "owner";
        /// The musician who has it.
        Assigned = 2, "assigned";
        /// Any organizer.
        Organizer = 3, "organizer";
        /// Any musician.
        Musician = 4, "musician";
        /// Any moderator.
        Moderator = 5, "moderator";
        /// Any admin.
        Admin = 6, "admin";
        /// Any plain user.
        User = 7, "user";
        /// The hub itself: a deadline, or the answer to an errand.
        System = 8, "system";
    }
}

words! {
    /// What makes a step.
    Trigger {
        /// A new request.
        Create = 1, "create";
        /// Another text of the draft.
        Edit = 2, "edit";
        /// The draft is ready.
        Submit = 3, "submit";
        /// A moderator lets it pass.
        Approve = 4, "approve";
        /// A moderator sends it back.
        Refuse = 5, "refuse";
        /// The next search for musicians is due.
        Search = 6, "search";
        /// Musicians were found: a wave of offers goes out.
        Offer = 7, "offer";
        /// Nobody was found who was not asked yet.
        RunOut = 8, "runOut";
        /// A musician does not want an offer.
        Decline = 9, "decline";
        /// A musician would play, for a rate.
        Apply = 10, "apply";
        /// A musician takes back an application, or stops waiting.
        Withdraw = 11, "withdraw";
        /// A musician takes back what is being reserved.
        LetGo = 12, "letGo";
        /// The organizer does not want an application.
        RejectApplication = 13, "rejectApplication";
        /// A musician takes the request.
        Accept = 14, "accept";
        /// The organizer takes a musician.
        Choose = 15, "choose";
        /// The musician's time is held.
        SlotGranted = 16, "slotGranted";
        /// The musician's time cannot be held.
        SlotRefused = 17, "slotRefused";
        /// The organizer looks at the applications; no more of them for now.
        Review = 18, "review";
        /// The organizer wants more applications.
        Reopen = 19, "reopen";
        /// The assigned musician cannot come.
        DropOut = 20, "dropOut";
        /// The organizer calls it off.
        Cancel = 21, "cancel";
        /// The event begins.
        Start = 22, "start";
        /// The event is over.
        Complete = 23, "complete";
        /// One side disagrees.
        Dispute = 24, "dispute";
        /// A moderator decides.
        Resolve = 25, "resolve";
        /// The deadline passed.
        Expire = 26, "expire";
        /// The event is near.
        Remind = 27, "remind";
    }
}

words! {
    /// How a musician stands with a request.
    Standing {
        /// Was offered it.
        Offered = 1, "offered";
        /// Does not want it.
        Declined = 2, "declined";
        /// Applied.
        Applied = 3, "applied";
        /// Accepted while another one's time was being held.
        Waiting = 4, "waiting";
        /// Accepted, or was chosen: the time is being held.
        Reserving = 5, "reserving";
        /// Has it.
        Assigned = 6, "assigned";
        /// Took back an application or an accept.
        Withdrawn = 7, "withdrawn";
        /// Could not be had, for the time is taken.
        Conflicted = 8, "conflicted";
        /// The organizer did not want the application.
        Rejected = 9, "rejected";
        /// Had it and gave it back.
        DroppedOut = 10, "droppedOut";
        /// Had applied or accepted when it went to another one, or ended.
        Missed = 11, "missed";
        /// Had been offered it when it went to another one, or ended.
        Lapsed = 12, "lapsed";
        /// Had it when it was called off.
        Released = 13, "released";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_name_one_each() {
        macro_rules! check {
            ($($name:ident),*) => {$(
                for one in $name::ALL {
                    assert_eq!($name::of_code(one.code()), Some(*one));
                    let same = $name::ALL.iter().filter(|other| other.as_str() == one.as_str());
                    assert_eq!(same.count(), 1, "{}", one.as_str());
                }
                assert_eq!($name::of_code(0), None);
            )*};
        }
        check!(RequestState, Mode, Actor, Trigger, Standing);
    }
}
